//! References must point to what is there.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use fhir::outcome::{Issue, IssueType};
use fhir::reference::{self, Reference};
use fhir::resource;

use super::decide;
use super::op::{Refusal, WriteContext, WriteError};
use super::plan::Draft;
use crate::store::error::StoreError;
use crate::store::read;

/// Refuses a literal reference of a type kept here that points to nothing, or to what this very
/// call deletes. The issue names the element.
pub(super) async fn check(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    drafts: &[Draft],
) -> Result<(), WriteError> {
    let written: HashMap<(&str, &str), bool> = drafts
        .iter()
        .map(|draft| {
            (
                (draft.resource_type.as_str(), draft.id.as_str()),
                draft.body.is_some(),
            )
        })
        .collect();
    let mut asked: Vec<(usize, String, Reference)> = Vec::new();
    let mut dangling: Vec<(usize, String)> = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let Some(body) = &draft.body else { continue };
        reference::each_reference(body, |path, text| {
            let Some(target) = reference::parse(text) else {
                // Names of a bundle's entries and criteria are resolved before; what is left of
                // them points nowhere.
                let unresolved = text.starts_with("urn:uuid:")
                    || text.starts_with("urn:oid:")
                    || (text.contains('?') && !text.contains("://"));
                if unresolved {
                    dangling.push((index, path.to_owned()));
                }
                return;
            };
            // AuditEvents are not kept among the records; unknown types the validator refuses.
            if !resource::is_known_type(&target.resource_type)
                || target.resource_type == "AuditEvent"
            {
                return;
            }
            match written.get(&(target.resource_type.as_str(), target.id.as_str())) {
                Some(true) => {}
                Some(false) => dangling.push((index, path.to_owned())),
                None => asked.push((index, path.to_owned(), target)),
            }
        });
    }
    if !asked.is_empty() {
        let there = existing(tx, context, asked.iter().map(|(_, _, target)| target)).await?;
        let mut missing: Vec<_> = asked
            .into_iter()
            .filter(|(_, _, target)| there.get(target) != Some(&true))
            .collect();
        // What the caller may not see may stay where somebody else put it.
        if missing
            .iter()
            .any(|(_, _, target)| there.contains_key(target))
        {
            let before = referred_before(tx, context, drafts).await?;
            missing.retain(|(index, _, target)| {
                !there.contains_key(target) || !before.contains(&(*index, target.clone()))
            });
        }
        dangling.extend(missing.into_iter().map(|(index, path, _)| (index, path)));
    }
    let Some(first) = dangling.iter().map(|(index, _)| *index).min() else {
        return Ok(());
    };
    let issues = dangling
        .into_iter()
        .filter(|(index, _)| *index == first)
        .map(|(_, path)| {
            Issue::error(
                IssueType::NotFound,
                "the reference points to a resource that does not exist",
            )
            .at(path)
        })
        .collect();
    Err(WriteError::at(first, Refusal::Dangling(issues)))
}

/// What the current versions of the drafts refer to, where there is one.
async fn referred_before(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    drafts: &[Draft],
) -> Result<HashSet<(usize, Reference)>, WriteError> {
    let mut before = HashSet::new();
    for (index, draft) in drafts.iter().enumerate() {
        if draft.previous.is_none() {
            continue;
        }
        let current = read::current(context.app, tx, &draft.resource_type, &draft.id).await?;
        let Some(row) = current else { continue };
        let row = row.map_err(StoreError::from)?;
        if let Some(body) = row.value().map_err(StoreError::from)? {
            reference::each_reference(&body, |_, text| {
                before.extend(reference::parse(text).map(|target| (index, target)));
            });
        }
    }
    Ok(before)
}

/// Which targets exist, and whether the caller may know it.
async fn existing<'r>(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    targets: impl Iterator<Item = &'r Reference>,
) -> Result<HashMap<Reference, bool>, WriteError> {
    let distinct: HashSet<&Reference> = targets.collect();
    let (types, ids): (Vec<&str>, Vec<&str>) = distinct
        .iter()
        .map(|target| (target.resource_type.as_str(), target.id.as_str()))
        .unzip();
    let statement = tx
        .prepare_cached(
            "SELECT r.resource_type, r.id, r.patient FROM unnest($2::text[], $3::text[]) AS a(resource_type, id) \
             JOIN resource r ON r.tenant = $1 AND r.resource_type = a.resource_type AND r.id = a.id \
             WHERE NOT r.deleted",
        )
        .await?;
    let rows = tx
        .query(&statement, &[&context.app.tenant.id, &types, &ids])
        .await?;
    let there: Vec<(&str, Option<&str>)> =
        rows.iter().map(|row| (row.get(0), row.get(2))).collect();
    let knowable = match context.gate {
        None => vec![true; there.len()],
        Some(gate) => decide::knowable(tx, gate, &there).await?,
    };
    Ok(rows
        .iter()
        .map(|row| Reference::new(row.get::<_, String>(0), row.get::<_, String>(1)))
        .zip(knowable)
        .collect())
}
