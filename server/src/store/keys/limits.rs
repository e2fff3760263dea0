//! How long and how often a data key is used.

use std::time::Duration;

use jiff::SignedDuration;

/// Bounds on the use of data keys. Tests bring tiny ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimits {
    /// Seals of one key, over all instances. Random IVs of 96 bits are safe up to 2^32.
    pub seals: u64,
    /// Age of a key after which a new one seals.
    pub age: SignedDuration,
    /// How long an instance may use what it remembers of keys without hearing from the key
    /// store. The same everywhere: who destroys a key waits as long.
    pub lease: Duration,
    /// How often an instance asks the key store whether keys were changed.
    pub poll: Duration,
    /// How often a key management service is asked whether its master keys still stand: who
    /// takes one away there waits as long until no server holds what it had opened.
    pub standing: Duration,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            seals: 1 << 30,
            age: SignedDuration::from_hours(365 * 24),
            lease: Duration::from_secs(5),
            poll: Duration::from_secs(1),
            standing: Duration::from_secs(60),
        }
    }
}

/// Seals that an instance reserves at once: what it does not use is lost when it ends.
const BATCH: u64 = 1 << 16;

impl KeyLimits {
    /// How many seals to reserve when `needed` are needed now.
    pub(super) fn batch(&self, needed: u64) -> u64 {
        needed.max(BATCH.min(self.seals / 4)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_batches_fit_the_limit_unless_one_call_needs_more() {
        let usual = KeyLimits::default();
        assert_eq!(usual.batch(1), 1 << 16);
        assert_eq!(usual.batch(1 << 20), 1 << 20);
        assert!(usual.seals + usual.batch(1 << 20) < 1 << 32);
        let tiny = KeyLimits { seals: 10, ..usual };
        assert_eq!((tiny.batch(1), tiny.batch(8)), (2, 8));
        let least = KeyLimits { seals: 1, ..usual };
        assert_eq!(least.batch(1), 1);
    }
}
