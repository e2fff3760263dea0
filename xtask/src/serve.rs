//! `cargo xtask serve`: the platform alone, in the foreground.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use testbed::Platform;

use crate::clinic::{self, Filling, Wanted};
use crate::failure::Failure;
use crate::step::seconds;
use crate::{build, install, step, stop};

/// Options of `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// No clinic: an empty platform with one user of each role.
    #[arg(long)]
    empty: bool,
    /// Load the FHIR bundles of this folder; may be given several times.
    #[arg(long, value_name = "DIR")]
    import: Vec<PathBuf>,
    /// Seed of the synthetic clinic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Size of the synthetic clinic.
    #[arg(long, default_value_t = 200)]
    patients: u32,
    /// The server's port, if it is free.
    #[arg(long)]
    port: Option<u16>,
    /// Keep everything in this folder. Otherwise a clinic without imports is kept in
    /// `target/serve`, and the rest goes when it stops.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Serve {
    fn wanted(&self) -> Result<Wanted, Failure> {
        let filling = if self.empty {
            Filling::Nothing
        } else {
            Filling::Synthetic {
                seed: self.seed,
                patients: self.patients,
            }
        };
        Ok(Wanted {
            data: kept("serve", self.data.clone(), filling, &self.import)?,
            filling,
            imports: self.import.clone(),
            port: self.port,
            password: None,
        })
    }
}

/// Where a platform is kept. What can be the same next time is; an import would come twice.
pub(crate) fn kept(
    task: &str,
    wish: Option<PathBuf>,
    filling: Filling,
    imports: &[PathBuf],
) -> Result<Option<PathBuf>, Failure> {
    match (wish, filling) {
        (Some(folder), _) => std::path::absolute(&folder)
            .map(Some)
            .map_err(Failure::file(folder)),
        (None, Filling::Synthetic { seed, patients }) if imports.is_empty() => Ok(Some(
            step::target()
                .join(task)
                .join(format!("clinic-{seed}-{patients}")),
        )),
        (None, _) => Ok(None),
    }
}

/// Runs until Ctrl-C or SIGTERM.
pub(crate) fn run(options: &Serve) -> Result<(), Failure> {
    let begin = Instant::now();
    install::missing(install::For::Platform)?;
    build::programs(&["rounds-server", "synthetic"])?;
    let mut platform = clinic::open(&options.wanted()?)?;
    let connection = step::target().join("serve/connection.json");
    clinic::write_connection(&mut platform, &connection)?;
    eprintln!(
        "   {} after {}",
        platform.base_url(),
        seconds(begin.elapsed())
    );
    eprintln!("   how to connect: {}", connection.display());
    eprintln!("   the server's log: {}", platform.log().display());
    println!("ready");
    let ended = watch(&mut platform);
    // Nobody should find a platform there that is gone.
    let _ = std::fs::remove_file(&connection);
    ended
}

/// Waits until the user wants to stop; an error if the server stops first.
pub(crate) fn watch(platform: &mut Platform) -> Result<(), Failure> {
    while !stop::wait(Duration::from_millis(300)) {
        if platform.server_id().is_none() {
            return Err(Failure::Plain(format!(
                "the server ended; its log: {}",
                platform.log().display()
            )));
        }
    }
    Ok(())
}
