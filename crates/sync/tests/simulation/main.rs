//! Row S4, simulated: workstations with the real engine, the real store and the real merge, a
//! model of the server, and a network that drops, delays, doubles, reorders and cuts. Processes
//! die at any write, disks fill up, clocks are set, users lose and regain permission and the sight of charts, and the
//! server is restored from a backup. A seed gives the whole course.
//!
//! `ROUNDS_SIMULATION_SEEDS=10000` runs more seeds, `ROUNDS_SIMULATION_SEED=17` one of them with
//! everything that happens in it. `cargo xtask simulate` sets both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    missing_docs
)]

mod chance;
mod checks;
mod device;
mod heal;
mod network;
mod people;
mod runner;
mod scope;
mod server;
mod tally;
mod tokens;
mod world;

use std::any::Any;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tally::Tally;
use world::World;

/// Seeds of a run that nobody asked more of.
const USUAL: u64 = 100;

/// After so many failures the rest would say the same.
const ENOUGH: usize = 5;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words")
}

#[test]
fn s4_no_write_is_lost_or_doubled_whatever_fails() {
    if let Some(seed) = number("ROUNDS_SIMULATION_SEED") {
        let tally = World::new(seed, true).run();
        println!("{tally}");
        return;
    }
    let seeds = number("ROUNDS_SIMULATION_SEEDS").unwrap_or(USUAL);
    let from = number("ROUNDS_SIMULATION_FROM").unwrap_or(0);
    let begin = Instant::now();
    let next = AtomicU64::new(from);
    let sum = Mutex::new((Tally::default(), Vec::<u64>::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds || sum.lock().unwrap().1.len() >= ENOUGH {
                        return;
                    }
                    let result = std::panic::catch_unwind(|| World::new(seed, false).run());
                    let mut sum = sum.lock().unwrap();
                    match result {
                        Ok(tally) => sum.0.add(&tally),
                        Err(why) => {
                            println!("seed {seed} failed: {}", words(&*why));
                            println!("replay it: cargo xtask simulate --seed {seed}");
                            sum.1.push(seed);
                        }
                    }
                }
            });
        }
    });
    let (tally, failed) = sum.into_inner().unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    println!("{tally}");
    let done = next.into_inner().min(from + seeds) - from;
    println!(
        "{done} seeds in {seconds:.1} s, {:.0} a second on {threads} threads",
        done as f64 / seconds
    );
    assert!(
        failed.is_empty(),
        "replay with `cargo xtask simulate --seed N`; failed: {failed:?}"
    );
    // A simulation in which nothing goes wrong shows nothing.
    if seeds >= USUAL {
        // What is rare among the few of every day is not among many.
        let least = if seeds >= 1_000 { 3 } else { 1 };
        for (what, count) in tally.counted() {
            assert!(count >= least, "{what} happened {count} times only");
        }
    }
}
