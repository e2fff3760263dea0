//! Programs of the workspace that take their arguments from the one who calls.

use std::process::Command;

use serde_json::Value;

use crate::failure::Failure;
use crate::{build, install, step};

/// The workstation without a window.
const PROGRAM: &str = "rounds-workstation";

/// `cargo xtask workstation -- COMMAND …`
#[derive(Debug, clap::Args)]
pub(crate) struct Workstation {
    /// Given on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Arguments for the program behind a task.
#[derive(Debug, clap::Args)]
pub(crate) struct Passed {
    /// Given on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

/// Runs the workstation without a window. Its server is the one that `serve` runs, unless
/// `ROUNDS_SERVER` says otherwise.
pub(crate) fn run(options: &Workstation) -> Result<(), Failure> {
    // Of the whole workspace, so that the libraries are those that everything else was built with.
    step::quiet(
        "Building the workstation",
        step::cargo([
            "build",
            "--quiet",
            "--workspace",
            "--bin",
            PROGRAM,
            "--features",
            "workstation/cli",
        ]),
    )?;
    let mut command = Command::new(step::programs()?.join(PROGRAM));
    command.args(&options.arguments);
    if std::env::var_os("ROUNDS_SERVER").is_none()
        && let Some((server, ca)) = served()
    {
        command.env("ROUNDS_SERVER", server).env("ROUNDS_CA", ca);
    }
    // It may ask for a password.
    let status = command.status().map_err(|source| Failure::Start {
        program: PROGRAM.to_owned(),
        source,
    })?;
    if status.success() {
        return Ok(());
    }
    // What was wrong, the program has said; its code is the answer.
    std::process::exit(status.code().unwrap_or(1));
}

/// Server and certificate of the platform that `serve` runs.
fn served() -> Option<(String, String)> {
    let text = std::fs::read(step::target().join("serve/connection.json")).ok()?;
    let connection: Value = serde_json::from_slice(&text).ok()?;
    let server = connection["fhir"].as_str()?.trim_end_matches("/fhir/R4");
    Some((server.to_owned(), connection["ca"].as_str()?.to_owned()))
}

/// `cargo xtask bench`: built as it is shipped, run as it is built.
pub(crate) fn bench(options: &Passed) -> Result<(), Failure> {
    install::missing(install::For::Tour)?;
    build::interface()?;
    as_shipped(&[
        "rounds",
        "rounds-server",
        "synthetic",
        "bare-window",
        "bench",
    ])?;
    measure("bench", options)
}

/// `cargo xtask load`: the same for the load run.
pub(crate) fn load(options: &Passed) -> Result<(), Failure> {
    as_shipped(&["rounds-server", "load"])?;
    measure("load", options)
}

/// `cargo xtask soak-call`: a long call with a browser.
pub(crate) fn soak_call(options: &Passed) -> Result<(), Failure> {
    as_shipped(&["calls"])?;
    measure("soak-call", options)
}

/// All in one build: features are resolved for all packages together, and a program built alone
/// might be another one.
fn as_shipped(packages: &[&str]) -> Result<(), Failure> {
    let mut words = vec!["build", "--release", "--bins"];
    for package in packages {
        words.extend(["-p", package]);
    }
    step::run(
        "Building the programs as they are shipped",
        step::cargo(words),
    )
}

fn measure(program: &str, options: &Passed) -> Result<(), Failure> {
    let program = step::programs()?.with_file_name("release").join(program);
    let mut command = Command::new(program);
    command.current_dir(step::root()).args(&options.arguments);
    step::run("Measuring", command)
}
