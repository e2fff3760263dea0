//! The budgets, measured: `cargo run --release -p bench -- [--row NAME]… [--json FILE]`.
//!
//! A row measures what Rounds ships against a peer on the same machine in the same run. The
//! peer of the cache rows is plain SQLite: the same library without a key, with equal pragmas,
//! on the same schema and rows, through statements written by hand. Ours goes through the
//! public interface of the crate, so that what it adds is measured with it. The peer of the
//! server's rows is pgbench on the cluster that the server uses; of the window's, an empty one.
//!
//! Never: a figure from an unoptimised build, a row whose peer ran at another time.

mod ceiling;
mod clinic;
mod measure;
mod plain;
mod populated;
mod report;
mod row;
mod rows;
mod screen;
mod served;
mod station;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Measures the budgets and prints how far each is from its limit.
#[derive(Parser)]
struct Options {
    /// Measure these rows only; all if none is named.
    #[arg(long = "row")]
    rows: Vec<String>,
    /// Write the rows as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the table goes. Not written when single rows are measured.
    #[arg(long, default_value = "docs/benchmarks.md")]
    table: PathBuf,
    /// Name the rows and end.
    #[arg(long)]
    list: bool,
    /// Measure a debug build after all, to try a row; its figures mean nothing.
    #[arg(long)]
    unoptimised: bool,
}

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let options = Options::parse();
    let known = rows::all();
    if options.list {
        for row in &known {
            println!("{}", row.name());
        }
        return ExitCode::SUCCESS;
    }
    if cfg!(debug_assertions) && !options.unoptimised {
        println!("This is a debug build: run it with --release.");
        return ExitCode::FAILURE;
    }
    if let Some(unknown) = options
        .rows
        .iter()
        .find(|name| !known.iter().any(|row| row.name() == name.as_str()))
    {
        println!("There is no row {unknown}; --list names them.");
        return ExitCode::FAILURE;
    }
    let chosen: Vec<_> = known
        .into_iter()
        .filter(|row| options.rows.is_empty() || options.rows.iter().any(|name| name == row.name()))
        .collect();
    match run(&options, &chosen) {
        Ok(within) => ExitCode::from(u8::from(!within)),
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)]
fn run(options: &Options, chosen: &[Box<dyn row::Row>]) -> Result<bool, row::RowError> {
    let progress = indicatif::ProgressBar::new_spinner();
    let mut measured = Vec::new();
    let mut broken = Vec::new();
    for row in chosen {
        progress.set_message(format!("{}: preparing", row.name()));
        progress.enable_steady_tick(std::time::Duration::from_millis(120));
        match row.measure(&|what| progress.set_message(format!("{}: {what}", row.name()))) {
            Ok(result) => {
                for row in result {
                    progress.suspend(|| println!("{}", report::line(&row)));
                    measured.push(row);
                }
            }
            // The others took minutes, and do not need it.
            Err(error) => {
                progress.suspend(|| println!("{:24} NOT MEASURED: {error}", row.name()));
                broken.push((row.name(), error.to_string()));
            }
        }
    }
    progress.finish_and_clear();
    let machine = load::machine::describe();
    if let Some(path) = &options.json {
        std::fs::write(path, report::json(&measured)?)?;
    }
    if options.rows.is_empty() {
        load::page::put(
            &options.table,
            "Budgets",
            &report::table(&measured, &broken, &machine),
        )?;
    }
    Ok(broken.is_empty() && measured.iter().all(|row| row.within_budget))
}
