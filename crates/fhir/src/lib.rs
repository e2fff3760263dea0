//! FHIR R4 (4.0.1) as Rounds speaks it: validation, references, search extraction, patch,
//! three-way merge, the names and ages of people and how likely two of them are one, all over plain
//! JSON values.
//!
//! Never: reads a file, a socket, the clock or a random source; what depends on "now" or on the
//! clinic's time zone is told so by its caller. Never: repeats a value of a record in an error; an
//! [`outcome::Issue`] names the element and the rule, so it may be logged. Never: changes a record
//! it was asked to check. Never: recurses deeper than [`validate::MAX_DEPTH`].

pub mod bundle;
pub mod compartment;
pub mod date;
pub mod likeness;
pub mod merge;
pub mod outcome;
pub mod patch;
pub mod person;
pub mod reference;
pub mod resource;
pub mod same_person;
pub mod search;
pub mod validate;
