//! `cargo xtask tour`: the whole day in the real window, on a virtual display.

use std::process::Command;

use crate::failure::Failure;
use crate::{build, install, step};

/// Builds what the tour needs and takes it. Where the pictures are, the tour says.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    install::missing(install::For::Tour)?;
    build::interface()?;
    build::programs(&["rounds-server", "rounds", "synthetic", "acceptance"])?;
    take(arguments)
}

/// Takes the day of three people whose server is away, with what is built.
pub(crate) fn off_line_day() -> Result<(), Failure> {
    take(&["--off-line-day".to_owned()])
}

/// Takes the tour with what is built.
pub(crate) fn take(arguments: &[String]) -> Result<(), Failure> {
    let mut command = Command::new(step::programs()?.join("tour"));
    command.current_dir(step::root()).args(arguments);
    step::run("Taking the tour", command)
}
