//! Finding sealed records: a blind index narrows, opened records decide.
//!
//! [`narrow`] turns a query into conditions that leave out no match; [`select`] makes SQL of
//! them; [`run`] opens what the database gives and keeps what truly matches; [`include`]
//! follows references; [`cursor`] seals the place where a page ends.
//!
//! Never: a condition that leaves out a match; a query's words in SQL, in a log or in a link
//! that can be read on the way.

pub mod blind;
pub mod cover;
pub mod cursor;
pub mod include;
pub mod index;
pub mod narrow;
pub mod run;
pub mod select;
