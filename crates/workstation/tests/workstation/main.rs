//! The workstation with a keychain, a clock and a server to play with. Names begin with the row
//! of the requirements that a test shows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod choices;
mod damage;
mod day;
mod keys;
mod lease;
mod lock;
mod lock_at_once;
#[cfg(target_os = "linux")]
mod lock_signals;
mod mock;
mod mock_browser;
mod mock_computer;
mod mock_keys;
mod mock_ledger;
mod mock_office;
mod mock_visits;
mod office;
mod organisation;
mod password;
mod problems;
mod records;
mod rehearsal;
mod remove;
mod room;
mod same_person;
mod trouble;
mod visits;
mod wipe;
mod witness;
