//! The audit: what was accessed, by whom, kept append-only.

pub mod append;
pub mod chain;
pub mod find;
pub mod reading;
pub mod recorder;
pub mod report;
pub mod routes;
