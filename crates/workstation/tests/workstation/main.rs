//! The workstation with a keychain, a clock and a server to play with. Names begin with the row
//! of the requirements that a test shows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod day;
mod keys;
mod lease;
mod lock;
mod mock;
mod mock_keys;
mod mock_ledger;
mod mock_office;
mod office;
mod records;
mod trouble;
mod wipe;
mod witness;
