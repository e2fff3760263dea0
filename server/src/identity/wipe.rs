//! Orders to workstations to wipe themselves, what they save before, and their receipts.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use ledger::event::Observer;
use ledger::{AccessEvent, Action};
use protocol::device::{WipeOrder, WipeReceipt};
use protocol::statement::Signed;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::identity::caller::Origin;
use crate::store::error::StoreError;
use crate::store::transaction;

/// Gives an order to a device, unless one waits already. Returns its number.
///
/// # Errors
/// When the database refuses.
pub async fn order(
    app: &App,
    tx: &impl GenericClient,
    device: Uuid,
    reason: &str,
) -> Result<i64, StoreError> {
    tx.execute(
        "INSERT INTO wipe_order (tenant, device, number, ordered_at, reason) \
         SELECT $1, $2, 1 + coalesce(max(number), 0), $3, $4 \
         FROM wipe_order WHERE tenant = $1 AND device = $2 \
         ON CONFLICT DO NOTHING",
        &[&app.tenant.id, &device, &app.now(), &reason],
    )
    .await?;
    let row = tx
        .query_one(
            "SELECT max(number) FROM wipe_order WHERE tenant = $1 AND device = $2",
            &[&app.tenant.id, &device],
        )
        .await?;
    Ok(row.get(0))
}

/// Whether an order to the device waits.
///
/// # Errors
/// When the database refuses.
pub async fn waits(
    app: &App,
    client: &impl GenericClient,
    device: Uuid,
) -> Result<Option<i64>, StoreError> {
    let row = client
        .query_opt(
            "SELECT number FROM wipe_order \
             WHERE tenant = $1 AND device = $2 AND done_at IS NULL",
            &[&app.tenant.id, &device],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// The order that waits for a device, signed for this question.
///
/// # Errors
/// When the database refuses.
pub async fn pending(app: &App, device: Uuid, nonce: Uuid) -> Result<Option<Signed>, StoreError> {
    let client = app.pool.get().await?;
    let Some(number) = waits(app, &client, device).await? else {
        return Ok(None);
    };
    let order = WipeOrder {
        tenant: app.tenant.id,
        device,
        number: number.unsigned_abs(),
        nonce,
        issued_at: app.now(),
    };
    let signed = app.ledger.state(&order).map_err(|_| StoreError::Content {
        table: "wipe_order.number",
        row: device.to_string(),
    })?;
    Ok(Some(signed))
}

/// Work that a device saves before it erases itself.
pub struct Saved<'a> {
    /// The device.
    pub device: Uuid,
    /// The order.
    pub number: u64,
    /// Name of the profile's folder.
    pub profile: &'a str,
    /// Sealed to the organisation.
    pub sealed: &'a [u8],
}

/// Keeps it; once for each order. Gives its name, or none when there is no such order.
///
/// # Errors
/// When the database refuses.
pub async fn save(
    app: &App,
    origin: &Origin,
    saved: &Saved<'_>,
) -> Result<Option<Uuid>, StoreError> {
    let number = i64::try_from(saved.number).unwrap_or(i64::MAX);
    let id = Uuid::now_v7();
    let event = event(app, Action::WorkEscrowed, origin, saved.device)
        .because(format!("order {number}, escrow {id}"), []);
    transaction::run(app, "escrow", |tx, _| {
        let event = &event;
        Box::pin(async move {
            let tenant = &app.tenant.id;
            let stored = tx
                .execute(
                    "INSERT INTO wipe_escrow \
                       (tenant, id, device, number, profile, received_at, sealed) \
                     SELECT $1, $2, $3, $4, $5, $6, $7 FROM wipe_order \
                     WHERE tenant = $1 AND device = $3 AND number = $4 AND done_at IS NULL \
                     ON CONFLICT (tenant, device, number) DO NOTHING",
                    &[
                        tenant,
                        &id,
                        &saved.device,
                        &number,
                        &saved.profile,
                        &app.now(),
                        &saved.sealed,
                    ],
                )
                .await?;
            if stored == 1 {
                append::append(app, tx, event).await?;
            }
            let row = tx
                .query_opt(
                    "SELECT id FROM wipe_escrow \
                     WHERE tenant = $1 AND device = $2 AND number = $3",
                    &[tenant, &saved.device, &number],
                )
                .await?;
            Ok::<_, StoreError>(row.map(|row| row.get(0)))
        })
    })
    .await
}

/// Keeps a device's receipt; once for each order. Returns whether there is such an order.
///
/// # Errors
/// When the database refuses.
pub async fn done(
    app: &App,
    origin: &Origin,
    device: Uuid,
    receipt: &WipeReceipt,
) -> Result<bool, StoreError> {
    let number = i64::try_from(receipt.number).unwrap_or(i64::MAX);
    let rest = if receipt.kept {
        "work is left on it, sealed to the recovery key"
    } else {
        "nothing is left on it"
    };
    let event = event(app, Action::DeviceWiped, origin, device)
        .because(format!("order {number}: {rest}"), []);
    transaction::run(app, "wiped", |tx, _| {
        let event = &event;
        Box::pin(async move {
            let tenant = &app.tenant.id;
            let done = tx
                .execute(
                    "UPDATE wipe_order SET done_at = $4, kept = $5 \
                     WHERE tenant = $1 AND device = $2 AND number = $3 AND done_at IS NULL",
                    &[tenant, &device, &number, &app.now(), &receipt.kept],
                )
                .await?;
            if done == 1 {
                append::append(app, tx, event).await?;
                return Ok(true);
            }
            let row = tx
                .query_opt(
                    "SELECT FROM wipe_order WHERE tenant = $1 AND device = $2 AND number = $3",
                    &[tenant, &device, &number],
                )
                .await?;
            Ok::<_, StoreError>(row.is_some())
        })
    })
    .await
}

/// Saved work, for whoever has the recovery secret.
#[derive(Debug)]
pub struct Escrow {
    /// The device that it comes from.
    pub device: Uuid,
    /// Name of the profile's folder.
    pub profile: String,
    /// When it came.
    pub received_at: Timestamp,
    /// Sealed to the organisation.
    pub sealed: Vec<u8>,
}

/// Finds saved work by its name.
///
/// # Errors
/// When the database refuses.
pub async fn escrow(
    app: &App,
    client: &impl GenericClient,
    id: Uuid,
) -> Result<Option<Escrow>, StoreError> {
    let row = client
        .query_opt(
            "SELECT device, profile, received_at, sealed FROM wipe_escrow \
             WHERE tenant = $1 AND id = $2",
            &[&app.tenant.id, &id],
        )
        .await?;
    Ok(row.map(|row| Escrow {
        device: row.get(0),
        profile: row.get(1),
        received_at: row.get(2),
        sealed: row.get(3),
    }))
}

/// An event of a device that has no session any more.
fn event(app: &App, action: Action, origin: &Origin, device: Uuid) -> AccessEvent {
    AccessEvent::new(
        Uuid::now_v7(),
        app.now(),
        action,
        origin.client(Some(device)),
        Observer::Server(app.config.public_url.clone()),
    )
}
