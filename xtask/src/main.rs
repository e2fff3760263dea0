//! The tasks of the house: `cargo xtask TASK`.
//!
//! Never: anything a user of Rounds runs. These tasks build, start and check the programs; they
//! know them by their commands and files only, and link none of them but the test bed.
#![allow(
    clippy::print_stdout,
    reason = "a program of the command line speaks there"
)]

mod bindings;
mod build;
mod clinic;
mod demo;
mod failure;
mod faults;
mod install;
mod mutate;
mod serve;
mod simulate;
mod step;
mod stop;
mod test;
mod tidy;
mod tour;
mod workstation;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Build, run and check Rounds.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing, build, start a clinic and open the window on it.
    Demo(demo::Demo),
    /// Run the platform alone until Ctrl-C, for integrators and outside tools.
    Serve(serve::Serve),
    /// Run the workstation without a window: enrol, sync, find, show, export-unsent.
    Workstation(workstation::Workstation),
    /// Run everything: format, lint, tests, interface, house rules, acceptance.
    Test(test::Test),
    /// Check the house rules.
    Tidy(tidy::Tidy),
    /// Measure the budgets.
    Bench(workstation::Passed),
    /// Load the platform for ten minutes, kill its server in the middle, look for what is lost.
    Load(workstation::Passed),
    /// Hold one long video call and see that memory stays flat and sound with the picture.
    SoakCall(workstation::Passed),
    /// Simulate sync with everything that can fail: many seeds, or one of them step by step.
    Simulate(simulate::Simulate),
    /// Kill processes, cut the power, and see that nothing is lost.
    Faults(faults::Faults),
    /// Break sync on purpose, line by line, and tell whether the simulation finds out.
    Mutate(mutate::Mutate),
    /// Take the tour through the real window on a virtual display.
    Tour(workstation::Passed),
    /// Write the TypeScript bindings anew.
    Bindings,
    /// Build the interface.
    Ui,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match stop::listen().and_then(|()| run(arguments.task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Stopped) => ExitCode::from(130),
        Err(failure) => {
            eprintln!("error: {failure}");
            let mut source = std::error::Error::source(&failure);
            while let Some(cause) = source {
                eprintln!("  because {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Failure> {
    match task {
        Task::Demo(options) => demo::run(&options),
        Task::Serve(options) => serve::run(&options),
        Task::Workstation(options) => workstation::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Tidy(options) => tidy::run(&options),
        Task::Bench(options) => workstation::bench(&options),
        Task::Load(options) => workstation::load(&options),
        Task::SoakCall(options) => workstation::soak_call(&options),
        Task::Simulate(options) => simulate::run(&options),
        Task::Faults(options) => faults::run(&options),
        Task::Mutate(options) => mutate::run(&options),
        Task::Tour(options) => tour::run(&options.arguments),
        Task::Bindings => bindings::write(),
        Task::Ui => build::interface(),
    }
}
