//! `cargo xtask faults`: what `tests/faults` makes to fail, as often as wanted, or one seed of it.

use crate::failure::Failure;
use crate::{install, step};

/// What a course holds: so many kills or cuts, each going on from the one before.
const COURSE: u64 = 10;

/// What to make to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Everything.
    All,
    /// kill -9 of workstation and server.
    Kills,
    /// The power, on a disk that forgets.
    Power,
    /// A disk that is full again and again.
    Full,
    /// The keychain: stopped, locked, emptied, unlocked late.
    Keychain,
    /// Nothing: what is left in the memory of a locked workstation.
    Memory,
    /// Nothing: what is left in the memory of the locked window and of its web engine.
    Window,
}

impl What {
    /// Part of the names of its tests.
    fn filter(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Kills => Some("kills::"),
            Self::Power => Some("power::"),
            Self::Full => Some("full::"),
            Self::Keychain => Some("keychain::"),
            Self::Memory => Some("memory::"),
            Self::Window => Some("window::"),
        }
    }
}

/// Options of `faults`.
#[derive(Debug, clap::Args)]
pub(crate) struct Faults {
    /// What to make to fail.
    #[arg(value_enum, default_value_t = What::All)]
    what: What,
    /// How many times a process is killed.
    #[arg(long, default_value_t = 1_000)]
    kills: u64,
    /// How many times the power is cut.
    #[arg(long, default_value_t = 1_000)]
    cuts: u64,
    /// How many disks are filled.
    #[arg(long, default_value_t = 100)]
    disks: u64,
    /// The first course: where a run that was stopped goes on.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// One course alone: the seed that a failure named.
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs them; what fails names its seed and the command that repeats it.
pub(crate) fn run(options: &Faults) -> Result<(), Failure> {
    install::missing(install::For::Tour)?;
    // Of the whole workspace, so that the libraries are those that everything else was built with.
    step::run(
        "Building the programs",
        step::cargo(["build", "--quiet", "--workspace", "--bins"]),
    )?;
    let mut command = step::cargo(["test", "--quiet", "--workspace", "--test", "faults", "--"]);
    command.args(["--nocapture", "--test-threads", "1"]);
    command.args(options.what.filter());
    command
        .env(
            "ROUNDS_FAULTS_KILLS",
            options.kills.div_ceil(COURSE).to_string(),
        )
        .env(
            "ROUNDS_FAULTS_CUTS",
            options.cuts.div_ceil(COURSE).to_string(),
        )
        .env("ROUNDS_FAULTS_FULL", options.disks.to_string())
        .env("ROUNDS_FAULTS_FROM", options.from.to_string());
    if let Some(seed) = options.seed {
        command.env("ROUNDS_FAULTS_SEED", seed.to_string());
    }
    step::run("Making it fail", command)
}
