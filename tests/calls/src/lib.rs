//! Calls with a real Chromium at the other end, for tests, measurements and long runs.
//!
//! Never: a browser that is not Chromium as Debian ships it, an address that is not this computer's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "whoever uses this is a test, or ends with the first thing that goes wrong"
)]

pub mod browser;
pub mod clinician;
pub mod display;
pub mod peer;
pub mod proxy;
pub mod relay;
mod web;

use std::time::Duration;

/// Nothing here takes this long unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(120);
