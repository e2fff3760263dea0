//! Storing audit events. Once stored they can only be read.

use deadpool_postgres::GenericClient;
use ledger::AccessEvent;
use ledger::event::Outcome;
use serde_json::Value;
use uuid::Uuid;
use vault::{DataKey, Place};

use crate::app::App;
use crate::store::error::StoreError;
use crate::store::keys::NO_PATIENT;

/// An event ready to be stored: the document and what it is found by.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Logical id.
    pub id: Uuid,
    /// When it happened.
    pub recorded: jiff::Timestamp,
    /// Stable code of the action.
    pub action: &'a str,
    /// Whether it was done.
    pub success: bool,
    /// Who did it.
    pub account: Option<Uuid>,
    /// The workstation that recorded it; none when the server did.
    pub device: Option<Uuid>,
    /// Patients it is about.
    pub patients: Vec<String>,
    /// The AuditEvent.
    pub event: Value,
}

impl<'a> From<&'a AccessEvent> for Entry<'a> {
    fn from(event: &'a AccessEvent) -> Self {
        Self {
            id: event.id,
            recorded: event.recorded,
            action: event.action.code(),
            success: event.outcome == Outcome::Success,
            account: event.user.as_ref().map(|user| user.id),
            device: None,
            patients: event.patients.clone(),
            event: event.to_fhir(),
        }
    }
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
    entries(app, tx, &[Entry::from(event)]).await
}

/// Stores events in the transaction of `tx`.
///
/// # Errors
/// When the database refuses.
pub async fn all(
    app: &App,
    tx: &impl GenericClient,
    events: &[AccessEvent],
) -> Result<(), StoreError> {
    let list: Vec<Entry<'_>> = events.iter().map(Entry::from).collect();
    entries(app, tx, &list).await
}

/// Stores entries in the transaction of `tx`, in two round trips however many there are.
///
/// # Errors
/// When the database refuses, an id that is taken included.
pub async fn entries(
    app: &App,
    tx: &impl GenericClient,
    list: &[Entry<'_>],
) -> Result<(), StoreError> {
    if list.is_empty() {
        return Ok(());
    }
    let now = app.now();
    let key = tenant_key(app, tx).await?;
    let mut columns = Columns::default();
    for entry in list {
        let json = zeroize::Zeroizing::new(entry.event.to_string());
        let row = entry.id.to_string();
        columns.ids.push(entry.id);
        columns.recorded.push(entry.recorded);
        columns.actions.push(entry.action);
        columns.successes.push(entry.success);
        columns.accounts.push(entry.account);
        columns.devices.push(entry.device);
        columns
            .leaves
            .push(ledger::leaf_hash(&entry.event).to_vec());
        columns
            .bodies
            .push(key.seal(&place(app.tenant.id, &row), json.as_bytes())?);
        for patient in &entry.patients {
            columns.patients.push(patient);
            columns.patient_recorded.push(entry.recorded);
            columns.patient_events.push(entry.id);
        }
    }
    let statement = tx
        .prepare_cached(
            "WITH stored AS ( \
               INSERT INTO audit_event (tenant, id, recorded_at, stored_at, action, success, \
                                        account, device, key_id, leaf, body) \
               SELECT $1, u.id, u.recorded_at, $2, u.action, u.success, u.account, u.device, $3, \
                      u.leaf, u.body \
               FROM unnest($4::uuid[], $5::timestamptz[], $6::text[], $7::boolean[], \
                           $8::uuid[], $9::uuid[], $10::bytea[], $11::bytea[]) \
                 AS u(id, recorded_at, action, success, account, device, leaf, body)) \
             INSERT INTO audit_event_patient (tenant, patient, recorded_at, event) \
             SELECT DISTINCT $1::uuid, p.patient, p.recorded_at, p.event \
             FROM unnest($12::text[], $13::timestamptz[], $14::uuid[]) \
               AS p(patient, recorded_at, event)",
        )
        .await?;
    tx.execute(
        &statement,
        &[
            &app.tenant.id,
            &now,
            &key.id(),
            &columns.ids,
            &columns.recorded,
            &columns.actions,
            &columns.successes,
            &columns.accounts,
            &columns.devices,
            &columns.leaves,
            &columns.bodies,
            &columns.patients,
            &columns.patient_recorded,
            &columns.patient_events,
        ],
    )
    .await?;
    Ok(())
}

#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    recorded: Vec<jiff::Timestamp>,
    actions: Vec<&'a str>,
    successes: Vec<bool>,
    accounts: Vec<Option<Uuid>>,
    devices: Vec<Option<Uuid>>,
    leaves: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    patients: Vec<&'a str>,
    patient_recorded: Vec<jiff::Timestamp>,
    patient_events: Vec<Uuid>,
}

/// The key for what is in no patient's compartment.
pub(crate) async fn tenant_key(
    app: &App,
    client: &impl GenericClient,
) -> Result<DataKey, StoreError> {
    app.keys
        .of_patients(client, &[NO_PATIENT], app.now())
        .await?
        .remove(NO_PATIENT)
        .ok_or(StoreError::KeyMissing(Uuid::nil()))
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
