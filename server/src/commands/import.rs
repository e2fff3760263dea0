//! Importing folders of FHIR files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use deadpool_postgres::Transaction;
use fhir::resource;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ledger::Action;
use ledger::event::{AccessEvent, Actor};
use tokio::task::JoinSet;

use crate::app::App;
use crate::commands::error::CommandError;
use crate::commands::import_plan::{self, Piece};
use crate::commands::import_report::{self, Counts, Failure, Report};
use crate::commands::{token, user};
use crate::identity::account::Account;
use crate::store::error::StoreError;
use crate::store::transaction::Retryable;
use crate::store::write::{self, Recording, Refusal, Touched, WriteContext, WriteError, WriteOp};

/// Lines of an ndjson file in one transaction.
const LINES: usize = 500;
/// Pieces that are stored at once.
const AT_ONCE: usize = 2;

/// Imports a folder.
///
/// # Errors
/// When the folder cannot be read or the database cannot be used. What does not fit is no error
/// but stands in the report.
pub async fn import(app: &Arc<App>, folder: &Path, progress: bool) -> Result<Report, CommandError> {
    let begin = Instant::now();
    let files = files(folder)?;
    let author = token::program(app, "import").await?;
    let bar = bar(files.len() as u64, "files", progress);
    let mut report = Report {
        files: files.len() as u64,
        ..Report::default()
    };
    let mut waiting = files;
    // A file may refer to what another one brings: what dangles is tried again after the others,
    // as long as that helps.
    loop {
        let before = waiting.len();
        waiting = pass(app, &author, waiting, &mut report, &bar, false).await?;
        if waiting.is_empty() {
            break;
        }
        if waiting.len() == before {
            pass(app, &author, waiting, &mut report, &bar, true).await?;
            break;
        }
    }
    bar.finish_and_clear();
    report
        .failed
        .sort_by(|a, b| (&a.file, a.entry).cmp(&(&b.file, b.entry)));
    report.seconds = begin.elapsed().as_secs_f64();
    Ok(report)
}

/// Tries each file. Returns those that dangle, unless it is the `last` pass.
async fn pass(
    app: &Arc<App>,
    author: &Account,
    files: Vec<PathBuf>,
    report: &mut Report,
    bar: &ProgressBar,
    last: bool,
) -> Result<Vec<PathBuf>, CommandError> {
    let mut again = Vec::new();
    let mut running = JoinSet::new();
    let mut files = files.into_iter();
    loop {
        while running.len() < AT_ONCE {
            let Some(path) = files.next() else { break };
            let (app, author) = (Arc::clone(app), author.clone());
            running.spawn(async move { file(&app, &author, path).await });
        }
        let Some(done) = running.join_next().await else {
            break;
        };
        let done = done??;
        import_report::add(&mut report.imported, &done.imported);
        import_report::add(&mut report.imported_before, &done.imported_before);
        if done.dangles && !last {
            again.push(done.path);
            continue;
        }
        bar.inc(1);
        bar.set_message(format!(
            "{} resources",
            report.imported.values().sum::<u64>()
        ));
        report.failed.extend(done.failed);
    }
    again.sort();
    Ok(again)
}

/// What became of one file.
struct Done {
    path: PathBuf,
    imported: Counts,
    imported_before: Counts,
    failed: Vec<Failure>,
    /// Something failed for a reference to what is not there (yet).
    dangles: bool,
}

async fn file(app: &Arc<App>, author: &Account, path: PathBuf) -> Result<Done, CommandError> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut done = Done {
        path: path.clone(),
        imported: Counts::new(),
        imported_before: Counts::new(),
        failed: Vec::new(),
        dangles: false,
    };
    let reading = name.clone();
    let pieces = tokio::task::spawn_blocking(move || {
        let text = std::fs::read(&path).map_err(|source| CommandError::File {
            path: path.clone(),
            source,
        })?;
        let lines = path
            .extension()
            .is_some_and(|extension| extension == "ndjson");
        Ok::<_, CommandError>(if lines {
            import_plan::read_lines(&reading, &text, LINES)
        } else {
            import_plan::read_bundle(&reading, &text).map(|piece| vec![piece])
        })
    })
    .await??;
    let pieces = match pieces {
        Ok(pieces) => pieces,
        Err(error) => {
            done.failed.push(Failure {
                file: name,
                entry: None,
                reasons: vec![error.to_string()],
            });
            return Ok(done);
        }
    };
    for piece in pieces {
        if let Some(counts) = stored_before(app, &piece).await? {
            import_report::add(&mut done.imported_before, &counts);
            continue;
        }
        store(app, author, piece, &mut done).await?;
    }
    Ok(done)
}

/// Stores a piece. Of a piece that is not atomic, what is refused is left out and the rest tried
/// again.
async fn store(
    app: &Arc<App>,
    author: &Account,
    piece: Piece,
    done: &mut Done,
) -> Result<(), CommandError> {
    let mut left_out: HashSet<usize> = HashSet::new();
    let mut failures = Vec::new();
    loop {
        let tried = {
            let (piece, left_out) = (&piece, &left_out);
            write::commit(app, "import", move |tx, _| {
                Box::pin(store_once(app, tx, author, piece, left_out))
            })
            .await
        };
        let refused = match tried {
            Ok(counts) => {
                import_report::add(&mut done.imported, &counts);
                break;
            }
            Err(refused) => refused,
        };
        if let Some(cause) = refused.error.store() {
            tracing::error!(code = cause.code(), "the store failed during an import");
        }
        let entry = refused.entry;
        done.dangles |= matches!(refused.error.refusal, Refusal::Dangling(_));
        let reasons = refused
            .error
            .issues()
            .iter()
            .map(ToString::to_string)
            .collect();
        failures.push(Failure {
            file: piece.file.clone(),
            entry,
            reasons,
        });
        match entry {
            Some(entry) if !piece.atomic && left_out.insert(entry) => {}
            _ => break,
        }
    }
    done.failed.extend(failures);
    Ok(())
}

/// A refusal and the entry that it is about.
struct Refused {
    error: WriteError,
    entry: Option<usize>,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self {
            error: error.into(),
            entry: None,
        }
    }
}

impl Retryable for Refused {
    fn store(&self) -> Option<&StoreError> {
        self.error.store()
    }
}

async fn store_once(
    app: &App,
    tx: &Transaction<'_>,
    author: &Account,
    piece: &Piece,
    left_out: &HashSet<usize>,
) -> Result<Counts, Refused> {
    let operations = import_plan::operations(app, tx, piece, left_out).await?;
    let (entries, operations): (Vec<usize>, Vec<WriteOp>) = operations.into_iter().unzip();
    let actor = Actor {
        id: author.id,
        name: author.display_name.clone(),
        role: author.role.as_str().to_owned(),
    };
    let event = |touched: &Touched| -> AccessEvent {
        let mut event = user::event(app, Action::Imported, "import").by(actor.clone());
        event.patients = touched.patients.clone();
        event
    };
    let context = WriteContext {
        app,
        author: author.id,
        device: None,
        now: app.now(),
        recording: Recording::Here(&event),
        gate: None,
    };
    let mut counts = Counts::new();
    for operation in &operations {
        if let WriteOp::Put { resource, .. } | WriteOp::Create { resource, .. } = operation {
            let kind = resource::resource_type(resource).unwrap_or("?").to_owned();
            *counts.entry(kind).or_default() += 1;
        }
    }
    write::apply(tx, &context, operations)
        .await
        .map_err(|error| {
            let entry = error.op.and_then(|op| entries.get(op).copied());
            Refused { error, entry }
        })?;
    // Remembered in the same transaction: a file is imported and known as such, or neither.
    let whole = left_out.is_empty();
    if whole {
        let kept = serde_json::to_value(&counts).unwrap_or_default();
        tx.execute(
            "INSERT INTO import_file (tenant, digest, imported_at, report) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[&app.tenant.id, &key(app, piece), &context.now, &kept],
        )
        .await
        .map_err(StoreError::from)?;
    }
    Ok(counts)
}

async fn stored_before(app: &App, piece: &Piece) -> Result<Option<Counts>, StoreError> {
    let client = app.pool.get().await?;
    let row = client
        .query_opt(
            "SELECT report FROM import_file WHERE tenant = $1 AND digest = $2",
            &[&app.tenant.id, &key(app, piece)],
        )
        .await?;
    Ok(row.map(|row| serde_json::from_value(row.get(0)).unwrap_or_default()))
}

fn key(app: &App, piece: &Piece) -> Vec<u8> {
    import_plan::memory_key(app, piece).as_bytes().to_vec()
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let failed = |source| CommandError::File {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let wanted = path
            .extension()
            .is_some_and(|ext| ext == "json" || ext == "ndjson");
        if wanted && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A bar over `total` of `what`.
pub(super) fn bar(total: u64, what: &str, wanted: bool) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if wanted {
        // Not only on a terminal: whoever asked for it reads it from a pipe.
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(4));
    }
    let template = format!("{{bar:40}} {{pos}}/{{len}} {what}  {{msg}}  {{eta}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
