//! How long to wait after a failure.

use jiff::SignedDuration;

/// Exponential, with jitter: workstations that lost a server together do not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: SignedDuration,
    longest: SignedDuration,
    failures: u32,
    seed: u64,
}

impl Backoff {
    /// Waits about `first` after one failure, twice as long after each further one, never
    /// longer than `longest`. Each wait is between half and all of that, drawn from `seed`.
    pub fn new(first: SignedDuration, longest: SignedDuration, seed: u64) -> Self {
        Self {
            first,
            longest,
            failures: 0,
            seed,
        }
    }

    /// The wait after one more failure.
    pub fn next_wait(&mut self) -> SignedDuration {
        let doublings = self.failures.min(20);
        self.failures = self.failures.saturating_add(1);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let half = full.as_millis() / 2;
        let spread = u64::try_from(half).unwrap_or(0) + 1;
        let extra = i64::try_from(self.draw() % spread).unwrap_or(0);
        SignedDuration::from_millis(
            i64::try_from(half)
                .unwrap_or(i64::MAX)
                .saturating_add(extra),
        )
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// SplitMix64: good enough to spread clients, small enough to repeat a test.
    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again() {
        let longest = SignedDuration::from_mins(5);
        let mut backoff = Backoff::new(SignedDuration::from_secs(1), longest, 7);
        for exponent in 0..40u32 {
            let wait = backoff.next_wait();
            let full = SignedDuration::from_secs(1)
                .saturating_mul(1 << exponent.min(20))
                .min(longest);
            assert!(
                wait * 2 >= full - SignedDuration::from_millis(2),
                "{exponent}: {wait:?}"
            );
            assert!(wait <= full, "{exponent}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= SignedDuration::from_secs(1));
    }

    #[test]
    fn seeds_spread() {
        let wait = |seed| {
            Backoff::new(SignedDuration::from_secs(64), SignedDuration::MAX, seed).next_wait()
        };
        assert_eq!(wait(1), wait(1));
        let mut waits: Vec<_> = (0..100).map(wait).collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 90);
    }
}
