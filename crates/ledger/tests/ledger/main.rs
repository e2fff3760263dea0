//! The ledger from outside: shape of events, and chains that must not pass.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod canonical;
mod chain;
mod checkpoint;
mod event;
mod tree;
