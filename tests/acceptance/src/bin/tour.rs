//! `tour`: takes a clinician's day through the real window and leaves a picture of each step.

#![expect(clippy::print_stdout, reason = "a command for a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use acceptance::tour::TourOptions;
use acceptance::{off_line_day, tour};
use clap::Parser;

/// Take the tour in the real window on a virtual display.
#[derive(Debug, Parser)]
struct Arguments {
    /// The desktop program; by default the one built beside this.
    #[arg(long)]
    program: Option<PathBuf>,
    /// The generator of clinics; by default the one built beside this.
    #[arg(long)]
    synthetic: Option<PathBuf>,
    /// Takes the day of three people whose server is away instead.
    #[arg(long)]
    off_line_day: bool,
    /// Folder for the pictures; by default target/tour or target/off-line-day.
    #[arg(long)]
    pictures: Option<PathBuf>,
    /// Patients in the clinic.
    #[arg(long, default_value_t = 40)]
    patients: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let beside = |name: &str| {
        std::env::current_exe()
            .ok()
            .and_then(|own| own.parent().map(|folder| folder.join(name)))
            .unwrap_or_else(|| PathBuf::from(name))
    };
    let pictures = arguments.pictures.unwrap_or_else(|| {
        PathBuf::from(if arguments.off_line_day {
            "target/off-line-day"
        } else {
            "target/tour"
        })
    });
    let options = TourOptions {
        program: arguments.program.unwrap_or_else(|| beside("rounds")),
        synthetic: arguments.synthetic.unwrap_or_else(|| beside("synthetic")),
        pictures: pictures.clone(),
        patients: arguments.patients,
    };
    let outcome = if arguments.off_line_day {
        off_line_day::take(options).await
    } else {
        tour::take(options).await
    };
    match outcome {
        Ok(()) => {
            println!("The tour is done. Pictures: {}", pictures.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("The tour stopped: {error}");
            eprintln!("Pictures up to there: {}", pictures.display());
            ExitCode::FAILURE
        }
    }
}
