//! The clinician's voice as it leaves: without what the loudspeaker plays, without the hum of the
//! room, and as loud as it should be. No IO, no clock.

use std::sync::{Arc, Mutex};

use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::sound::{Ear, Frames};
use super::{FRAME, RATE, lock};

/// The library takes 10 ms at a time.
pub(crate) const STEP: usize = RATE / 100;

/// Makes the voice out of what a microphone hears.
#[derive(Debug)]
pub(crate) struct Voice {
    inner: AudioProcessing,
    /// Where the library leaves what it was told is played; nobody reads it.
    unread: [i16; STEP],
}

impl Default for Voice {
    fn default() -> Self {
        // As browsers have it.
        let config = Config {
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: Some(EchoCanceller::default()),
            noise_suppression: Some(NoiseSuppression::default()),
            gain_controller2: Some(GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let mono = StreamConfig::new(RATE as u32, 1);
        Self {
            inner: AudioProcessing::builder()
                .config(config)
                .capture_config(mono)
                .render_config(mono)
                .build(),
            unread: [0; STEP],
        }
    }
}

impl Voice {
    /// The loudspeaker plays this: it will be heard by the microphone.
    pub(crate) fn played(&mut self, step: &[i16; STEP]) {
        // It fails for rates and channels alone, and ours are right.
        let _ = self.inner.process_render_i16(step, &mut self.unread);
    }

    /// The microphone heard this. It becomes what is sent.
    pub(crate) fn heard(&mut self, frame: &mut [i16; FRAME]) {
        for step in frame.chunks_exact_mut(STEP) {
            let mut sent = [0; STEP];
            // A voice with its echo is better than none.
            if self.inner.process_capture_i16(step, &mut sent).is_ok() {
                step.copy_from_slice(&sent);
            }
        }
    }
}

/// What a microphone hears, on its way to the other side.
#[derive(Debug, Default)]
pub(crate) struct Mouth {
    frames: Frames,
    /// What is played, and what takes it out again; nothing: sound passes as it is.
    cleaned: Option<(Arc<Mutex<Ear>>, Voice)>,
}

impl Mouth {
    /// A mouth beside this ear.
    pub(crate) fn new(ear: Arc<Mutex<Ear>>) -> Self {
        Self {
            cleaned: Some((ear, Voice::default())),
            ..Self::default()
        }
    }

    /// Lets sound pass as it is.
    pub(crate) fn untouched() -> Self {
        Self::default()
    }

    /// The microphone heard this; whole frames are handed to `say`.
    pub(crate) fn take(&mut self, samples: &[i16], mut say: impl FnMut([i16; FRAME])) {
        for sample in samples {
            self.frames.push(*sample);
        }
        while let Some(mut frame) = self.frames.pop() {
            if let Some((ear, voice)) = &mut self.cleaned {
                loop {
                    // The loudspeaker does not wait for what follows.
                    let played = lock(ear).take_played();
                    let Some(played) = played else { break };
                    voice.played(&played);
                }
                voice.heard(&mut frame);
            }
            say(frame);
        }
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "they say what they measured")]
mod tests {
    use std::f32::consts::TAU;
    use std::time::Instant;

    use super::*;

    /// Numbers that look random and are the same in every run.
    struct Dice(u32);

    impl Dice {
        /// Between -1 and 1.
        fn roll(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as f32 / 8_388_608.0 - 1.0
        }
    }

    /// Something like speech: syllables of a voice with a pitch of its own, and pauses.
    fn speech(pitch: f32, seed: u32, seconds: usize) -> Vec<f32> {
        let mut dice = Dice(seed);
        let mut sound = Vec::new();
        let mut phase = 0.0;
        while sound.len() < seconds * RATE {
            let length = RATE / 5 + (dice.roll() * RATE as f32 / 12.0) as usize;
            let pause = (RATE as f32 * (0.06 + 0.05 * dice.roll())) as usize;
            let tone = pitch * (1.0 + 0.15 * dice.roll());
            // What the mouth lets through.
            let formants = [500.0 + 250.0 * dice.roll(), 1_600.0 + 600.0 * dice.roll()];
            for at in 0..length {
                let part = at as f32 / length as f32;
                phase = (phase + tone / RATE as f32).fract();
                let mut sample = 0.1 * dice.roll();
                for harmonic in 1..24 {
                    let frequency = tone * harmonic as f32;
                    let loud: f32 = formants
                        .iter()
                        .map(|formant| 1.0 / (1.0 + ((frequency - formant) / 180.0).powi(2)))
                        .sum();
                    sample += loud * (phase * harmonic as f32 * TAU).sin();
                }
                sound.push(sample * 0.08 * (part * TAU / 2.0).sin());
            }
            sound.resize(sound.len() + pause, 0.0);
        }
        sound.truncate(seconds * RATE);
        sound
    }

    /// What a microphone hears of a loudspeaker: later, softer, and from the walls as well.
    fn echo(played: &[f32]) -> Vec<f32> {
        let mut dice = Dice(7);
        let walls: Vec<(usize, f32)> = (0..40)
            .map(|wall| {
                let delay = RATE * 45 / 1000 + wall * RATE / 1_000;
                let loud = 0.35 * (-(wall as f32) / 9.0).exp();
                (delay, if wall == 0 { loud } else { loud * dice.roll() })
            })
            .collect();
        (0..played.len())
            .map(|at| {
                let heard = |(delay, loud): &(usize, f32)| {
                    at.checked_sub(*delay)
                        .map_or(0.0, |then| played[then] * loud)
                };
                walls.iter().map(heard).sum()
            })
            .collect()
    }

    fn whole(sample: f32) -> i16 {
        (sample * 32_767.0) as i16
    }

    /// What is sent, and how many microseconds 10 ms took.
    fn send(played: &[f32], heard: &[f32]) -> (Vec<f32>, f64) {
        let ear = Arc::new(Mutex::new(Ear::default()));
        let mut mouth = Mouth::new(Arc::clone(&ear));
        let mut sent = Vec::new();
        let begun = Instant::now();
        for (played, heard) in played.chunks_exact(FRAME).zip(heard.chunks_exact(FRAME)) {
            // The loudspeaker has taken it.
            for sample in played {
                lock(&ear).play(whole(*sample));
            }
            let heard: Vec<i16> = heard.iter().map(|sample| whole(*sample)).collect();
            mouth.take(&heard, |frame| {
                sent.extend(frame.map(|sample| f32::from(sample) / 32_768.0));
            });
        }
        let steps = played.len() / STEP;
        (sent, begun.elapsed().as_secs_f64() * 1e6 / steps as f64)
    }

    fn power(sound: &[f32]) -> f32 {
        sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32
    }

    fn decibels(part: f32) -> f32 {
        10.0 * part.max(1e-12).log10()
    }

    /// How much of `sent` is `wanted`, at whatever delay within 30 ms and loudness, in decibels
    /// above the rest.
    fn above_the_rest(sent: &[f32], wanted: &[f32]) -> f32 {
        let best = (0..RATE * 30 / 1000)
            .step_by(8)
            .map(|late| {
                let (sent, wanted) = (&sent[late..], &wanted[..wanted.len() - late]);
                let common: f32 = sent.iter().zip(wanted).map(|(a, b)| a * b).sum();
                common * common / (power(sent) * power(wanted)) / (sent.len() as f32).powi(2)
            })
            .fold(0.0, f32::max);
        decibels(best / (1.0 - best))
    }

    fn added(a: &[f32], b: &[f32]) -> Vec<f32> {
        a.iter().zip(b).map(|(a, b)| a + b).collect()
    }

    /// What the library has learned to do by then.
    fn settled(sound: &[f32]) -> &[f32] {
        &sound[8 * RATE..]
    }

    const SECONDS: usize = 12;

    #[test]
    fn t1_the_loudspeaker_is_not_heard_again_and_the_clinician_is() {
        let far = speech(190.0, 1, SECONDS);
        let near = speech(115.0, 2, SECONDS);
        let silence = vec![0.0; far.len()];
        let echo = echo(&far);

        let (sent, cost) = send(&far, &echo);
        let gone = decibels(power(settled(&echo)) / power(settled(&sent)));
        println!("echo is {gone:.0} dB softer; {cost:.0} µs for 10 ms of sound");
        assert!(gone > 30.0, "{gone} dB");
        // What was not played here is no echo, whatever it sounds like.
        let (sent, _) = send(&silence, &echo);
        assert!(decibels(power(settled(&echo)) / power(settled(&sent))) < 6.0);

        // Both speak at once: what is sent is what would be without an echo.
        let (alone, _) = send(&silence, &near);
        let both = added(&near, &echo);
        let (sent, _) = send(&far, &both);
        let before = above_the_rest(settled(&both), settled(&near));
        let after = above_the_rest(settled(&sent), settled(&alone));
        let kept = decibels(power(settled(&sent)) / power(settled(&alone)));
        println!("both speak: voice above the rest {before:.0} dB, sent {after:.0} dB");
        assert!(after > 8.0, "{after} dB");
        assert!(kept.abs() < 3.0, "{kept} dB");
        let echo = above_the_rest(settled(&sent), settled(&echo));
        assert!(echo < -20.0, "{echo} dB");
    }

    #[test]
    fn t1_hum_is_softer_than_before_beside_a_voice_and_quiet_voices_are_raised() {
        let mut near = speech(115.0, 2, SECONDS);
        let end = near.len() - 2 * RATE;
        near[end..].fill(0.0);
        let silence = vec![0.0; near.len()];
        let mut dice = Dice(3);
        let hum: Vec<f32> = near.iter().map(|_| 0.02 * dice.roll()).collect();
        let noisy = added(&near, &hum);
        let (sent, _) = send(&silence, &noisy);
        let ratio = |sound: &[f32]| {
            decibels(power(&sound[8 * RATE..end]) / power(&sound[end + RATE / 2..]))
        };
        let (before, after) = (ratio(&noisy), ratio(&sent));
        println!("voice above hum {before:.0} dB, sent {after:.0} dB");
        assert!(after > before + 8.0, "{before} dB, {after} dB");

        let level = |sound: &[f32]| decibels(power(&sound[8 * RATE..end]));
        let soft: Vec<f32> = near.iter().map(|sample| sample * 0.05).collect();
        let (raised, _) = send(&silence, &soft);
        let (usual, _) = send(&silence, &near);
        let up = |from: &[f32], to: &[f32]| level(to) - level(from);
        println!(
            "a quiet voice is raised by {:.0} dB, a usual one by {:.0} dB",
            up(&soft, &raised),
            up(&near, &usual)
        );
        assert!(up(&soft, &raised) > 15.0);
        assert!(up(&near, &usual).abs() < 4.0);
    }
}
