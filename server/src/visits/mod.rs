//! Video visits: links, the waiting room, and the words by which the two sides find each other.
//!
//! Never: picture or sound, a name in an address, an address of anybody in a log.

mod acts;
mod hub;
mod line;
mod link;
pub mod page;
mod relays;
mod routes;

pub use hub::Hub;
pub use relays::RelaySettings;
pub use routes::routes;

/// Longest life of a link after the end of its appointment.
const AFTER: jiff::SignedDuration = jiff::SignedDuration::from_hours(2);
