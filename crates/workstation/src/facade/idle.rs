//! The idle lock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ledger::Action;

use super::{Open, Workstation};
use crate::view::fault::Fault;

/// How often the watch looks at the clock.
const WATCH: Duration = Duration::from_secs(1);

/// Since when nobody has done anything.
#[derive(Clone)]
pub(super) struct Idle(Arc<Mutex<IdleState>>);

struct IdleState {
    last: (Timestamp, Duration),
    after: Duration,
}

impl Idle {
    pub(super) fn new(now: Timestamp, steady: Duration, seconds: u32) -> Self {
        let after = Duration::from_secs(u64::from(seconds));
        Self(Arc::new(Mutex::new(IdleState {
            last: (now, steady),
            after,
        })))
    }

    pub(super) fn touch(&self, now: Timestamp, steady: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last = (now, steady);
    }

    pub(super) fn set_after(&self, seconds: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).after =
            Duration::from_secs(u64::from(seconds));
    }

    /// Whether it is time to lock. The clock of the day counts sleep of the computer, the
    /// steady one cannot be set back: either is enough.
    fn is_over(&self, now: Timestamp, steady: Duration) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by_day = now.duration_since(state.last.0);
        let by_day = if by_day.is_negative() {
            Duration::ZERO
        } else {
            by_day.unsigned_abs()
        };
        by_day.max(steady.saturating_sub(state.last.1)) >= state.after
    }
}

impl Workstation {
    /// Tells that somebody is there.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn note_activity(&self) -> Result<(), Fault> {
        if let Some(open) = self.opened().as_ref() {
            open.idle
                .touch(self.0.ports.clock.now(), self.0.ports.clock.steady());
        }
        Ok(())
    }

    pub(super) fn idle_after(&self, seconds: u32) {
        if let Some(open) = self.opened().as_ref() {
            open.idle.set_after(seconds);
        }
    }

    /// Locks if nobody has done anything for too long; tells whether it did.
    pub async fn lock_if_idle(&self) -> bool {
        let clock = &self.0.ports.clock;
        let over = |open: &Open| open.idle.is_over(clock.now(), clock.steady());
        if !self.opened().as_ref().is_some_and(over) {
            return false;
        }
        let locked = self.close_if(Action::Locked, over).await;
        if locked {
            self.announce();
        }
        locked
    }
}

/// Looks at the clock while a profile is open.
pub(super) async fn watch(inner: std::sync::Weak<super::Inner>) {
    let mut ticks = tokio::time::interval(WATCH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = tokio::time::Instant::now();
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let this = Workstation(inner);
        if told.elapsed() >= super::lease::TOLD {
            told = tokio::time::Instant::now();
            this.tell_the_time();
        }
        // On a task of its own: locking ends this one.
        let locked = tokio::spawn(async move {
            this.wipe_if_ordered().await
                || this.lock_if_lease_ended().await
                || this.lock_if_idle().await
        })
        .await;
        if !matches!(locked, Ok(false)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w4_either_clock_is_enough_to_lock() {
        let start = Timestamp::UNIX_EPOCH;
        let after = |seconds| start + jiff::SignedDuration::from_secs(seconds);
        let idle = Idle::new(start, Duration::ZERO, 300);
        assert!(!idle.is_over(after(299), Duration::from_secs(299)));
        // The computer slept: only the clock of the day went on.
        assert!(idle.is_over(after(300), Duration::from_secs(2)));
        // Somebody set the clock back: only the steady one went on.
        assert!(idle.is_over(after(-5000), Duration::from_secs(300)));
        idle.touch(after(300), Duration::from_secs(300));
        assert!(!idle.is_over(after(400), Duration::from_secs(400)));
        idle.set_after(60);
        assert!(idle.is_over(after(400), Duration::from_secs(400)));
    }
}
