//! `cargo xtask load`: the platform under mixed load, its server killed in the middle.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use load::soak::{Soak, run, section};
use load::{machine, page};

/// Load a platform of its own and look for what was lost.
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Arguments {
    /// How long.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Connections at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Leave the server alone.
    #[arg(long)]
    no_kill: bool,
    /// Write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write them into this page.
    #[arg(long)]
    table: Option<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "a command for a terminal")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let progress = indicatif::ProgressBar::new_spinner();
    progress.enable_steady_tick(Duration::from_millis(200));
    let soak = Soak {
        length: Duration::from_secs_f64(arguments.minutes.max(0.1) * 60.0),
        connections: arguments.connections,
        kill: !arguments.no_kill,
    };
    let before = machine::load();
    let outcome = run(&soak, &|what| progress.set_message(what.to_owned()));
    progress.finish_and_clear();
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            println!("{error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                println!("  because {cause}");
                source = cause.source();
            }
            return ExitCode::FAILURE;
        }
    };
    let machine = format!("{}; load before: {before:.1}", machine::describe());
    let text = section(&report, &machine);
    println!("{text}");
    let kept = arguments
        .json
        .map_or(Ok(()), |path| {
            std::fs::write(path, serde_json::to_string_pretty(&report)?)
        })
        .and_then(|()| {
            let heading = "Under load";
            arguments
                .table
                .map_or(Ok(()), |path| page::put(&path, heading, &text))
        });
    match kept {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("the figures could not be kept: {error}");
            ExitCode::FAILURE
        }
    }
}
