//! Sealing, indexing and storing what was planned.
//!
//! Statements take whole columns as arrays, so a transaction of hundreds of resources is as many
//! statements as one of one; those that do not wait for each other are sent together.

use std::sync::Arc;

use deadpool_postgres::Transaction;
use fhir::compartment;
use futures_util::TryFutureExt as _;
use futures_util::future::{try_join, try_join_all};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::upload::StoredVersion;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use vault::SealingKey;
use zeroize::Zeroizing;

use super::op::{Change, Recording, Refusal, Touched, WriteContext, WriteError, Written};
use super::plan::Draft;
use crate::access::ties::TieRows;
use crate::audit::append;
use crate::search::blind::Token;
use crate::search::index;
use crate::store::error::StoreError;
use crate::store::hold::{self, Hold};
use crate::store::keys::NO_PATIENT;
use crate::store::seal;

/// Rows of `resource_version` and `resource`, column by column.
#[derive(Default)]
struct Versions<'d> {
    types: Vec<&'d str>,
    ids: Vec<&'d str>,
    versions: Vec<i64>,
    times: Vec<Timestamp>,
    deleted: Vec<bool>,
    patients: Vec<Option<String>>,
    keys: Vec<Option<Uuid>>,
    bodies: Vec<Option<Vec<u8>>>,
    tokens: Vec<Vec<u8>>,
}

/// Rows that go out of and into the index.
#[derive(Default)]
struct Index<'d> {
    old: Tokens<'d>,
    new: Tokens<'d>,
    redated: (Vec<&'d str>, Vec<&'d str>),
    dates: Dates<'d>,
}

/// Rows of `search_token`: token, id.
type Tokens<'d> = (Vec<Token>, Vec<&'d str>);

/// Rows of `search_date`.
#[derive(Default)]
struct Dates<'d> {
    types: Vec<&'d str>,
    ids: Vec<&'d str>,
    params: Vec<&'static str>,
    starts: Vec<Timestamp>,
    ends: Vec<Timestamp>,
}

/// Rows of `patient_identity`.
#[derive(Default)]
struct Identities<'d> {
    gone: Vec<&'d str>,
    patients: Vec<&'d str>,
    versions: Vec<i64>,
    keys: Vec<Uuid>,
    columns: [Vec<Option<Vec<u8>>>; 7],
}

/// Rows of `appointment_hold`.
#[derive(Default)]
struct Holds<'d> {
    released: Vec<&'d str>,
    appointments: Vec<&'d str>,
    practitioners: Vec<String>,
    starts: Vec<Timestamp>,
    ends: Vec<Timestamp>,
}

/// Writes everything. On an error the transaction is of no more use.
pub(super) async fn store(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    drafts: Vec<Draft>,
) -> Result<Vec<Written>, WriteError> {
    let app = context.app;
    let patients: Vec<Option<String>> = drafts
        .iter()
        .map(|draft| match (&draft.body, &draft.previous) {
            (Some(body), _) => compartment::patient_of(body),
            (None, Some(previous)) => previous.patient.clone(),
            (None, None) => None,
        })
        .collect();
    let mut keys = sealing_keys(context, &drafts, &patients).await?.into_iter();
    // App::start refuses a zone that does not exist; UTC is never reached.
    let zone = TimeZone::get(&app.tenant.time_zone).unwrap_or(TimeZone::UTC);

    let mut versions = Versions::default();
    let mut entries = Index::default();
    let mut identities = Identities::default();
    let mut holds = Holds::default();
    let mut ties = TieRows::default();
    let mut bodies: Vec<Option<Arc<[u8]>>> = Vec::with_capacity(drafts.len());
    for (draft, patient) in drafts.iter().zip(&patients) {
        if draft.change == Change::Nothing {
            bodies.push(None);
            continue;
        }
        versions.types.push(&draft.resource_type);
        versions.ids.push(&draft.id);
        versions.versions.push(signed(draft.version));
        versions.times.push(draft.last_updated);
        versions.deleted.push(draft.body.is_none());
        versions.patients.push(patient.clone());
        let mut tokens = Vec::new();
        if let Some(body) = &draft.body {
            // One for each draft with a body, in their order.
            let key = &keys.next().ok_or(StoreError::KeyMissing(Uuid::nil()))?;
            let json = Zeroizing::new(serde_json::to_vec(body).map_err(|_| unreadable(draft))?);
            let sealed = seal::body(
                key,
                app.tenant.id,
                &draft.resource_type,
                &draft.id,
                draft.version,
                &json,
            )?;
            versions.keys.push(Some(key.id()));
            versions.bodies.push(Some(sealed));
            let found = index::entries(&app.blind, &draft.resource_type, body, &zone);
            for (param, lo, hi) in found.dates {
                entries.dates.types.push(&draft.resource_type);
                entries.dates.ids.push(&draft.id);
                entries.dates.params.push(param);
                entries.dates.starts.push(lo);
                entries.dates.ends.push(hi.max(lo));
            }
            tokens = found.tokens;
            if draft.resource_type == "Patient" {
                let columns = seal::identity(key, app.tenant.id, &draft.id, draft.version, body)?;
                identities.patients.push(&draft.id);
                identities.versions.push(signed(draft.version));
                identities.keys.push(key.id());
                for (column, sealed) in identities.columns.iter_mut().zip(columns) {
                    column.push(sealed);
                }
            }
            if draft.resource_type == "Appointment" {
                for Hold {
                    practitioner,
                    start,
                    end,
                } in hold::holds(body)
                {
                    holds.appointments.push(&draft.id);
                    holds.practitioners.push(practitioner);
                    holds.starts.push(start);
                    holds.ends.push(end);
                }
            }
            bodies.push(Some(Arc::from(json.as_slice())));
        } else {
            versions.keys.push(None);
            versions.bodies.push(None);
            bodies.push(None);
            if draft.resource_type == "Patient" {
                identities.gone.push(&draft.id);
            }
        }
        ties.write(
            &draft.resource_type,
            &draft.id,
            draft.body.as_ref(),
            draft.previous.is_some(),
            &zone,
            context.now,
        );
        move_tokens(&mut entries, draft, &tokens);
        versions.tokens.push(packed(&tokens));
        if draft.previous.is_some() {
            entries.redated.0.push(&draft.resource_type);
            entries.redated.1.push(&draft.id);
            if draft.resource_type == "Appointment" {
                holds.released.push(&draft.id);
            }
        }
    }
    let written = drafts
        .iter()
        .zip(&patients)
        .zip(bodies)
        .map(|((draft, patient), body)| answer(draft, patient.as_ref(), body))
        .collect::<Vec<Written>>();
    let events = match context.recording {
        Recording::Here(event) => event(&Touched::of(&written)).per_patient(Uuid::now_v7),
        Recording::Elsewhere => Vec::new(),
    };
    let events = append::sealed(app, &events).await?;
    let recorded = append::store(app.tenant.id, app.now(), tx, &events).map_err(WriteError::from);
    if versions.ids.is_empty() {
        recorded.await?;
    } else {
        let rows = Rows {
            touched: touched(&drafts, &patients),
            versions: &versions,
            entries: &entries,
            identities: &identities,
            holds: &holds,
            ties: &ties,
        };
        let stored = write_rows(tx, context, &rows).map_err(|error| refusal_of(error, &drafts));
        // Sent together: the record is told of first if both are refused.
        try_join(stored, recorded).await?;
    }
    app.ledger.appended();
    Ok(written)
}

/// What became of one draft.
fn answer(draft: &Draft, patient: Option<&String>, body: Option<Arc<[u8]>>) -> Written {
    let before = draft.previous.as_ref().filter(|before| !before.deleted);
    Written {
        stored: StoredVersion {
            resource_type: draft.resource_type.clone(),
            id: draft.id.clone(),
            version: draft.version,
            last_updated: draft.last_updated,
        },
        change: draft.change,
        left: before
            .filter(|before| before.patient.as_ref() != patient)
            .and_then(|before| before.patient.clone()),
        patient: patient.cloned(),
        body,
    }
}

/// A key for each draft that will be sealed: for its body, and for the columns of identity.
async fn sealing_keys(
    context: &WriteContext<'_>,
    drafts: &[Draft],
    patients: &[Option<String>],
) -> Result<Vec<SealingKey>, StoreError> {
    let asked: Vec<(&str, u64)> = drafts
        .iter()
        .zip(patients)
        .filter(|(draft, _)| draft.change != Change::Nothing && draft.body.is_some())
        .map(|(draft, patient)| {
            let columns = match draft.resource_type.as_str() {
                "Patient" => seal::IDENTITY_COLUMNS.len() as u64,
                _ => 0,
            };
            (patient.as_deref().unwrap_or(NO_PATIENT), 1 + columns)
        })
        .collect();
    context.app.keys.sealing(&asked, context.now).await
}

/// Patients whose records are written to: what changes, and where it was before.
fn touched<'d>(drafts: &'d [Draft], patients: &'d [Option<String>]) -> Vec<&'d str> {
    let mut touched: Vec<&str> = drafts
        .iter()
        .filter_map(|draft| draft.previous.as_ref()?.patient.as_deref())
        .chain(patients.iter().filter_map(Option::as_deref))
        .collect();
    touched.sort_unstable();
    touched.dedup();
    touched
}

/// Only what changed goes out of or into `search_token`.
fn move_tokens<'d>(entries: &mut Index<'d>, draft: &'d Draft, tokens: &[Token]) {
    // Those of a deleted resource are out of the index already.
    let old = match &draft.previous {
        Some(previous) if !previous.deleted => unpacked(&previous.tokens),
        _ => Vec::new(),
    };
    let lacking = |list: &[Token], of: &[Token], (kept, ids): &mut Tokens<'d>| {
        for token in list.iter().filter(|token| of.binary_search(token).is_err()) {
            kept.push(*token);
            ids.push(&draft.id);
        }
    };
    lacking(&old, tokens, &mut entries.old);
    lacking(tokens, &old, &mut entries.new);
}

/// All rows of a call.
struct Rows<'r> {
    /// Patients whose records are written to.
    touched: Vec<&'r str>,
    versions: &'r Versions<'r>,
    entries: &'r Index<'r>,
    identities: &'r Identities<'r>,
    holds: &'r Holds<'r>,
    ties: &'r TieRows,
}

type Parameters<'p> = Vec<&'p (dyn ToSql + Sync)>;

/// All statements, in the order in which the database must see them.
async fn write_rows(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    rows: &Rows<'_>,
) -> Result<(), tokio_postgres::Error> {
    let Rows {
        touched,
        versions,
        entries,
        identities,
        holds,
        ties,
    } = rows;
    let tenant: &(dyn ToSql + Sync) = &context.app.tenant.id;
    let mut work: Vec<(&'static str, Parameters<'_>)> = vec![
        // Fails if a record was closed, and keeps it from being closed until this ends.
        ("SELECT refuse_closed($1, $2)", vec![tenant, touched]),
        (
            "INSERT INTO resource_version \
               (tenant, resource_type, id, version, recorded_at, author, device, deleted, patient, key_id, body) \
             SELECT $1, u.t, u.i, u.v, u.at, $2, $3, u.d, u.p, u.k, u.b \
             FROM unnest($4::text[], $5::text[], $6::bigint[], $7::timestamptz[], $8::bool[], $9::text[], \
                         $10::uuid[], $11::bytea[]) AS u(t, i, v, at, d, p, k, b)",
            vec![
                tenant,
                &context.author,
                &context.device,
                &versions.types,
                &versions.ids,
                &versions.versions,
                &versions.times,
                &versions.deleted,
                &versions.patients,
                &versions.keys,
                &versions.bodies,
            ],
        ),
        (
            "INSERT INTO resource (tenant, resource_type, id, version, last_updated, patient, deleted, tokens) \
             SELECT $1, u.t, u.i, u.v, u.at, u.p, u.d, u.x \
             FROM unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::bool[], \
                         $8::bytea[]) AS u(t, i, v, at, p, d, x) \
             ON CONFLICT (tenant, resource_type, id) DO UPDATE SET \
               version = excluded.version, transaction = pg_current_xact_id(), \
               last_updated = excluded.last_updated, patient = excluded.patient, \
               deleted = excluded.deleted, tokens = excluded.tokens",
            vec![
                tenant,
                &versions.types,
                &versions.ids,
                &versions.versions,
                &versions.times,
                &versions.patients,
                &versions.deleted,
                &versions.tokens,
            ],
        ),
    ];
    if !entries.old.0.is_empty() {
        work.push((
            "DELETE FROM search_token s USING unnest($2::bigint[], $3::text[]) AS u(x, i) \
             WHERE s.tenant = $1 AND s.token = u.x AND s.id = u.i",
            vec![tenant, &entries.old.0, &entries.old.1],
        ));
    }
    if !entries.new.0.is_empty() {
        // Most of what a write costs the database. None of them can be there: `resource` tells
        // which ones are, and its row is locked or its version was just made.
        work.push((
            "INSERT INTO search_token (tenant, token, id) \
             SELECT $1, u.x, u.i FROM unnest($2::bigint[], $3::text[]) AS u(x, i)",
            vec![tenant, &entries.new.0, &entries.new.1],
        ));
    }
    if !entries.redated.0.is_empty() {
        work.push((
            "DELETE FROM search_date s USING unnest($2::text[], $3::text[]) AS u(t, i) \
             WHERE s.tenant = $1 AND s.resource_type = u.t AND s.id = u.i",
            vec![tenant, &entries.redated.0, &entries.redated.1],
        ));
    }
    if !entries.dates.types.is_empty() {
        work.push((
            "INSERT INTO search_date (tenant, resource_type, id, param, lo, hi) \
             SELECT $1, u.t, u.i, u.p, u.lo, u.hi \
             FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[]) \
               AS u(t, i, p, lo, hi)",
            vec![
                tenant,
                &entries.dates.types,
                &entries.dates.ids,
                &entries.dates.params,
                &entries.dates.starts,
                &entries.dates.ends,
            ],
        ));
    }
    if !identities.gone.is_empty() {
        work.push((
            "DELETE FROM patient_identity WHERE tenant = $1 AND patient = ANY($2)",
            vec![tenant, &identities.gone],
        ));
    }
    if !identities.patients.is_empty() {
        let [name, birth_date, ssn, phone, email, mrn, address] = &identities.columns;
        work.push((
            "INSERT INTO patient_identity \
               (tenant, patient, version, key_id, name, birth_date, ssn, phone, email, mrn, address) \
             SELECT $1, u.* FROM unnest($2::text[], $3::bigint[], $4::uuid[], $5::bytea[], $6::bytea[], \
               $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[], $11::bytea[]) AS u \
             ON CONFLICT (tenant, patient) DO UPDATE SET \
               version = excluded.version, key_id = excluded.key_id, name = excluded.name, \
               birth_date = excluded.birth_date, ssn = excluded.ssn, phone = excluded.phone, \
               email = excluded.email, mrn = excluded.mrn, address = excluded.address",
            vec![
                tenant, &identities.patients, &identities.versions, &identities.keys, name, birth_date,
                ssn, phone, email, mrn, address,
            ],
        ));
    }
    // Released before taken, so that two appointments can change places in one transaction.
    if !holds.released.is_empty() {
        work.push((
            "DELETE FROM appointment_hold WHERE tenant = $1 AND appointment = ANY($2)",
            vec![tenant, &holds.released],
        ));
    }
    if !holds.appointments.is_empty() {
        work.push((
            "INSERT INTO appointment_hold (tenant, appointment, practitioner, period) \
             SELECT $1, u.a, u.p, tstzrange(u.lo, u.hi) \
             FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) AS u(a, p, lo, hi)",
            vec![tenant, &holds.appointments, &holds.practitioners, &holds.starts, &holds.ends],
        ));
    }
    work.extend(ties.statements(&context.app.tenant.id));
    let mut statements = Vec::with_capacity(work.len());
    for (sql, _) in &work {
        statements.push(tx.prepare_cached(sql).await?);
    }
    // Polled in order, so sent in order: the connection answers them one after the other.
    try_join_all(
        work.iter()
            .zip(&statements)
            .map(|((_, parameters), statement)| tx.execute(statement, parameters)),
    )
    .await?;
    Ok(())
}

fn refusal_of(error: tokio_postgres::Error, drafts: &[Draft]) -> WriteError {
    let taken = error.code() == Some(&SqlState::EXCLUSION_VIOLATION);
    if !taken {
        return error.into();
    }
    let mut appointments = drafts
        .iter()
        .enumerate()
        .filter(|(_, draft)| draft.resource_type == "Appointment");
    // With several the database does not say which one.
    let op = match (appointments.next(), appointments.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    };
    WriteError {
        op,
        refusal: Refusal::TimeTaken,
    }
}

fn unreadable(draft: &Draft) -> StoreError {
    StoreError::Content {
        table: "resource_version.body",
        row: format!("{}/{}", draft.resource_type, draft.id),
    }
}

/// Versions count from 1 and never come near 2^63.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn packed(tokens: &[Token]) -> Vec<u8> {
    tokens
        .iter()
        .flat_map(|token| token.to_be_bytes())
        .collect()
}

/// Sorted.
fn unpacked(bytes: &[u8]) -> Vec<Token> {
    let mut tokens: Vec<Token> = bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|token| Token::from_be_bytes(*token))
        .collect();
    tokens.sort_unstable();
    tokens
}
