//! Links in the database: hashes of random secrets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;

use crate::app::App;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// The longest text that is looked at as a token; ours have 43 characters.
const LONGEST: usize = 64;

/// A visit as its newest link names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Logical id of the Appointment.
    pub appointment: String,
    /// Logical id of the Patient.
    pub patient: String,
    /// Logical id of the Practitioner.
    pub practitioner: Option<String>,
    /// When it stops letting anybody in.
    pub expires: Timestamp,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// Whether the visit has ended.
    pub ended: bool,
}

const COLUMNS: &str = "appointment, patient, practitioner, expires_at, \
                       withdrawn_at IS NOT NULL, ended_at IS NOT NULL";

impl Link {
    fn read(row: &Row) -> Self {
        Self {
            appointment: row.get(0),
            patient: row.get(1),
            practitioner: row.get(2),
            expires: row.get(3),
            withdrawn: row.get(4),
            ended: row.get(5),
        }
    }
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Makes a link, which replaces the one before. Returns its secret: the only moment it exists
/// here.
pub(super) async fn make(
    app: &App,
    tx: &impl GenericClient,
    caller: &Caller,
    link: &Link,
) -> Result<String, StoreError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(StoreError::NoRandomBytes)?;
    let token = URL_SAFE_NO_PAD.encode(secret);
    withdraw(app, tx, &link.appointment).await?;
    tx.execute(
        "INSERT INTO visit_link (tenant, token_hash, appointment, patient, practitioner, \
                                 account, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &app.tenant.id,
            &hash(&token),
            &link.appointment,
            &link.patient,
            &link.practitioner,
            &caller.user_id,
            &app.now(),
            &link.expires,
        ],
    )
    .await?;
    Ok(token)
}

/// The link with this secret.
pub(super) async fn find(
    app: &App,
    client: &impl GenericClient,
    token: &str,
) -> Result<Option<Link>, StoreError> {
    if token.len() > LONGEST {
        return Ok(None);
    }
    let row = client
        .query_opt(
            &format!("SELECT {COLUMNS} FROM visit_link WHERE tenant = $1 AND token_hash = $2"),
            &[&app.tenant.id, &hash(token)],
        )
        .await?;
    Ok(row.as_ref().map(Link::read))
}

/// The link of an appointment that counts.
pub(super) async fn of(
    app: &App,
    client: &impl GenericClient,
    appointment: &str,
) -> Result<Option<Link>, StoreError> {
    let row = client
        .query_opt(
            &format!(
                "SELECT {COLUMNS} FROM visit_link \
                 WHERE tenant = $1 AND appointment = $2 AND withdrawn_at IS NULL"
            ),
            &[&app.tenant.id, &appointment],
        )
        .await?;
    Ok(row.as_ref().map(Link::read))
}

/// The links that count and are not over.
pub(super) async fn open(app: &App, client: &impl GenericClient) -> Result<Vec<Link>, StoreError> {
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS} FROM visit_link \
                 WHERE tenant = $1 AND withdrawn_at IS NULL AND ended_at IS NULL \
                   AND expires_at > $2"
            ),
            &[&app.tenant.id, &app.now()],
        )
        .await?;
    Ok(rows.iter().map(Link::read).collect())
}

/// Takes the link of an appointment back.
pub(super) async fn withdraw(
    app: &App,
    tx: &impl GenericClient,
    appointment: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE visit_link SET withdrawn_at = $3 \
         WHERE tenant = $1 AND appointment = $2 AND withdrawn_at IS NULL",
        &[&app.tenant.id, &appointment, &app.now()],
    )
    .await?;
    Ok(())
}

/// The visit is over.
pub(super) async fn end(
    app: &App,
    tx: &impl GenericClient,
    appointment: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE visit_link SET ended_at = $3 \
         WHERE tenant = $1 AND appointment = $2 AND ended_at IS NULL",
        &[&app.tenant.id, &appointment, &app.now()],
    )
    .await?;
    Ok(())
}
