//! How much picture the network bears, judged from the other side's reports. Sound comes first.
//! No IO, no clock.

use std::time::Duration;

/// What the picture may cost now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bits a second for the picture; nothing: sound alone.
    pub picture: Option<Size>,
    /// Packets in a hundred that sound must survive losing.
    pub loss: u8,
}

/// A picture's size and rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Bits a second.
    pub bits: u32,
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pictures a second.
    pub rate: u32,
}

impl Size {
    /// The same with the shape of a picture that is so large: who sees everybody sees them in a
    /// higher one.
    pub(crate) fn shaped(self, width: usize, height: usize) -> Self {
        Self {
            height: (self.width * height / width.max(1)).max(2) & !1,
            ..self
        }
    }

    /// What a picture of a screen, so large, may cost instead: it is not made smaller as long as
    /// the network bears it, because small print must be read, and comes less often.
    pub(crate) fn for_screen(self, width: usize, height: usize) -> Self {
        let part = if self.height < 270 { 2 } else { 1 };
        Self {
            bits: self.bits,
            width: (width / part).max(2) & !1,
            height: (height / part).max(2) & !1,
            rate: SCREEN_RATE,
        }
    }
}

/// How well the other side can hear and see, in words that screens use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Nothing to say.
    Good,
    /// The picture suffers.
    Poor,
    /// The picture was left out so that sound comes through.
    AudioOnly,
}

/// Pictures of a screen a second.
const SCREEN_RATE: u32 = 10;
const MOST: u32 = 1_000_000;
const LEAST: u32 = 120_000;
const BEGIN: u32 = 600_000;
/// Loss below this is no reason for anything: retransmission covers it.
const LITTLE: f32 = 0.03;
/// Loss above this takes a third of the picture away.
const MUCH: f32 = 0.10;
/// This long at the least with much loss: sound alone.
const GIVE_UP: Duration = Duration::from_secs(6);
/// This long with little loss: try a picture again.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// The encoder begins anew with each change: not more often than this.
const STEADY: Duration = Duration::from_secs(2);

/// Follows the reports of one call.
#[derive(Debug, Clone)]
pub struct Adaptation {
    bits: u32,
    picture: bool,
    loss: f32,
    /// Since when all is bad, or since when all is well, as [`Self::bad`] says.
    since: Duration,
    bad: bool,
    changed: Duration,
}

impl Default for Adaptation {
    fn default() -> Self {
        Self {
            bits: BEGIN,
            picture: true,
            loss: 0.0,
            since: Duration::ZERO,
            bad: false,
            changed: Duration::ZERO,
        }
    }
}

impl Adaptation {
    /// A report came, so long after the call began: of the packets since the last report, this
    /// part was lost.
    pub fn report(&mut self, lost: f32, now: Duration) {
        self.loss = self.loss * 0.5 + lost * 0.5;
        let bad = self.loss > MUCH;
        if bad != self.bad {
            (self.bad, self.since) = (bad, now);
        }
        let lasting = now.saturating_sub(self.since);
        if !self.picture {
            if !self.bad && lasting >= TRY_AGAIN {
                (self.picture, self.bits, self.changed) = (true, LEAST, now);
            }
            return;
        }
        if now.saturating_sub(self.changed) < STEADY {
            return;
        }
        let before = self.bits;
        if self.bad {
            if self.bits == LEAST && lasting >= GIVE_UP {
                (self.picture, self.since) = (false, now);
            }
            self.bits = (self.bits / 3 * 2).max(LEAST);
        } else if self.loss < LITTLE {
            self.bits = (self.bits / 4 * 5).min(MOST);
        }
        if before != self.bits {
            self.changed = now;
        }
    }

    /// What the picture may cost.
    pub fn budget(&self) -> Budget {
        let (width, height, rate) = match self.bits {
            400_000.. => (640, 360, 30),
            220_000.. => (480, 270, 24),
            _ => (320, 180, 15),
        };
        Budget {
            picture: self.picture.then_some(Size {
                bits: self.bits,
                width,
                height,
                rate,
            }),
            // As a whole number of percent, rounded up, and never more than Opus takes.
            loss: (self.loss * 100.0).ceil().clamp(0.0, 30.0) as u8,
        }
    }

    /// How it looks from the other side.
    pub fn quality(&self) -> Quality {
        if !self.picture {
            Quality::AudioOnly
        } else if self.loss > MUCH || self.bits < 220_000 {
            Quality::Poor
        } else {
            Quality::Good
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(adaptation: &mut Adaptation, from: u64, seconds: u64, lost: f32) {
        for second in from..from + seconds {
            adaptation.report(lost, Duration::from_secs(second));
        }
    }

    #[test]
    fn t2_sound_comes_first_when_the_network_is_poor() {
        let mut adaptation = Adaptation::default();
        run(&mut adaptation, 0, 10, 0.0);
        assert_eq!(adaptation.quality(), Quality::Good);
        let good = adaptation.budget().picture.unwrap();
        run(&mut adaptation, 10, 6, 0.25);
        assert_eq!(adaptation.quality(), Quality::Poor);
        assert!(adaptation.budget().picture.unwrap().bits < good.bits);
        run(&mut adaptation, 16, 30, 0.25);
        assert_eq!(adaptation.quality(), Quality::AudioOnly);
        assert_eq!(adaptation.budget().picture, None);
        assert!(adaptation.budget().loss >= 20);
        run(&mut adaptation, 46, 20, 0.0);
        assert!(adaptation.budget().picture.is_some());
    }

    #[test]
    fn t2_five_percent_of_loss_leaves_the_picture_alone() {
        let mut adaptation = Adaptation::default();
        run(&mut adaptation, 0, 60, 0.05);
        assert_eq!(adaptation.quality(), Quality::Good);
        assert_eq!(adaptation.budget().picture.unwrap().height, 360);
    }

    proptest! {
        #[test]
        fn t2_whatever_is_reported_stays_within_bounds(
            reports in proptest::collection::vec((0.0_f32..1.0, 0..5_000_u64), 1..200),
        ) {
            let mut adaptation = Adaptation::default();
            let mut now = 0;
            let mut changed = None;
            let mut before = adaptation.budget().picture;
            for (lost, later) in reports {
                now += later;
                adaptation.report(lost, Duration::from_millis(now));
                let budget = adaptation.budget();
                prop_assert!(budget.loss <= 30);
                if let Some(size) = budget.picture {
                    prop_assert!((LEAST..=MOST).contains(&size.bits));
                    prop_assert_eq!(size.width * 9, size.height * 16);
                }
                // Two changes of the rate are never nearer than the encoder bears.
                if let (Some(old), Some(new)) = (before, budget.picture)
                    && old.bits != new.bits
                {
                    if let Some(last) = changed {
                        prop_assert!(now - last >= 2_000);
                    }
                    changed = Some(now);
                }
                before = budget.picture;
            }
        }
    }
}
