//! Destroying the keys of a patient.

use ledger::Action;
use serde::Serialize;
use uuid::Uuid;

use super::Work;
use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::token;
use crate::commands::user::event;
use crate::store::error::StoreError;
use crate::store::keys::operate;
use crate::store::{closed, write};

/// What was destroyed.
#[derive(Debug, Serialize)]
pub(super) struct Destroyed {
    patient: String,
    /// Keys that were erased now; none if they were before.
    keys: u64,
    /// Resources that were taken out of the records now.
    resources: u64,
}

/// In this order: the record is closed, so that nothing more is written under its keys; the keys
/// are erased; then it takes one lease until no server can hold one of them. Whatever interrupts
/// this, running it again goes on.
pub(super) async fn destroy(work: &mut Work, patient: &str) -> Result<Destroyed, CommandError> {
    let app = &work.app;
    {
        let client = app.pool.get().await.map_err(StoreError::from)?;
        let known = closed::is_known(app, &client, patient).await?;
        if patient.is_empty() || !known {
            return Err(CommandError::UnknownPatient);
        }
    }
    let author = token::program(app, "keys").await?.id;
    let resources = close(
        app,
        author,
        patient,
        "the keys of this record are destroyed: no copy of it can be opened again",
    )
    .await?;
    let tx = work.keys.transaction().await.map_err(StoreError::from)?;
    let keys = operate::destroy(&tx, app.tenant.id, patient, app.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tokio::time::sleep(app.keys.limits().lease).await;
    operate::sweep(&work.keys).await?;
    Ok(Destroyed {
        patient: patient.to_owned(),
        keys,
        resources: resources.unwrap_or(0),
    })
}

/// Patients whose records are closed but whose keys are not destroyed: the destruction was
/// interrupted, or the key store came back from a backup.
pub(super) async fn unfinished(app: &App) -> Result<Vec<String>, CommandError> {
    let closed = {
        let client = app.pool.get().await.map_err(StoreError::from)?;
        closed::all(app, &client).await?
    };
    Ok(app.keys.living(&closed).await?)
}

/// Closes records whose keys were destroyed and that are open here: the database was restored
/// from before. Nobody could have opened them; this takes them out of the index again.
///
/// # Errors
/// [`CommandError`].
pub(in crate::commands) async fn close_again(app: &App) -> Result<(), CommandError> {
    let unfinished = unfinished(app).await?;
    if !unfinished.is_empty() {
        tracing::warn!(
            records = unfinished.len(),
            "closed records have keys that open: `rounds-server keys list` names them, \
             `rounds-server keys destroy` ends them"
        );
    }
    let destroyed = app.keys.destroyed().await?;
    if destroyed.is_empty() {
        return Ok(());
    }
    let open = {
        let client = app.pool.get().await.map_err(StoreError::from)?;
        closed::still_open(app, &client, &destroyed).await?
    };
    if open.is_empty() {
        return Ok(());
    }
    let author = token::program(app, "keys").await?.id;
    for patient in &open {
        let why = "the keys of this record were destroyed: closed again after a restore";
        close(app, author, patient, why).await?;
    }
    tracing::warn!(
        records = open.len(),
        "records whose keys were destroyed came back with a restore and were closed again"
    );
    Ok(())
}

async fn close(
    app: &App,
    author: Uuid,
    patient: &str,
    why: &str,
) -> Result<Option<u64>, CommandError> {
    let mut recorded =
        event(app, Action::KeysDestroyed, "keys destroy").because(why.to_owned(), []);
    recorded.patients = vec![patient.to_owned()];
    let recorded = &recorded;
    write::commit(app, "close-record", move |tx, _| {
        Box::pin(async move {
            let closed = closed::close(app, tx, author, patient).await?;
            append::append(app, tx, recorded).await?;
            Ok::<_, CommandError>(closed)
        })
    })
    .await
}
