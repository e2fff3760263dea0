//! `cargo xtask tour`: the whole day in the real window, on a virtual display.

use crate::failure::Failure;
use crate::{build, install, step};

/// Builds what the tour needs and takes it. Where the pictures are, the tour says.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    prepare()?;
    take(arguments)
}

/// Takes the tour with what is built.
pub(crate) fn take(arguments: &[String]) -> Result<(), Failure> {
    let mut words = vec!["run", "--quiet", "-p", "acceptance", "--bin", "tour", "--"];
    words.extend(arguments.iter().map(String::as_str));
    let mut command = step::cargo(words);
    command.env("ROUNDS_BIN_DIR", step::programs()?);
    step::run("Taking the tour", command)
}

/// What the tour and the acceptance tests stand on.
pub(crate) fn prepare() -> Result<(), Failure> {
    install::missing(install::For::Tour)?;
    build::interface()?;
    build::programs(&["rounds-server", "rounds", "synthetic"])
}
