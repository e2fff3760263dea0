//! What a caller may write: decided under the locks of the write, so that nothing changes between
//! decision and deed.
//!
//! A record that the caller may not see is treated as if it were not there, whatever the op. What
//! is written must be about a patient whose records the caller may write.

use std::collections::{HashMap, HashSet};

use access::{Action, Decision, Facts, ResourceClass, Tie, relation};
use deadpool_postgres::Transaction;
use fhir::{compartment, same_person};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::op::{Expect, Gate, Refusal, WriteContext, WriteError, WriteOp};
use super::plan::{Draft, Key, Previous};
use crate::access::known::Known;
use crate::store::error::StoreError;
use crate::store::read;

/// What an op would make of a record.
struct Content<'c> {
    op: usize,
    id: &'c str,
    body: &'c Value,
}

/// Before conditions are checked: refuses new content about patients whose records the caller may
/// not write, and takes away the rows that the caller may not change.
pub(super) async fn hide(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    ops: &[WriteOp],
    keys: &[Key],
    previous: &mut HashMap<Key, Previous>,
) -> Result<(), WriteError> {
    let Some(gate) = context.gate else {
        return Ok(());
    };
    let bodies: Vec<Content<'_>> = ops
        .iter()
        .zip(keys)
        .enumerate()
        .filter_map(|(op, (of, (_, id)))| match of {
            WriteOp::Create { resource, .. } | WriteOp::Put { resource, .. } => Some(Content {
                op,
                id,
                body: resource,
            }),
            _ => None,
        })
        .collect();
    let owners = previous.values().filter_map(|row| row.patient.clone());
    let known = load(tx, gate, keys, &bodies, owners).await?;
    contents(context, gate, &known, &bodies)?;
    for (index, (op, key)) in ops.iter().zip(keys).enumerate() {
        let action = match op {
            WriteOp::Create { .. } => continue,
            WriteOp::Delete { .. } => Action::Delete,
            WriteOp::Put { .. } | WriteOp::Patch { .. } => Action::Update,
        };
        if !gate.sight.depends(action, &key.0) {
            continue;
        }
        let may =
            |patient: Option<&str>| gate.sight.decide(&known, action, &key.0, patient).allow();
        let hidden = previous
            .get(key)
            .is_some_and(|row| !may(row.patient.as_deref()));
        if hidden {
            previous.remove(key);
        }
        let absent = !previous.contains_key(key);
        let makes = match op {
            WriteOp::Put { expect, .. } => !matches!(expect, Expect::Version(_)),
            _ => false,
        };
        // Where others' records look absent, making one under a chosen id would tell them apart.
        if makes && absent && (hidden || !gate.chooses_ids && !may(Some(""))) {
            let (resource_type, id) = key.clone();
            return Err(WriteError::at(
                index,
                Refusal::NotFound { resource_type, id },
            ));
        }
    }
    Ok(())
}

/// After drafts were made: what patches made, names put under notes, and who is told to be whom.
pub(super) async fn check(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    drafts: &[Draft],
) -> Result<(), WriteError> {
    let Some(gate) = context.gate else {
        return Ok(());
    };
    let patched: Vec<Content<'_>> = drafts
        .iter()
        .enumerate()
        .filter(|(_, draft)| draft.patched)
        .filter_map(|(op, draft)| {
            Some(Content {
                op,
                id: &draft.id,
                body: draft.body.as_ref()?,
            })
        })
        .collect();
    if !patched.is_empty() {
        let keys: Vec<Key> = drafts
            .iter()
            .map(|draft| (draft.resource_type.clone(), draft.id.clone()))
            .collect();
        let known = load(tx, gate, &keys, &patched, std::iter::empty()).await?;
        contents(context, gate, &known, &patched)?;
    }
    identities(tx, context, gate, drafts).await
}

/// Refuses changes of which Patients are one person to those who may not merge records. Most who
/// write demographics may: only for others the version before is opened.
async fn identities(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    gate: Gate<'_>,
    drafts: &[Draft],
) -> Result<(), WriteError> {
    let decision = gate.sight.by_role(Action::Merge, "Patient");
    if decision.allow() {
        return Ok(());
    }
    let patients: Vec<(usize, &Draft, &Value)> = drafts
        .iter()
        .enumerate()
        .filter(|(_, draft)| draft.resource_type == "Patient")
        .filter_map(|(op, draft)| Some((op, draft, draft.body.as_ref()?)))
        .collect();
    let known: Vec<(&str, &str)> = patients
        .iter()
        .filter(|(_, draft, _)| draft.previous.as_ref().is_some_and(|row| !row.deleted))
        .map(|(_, draft, _)| (draft.resource_type.as_str(), draft.id.as_str()))
        .collect();
    let mut before: HashMap<String, Value> = HashMap::new();
    for row in read::many(context.app, tx, &known).await? {
        let row = row.map_err(StoreError::from)?;
        if let Some(body) = row.value().map_err(StoreError::from)? {
            before.insert(row.id, body);
        }
    }
    for (op, draft, body) in patients {
        let before = before.get(&draft.id).unwrap_or(&Value::Null);
        if same_person::statements(body) != same_person::statements(before) {
            return refuse(op, decision);
        }
    }
    Ok(())
}

/// Which of these targets of references the caller may know to exist, each given with its patient.
pub(super) async fn knowable(
    tx: &Transaction<'_>,
    gate: Gate<'_>,
    targets: &[(&str, Option<&str>)],
) -> Result<Vec<bool>, StoreError> {
    gate.sight.each(tx, Action::Read, targets).await
}

async fn load(
    tx: &Transaction<'_>,
    gate: Gate<'_>,
    keys: &[Key],
    bodies: &[Content<'_>],
    owners: impl Iterator<Item = String>,
) -> Result<Known, StoreError> {
    let mut types: HashSet<&str> = keys.iter().map(|key| key.0.as_str()).collect();
    types.retain(|kind| {
        [Action::Create, Action::Update, Action::Delete]
            .into_iter()
            .any(|action| gate.sight.depends(action, kind))
    });
    if types.is_empty() {
        return Ok(Known::default());
    }
    let mut patients: HashSet<String> = owners.collect();
    patients.extend(
        bodies
            .iter()
            .filter_map(|content| compartment::patient_of(content.body)),
    );
    let patients: Vec<&str> = patients.iter().map(String::as_str).collect();
    gate.sight.known(tx, &patients).await
}

/// Decides about new content.
fn contents(
    context: &WriteContext<'_>,
    gate: Gate<'_>,
    known: &Known,
    bodies: &[Content<'_>],
) -> Result<(), WriteError> {
    let sight = gate.sight;
    let mut own: Option<Vec<Tie>> = None;
    for Content { op, body, .. } in bodies {
        let Some(kind) = fhir::resource::resource_type(body) else {
            continue;
        };
        let signs = is_signed(body) && sight.me.role != access::Role::Integration;
        let mut actions = vec![Action::Update];
        if signs {
            actions.push(Action::Sign);
        }
        let patient = compartment::patient_of(body);
        for action in actions {
            if !sight.depends(action, kind) {
                if action == Action::Sign {
                    refuse(*op, sight.by_role(action, kind))?;
                }
                continue;
            }
            let decision = sight.decide(known, action, kind, patient.as_deref());
            if decision.allow() {
                continue;
            }
            // What the very same transaction says about who relates to the patient counts, where
            // a role may say it without a relationship: who registers a patient as their own, or
            // books one, may write the first record along with it.
            let ties = own.get_or_insert_with(|| bystanding(context, bodies));
            let now = context.now;
            let facts = patient.as_deref().map_or_else(Facts::default, |patient| {
                let part = access::Part::Type(kind);
                known.facts(&sight.me, patient, kind, now).or(Facts::gather(
                    &sight.me,
                    patient,
                    part,
                    ties,
                    &[],
                    now,
                ))
            });
            let class = ResourceClass::of_record(kind, patient.is_some());
            let request = access::Request::new(sight.me.role, action, class).concerning(facts);
            refuse(*op, context.app.policies.decide(&request))?;
        }
    }
    Ok(())
}

fn refuse(index: usize, decision: Decision) -> Result<(), WriteError> {
    if decision.allow() {
        Ok(())
    } else {
        Err(WriteError::at(index, Refusal::Denied(Box::new(decision))))
    }
}

/// What the records of demographics and scheduling among `bodies` say.
fn bystanding(context: &WriteContext<'_>, bodies: &[Content<'_>]) -> Vec<Tie> {
    let zone = TimeZone::get(&context.app.tenant.time_zone).unwrap_or(TimeZone::UTC);
    bodies
        .iter()
        .filter(|content| {
            fhir::resource::resource_type(content.body).is_some_and(|kind| {
                matches!(
                    ResourceClass::of(kind),
                    ResourceClass::Demographic | ResourceClass::Scheduling
                )
            })
        })
        .flat_map(|content| {
            let mut body = content.body.clone();
            // A record that is being made gets its id later.
            if let Some(map) = body.as_object_mut() {
                map.insert("id".to_owned(), Value::String(content.id.to_owned()));
            }
            relation::ties(&body, &zone)
        })
        .collect()
}

/// A note becomes part of the record when somebody puts their name under it. Programs bring notes
/// that were signed elsewhere.
fn is_signed(resource: &Value) -> bool {
    fhir::resource::resource_type(resource) == Some("DocumentReference")
        && resource.get("docStatus").and_then(Value::as_str) == Some("final")
}
