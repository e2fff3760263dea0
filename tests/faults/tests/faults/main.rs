//! What is left when something really fails. Names begin with the row that a test shows.
//!
//! `cargo xtask faults` runs these with more kills and cuts than the tests of every day, and
//! repeats a seed: it sets the variables that [`courses`] reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod clinic;
mod full;
mod keychain;
mod kills;
mod memory;
mod power;
mod process;

/// The seeds of the courses to run: `ROUNDS_FAULTS_KILLS=100` courses of ten kills, or
/// `ROUNDS_FAULTS_SEED=17` for one of them.
fn courses(name: &str, usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    match number("ROUNDS_FAULTS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number(name).unwrap_or(usual),
    }
}
