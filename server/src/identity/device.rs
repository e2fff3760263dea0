//! Devices and their enrolments.

use deadpool_postgres::GenericClient;
use ledger::chain::Head;
use protocol::sign_in::DeviceCard;
use uuid::Uuid;

use crate::app::App;
use crate::store::error::StoreError;

/// A device is known by this key.
///
/// # Errors
/// When the database refuses.
pub async fn by_key(
    app: &App,
    client: &impl GenericClient,
    public_key: &str,
) -> Result<Option<Uuid>, StoreError> {
    let row = client
        .query_opt(
            "SELECT id FROM device WHERE tenant = $1 AND public_key = $2",
            &[&app.tenant.id, &public_key],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// Whether the account may sign in on the device.
///
/// # Errors
/// When the database refuses.
pub async fn is_enrolled(
    app: &App,
    client: &impl GenericClient,
    device: Uuid,
    account: Uuid,
) -> Result<bool, StoreError> {
    let row = client
        .query_opt(
            "SELECT FROM enrolment \
             WHERE tenant = $1 AND device = $2 AND account = $3 AND ended_at IS NULL",
            &[&app.tenant.id, &device, &account],
        )
        .await?;
    Ok(row.is_some())
}

/// Enrols an account on a device, which becomes known if it was not. Returns whether the id and
/// the key are this device's: neither may belong to another one.
///
/// # Errors
/// When the database refuses.
pub async fn enrol(
    app: &App,
    tx: &impl GenericClient,
    card: &DeviceCard,
    account: Uuid,
) -> Result<bool, StoreError> {
    let now = app.now();
    let genesis = Head::genesis(card.id);
    tx.execute(
        "INSERT INTO device (tenant, id, name, platform, public_key, created_at, chain_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        &[
            &app.tenant.id,
            &card.id,
            &card.name,
            &card.platform,
            &card.public_key,
            &now,
            &genesis.hash,
        ],
    )
    .await?;
    if by_key(app, tx, &card.public_key).await? != Some(card.id) {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO enrolment (tenant, device, account, enrolled_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant, device, account) \
         DO UPDATE SET enrolled_at = excluded.enrolled_at, ended_at = NULL",
        &[&app.tenant.id, &card.id, &account, &now],
    )
    .await?;
    Ok(true)
}
