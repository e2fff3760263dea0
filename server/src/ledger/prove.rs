//! The newest checkpoint, and proofs from the tree.

use deadpool_postgres::GenericClient;
use ledger::tree::{Plan, empty_root};
use protocol::ledger::{Checkpoint, ConsistencyProof, InclusionProof};
use uuid::Uuid;

use crate::app::App;
use crate::ledger::{LedgerError, nodes};
use crate::store::error::StoreError;

/// The newest checkpoint; before the first event that of the tree without leaves.
///
/// # Errors
/// [`LedgerError`].
pub async fn checkpoint(app: &App, client: &impl GenericClient) -> Result<Checkpoint, LedgerError> {
    let statement = client
        .prepare_cached(
            "SELECT note FROM ledger_checkpoint WHERE tenant = $1 ORDER BY size DESC LIMIT 1",
        )
        .await?;
    let row = client.query_opt(&statement, &[&app.tenant.id]).await?;
    let note = match row {
        Some(row) => row.get(0),
        None => app.ledger.sign(0, empty_root())?,
    };
    Ok(Checkpoint { note })
}

/// That the tree of `to` leaves continues that of `from`; none if there are no such trees.
///
/// # Errors
/// [`LedgerError`].
pub async fn consistency(
    app: &App,
    client: &impl GenericClient,
    from: u64,
    to: u64,
) -> Result<Option<ConsistencyProof>, LedgerError> {
    if to > size(app, client).await? {
        return Ok(None);
    }
    let Some(plan) = Plan::consistency(from, to) else {
        return Ok(None);
    };
    let hashes = assemble(app, client, &plan, to).await?;
    Ok(Some(ConsistencyProof { from, to, hashes }))
}

/// That an event is in the tree of `size` leaves; none if it is not.
///
/// # Errors
/// [`LedgerError`].
pub async fn inclusion(
    app: &App,
    client: &impl GenericClient,
    event: Uuid,
    size: u64,
) -> Result<Option<InclusionProof>, LedgerError> {
    if size > self::size(app, client).await? {
        return Ok(None);
    }
    let statement = client
        .prepare_cached("SELECT position FROM ledger_leaf WHERE tenant = $1 AND event = $2")
        .await?;
    let row = client
        .query_opt(&statement, &[&app.tenant.id, &event])
        .await?;
    let Some(index) = row.map(|row| row.get::<_, i64>(0).unsigned_abs()) else {
        return Ok(None);
    };
    let Some(plan) = Plan::inclusion(index, size) else {
        return Ok(None);
    };
    let hashes = assemble(app, client, &plan, size).await?;
    Ok(Some(InclusionProof {
        size,
        index,
        hashes,
    }))
}

/// Whether the event was recorded by this device or asked for from it.
///
/// # Errors
/// When the database refuses.
pub async fn is_of_device(
    app: &App,
    client: &impl GenericClient,
    event: Uuid,
    device: Uuid,
) -> Result<bool, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT FROM audit_event WHERE tenant = $1 AND id = $2 AND (device = $3 OR client = $3)",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&app.tenant.id, &event, &device])
        .await?;
    Ok(row.is_some())
}

/// Leaves under a signed checkpoint.
async fn size(app: &App, client: &impl GenericClient) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached("SELECT coalesce(max(size), 0) FROM ledger_checkpoint WHERE tenant = $1")
        .await?;
    let row = client.query_one(&statement, &[&app.tenant.id]).await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

async fn assemble(
    app: &App,
    client: &impl GenericClient,
    plan: &Plan,
    size: u64,
) -> Result<Vec<String>, LedgerError> {
    let wanted: Vec<_> = plan.nodes().collect();
    let hashes = nodes::hashes(client, app.tenant.id, &wanted).await?;
    let proof = plan
        .assemble(|node| hashes.get(&node).copied())
        .ok_or(LedgerError::Broken {
            size,
            reason: "leaves are missing",
        })?;
    Ok(proof.iter().map(hex::encode).collect())
}
