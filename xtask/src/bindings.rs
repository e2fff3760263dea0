//! `cargo xtask bindings`: the interface's view of the desktop's commands.

use crate::failure::Failure;
use crate::step;

const TEST: [&str; 6] = ["test", "--quiet", "-p", "rounds", "--bins", "bindings"];

/// Writes `ui/shared/bindings.ts` from the registry of commands.
pub(crate) fn write() -> Result<(), Failure> {
    let mut command = step::cargo(TEST);
    command.env("ROUNDS_BINDINGS", "write");
    step::run("Writing ui/shared/bindings.ts", command)
}

/// Fails if the file differs from the registry.
pub(crate) fn compare() -> Result<(), Failure> {
    step::run("Comparing ui/shared/bindings.ts", step::cargo(TEST))
}
