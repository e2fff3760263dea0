//! Time.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The time of day, and time that only goes forward.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; not moved by setting the clock.
    fn steady(&self) -> Duration;
}

/// The computer's clocks.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn steady(&self) -> Duration {
        self.0.elapsed()
    }
}
