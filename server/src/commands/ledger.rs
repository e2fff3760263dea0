//! Verifying the ledger, from the operator's side.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::commands::error::CommandError;
use crate::ledger::verify::{self, Report, State};

/// A state with the keyed hash that says it is ours: who could write it could skip events.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    mark: String,
}

/// Reads the whole ledger again. With `resume`, how far it came is kept in that file until it is
/// done, and an interrupted run goes on from there.
///
/// # Errors
/// [`CommandError`]; what is wrong with the ledger is in the report.
pub async fn verify(
    app: &App,
    resume: Option<PathBuf>,
    progress: bool,
) -> Result<Report, CommandError> {
    let end = verify::size(app).await?;
    let mut state = match &resume {
        Some(path) => load(app, path)?.unwrap_or_else(|| State::new(app.tenant.id)),
        None => State::new(app.tenant.id),
    };
    let bar = bar(end, progress);
    bar.set_position(state.done());
    while verify::step(app, &mut state, end).await? {
        bar.set_position(state.done());
        if let Some(path) = &resume {
            save(app, path, &state)?;
        }
    }
    bar.finish_and_clear();
    let report = verify::finish(app, state, end).await?;
    if let Some(path) = &resume {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(file(path)(error)),
            _ => {}
        }
    }
    Ok(report)
}

fn load(app: &App, path: &Path) -> Result<Option<State>, CommandError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file(path)(error)),
    };
    let foreign = CommandError::Argument("the file to resume from is not one of this ledger");
    let Ok(kept) = serde_json::from_slice::<Kept>(&text) else {
        return Err(foreign);
    };
    if kept.mark != app.ledger.mark_of_state(app.tenant.id, &kept.state) {
        return Err(foreign);
    }
    Ok(Some(serde_json::from_str(&kept.state)?))
}

fn save(app: &App, path: &Path, state: &State) -> Result<(), CommandError> {
    let state = serde_json::to_string(state)?;
    let mark = app.ledger.mark_of_state(app.tenant.id, &state);
    let text = serde_json::to_vec(&Kept { state, mark })?;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&name)
        .and_then(|mut kept| {
            kept.write_all(&text)?;
            kept.sync_all()
        })
        .and_then(|()| std::fs::rename(&name, path));
    written.map_err(file(path))
}

fn file(path: &Path) -> impl Fn(std::io::Error) -> CommandError {
    let path = path.to_owned();
    move |source| CommandError::File {
        path: path.clone(),
        source,
    }
}

fn bar(events: u64, wanted: bool) -> ProgressBar {
    let bar = ProgressBar::new(events);
    if wanted {
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(4));
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} events  {per_sec}  {eta}")
    {
        bar.set_style(style);
    }
    bar
}
