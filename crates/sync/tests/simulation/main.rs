//! Row S4, simulated: workstations with the real store, a server model, and a network that
//! loses, doubles, delays and cuts, with crashes in between. A seed gives the whole course.
//!
//! `ROUNDS_SIMULATION_SEEDS=1000` runs more of them, `ROUNDS_SIMULATION_SEED=17` one of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs
)]

mod chance;
mod checks;
mod device;
mod server;
mod tally;
mod world;

use world::World;

fn seeds() -> Vec<u64> {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    match number("ROUNDS_SIMULATION_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("ROUNDS_SIMULATION_SEEDS").unwrap_or(40)).collect(),
    }
}

#[test]
fn s4_no_write_is_lost_or_doubled_whatever_fails() {
    let mut faults = tally::Tally::default();
    for seed in seeds() {
        let result = std::panic::catch_unwind(|| World::new(seed).run());
        match result {
            Ok(tally) => faults.add(&tally),
            Err(panic) => {
                println!("failed with ROUNDS_SIMULATION_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{faults:?}");
    // A simulation in which nothing goes wrong shows nothing.
    if seeds().len() >= 40 {
        for (what, count) in faults.counted() {
            assert!(count > 15, "{what} happened {count} times only");
        }
    }
}
