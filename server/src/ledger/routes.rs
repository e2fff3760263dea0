//! The ledger over HTTP, for those who witness it.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use ledger::Action;
use ledger::event::Outcome;
use protocol::fault::Code;
use protocol::ledger::{
    Checkpoint, ConsistencyProof, InclusionProof, LedgerAlarm, LedgerFault, LedgerHead,
};
use protocol::path;
use protocol::report::ReviewKind;
use serde::Deserialize;
use uuid::Uuid;

use crate::app::App;
use crate::audit::reading;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::ledger::{LedgerError, prove, restore};
use crate::review;
use crate::store::error::StoreError;

/// The longest note that an alarm may carry.
const NOTE: usize = 8 * 1024;

/// Routes of the ledger.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::LEDGER_CHECKPOINT, get(checkpoint))
        .route(path::LEDGER_CONSISTENCY, get(consistency))
        .route(path::LEDGER_INCLUSION, get(inclusion))
        .route(path::LEDGER_ALARM, post(alarm))
}

/// Tells nobody anything about anybody, so it leaves no event: each sync asks for it, and each
/// event would make the next checkpoint.
async fn checkpoint(State(app): State<Arc<App>>, _: Caller) -> Result<Json<LedgerHead>, Refusal> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let note = prove::checkpoint(&app, &client).await?.note;
    let restores = restore::all(&app, &client).await?;
    Ok(Json(LedgerHead { note, restores }))
}

#[derive(Deserialize)]
struct Sizes {
    from: u64,
    to: u64,
}

/// Hashes of hashes: no event either.
async fn consistency(
    State(app): State<Arc<App>>,
    _: Caller,
    asked: Result<Query<Sizes>, QueryRejection>,
) -> Result<Json<ConsistencyProof>, Refusal> {
    let Ok(Query(asked)) = asked else {
        return Err(unreadable());
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    prove::consistency(&app, &client, asked.from, asked.to)
        .await?
        .map(Json)
        .ok_or_else(|| Refusal::new(Code::Malformed).detail("there are no trees of these sizes"))
}

#[derive(Deserialize)]
struct Leaf {
    event: Uuid,
    size: u64,
}

/// Says that an event exists, and when among the others: for readers of the audit, and for the
/// workstation that the event is of.
async fn inclusion(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Leaf>, QueryRejection>,
) -> Result<Json<InclusionProof>, Refusal> {
    let Ok(Query(asked)) = asked else {
        return Err(unreadable());
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let entity = format!("AuditEvent/{}", asked.event);
    let own = match caller.device {
        Some(device) => prove::is_of_device(&app, &client, asked.event, device).await?,
        None => false,
    };
    let granted = if own {
        None
    } else {
        Some(reading::pass(&app, &caller, Action::LedgerProved, Some(&entity)).await?)
    };
    let proof = prove::inclusion(&app, &client, asked.event, asked.size)
        .await?
        .ok_or_else(|| {
            Refusal::new(Code::Malformed).detail("there is no such event in a tree of this size")
        })?;
    let mut event = caller.event(&app, Action::LedgerProved).touching(entity);
    event = match granted {
        Some(granted) => granted.tell(event),
        None => event.because("The event is this workstation's own.", []),
    };
    reading::record(&app, &[event]).await?;
    Ok(Json(proof))
}

/// A workstation found that the ledger does not go on from what it had witnessed.
async fn alarm(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(alarm): Body<LedgerAlarm>,
) -> Result<StatusCode, Refusal> {
    let notes = [Some(&alarm.kept), alarm.seen.as_ref()];
    if notes.iter().flatten().any(|kept| kept.note.len() > NOTE) {
        return Err(Refusal::new(Code::TooLarge).detail("a checkpoint is a few hundred bytes"));
    }
    let words = words(&app, &alarm);
    let event = caller
        .event(&app, Action::LedgerBroken)
        .ending(Outcome::Failed)
        .because(&words, []);
    tracing::error!(device = ?caller.device, "a workstation witnessed a ledger that does not continue");
    review::raise_unless_open(&app, &event, ReviewKind::LedgerBroken, &words).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn words(app: &App, alarm: &LedgerAlarm) -> String {
    let reason = match alarm.reason {
        LedgerFault::Signature => "was shown a checkpoint that the ledger's key did not sign",
        LedgerFault::Shrunk => "was shown a ledger smaller than one that it had seen",
        LedgerFault::Inconsistent => {
            "was shown a ledger that does not continue the one it had seen"
        }
        LedgerFault::Unreadable => "was shown a checkpoint or a proof that cannot be read",
        LedgerFault::Restored => {
            "took up a ledger that begins again after a restore, as the operator said"
        }
    };
    let size = |kept: &Checkpoint| {
        ledger::checkpoint::Checkpoint::open(&kept.note, app.ledger.verifier())
            .map(|checkpoint| checkpoint.size)
    };
    // What it kept speaks for it only if this clinic's ledger signed it.
    let kept = match size(&alarm.kept) {
        Ok(size) => format!("a signed checkpoint of {size} events"),
        Err(_) => "a checkpoint without this ledger's signature".to_owned(),
    };
    let seen = match alarm.seen.as_ref().map(size) {
        Some(Ok(size)) => format!("a signed checkpoint of {size} events"),
        Some(Err(_)) => "a checkpoint without this ledger's signature".to_owned(),
        None => "nothing that can be read".to_owned(),
    };
    format!("A workstation {reason}: it had kept {kept} and was shown {seen}.")
}

fn unreadable() -> Refusal {
    Refusal::new(Code::Malformed).detail("the query cannot be read")
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        tracing::error!(code = error.code(), "the ledger cannot answer");
        Self::new(Code::Unavailable)
    }
}
