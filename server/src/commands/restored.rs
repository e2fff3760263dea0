//! After the records were restored from a backup.

use std::io::ErrorKind;
use std::path::PathBuf;

use ledger::Action;
use protocol::ledger::LedgerRestore;
use serde::Serialize;
use uuid::Uuid;

use crate::app::App;
use crate::commands::error::CommandError;
use crate::commands::init::records_owner;
use crate::commands::user::event;
use crate::config::Config;
use crate::ledger::restore::{self, LONGEST_REASON};
use crate::store::tenant;

/// What was begun.
#[derive(Debug, Serialize)]
pub(super) struct Begun {
    epoch: Uuid,
    /// What workstations are told of the ledger.
    said: LedgerRestore,
    /// Where the newest checkpoint of the life before lies now.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_kept_as: Option<PathBuf>,
}

/// Gives the restored records a life of their own, and says so in the ledger. The database cannot
/// know by itself that it is older than it was; servers learn it when they start.
///
/// # Errors
/// [`CommandError`]; run again, it does the rest.
pub(super) async fn restored(app: &App, reason: &str) -> Result<Begun, CommandError> {
    let reason = reason.trim();
    let length = reason.chars().count();
    if !(3..=LONGEST_REASON).contains(&length) || reason.chars().any(char::is_control) {
        return Err(CommandError::Argument(
            "the reason is 3 to 500 characters on one line",
        ));
    }
    let event = event(app, Action::DatabaseRestored, "restored");
    let said = restore::say(app, reason, event).await?;
    let owner = records_owner(&Config::from_env()?).await?;
    let epoch = Uuid::new_v4();
    tenant::begin_epoch(&owner, app.tenant.id, epoch).await?;
    Ok(Begun {
        epoch,
        said,
        checkpoint_kept_as: set_checkpoint_aside(app)?,
    })
}

/// The ledger that ends before its newest checkpoint would look cut off for ever. The checkpoint
/// is evidence of what was lost: it is kept under another name.
fn set_checkpoint_aside(app: &App) -> Result<Option<PathBuf>, CommandError> {
    let Some(path) = &app.config.checkpoint_file else {
        return Ok(None);
    };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-{}", app.now().strftime("%Y%m%dT%H%M%SZ")));
    let aside = PathBuf::from(name);
    match std::fs::rename(path, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CommandError::File {
            path: path.clone(),
            source,
        }),
    }
}
