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
    /// By how much sound is ahead of the picture at the patient, in milliseconds.
    drift: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let _browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::FirstPicture).await;
    let begun = Instant::now();
    let end = Duration::from_secs(options.minutes * 60);
    let mut looks = Vec::new();
    while begun.elapsed() < end {
        sleep(LOOK.min(end.saturating_sub(begun.elapsed()))).await;
        let seen = clinician.newest_seen().await;
        let look = Look {
            megabytes: usage::resident(std::process::id()).unwrap_or_default() as f64 / 1e6,
            drift: seen.drift,
        };
        let (pictures, sounds, concealed) = clinician.counted();
        println!(
            "{:5.1} min  {:6.1} MB  drift {:6.1} ms  p50 {} ms  {pictures} pictures, \
             {sounds} sounds, {concealed} made up, {} connections",
            begun.elapsed().as_secs_f64() / 60.0,
            look.megabytes,
            look.drift,
            seen.p50,
            clinician.calls(),
        );
        if begun.elapsed() > SETTLED {
            looks.push(look);
        }
    }
    let Some(settled) = looks.first() else {
        println!("Too short to tell anything: three minutes at least.");
        return ExitCode::FAILURE;
    };
    let most = looks.iter().map(|look| look.megabytes).fold(0.0, f64::max);
    let drift = looks
        .iter()
        .map(|look| look.drift.abs())
        .fold(0.0, f64::max);
    let grown = most - settled.megabytes;
    println!("memory grew by {grown:.1} MB (hold {GROWTH}), drift {drift:.1} ms (hold {DRIFT})");
    ExitCode::from(u8::from(
        grown > GROWTH || drift > DRIFT || clinician.calls() > 1,
    ))
}
