//! Devices and their enrolments.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use ledger::chain::Head;
use protocol::sign_in::DeviceCard;
use serde::Serialize;
use uuid::Uuid;

use crate::app::App;
use crate::identity::wipe;
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
             WHERE tenant = $1 AND device = $2 AND account = $3 AND ended_at IS NULL \
               AND (unproved_until IS NULL OR unproved_until > $4)",
            &[&app.tenant.id, &device, &account, &app.now()],
        )
        .await?;
    Ok(row.is_some())
}

/// The user signed in on the device: an enrolment by the one-time code alone counts for good.
///
/// # Errors
/// When the database refuses.
pub async fn prove(
    app: &App,
    tx: &impl GenericClient,
    device: Uuid,
    account: Uuid,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE enrolment SET unproved_until = NULL \
         WHERE tenant = $1 AND device = $2 AND account = $3 AND unproved_until IS NOT NULL",
        &[&app.tenant.id, &device, &account],
    )
    .await?;
    Ok(())
}

/// Enrols an account on a device, which becomes known if it was not. Returns whether the id and
/// the key are this device's: neither may belong to another one. `unproved_until` is when the
/// enrolment ends unless a sign-in follows; one that counts for good stays so.
///
/// # Errors
/// When the database refuses.
pub async fn enrol(
    app: &App,
    tx: &impl GenericClient,
    card: &DeviceCard,
    account: Uuid,
    unproved_until: Option<Timestamp>,
) -> Result<bool, StoreError> {
    if wipe::waits(app, tx, card.id).await?.is_some() {
        // It would be told to erase what it is about to fetch.
        return Ok(false);
    }
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
        "INSERT INTO enrolment AS e (tenant, device, account, enrolled_at, unproved_until) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, device, account) \
         DO UPDATE SET enrolled_at = excluded.enrolled_at, ended_at = NULL, \
           unproved_until = CASE WHEN e.ended_at IS NULL AND e.unproved_until IS NULL \
                                 THEN NULL ELSE excluded.unproved_until END",
        &[&app.tenant.id, &card.id, &account, &now, &unproved_until],
    )
    .await?;
    Ok(true)
}

/// Ends the enrolments of a device, for all its users.
///
/// # Errors
/// When the database refuses.
pub async fn revoke(app: &App, tx: &impl GenericClient, device: Uuid) -> Result<u64, StoreError> {
    Ok(tx
        .execute(
            "UPDATE enrolment SET ended_at = $3 \
             WHERE tenant = $1 AND device = $2 AND ended_at IS NULL",
            &[&app.tenant.id, &device, &app.now()],
        )
        .await?)
}

/// Devices on which an account may sign in.
///
/// # Errors
/// When the database refuses.
pub async fn of_account(
    app: &App,
    client: &impl GenericClient,
    account: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let rows = client
        .query(
            "SELECT device FROM enrolment \
             WHERE tenant = $1 AND account = $2 AND ended_at IS NULL",
            &[&app.tenant.id, &account],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A device, for the operator.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its id.
    pub device: Uuid,
    /// Its name, as it gave it.
    pub name: String,
    /// Operating system family.
    pub platform: String,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// Who may sign in on it.
    pub users: Vec<String>,
    /// When a sign-in on it last succeeded.
    pub signed_in_at: Option<Timestamp>,
    /// The last order to wipe itself, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wipe: Option<ListedWipe>,
}

/// An order to a device, for the operator.
#[derive(Debug, Serialize)]
pub struct ListedWipe {
    /// Number of the order.
    pub number: i64,
    /// When it was given.
    pub ordered_at: Timestamp,
    /// When the device said that it was done.
    pub done_at: Option<Timestamp>,
    /// Whether sealed work is left on it.
    pub kept: Option<bool>,
    /// Name of the work that it saved.
    pub escrow: Option<Uuid>,
}

/// All devices, the newest first.
///
/// # Errors
/// When the database refuses.
pub async fn list(app: &App, client: &impl GenericClient) -> Result<Vec<Listed>, StoreError> {
    let rows = client
        .query(
            "SELECT d.id, d.name, d.platform, d.created_at, \
                    ARRAY(SELECT a.username FROM enrolment e \
                          JOIN account a ON a.tenant = e.tenant AND a.id = e.account \
                          WHERE e.tenant = d.tenant AND e.device = d.id AND e.ended_at IS NULL \
                          ORDER BY a.username), \
                    (SELECT max(s.created_at) FROM session s \
                     WHERE s.tenant = d.tenant AND s.device = d.id), \
                    w.number, w.ordered_at, w.done_at, w.kept, k.id \
             FROM device d \
             LEFT JOIN LATERAL (SELECT * FROM wipe_order w WHERE w.tenant = d.tenant \
                                AND w.device = d.id ORDER BY number DESC LIMIT 1) w ON true \
             LEFT JOIN wipe_escrow k ON k.tenant = w.tenant AND k.device = w.device \
                                    AND k.number = w.number \
             WHERE d.tenant = $1 ORDER BY d.created_at DESC, d.id",
            &[&app.tenant.id],
        )
        .await?;
    let listed = rows.iter().map(|row| Listed {
        device: row.get(0),
        name: row.get(1),
        platform: row.get(2),
        created_at: row.get(3),
        users: row.get(4),
        signed_in_at: row.get(5),
        wipe: row.get::<_, Option<i64>>(6).map(|number| ListedWipe {
            number,
            ordered_at: row.get(7),
            done_at: row.get(8),
            kept: row.get(9),
            escrow: row.get(10),
        }),
    });
    Ok(listed.collect())
}
