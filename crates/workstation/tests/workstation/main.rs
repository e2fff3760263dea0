//! The workstation with a keychain, a clock and a server to play with. Names begin with the row
//! of the requirements that a test shows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod day;
mod keys;
mod lock;
mod mock;
mod records;
mod trouble;
