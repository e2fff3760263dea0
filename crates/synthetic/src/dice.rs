//! Randomness that is the same everywhere for the same seed: SplitMix64, keyed by what it is for.
//!
//! No transcendental function decides anything here, so two machines agree to the last bit.

use uuid::Uuid;

/// A stream of numbers that depends on nothing but its key.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    /// The stream for `purpose` and `index` under `seed`.
    pub(crate) fn new(seed: u64, purpose: &str, index: u64) -> Self {
        let mut state = mix(seed);
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        Self {
            state: mix(state ^ mix(index)),
        }
    }

    /// Sixty-four even bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Even in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        // 53 bits: every value is exact in a double.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Even in `low..=high`.
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low).max(0) as u64 + 1;
        low + (self.bits() % span) as i64
    }

    /// Even in `[low, high)`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Close to a normal distribution, and never further than six deviations: twelve even draws.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        mean + (sum - 6.0) * deviation
    }

    /// One of `items`, which is not empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.whole(0, items.len() as i64 - 1) as usize]
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> Uuid {
        let mut bytes = [0_u8; 16];
        bytes[..8].copy_from_slice(&self.bits().to_be_bytes());
        bytes[8..].copy_from_slice(&self.bits().to_be_bytes());
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_key_gives_one_stream_and_another_key_another() {
        let draw = |seed, purpose, index| {
            let mut dice = Dice::new(seed, purpose, index);
            (0..4).map(|_| dice.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, "patient", 7), draw(1, "patient", 7));
        assert_ne!(draw(1, "patient", 7), draw(1, "patient", 8));
        assert_ne!(draw(1, "patient", 7), draw(2, "patient", 7));
        assert_ne!(draw(1, "patient", 7), draw(1, "schedule", 7));
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut dice = Dice::new(3, "range", 0);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&dice.unit()));
            assert!((-3..=4).contains(&dice.whole(-3, 4)));
            assert!((dice.normal(0.0, 1.0)).abs() <= 6.0);
        }
    }
}
