//! `synthetic`: writes a clinic's bundles and its users into a folder.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use synthetic::{Clinic, ClinicError};

/// Write a synthetic clinic as FHIR R4 transaction bundles.
#[derive(Debug, Parser)]
#[command(name = "synthetic", version)]
struct Arguments {
    /// The same seed gives the same clinic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many patients.
    #[arg(long, default_value_t = 200)]
    patients: u32,
    /// The clinic's date and, if given, time (2026-03-02 or 2026-03-02T14:10); by default now.
    #[arg(long)]
    today: Option<String>,
    /// IANA time zone of the clinic.
    #[arg(long, default_value = "America/New_York")]
    zone: String,
    /// Only slots and appointments after this date, for a clinic loaded on an earlier day.
    #[arg(long, value_name = "DATE")]
    diary_after: Option<String>,
    /// Patients in one file.
    #[arg(long, default_value_t = 20)]
    per_file: u32,
    /// Folder to write to; made if absent.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0} is not a time zone known here")]
    Zone(String, #[source] jiff::Error),
    #[error("{0} is not a date such as 2026-03-02")]
    Today(String, #[source] jiff::Error),
    #[error(transparent)]
    Clinic(#[from] ClinicError),
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("synthetic: {failure}");
            let mut source = std::error::Error::source(&failure);
            while let Some(cause) = source {
                eprintln!("  because {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let zone = TimeZone::get(&arguments.zone)
        .map_err(|cause| Failure::Zone(arguments.zone.clone(), cause))?;
    let now = match &arguments.today {
        Some(text) => moment(text).map_err(|cause| Failure::Today(text.clone(), cause))?,
        None => jiff::Timestamp::now().to_zoned(zone.clone()).datetime(),
    };
    let clinic = Clinic::new(arguments.seed, arguments.patients, now.date(), zone)?.at(now.time());

    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|cause| Failure::Write(out.clone(), cause))?;

    if let Some(text) = &arguments.diary_after {
        let day = text
            .parse::<Date>()
            .map_err(|cause| Failure::Today(text.clone(), cause))?;
        for (number, bundle) in clinic.diary_after(day).enumerate() {
            write(&out.join(format!("diary-{number:05}.json")), &bundle)?;
        }
        return Ok(());
    }
    write(&out.join("users.json"), &clinic.users())?;

    let bar = ProgressBar::new(u64::from(clinic.patients()));
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} patients {eta}") {
        bar.set_style(style);
    }
    for (number, bundle) in clinic.bundles(arguments.per_file).enumerate() {
        write(&out.join(format!("bundle-{number:05}.json")), &bundle)?;
        let patients = bundle["entry"].as_array().map_or(0, |entries| {
            entries
                .iter()
                .filter(|entry| entry["resource"]["resourceType"] == "Patient")
                .count()
        });
        bar.inc(patients as u64);
    }
    bar.finish();
    Ok(())
}

/// A date, or a date and a time; a date alone means half past ten.
fn moment(text: &str) -> Result<jiff::civil::DateTime, jiff::Error> {
    if text.contains('T') {
        text.parse()
    } else {
        text.parse::<Date>().map(|date| date.at(10, 30, 0, 0))
    }
}

fn write<T: serde::Serialize>(path: &Path, value: &T) -> Result<(), Failure> {
    let failed = |cause| Failure::Write(path.to_owned(), cause);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    serde_json::to_writer(&mut file, value).map_err(|cause| failed(cause.into()))?;
    file.flush().map_err(failed)
}
