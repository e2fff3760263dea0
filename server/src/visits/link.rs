//! Links in the database: hashes of random secrets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use protocol::visit::GuestKind;
use sha2::{Digest as _, Sha256};
use telehealth::visit::Party;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::app::App;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// The longest text that is looked at as a token; ours have 43 characters.
const LONGEST: usize = 64;

/// Whom a guest's link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guest {
    /// Names the guest: later ones come after earlier ones.
    pub id: Uuid,
    /// Who it is to the patient.
    pub kind: GuestKind,
}

/// A link, and the visit that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Logical id of the Appointment.
    pub appointment: String,
    /// Logical id of the Patient.
    pub patient: String,
    /// Logical id of the Practitioner.
    pub practitioner: Option<String>,
    /// Whom it is for; none: the patient.
    pub guest: Option<Guest>,
    /// When it stops letting anybody in.
    pub expires: Timestamp,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// Whether the visit has ended, or the guest's part in it.
    pub ended: bool,
}

const COLUMNS: &str = "appointment, patient, practitioner, guest, guest_kind, expires_at, \
                       withdrawn_at IS NOT NULL, ended_at IS NOT NULL";

impl Link {
    fn read(row: &Row) -> Self {
        let kind: Option<&str> = row.get(4);
        Self {
            appointment: row.get(0),
            patient: row.get(1),
            practitioner: row.get(2),
            guest: row.get::<_, Option<Uuid>>(3).map(|id| Guest {
                id,
                // The database takes no kind that is not known; a later version may know more.
                kind: kind
                    .and_then(GuestKind::from_code)
                    .unwrap_or(GuestKind::Other),
            }),
            expires: row.get(5),
            withdrawn: row.get(6),
            ended: row.get(7),
        }
    }

    /// Whom it is for.
    pub(super) fn party(&self) -> Party {
        super::party(self.guest.map(|guest| guest.id))
    }

    /// Whom it is for, as the ledger says it.
    pub(super) fn who(&self) -> String {
        super::who(self.guest.map(|guest| guest.kind))
    }
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Makes a link. The patient's replaces the one before. Returns its secret: the only moment it
/// exists here.
pub(super) async fn make(
    app: &App,
    tx: &impl GenericClient,
    caller: &Caller,
    link: &Link,
) -> Result<String, StoreError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(StoreError::NoRandomBytes)?;
    let token = URL_SAFE_NO_PAD.encode(secret);
    if link.guest.is_none() {
        withdraw(app, tx, &link.appointment).await?;
    }
    tx.execute(
        "INSERT INTO visit_link (tenant, token_hash, appointment, patient, practitioner, \
                                 guest, guest_kind, account, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            &app.tenant.id,
            &hash(&token),
            &link.appointment,
            &link.patient,
            &link.practitioner,
            &link.guest.map(|guest| guest.id),
            &link.guest.map(|guest| guest.kind.code()),
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

/// The patient's newest link of an appointment.
const NEWEST: &str = "FROM visit_link \
                      WHERE tenant = $1 AND appointment = $2 AND guest IS NULL \
                      ORDER BY withdrawn_at IS NULL DESC, created_at DESC LIMIT 1";

/// The patient's link of an appointment: the one that counts, or the last that did.
pub(super) async fn of(
    app: &App,
    client: &impl GenericClient,
    appointment: &str,
) -> Result<Option<Link>, StoreError> {
    let row = client
        .query_opt(
            &format!("SELECT {COLUMNS} {NEWEST}"),
            &[&app.tenant.id, &appointment],
        )
        .await?;
    Ok(row.as_ref().map(Link::read))
}

/// The patient's link as [`of`] gives it, which nobody else changes until `tx` is over: a guest's
/// link is not made while the visit is being ended.
pub(super) async fn hold(
    app: &App,
    tx: &impl GenericClient,
    appointment: &str,
) -> Result<Option<Link>, StoreError> {
    let row = tx
        .query_opt(
            &format!("SELECT {COLUMNS} {NEWEST} FOR UPDATE"),
            &[&app.tenant.id, &appointment],
        )
        .await?;
    Ok(row.as_ref().map(Link::read))
}

/// The links of guests of an appointment that count.
async fn of_guests(
    app: &App,
    client: &impl GenericClient,
    appointment: &str,
) -> Result<Vec<Link>, StoreError> {
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS} FROM visit_link \
                 WHERE tenant = $1 AND appointment = $2 AND guest IS NOT NULL \
                   AND withdrawn_at IS NULL AND ended_at IS NULL \
                 ORDER BY guest"
            ),
            &[&app.tenant.id, &appointment],
        )
        .await?;
    Ok(rows.iter().map(Link::read).collect())
}

/// Brings a visit back that the database remembers and this process may not: after a restart.
pub(super) async fn recall(
    app: &App,
    client: &impl GenericClient,
    appointment: &str,
) -> Result<(), StoreError> {
    if app.visits.knows(appointment) {
        return Ok(());
    }
    if let Some(patient) = of(app, client, appointment).await? {
        let guests = of_guests(app, client, appointment).await?;
        app.visits.remembered(patient, guests, app.now());
    }
    Ok(())
}

/// The appointments to which a link counts that is not over.
pub(super) async fn open(
    app: &App,
    client: &impl GenericClient,
) -> Result<Vec<String>, StoreError> {
    let rows = client
        .query(
            "SELECT DISTINCT appointment FROM visit_link \
             WHERE tenant = $1 AND withdrawn_at IS NULL AND ended_at IS NULL \
               AND expires_at > $2",
            &[&app.tenant.id, &app.now()],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Takes the patient's link of an appointment back.
pub(super) async fn withdraw(
    app: &App,
    tx: &impl GenericClient,
    appointment: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE visit_link SET withdrawn_at = $3 \
         WHERE tenant = $1 AND appointment = $2 AND guest IS NULL AND withdrawn_at IS NULL",
        &[&app.tenant.id, &appointment, &app.now()],
    )
    .await?;
    Ok(())
}

/// The visit is over for everybody.
pub(super) async fn end(
    app: &App,
    tx: &impl GenericClient,
    appointment: &str,
) -> Result<(), StoreError> {
    // A guest's link that is being made in this moment is waited for, and ended too.
    hold(app, tx, appointment).await?;
    tx.execute(
        "UPDATE visit_link SET ended_at = $3 \
         WHERE tenant = $1 AND appointment = $2 AND ended_at IS NULL",
        &[&app.tenant.id, &appointment, &app.now()],
    )
    .await?;
    Ok(())
}

/// The visit is over for one guest.
pub(super) async fn dismiss(
    app: &App,
    tx: &impl GenericClient,
    guest: Uuid,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE visit_link SET ended_at = $3 \
         WHERE tenant = $1 AND guest = $2 AND ended_at IS NULL",
        &[&app.tenant.id, &guest, &app.now()],
    )
    .await?;
    Ok(())
}
