//! One long call: `cargo xtask soak-call --minutes 60`. Memory stays flat, and sound and picture stay
//! together.

#![allow(
    clippy::print_stdout,
    reason = "a program of the command line speaks there"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use calls::browser::Browser;
use calls::clinician::Clinician;
use calls::proxy::Path;
use clap::Parser;
use load::usage;
use telehealth::media::call::{Event, Setup};
use tokio::time::sleep;

/// Talks for so long and looks every half minute.
#[derive(Parser)]
struct Options {
    /// How long.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
}

/// The first minutes fill caches and pools; what counts comes after.
const SETTLED: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_secs(30);
/// More than this beyond what it settled at is a leak.
const GROWTH: f64 = 24.0;
/// People notice lips that are further from the words than this.
const DRIFT: f64 = 80.0;

/// What one look saw.
#[derive(Debug, Clone, Copy)]
struct Look {
    megabytes: f64,
    /// By how much sound is ahead of the picture at the patient, in milliseconds, as the browser
    /// reckons from our clock.
    drift: f64,
    /// By how much the picture is ahead of the sound here, as both vanish.
    lips: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let _browser = Browser::open(clinician.address(), "blink").await;
    clinician.wait_for(Event::FirstPicture).await;
    let begun = Instant::now();
    let end = Duration::from_secs(options.minutes * 60);
    let mut looks = Vec::new();
    let mut early = 0.0;
    while begun.elapsed() < end {
        sleep(LOOK.min(end.saturating_sub(begun.elapsed()))).await;
        let lips = clinician.lips().await;
        let seen = clinician.newest_seen().await;
        let look = Look {
            megabytes: usage::resident(std::process::id()).unwrap_or_default() as f64 / 1e6,
            drift: seen.drift,
            lips,
        };
        let (pictures, sounds, concealed) = clinician.counted().await;
        println!(
            "{:5.1} min  {:6.1} MB  drift {:6.1} ms, here {lips:6.1} ms  p50 {} ms  {pictures} pictures, \
             {sounds} sounds, {concealed} made up, {} connections",
            begun.elapsed().as_secs_f64() / 60.0,
            look.megabytes,
            look.drift,
            seen.p50,
            clinician.calls(),
        );
        if begun.elapsed() > SETTLED {
            if looks.is_empty() {
                early = clinician.patients_lips().await;
                println!("lips at the patient {early:.0} ms");
            }
            looks.push(look);
        }
    }
    // What waits anywhere between microphone and ear comes to light when it is switched off.
    let late = clinician.patients_lips().await;
    println!("lips at the patient {late:.0} ms");
    let Some(settled) = looks.first() else {
        println!("Too short to tell anything: three minutes at least.");
        return ExitCode::FAILURE;
    };
    let most = looks.iter().map(|look| look.megabytes).fold(0.0, f64::max);
    let (drift, lips) = (
        Apart::of(&looks, |it| it.drift),
        Apart::of(&looks, |it| it.lips),
    );
    let moved = (late - early).abs();
    let grown = most - settled.megabytes;
    println!(
        "memory grew by {grown:.1} MB (hold {GROWTH}); sound and picture apart, lasting and in a \
         single look: at the patient {:.0} and {:.0} ms by the browser's reckoning, and moved by \
         {moved:.0} ms from first to last; here {:.0} and {:.0} ms (hold what lasts to {DRIFT})",
        drift.lasting, drift.once, lips.lasting, lips.once,
    );
    let apart = drift.lasting.max(lips.lasting).max(moved);
    ExitCode::from(u8::from(
        grown > GROWTH || apart > DRIFT || clinician.calls() > 1,
    ))
}

/// How far sound and picture were apart.
struct Apart {
    /// The middle of five minutes, the worst of them: what drifts away stays away.
    lasting: f64,
    /// The worst look: it may be a moment in which another program had the processor.
    once: f64,
}

impl Apart {
    fn of(looks: &[Look], what: impl Fn(&Look) -> f64) -> Self {
        let all: Vec<f64> = looks.iter().map(what).collect();
        let middle = |stretch: &[f64]| {
            let mut stretch = stretch.to_vec();
            stretch.sort_by(f64::total_cmp);
            stretch[stretch.len() / 2].abs()
        };
        Self {
            lasting: all.chunks(10).map(middle).fold(0.0, f64::max),
            once: all.iter().map(|it| it.abs()).fold(0.0, f64::max),
        }
    }
}
