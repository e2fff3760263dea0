//! Sound between devices, which take what they like, and packets, which hold 20 ms.

use std::collections::{BTreeMap, VecDeque};

use super::voice::STEP;
use super::{FRAME, RATE};
use crate::visit::Party;

/// Sound of any rate, made into that of ours by drawing lines between samples.
#[derive(Debug)]
pub(crate) struct Resampler {
    from: usize,
    to: usize,
    /// Where the next sample lies between the two last ones, in units of 1 / `to`.
    at: usize,
    last: i16,
}

impl Resampler {
    pub(crate) fn new(from: usize, to: usize) -> Self {
        Self {
            from: from.max(1),
            to: to.max(1),
            at: 0,
            last: 0,
        }
    }

    /// One more sample came; `out` is given what can be said now.
    pub(crate) fn push(&mut self, sample: i16, mut out: impl FnMut(i16)) {
        while self.at < self.to {
            let (before, after) = (i64::from(self.last), i64::from(sample));
            let between = before + (after - before) * self.at as i64 / self.to as i64;
            // Between two 16-bit values lies a 16-bit value.
            out(between as i16);
            self.at += self.from;
        }
        self.at -= self.to;
        self.last = sample;
    }
}

/// Cuts sound into frames.
#[derive(Debug, Default)]
pub(crate) struct Frames(VecDeque<i16>);

impl Frames {
    pub(crate) fn push(&mut self, sample: i16) {
        self.0.push_back(sample);
    }

    pub(crate) fn pop(&mut self) -> Option<[i16; FRAME]> {
        if self.0.len() < FRAME {
            return None;
        }
        let mut frame = [0; FRAME];
        for (to, from) in frame.iter_mut().zip(self.0.drain(..FRAME)) {
            *to = from;
        }
        Some(frame)
    }
}

/// What one voice said and nobody heard yet. Short, so that the one who speaks is not answered
/// late.
#[derive(Debug, Default)]
struct Voice {
    waiting: VecDeque<i16>,
    /// Playing began; before, a little is gathered.
    playing: bool,
}

/// Gathered before playing begins.
pub(super) const CUSHION: usize = RATE * 40 / 1000;
/// More than this is late: the oldest goes.
const LATE: usize = RATE * 160 / 1000;
/// Who is mute asks for nothing that was played: older than this it is dropped.
const REMEMBERED: usize = RATE * 240 / 1000;

impl Voice {
    fn push(&mut self, sound: &[i16]) {
        self.waiting.extend(sound);
        if self.waiting.len() > LATE {
            let surplus = self.waiting.len() - CUSHION * 2;
            self.waiting.drain(..surplus);
        }
        self.playing = self.playing || self.waiting.len() >= CUSHION;
    }

    fn pop(&mut self) -> i16 {
        let sample = if self.playing {
            self.waiting.pop_front()
        } else {
            None
        };
        self.playing = sample.is_some();
        sample.unwrap_or(0)
    }
}

/// Voices that are heard together.
#[derive(Debug, Default)]
pub(crate) struct Mix(BTreeMap<Party, Voice>);

impl Mix {
    pub(crate) fn push(&mut self, party: Party, sound: &[i16]) {
        self.0.entry(party).or_default().push(sound);
    }

    /// The next sample of all voices together; silence, where there is nothing.
    pub(crate) fn pop(&mut self) -> i16 {
        let voices = self.0.values_mut();
        voices.fold(0_i16, |sum, voice| sum.saturating_add(voice.pop()))
    }

    /// What this one said is not wanted any more.
    pub(crate) fn forget(&mut self, party: Party) {
        self.0.remove(&party);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the clinician hears, and what was heard.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    waiting: Mix,
    /// What went to the loudspeaker, and with it to the microphone.
    played: VecDeque<i16>,
}

impl Ear {
    pub(crate) fn push(&mut self, party: Party, sound: &[i16]) {
        self.waiting.push(party, sound);
    }

    pub(crate) fn forget(&mut self, party: Party) {
        self.waiting.forget(party);
    }

    /// What the loudspeaker is to play next; silence, where there is nothing.
    pub(crate) fn pop(&mut self) -> i16 {
        let sample = self.waiting.pop();
        self.play(sample);
        sample
    }

    /// The loudspeaker plays this.
    pub(crate) fn play(&mut self, sample: i16) {
        if self.played.len() == REMEMBERED {
            self.played.pop_front();
        }
        self.played.push_back(sample);
    }

    /// The oldest 10 ms that were played and not asked for yet.
    pub(crate) fn take_played(&mut self) -> Option<[i16; STEP]> {
        let (step, _) = self.played.make_contiguous().split_first_chunk()?;
        let step = *step;
        self.played.drain(..STEP);
        Some(step)
    }
}

/// How loud a piece of sound is, 0 to 100, in steps as ears hear them.
pub(crate) fn level(sound: &[i16]) -> u8 {
    if sound.is_empty() {
        return 0;
    }
    let sum: f64 = sound.iter().map(|s| f64::from(*s).powi(2)).sum();
    let part = (sum / sound.len() as f64).sqrt() / f64::from(i16::MAX);
    // 60 dB from silence to the loudest.
    let decibels = 20.0 * part.max(1e-6).log10();
    ((decibels + 60.0) / 60.0 * 100.0).clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_other_rates_keep_the_tone() {
        for rate in [16_000, 44_100, 96_000] {
            let mut resampler = Resampler::new(rate, RATE);
            let mut out = Vec::new();
            for i in 0..rate {
                let time = i as f32 / rate as f32;
                let sample = ((time * 500.0 * std::f32::consts::TAU).sin() * 10_000.0) as i16;
                resampler.push(sample, |sample| out.push(sample));
            }
            assert!(out.len().abs_diff(RATE) <= 2, "{}", out.len());
            let rises = out.windows(2).filter(|w| w[0] < 0 && w[1] >= 0).count();
            assert!(rises.abs_diff(500) <= 2, "{rises} at {rate}");
        }
    }

    #[test]
    fn t2_what_is_late_is_not_heard_later() {
        let mut ear = Ear::default();
        assert_eq!(ear.pop(), 0);
        ear.push(Party::Patient, &vec![1; RATE]);
        assert!(ear.waiting.0[&Party::Patient].waiting.len() <= LATE);
        assert_eq!(ear.pop(), 1);
    }

    #[test]
    fn t1_what_was_played_is_told_once_and_not_kept_for_nobody() {
        let mut ear = Ear::default();
        ear.push(Party::Patient, &[5; RATE / 10]);
        let heard: Vec<i16> = (0..STEP + 1).map(|_| ear.pop()).collect();
        assert_eq!(heard, [5; STEP + 1]);
        assert_eq!(ear.take_played(), Some([5; STEP]));
        assert_eq!(ear.take_played(), None);
        for _ in 0..RATE {
            ear.pop();
        }
        assert_eq!(ear.played.len(), REMEMBERED);
    }

    #[test]
    fn t1_levels_rise_with_sound() {
        assert_eq!(level(&[]), 0);
        assert_eq!(level(&[0; 100]), 0);
        assert_eq!(level(&[i16::MAX; 100]), 100);
        assert!(level(&[3_000; 100]) > level(&[300; 100]));
    }
}
