//! `cargo xtask simulate`: the simulated days of `crates/sync/tests/simulation`, many of them, or
//! one with everything that happens in it.

use std::process::Command;

use crate::failure::Failure;
use crate::step;

/// Seeds that a change has to go through.
const MANY: u64 = 10_000;

/// Options of `simulate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// How many seeds.
    #[arg(long, default_value_t = MANY, conflicts_with = "seed")]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// One seed alone, told step by step.
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs them; a seed that fails is named with the command that replays it.
pub(crate) fn run(options: &Simulate) -> Result<(), Failure> {
    let what = match options.seed {
        Some(seed) => format!("Simulating seed {seed}"),
        None => format!("Simulating {} seeds", options.seeds),
    };
    step::run(&what, command(options))
}

/// The run that a change has to go through, as a step of the tests.
pub(crate) fn many() -> Command {
    command(&Simulate {
        seeds: MANY,
        from: 0,
        seed: None,
    })
}

fn command(options: &Simulate) -> Command {
    // Of the whole workspace, so that the libraries are those that everything else was built with.
    let mut command = step::cargo([
        "test",
        "--quiet",
        "--workspace",
        "--test",
        "simulation",
        "--",
        "--nocapture",
    ]);
    match options.seed {
        Some(seed) => {
            command.env("ROUNDS_SIMULATION_SEED", seed.to_string());
        }
        None => {
            command
                .env("ROUNDS_SIMULATION_SEEDS", options.seeds.to_string())
                .env("ROUNDS_SIMULATION_FROM", options.from.to_string());
        }
    }
    command
}
