//! Storing audit events. Once stored they can only be read.

use deadpool_postgres::GenericClient;
use ledger::AccessEvent;
use ledger::event::Outcome;
use ledger::tree::Hash;
use serde_json::Value;
use uuid::Uuid;
use vault::{Place, SealingKey};
use zeroize::Zeroizing;

use crate::app::App;
use crate::store::error::StoreError;

/// An event of a workstation, ready to be stored: the document and what it is found by.
#[derive(Debug)]
pub struct Entry {
    /// Logical id.
    pub id: Uuid,
    /// When it happened.
    pub recorded: jiff::Timestamp,
    /// Stable code of the action.
    pub action: &'static str,
    /// Whether it was done.
    pub success: bool,
    /// Who did it.
    pub account: Option<Uuid>,
    /// Wire name of the user's role at that time, where known.
    pub role: Option<String>,
    /// The workstation that recorded it.
    pub device: Uuid,
    /// Patients it is about.
    pub patients: Vec<String>,
    /// The AuditEvent.
    pub event: Value,
}

/// Stores one event in the transaction of `tx`, or by itself if `tx` is a plain connection.
///
/// # Errors
/// When the database refuses; then nothing that the event is about may be done or shown.
pub async fn append(
    app: &App,
    tx: &impl GenericClient,
    event: &AccessEvent,
) -> Result<(), StoreError> {
    all(app, tx, std::slice::from_ref(event)).await
}

/// Stores events in the transaction of `tx`, in two round trips however many there are.
///
/// # Errors
/// When the database refuses, an id that is taken included.
pub async fn all(
    app: &App,
    tx: &impl GenericClient,
    events: &[AccessEvent],
) -> Result<(), StoreError> {
    let rows = sealed(app, events).await?;
    store(app.tenant.id, app.now(), tx, &rows).await?;
    app.ledger.appended();
    Ok(())
}

/// Events with their bodies sealed: all the work that needs no turn.
pub type Rows = Vec<Row>;

/// A row of `audit_event`, and of `audit_event_patient` for each patient.
#[derive(Debug)]
pub struct Row {
    id: Uuid,
    recorded: jiff::Timestamp,
    action: &'static str,
    success: bool,
    account: Option<Uuid>,
    role: Option<String>,
    device: Option<Uuid>,
    client: Option<Uuid>,
    key: Uuid,
    leaf: Hash,
    body: Vec<u8>,
    /// Each once.
    patients: Vec<String>,
}

/// Seals events of this server.
///
/// # Errors
/// When the key cannot be had or there is no randomness.
pub async fn sealed(app: &App, events: &[AccessEvent]) -> Result<Rows, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let key = tenant_key(app, events.len()).await?;
    let row = |event: &AccessEvent| {
        let json = Zeroizing::new(event.to_canonical());
        Ok(Row {
            id: event.id,
            recorded: event.recorded,
            action: event.action.code(),
            success: event.outcome == Outcome::Success,
            account: event.user.as_ref().map(|user| user.id),
            role: event.user.as_ref().map(|user| user.role.clone()),
            device: None,
            client: event.client.device,
            key: key.id(),
            leaf: ledger::leaf_hash_of(&json),
            body: seal(app.tenant.id, &key, event.id, &json)?,
            patients: once_each(&event.patients),
        })
    };
    events.iter().map(row).collect()
}

/// Seals events of a workstation.
///
/// # Errors
/// As [`sealed`].
pub async fn sealed_entries<'e>(
    app: &App,
    list: impl ExactSizeIterator<Item = &'e Entry>,
) -> Result<Rows, StoreError> {
    let key = tenant_key(app, list.len()).await?;
    let row = |entry: &Entry| {
        let json = Zeroizing::new(entry.event.to_string());
        Ok(Row {
            id: entry.id,
            recorded: entry.recorded,
            action: entry.action,
            success: entry.success,
            account: entry.account,
            role: entry.role.clone(),
            device: Some(entry.device),
            client: Some(entry.device),
            key: key.id(),
            leaf: ledger::leaf_hash(&entry.event),
            body: seal(app.tenant.id, &key, entry.id, json.as_bytes())?,
            patients: once_each(&entry.patients),
        })
    };
    list.map(row).collect()
}

fn seal(tenant: Uuid, key: &SealingKey, event: Uuid, json: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut room = Uuid::encode_buffer();
    let row = event.as_hyphenated().encode_lower(&mut room);
    Ok(key.seal(&place(tenant, row), json)?)
}

fn once_each(patients: &[String]) -> Vec<String> {
    let mut once: Vec<String> = patients.to_vec();
    once.sort_unstable();
    once.dedup();
    once
}

/// Stores sealed events in the transaction of `tx`, or by themselves, all or none, if `tx` is a
/// plain connection.
///
/// # Errors
/// When the database refuses, an id that is taken included.
pub async fn store(
    tenant: Uuid,
    now: jiff::Timestamp,
    tx: &impl GenericClient,
    rows: &[Row],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = tx.prepare_cached(INSERT).await?;
    let about = || {
        rows.iter()
            .flat_map(|row| row.patients.iter().map(move |patient| (row, patient)))
    };
    tx.execute(
        &statement,
        &[
            &tenant,
            &now,
            &column(rows, |row| row.id),
            &column(rows, |row| row.recorded),
            &column(rows, |row| row.action),
            &column(rows, |row| row.success),
            &column(rows, |row| row.account),
            &column(rows, |row| row.role.as_deref()),
            &column(rows, |row| row.device),
            &column(rows, |row| row.client),
            &column(rows, |row| row.key),
            &column(rows, |row| row.leaf.as_slice()),
            &column(rows, |row| row.body.as_slice()),
            &about()
                .map(|(_, patient)| patient.as_str())
                .collect::<Vec<_>>(),
            &about().map(|(row, _)| row.recorded).collect::<Vec<_>>(),
            &about().map(|(row, _)| row.id).collect::<Vec<_>>(),
        ],
    )
    .await?;
    Ok(())
}

/// Both tables in one statement, so that a plain connection stores all or nothing.
const INSERT: &str = "\
    WITH stored AS ( \
      INSERT INTO audit_event (tenant, id, recorded_at, stored_at, action, success, \
                               account, role, device, client, key_id, leaf, body) \
      SELECT $1, u.id, u.recorded_at, $2, u.action, u.success, u.account, u.role, \
             u.device, u.client, u.key_id, u.leaf, u.body \
      FROM unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::boolean[], \
                  $7::uuid[], $8::text[], $9::uuid[], $10::uuid[], $11::uuid[], \
                  $12::bytea[], $13::bytea[]) \
        AS u(id, recorded_at, action, success, account, role, device, client, key_id, \
             leaf, body)) \
    INSERT INTO audit_event_patient (tenant, patient, recorded_at, event) \
    SELECT $1, p.patient, p.recorded_at, p.event \
    FROM unnest($14::text[], $15::timestamptz[], $16::uuid[]) \
      AS p(patient, recorded_at, event)";

fn column<'r, T>(rows: &'r [Row], of: impl Fn(&'r Row) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// The key for what is in no patient's compartment, for so many seals.
pub(crate) async fn tenant_key(app: &App, seals: usize) -> Result<SealingKey, StoreError> {
    app.keys.own(seals as u64, app.now()).await
}

/// Where an event's body lives.
pub(crate) fn place(tenant: Uuid, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "audit_event",
        row,
        column: "body",
        version: 0,
    }
}
