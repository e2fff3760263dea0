//! Chains that do not go on: said once, loudly; taken when the workstation insists.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use ledger::Action;
use ledger::chain::Link;
use ledger::event::Outcome;
use protocol::report::ReviewKind;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::audit::chain::weigh::Weighed;
use crate::audit::chain::{BatchError, INSISTENCE, Refused, signed};
use crate::identity::caller::Caller;
use crate::review::{self, Opening};
use crate::store::error::StoreError;
use crate::store::transaction;

/// Hash of a link as it came, whatever it says of itself.
pub fn offered(link: Option<&Link>) -> String {
    let text = link.and_then(|link| serde_json::to_vec(link).ok());
    hex::encode(Sha256::digest(text.unwrap_or_default()))
}

/// Whether the same link did not fit [`INSISTENCE`] ago or earlier: the workstation has no other.
pub async fn insisted(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    refused: &Refused,
) -> Result<bool, StoreError> {
    let row = tx
        .query_opt(
            "SELECT seen_at FROM chain_break \
             WHERE tenant = $1 AND device = $2 AND life = $3 AND offered = $4",
            &[&app.tenant.id, &device, &refused.life, &refused.offered],
        )
        .await?;
    Ok(row.is_some_and(|row| {
        let seen: Timestamp = row.get(0);
        app.now().duration_since(seen) >= INSISTENCE
    }))
}

/// Whether this is the first time that the link comes after this gap: then the workstation is told
/// how far the chain is held, and asked for what is missing.
pub async fn asked_for(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    refused: &Refused,
) -> Result<bool, StoreError> {
    let asked = tx
        .execute(
            "UPDATE device SET chain_asked = $3 \
             WHERE tenant = $1 AND id = $2 AND chain_asked IS DISTINCT FROM $3",
            &[&app.tenant.id, &device, &refused.offered],
        )
        .await?;
    Ok(asked == 1)
}

/// Alert and review, when this link did not fit for the first time.
pub async fn report(
    app: &App,
    caller: &Caller,
    device: Uuid,
    refused: &Refused,
) -> Result<(), StoreError> {
    let (action, kind) = names(&refused.error);
    let words = words(&refused.error);
    let event = caller
        .event(app, action)
        .ending(Outcome::Refused)
        .because(format!("{} ({})", refused.error.code(), refused.error), []);
    tracing::warn!(%device, code = refused.error.code(), "a workstation's audit chain is broken");
    transaction::run(app, "chain-break", |tx, _| {
        let (event, words) = (&event, &words);
        Box::pin(async move {
            let first = tx
                .execute(
                    "INSERT INTO chain_break (tenant, device, life, offered, number, code, \
                                              seen_at, event) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                     ON CONFLICT (tenant, device, life, offered) DO NOTHING",
                    &[
                        &app.tenant.id,
                        &device,
                        &refused.life,
                        &refused.offered,
                        &signed(refused.number),
                        &refused.error.code(),
                        &app.now(),
                        &event.id,
                    ],
                )
                .await?;
            if first == 0 {
                return Ok(());
            }
            append::append(app, tx, event).await?;
            review::open(app, tx, &Opening::of(kind, event, words)).await
        })
    })
    .await
}

/// Records that links which do not fit were taken after all.
pub async fn taken(
    app: &App,
    tx: &Transaction<'_>,
    caller: &Caller,
    refused: &Refused,
    weighed: &Weighed<'_>,
) -> Result<(), StoreError> {
    let (action, _) = names(&refused.error);
    let event = caller.event(app, action).because(
        format!(
            "{} (the workstation has no other links: {} events taken, {} set aside, the chain \
             goes on in life {})",
            refused.error.code(),
            weighed.events.len(),
            weighed.aside.len(),
            weighed.life
        ),
        [],
    );
    append::append(app, tx, &event).await
}

fn names(error: &BatchError) -> (Action, ReviewKind) {
    match error {
        BatchError::Reset { .. } => (Action::DeviceReset, ReviewKind::DeviceReset),
        _ => (Action::ChainBroken, ReviewKind::ChainBroken),
    }
}

/// For the security officer.
fn words(error: &BatchError) -> String {
    match error {
        BatchError::Reset { known } => format!(
            "This workstation begins its record anew, although {known} events of it were received \
             before: it was wiped or restored. Events that it had not sent are lost."
        ),
        BatchError::Rewritten { number } => format!(
            "Event {number} of this workstation came again with something else in it: it was \
             rolled back to an earlier state, or another one uses its key."
        ),
        BatchError::Event { number, reason } => {
            format!("Event {number} of this workstation cannot be believed: {reason}.")
        }
        other => format!("This workstation's record does not go on: {other}."),
    }
}
