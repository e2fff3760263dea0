//! What is left when something really fails. Names begin with the row that a test shows.
//!
//! `cargo xtask faults` runs these with more kills and cuts than the tests of every day, and
//! repeats a seed: it sets the variables that [`courses::Courses`] reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod clinic;
mod courses;
mod full;
mod keychain;
mod kills;
mod memory;
mod power;
mod process;
mod window;
