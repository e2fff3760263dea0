//! Which version each op makes, from what and whether it may.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use fhir::outcome::{Issue, IssueType};
use fhir::{patch, resource};
use jiff::Timestamp;
use serde_json::Value;

use super::decide;
use super::op::{Change, Clash, Expect, Refusal, WriteContext, WriteError, WriteOp};
use crate::store::read;

/// What an op will write.
pub(super) struct Draft {
    pub resource_type: String,
    pub id: String,
    pub change: Change,
    /// The version to write; for [`Change::Nothing`] the one that is there.
    pub version: u64,
    pub last_updated: Timestamp,
    /// The new body with its meta; none for a deletion.
    pub body: Option<Value>,
    /// What `resource` holds now.
    pub previous: Option<Previous>,
    /// Whether the body is what a patch made.
    pub patched: bool,
}

/// The row of `resource` before.
pub(super) struct Previous {
    pub version: u64,
    pub deleted: bool,
    pub tokens: Vec<u8>,
    pub patient: Option<String>,
    pub last_updated: Timestamp,
}

pub(super) type Key = (String, String);

/// Locks what the ops change, checks their conditions and counts versions.
pub(super) async fn drafts(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    ops: Vec<WriteOp>,
) -> Result<Vec<Draft>, WriteError> {
    let keys = keys(&ops)?;
    let mut previous = lock(tx, context, &ops, &keys).await?;
    decide::hide(tx, context, &ops, &keys, &mut previous).await?;
    check_conditions(&ops, &keys, &previous)?;
    let mut current = bodies_to_patch(tx, context, &ops).await?;
    let mut drafts = Vec::with_capacity(ops.len());
    for (index, (op, key)) in ops.into_iter().zip(keys).enumerate() {
        let previous = previous.remove(&key);
        let patched = matches!(op, WriteOp::Patch { .. });
        let body = match op {
            WriteOp::Create { mut resource, id } => {
                if let Some(map) = resource.as_object_mut() {
                    map.insert("id".to_owned(), Value::String(id));
                }
                Some(resource)
            }
            WriteOp::Put { resource, .. } => Some(resource),
            WriteOp::Patch { patch, .. } => {
                let base = current.remove(&key).ok_or_else(|| {
                    WriteError::at(
                        index,
                        Refusal::NotFound {
                            resource_type: key.0.clone(),
                            id: key.1.clone(),
                        },
                    )
                })?;
                let patched = patch::json_patch(&base, &patch)
                    .map_err(|error| WriteError::at(index, Refusal::Patch(error)))?;
                Some(patched)
            }
            WriteOp::Delete { .. } => None,
        };
        drafts.push(Draft {
            patched,
            ..draft(context, key, body, previous)
        });
    }
    Ok(drafts)
}

fn draft(
    context: &WriteContext<'_>,
    (resource_type, id): Key,
    mut body: Option<Value>,
    previous: Option<Previous>,
) -> Draft {
    let before = previous.as_ref().map_or(0, |row| row.version);
    let lives = previous.as_ref().is_some_and(|row| !row.deleted);
    let change = match (&body, lives) {
        (Some(_), false) => Change::Created,
        (Some(_), true) => Change::Updated,
        (None, true) => Change::Deleted,
        (None, false) => Change::Nothing,
    };
    let (version, last_updated) = match (change, &previous) {
        (Change::Nothing, Some(row)) => (before, row.last_updated),
        (Change::Nothing, None) => (0, context.now),
        // A clock that was set back must not make a version older than the one before it.
        (_, Some(row)) => (before + 1, context.now.max(row.last_updated)),
        (_, None) => (1, context.now),
    };
    if let Some(body) = &mut body {
        resource::set_meta(body, version, last_updated);
    }
    Draft {
        resource_type,
        id,
        change,
        version,
        last_updated,
        body,
        previous,
        patched: false,
    }
}

/// Type and id of each op; each resource may be named once.
fn keys(ops: &[WriteOp]) -> Result<Vec<Key>, WriteError> {
    let mut seen: HashSet<Key> = HashSet::with_capacity(ops.len());
    let mut keys = Vec::with_capacity(ops.len());
    for (index, op) in ops.iter().enumerate() {
        let invalid = |code, text: &str| {
            WriteError::at(index, Refusal::Invalid(vec![Issue::error(code, text)]))
        };
        let of_body = |body: &Value| {
            resource::resource_type(body)
                .filter(|name| resource::is_known_type(name))
                .map(str::to_owned)
                .ok_or_else(|| {
                    invalid(
                        IssueType::NotSupported,
                        "the resource's type is missing or not kept here",
                    )
                })
        };
        let (resource_type, id) = match op {
            WriteOp::Create { id, resource } => (of_body(resource)?, id.clone()),
            WriteOp::Put { resource, .. } => {
                let id = resource::id(resource)
                    .ok_or_else(|| invalid(IssueType::Required, "the resource needs an id"))?;
                (of_body(resource)?, id.to_owned())
            }
            WriteOp::Patch {
                resource_type, id, ..
            }
            | WriteOp::Delete {
                resource_type, id, ..
            } => (resource_type.clone(), id.clone()),
        };
        if !resource::valid_id(&id) {
            return Err(invalid(
                IssueType::Value,
                "an id is 1 to 64 letters, digits, hyphens and dots",
            ));
        }
        if resource_type == "AuditEvent" {
            return Err(invalid(
                IssueType::NotSupported,
                "AuditEvents are written by the server alone",
            ));
        }
        let key = (resource_type, id);
        if !seen.insert(key.clone()) {
            let (resource_type, id) = key;
            return Err(WriteError::at(index, Refusal::Twice { resource_type, id }));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// Locks the rows of all but fresh ids, in one order, so that two transactions cannot wait for
/// each other.
async fn lock(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    ops: &[WriteOp],
    keys: &[Key],
) -> Result<HashMap<Key, Previous>, WriteError> {
    let (types, ids): (Vec<&str>, Vec<&str>) = ops
        .iter()
        .zip(keys)
        .filter(|(op, _)| !matches!(op, WriteOp::Create { .. }))
        .map(|(_, (resource_type, id))| (resource_type.as_str(), id.as_str()))
        .unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = tx
        .prepare_cached(
            "SELECT r.resource_type, r.id, r.version, r.deleted, r.tokens, r.patient, r.last_updated \
             FROM unnest($2::text[], $3::text[]) AS a(resource_type, id) \
             JOIN resource r ON r.tenant = $1 AND r.resource_type = a.resource_type AND r.id = a.id \
             ORDER BY r.resource_type, r.id FOR NO KEY UPDATE OF r",
        )
        .await?;
    let rows = tx
        .query(&statement, &[&context.app.tenant.id, &types, &ids])
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let previous = Previous {
                version: row.get::<_, i64>(2).unsigned_abs(),
                deleted: row.get(3),
                tokens: row.get(4),
                patient: row.get(5),
                last_updated: row.get(6),
            };
            ((row.get(0), row.get(1)), previous)
        })
        .collect())
}

/// All clashes at once, so that a workstation learns of every one.
fn check_conditions(
    ops: &[WriteOp],
    keys: &[Key],
    previous: &HashMap<Key, Previous>,
) -> Result<(), WriteError> {
    let mut clashes = Vec::new();
    for (index, (op, key)) in ops.iter().zip(keys).enumerate() {
        let row = previous.get(key);
        let living = row.filter(|row| !row.deleted);
        let expect = match op {
            WriteOp::Create { .. } => continue,
            WriteOp::Put { expect, .. } | WriteOp::Delete { expect, .. } => *expect,
            WriteOp::Patch { expect, .. } => {
                let (resource_type, id) = key.clone();
                match row {
                    None => {
                        return Err(WriteError::at(
                            index,
                            Refusal::NotFound { resource_type, id },
                        ));
                    }
                    Some(row) if row.deleted => {
                        return Err(WriteError::at(index, Refusal::Gone { resource_type, id }));
                    }
                    Some(_) => *expect,
                }
            }
        };
        let fits = match expect {
            Expect::Anything => true,
            Expect::Version(version) => living.is_some_and(|row| row.version == version),
            Expect::Absent => living.is_none(),
        };
        if !fits {
            clashes.push(Clash {
                op: index,
                resource_type: key.0.clone(),
                id: key.1.clone(),
                current: row.map(|row| row.version),
            });
        }
    }
    match clashes.first() {
        None => Ok(()),
        Some(first) => Err(WriteError::at(first.op, Refusal::Stale(clashes))),
    }
}

/// The current bodies of what is to be patched.
async fn bodies_to_patch(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    ops: &[WriteOp],
) -> Result<HashMap<Key, Value>, WriteError> {
    let wanted: Vec<(&str, &str)> = ops
        .iter()
        .filter_map(|op| match op {
            WriteOp::Patch {
                resource_type, id, ..
            } => Some((resource_type.as_str(), id.as_str())),
            _ => None,
        })
        .collect();
    let mut bodies = HashMap::new();
    if wanted.is_empty() {
        return Ok(bodies);
    }
    for row in read::many(context.app, tx, &wanted).await? {
        let row = row.map_err(crate::store::error::StoreError::from)?;
        if let Some(body) = row.value().map_err(crate::store::error::StoreError::from)? {
            bodies.insert((row.resource_type, row.id), body);
        }
    }
    Ok(bodies)
}

/// The schema and the reference rules, op by op.
pub(super) fn validate(context: &WriteContext<'_>, drafts: &[Draft]) -> Result<(), WriteError> {
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(body) = &draft.body {
            context
                .app
                .validator
                .validate(body)
                .map_err(|issues| WriteError::at(index, Refusal::Invalid(issues)))?;
        }
    }
    Ok(())
}
