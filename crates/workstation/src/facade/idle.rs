//! What happens while nobody does anything: memory is given back, then the profile is locked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ledger::Action;

use super::{Open, Workstation};
use crate::view::fault::Fault;

/// How often the watch looks at the clock.
const WATCH: Duration = Duration::from_secs(1);

/// Nobody has done anything for so long: the pages that were read for them are given back.
const AWAY: Duration = Duration::from_secs(10);

/// While nobody comes, what was read in the background is given back so often.
const AGAIN: Duration = Duration::from_secs(120);

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

    /// When somebody was there, by the steady clock.
    fn touched(&self) -> Duration {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.last.1
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

/// When memory was given back.
#[derive(Default)]
struct Rest {
    last: Option<Duration>,
}

impl Rest {
    /// Whether it is time to give memory back, where somebody was there at `touched`. By the
    /// steady clock alone: nothing depends on it but memory.
    fn is_due(&mut self, touched: Duration, steady: Duration) -> bool {
        let away = steady.saturating_sub(touched);
        let due = away >= AWAY
            && self
                .last
                .is_none_or(|last| last < touched || steady.saturating_sub(last) >= AGAIN);
        if due {
            self.last = Some(steady);
        }
        due
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

/// Gives back the memory of pages that nobody has asked for lately.
async fn rest(this: &Workstation) {
    let rested = this.door().work(|desk| {
        let freed = desk.cache.rest()?;
        crate::memory::hand_back();
        Ok(freed)
    });
    match rested.await {
        Ok(bytes) => tracing::debug!(bytes, "memory was given back"),
        // Somebody locked, or the disk failed: whoever works next hears of it.
        Err(error) => tracing::debug!(code = error.code(), "memory was not given back"),
    }
}

/// Looks at the clock while a profile is open.
pub(super) async fn watch(inner: std::sync::Weak<super::Inner>) {
    let mut ticks = tokio::time::interval(WATCH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = tokio::time::Instant::now();
    let mut resting = Rest::default();
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let this = Workstation(inner);
        if told.elapsed() >= super::lease::TOLD {
            told = tokio::time::Instant::now();
            this.tell_the_time();
        }
        let touched = this.opened().as_ref().map(|open| open.idle.touched());
        if touched.is_some_and(|at| resting.is_due(at, this.0.ports.clock.steady())) {
            rest(&this).await;
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

    #[test]
    fn memory_is_given_back_once_when_somebody_has_gone_and_now_and_then_after() {
        let second = Duration::from_secs;
        let mut rest = Rest::default();
        assert!(!rest.is_due(second(100), second(109)));
        assert!(rest.is_due(second(100), second(110)));
        assert!(!rest.is_due(second(100), second(111)));
        assert!(rest.is_due(second(100), second(230)));
        // Somebody came, and went again.
        assert!(!rest.is_due(second(235), second(240)));
        assert!(rest.is_due(second(235), second(245)));
        assert!(!rest.is_due(second(235), second(246)));
    }
}
