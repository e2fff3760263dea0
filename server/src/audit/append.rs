//! Storing audit events. Once stored they can only be read.

use deadpool_postgres::GenericClient;
use ledger::AccessEvent;
use ledger::event::Outcome;
use serde_json::Value;
use uuid::Uuid;
use vault::{Place, SealingKey};

use crate::app::App;
use crate::store::error::StoreError;

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
    /// Wire name of the user's role at that time, where known.
    pub role: Option<String>,
    /// The workstation that recorded it; none when the server did.
    pub device: Option<Uuid>,
    /// The workstation that asked, if it was one.
    pub client: Option<Uuid>,
    /// Patients it is about.
    pub patients: Vec<String>,
    /// The AuditEvent.
    pub event: Value,
}

impl From<&AccessEvent> for Entry<'static> {
    fn from(event: &AccessEvent) -> Self {
        Self {
            id: event.id,
            recorded: event.recorded,
            action: event.action.code(),
            success: event.outcome == Outcome::Success,
            account: event.user.as_ref().map(|user| user.id),
            role: event.user.as_ref().map(|user| user.role.clone()),
            device: None,
            client: event.client.device,
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
    let rows = sealed(app, list.iter()).await?;
    store(app.tenant.id, app.now(), tx, &rows).await?;
    app.ledger.appended();
    Ok(())
}

/// Entries with their bodies sealed: all the work that needs no turn.
#[derive(Debug, Default)]
pub struct Rows {
    ids: Vec<Uuid>,
    recorded: Vec<jiff::Timestamp>,
    actions: Vec<String>,
    successes: Vec<bool>,
    accounts: Vec<Option<Uuid>>,
    roles: Vec<Option<String>>,
    devices: Vec<Option<Uuid>>,
    clients: Vec<Option<Uuid>>,
    keys: Vec<Uuid>,
    leaves: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    patients: Vec<String>,
    patient_recorded: Vec<jiff::Timestamp>,
    patient_events: Vec<Uuid>,
}

impl Rows {
    /// How many events.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Takes the rows of `other`, in their order.
    pub fn extend(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.recorded.extend(other.recorded);
        self.actions.extend(other.actions);
        self.successes.extend(other.successes);
        self.accounts.extend(other.accounts);
        self.roles.extend(other.roles);
        self.devices.extend(other.devices);
        self.clients.extend(other.clients);
        self.keys.extend(other.keys);
        self.leaves.extend(other.leaves);
        self.bodies.extend(other.bodies);
        self.patients.extend(other.patients);
        self.patient_recorded.extend(other.patient_recorded);
        self.patient_events.extend(other.patient_events);
    }
}

/// Seals entries.
///
/// # Errors
/// When the key cannot be had or there is no randomness.
pub async fn sealed<'e>(
    app: &App,
    list: impl ExactSizeIterator<Item = &'e Entry<'e>>,
) -> Result<Rows, StoreError> {
    let key = tenant_key(app, list.len()).await?;
    let mut rows = Rows::default();
    for entry in list {
        let json = zeroize::Zeroizing::new(entry.event.to_string());
        let row = entry.id.to_string();
        rows.ids.push(entry.id);
        rows.recorded.push(entry.recorded);
        rows.actions.push(entry.action.to_owned());
        rows.successes.push(entry.success);
        rows.accounts.push(entry.account);
        rows.roles.push(entry.role.clone());
        rows.devices.push(entry.device);
        rows.clients.push(entry.client);
        rows.keys.push(key.id());
        rows.leaves.push(ledger::leaf_hash(&entry.event).to_vec());
        rows.bodies
            .push(key.seal(&place(app.tenant.id, &row), json.as_bytes())?);
        for patient in &entry.patients {
            rows.patients.push(patient.clone());
            rows.patient_recorded.push(entry.recorded);
            rows.patient_events.push(entry.id);
        }
    }
    Ok(rows)
}

/// Stores sealed entries in the transaction of `tx`, or by themselves, all or none, if `tx` is a
/// plain connection.
///
/// # Errors
/// When the database refuses, an id that is taken included.
pub async fn store(
    tenant: Uuid,
    now: jiff::Timestamp,
    tx: &impl GenericClient,
    rows: &Rows,
) -> Result<(), StoreError> {
    let statement = tx
        .prepare_cached(
            "WITH stored AS ( \
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
             SELECT DISTINCT $1::uuid, p.patient, p.recorded_at, p.event \
             FROM unnest($14::text[], $15::timestamptz[], $16::uuid[]) \
               AS p(patient, recorded_at, event)",
        )
        .await?;
    tx.execute(
        &statement,
        &[
            &tenant,
            &now,
            &rows.ids,
            &rows.recorded,
            &rows.actions,
            &rows.successes,
            &rows.accounts,
            &rows.roles,
            &rows.devices,
            &rows.clients,
            &rows.keys,
            &rows.leaves,
            &rows.bodies,
            &rows.patients,
            &rows.patient_recorded,
            &rows.patient_events,
        ],
    )
    .await?;
    Ok(())
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
