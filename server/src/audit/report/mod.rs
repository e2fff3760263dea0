//! Reports from the audit: accesses by patient, user, period and action, sorted by each field,
//! as pages, CSV or FHIR.
//!
//! Whatever can be sorted by lies in a plain column or is joined from one (names of staff and
//! workstations are no secret), so the database sorts and only a page is opened. Sorted by time,
//! which is the usual way, a page costs the same however long the audit is; sorted otherwise the
//! database looks through the period once, some tenths of a second for 100,000 events.

pub mod export;
pub mod page;
mod routes;
pub mod row;
mod users;
mod who_looked;

pub use routes::routes;
