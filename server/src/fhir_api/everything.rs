//! `Patient/$everything`, page by page.

use std::collections::HashSet;

use access::Action as Asked;
use axum::http::StatusCode;
use fhir::outcome::{Issue, IssueType};
use fhir::reference::{self, Reference};
use jiff::Timestamp;
use ledger::Action;

use crate::access::sight::Sight;
use crate::app::App;
use crate::fhir_api::answer::{Answer, Failure};
use crate::fhir_api::ask::Ask;
use crate::fhir_api::dispatch::base;
use crate::fhir_api::gate::{self, Interaction};
use crate::fhir_api::gathered::{Gathered, Mode};
use crate::fhir_api::read::{bad_rows, gone, missing, not_ours};
use crate::identity::caller::Caller;
use crate::search::cursor::{self, Cursor};
use crate::store::error::StoreError;
use crate::store::read;
use crate::store::rows::{self, BadRow, COLUMNS, Opened, SealedRow};
use crate::store::write::Touched;

/// Resources on a page, if the query does not say.
const PAGE: i64 = 200;

/// Resources on a page at most.
const LARGEST_PAGE: i64 = 1_000;

/// What is outside the compartment and belongs to understanding it.
const ALONG: [&str; 6] = [
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Medication",
    "Device",
];

/// What is asked for, by its parameters.
struct Wish {
    types: Option<Vec<String>>,
    since: Option<Timestamp>,
    count: i64,
    unknown: Vec<String>,
}

/// `GET Patient/id/$everything`.
///
/// # Errors
/// 400, 403, 404, 410.
pub async fn everything(app: &App, caller: &Caller, ask: Ask, id: &str) -> Result<Answer, Failure> {
    let entity = format!("Patient/{id}");
    let sight = gate::sight(app, caller)?;
    let interaction = Interaction {
        asked: Asked::Read,
        action: Action::FhirEverything,
        resource_type: "Patient",
        id: Some(id),
    };
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let path = format!("{entity}/$everything");
    let (pairs, after) = match ask.query.iter().find(|(name, _)| name == "_cursor") {
        None => (ask.query, None),
        Some((_, text)) => {
            let cursor: Cursor<(String, String)> = cursor::open(app, caller.user_id, &path, text)
                .await?
                .ok_or_else(not_ours)?;
            (cursor.query, Some(cursor.after))
        }
    };
    let wish = wish(&pairs, ask.prefer.strict)?;
    let patient = read::current(app, &client, "Patient", id)
        .await?
        .ok_or_else(|| missing("Patient", id))??;
    if patient.json.is_none() {
        return Err(gone("Patient", id));
    }

    // The patient first, then the compartment by type and id.
    let mut bad: Vec<BadRow> = Vec::new();
    let types: Vec<&'static str> = fhir::resource::TYPES
        .iter()
        .copied()
        .filter(|kind| !matches!(*kind, "Patient" | "AuditEvent"))
        .filter(|kind| {
            wish.types
                .as_ref()
                .is_none_or(|types| types.iter().any(|t| t == kind))
        })
        .collect();
    let types = visible(app, &client, caller, &sight, &interaction, types).await?;
    let (after_type, after_id) = after.clone().unwrap_or_default();
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM (SELECT r.resource_type, r.id, r.version FROM resource r \
               WHERE r.tenant = $1 AND r.patient = $2 AND r.resource_type = ANY($3) AND NOT r.deleted \
                 AND ($4::timestamptz IS NULL OR r.last_updated >= $4) \
                 AND (r.resource_type, r.id) > ($5, $6) \
               ORDER BY r.resource_type, r.id LIMIT $7) r \
             JOIN resource_version v ON v.tenant = $1 AND v.resource_type = r.resource_type \
              AND v.id = r.id AND v.version = r.version \
             ORDER BY r.resource_type, r.id"
        ))
        .await
        .map_err(StoreError::from)?;
    let found = client
        .query(
            &statement,
            &[
                &app.tenant.id,
                &id,
                &types,
                &wish.since,
                &after_type,
                &after_id,
                &(wish.count + 1),
            ],
        )
        .await
        .map_err(StoreError::from)?;
    let more = found.len() as i64 > wish.count;
    let sealed: Vec<SealedRow> = found
        .iter()
        .take(usize::try_from(wish.count).unwrap_or(usize::MAX))
        .map(SealedRow::read)
        .collect();
    let last = sealed
        .last()
        .map(|row| (row.resource_type.clone(), row.id.clone()));
    let mut page: Vec<Opened> = Vec::new();
    let wants_patient = wish
        .types
        .as_ref()
        .is_none_or(|types| types.iter().any(|t| t == "Patient"))
        && wish.since.is_none_or(|since| patient.last_updated >= since);
    if after.is_none() && wants_patient {
        page.push(patient);
    }
    for row in rows::open_all(app, sealed).await? {
        match row {
            Ok(row) => page.push(row),
            Err(error) => bad.push(error),
        }
    }
    let may_see = |kind: &str| {
        wish.types
            .as_ref()
            .is_none_or(|types| types.iter().any(|t| t == kind))
            && sight.by_role(Asked::Read, kind).allow()
    };
    let mut along: Vec<Opened> = Vec::new();
    let wanted = referred(&page, &may_see, &mut bad);
    let asked: Vec<(&str, &str)> = wanted
        .iter()
        .map(|r| (r.resource_type.as_str(), r.id.as_str()))
        .collect();
    if !asked.is_empty() {
        for row in read::many(app, &client, &asked).await? {
            match row {
                // What belongs to a patient comes as that patient's, or not at all.
                Ok(row) if row.patient.is_none() => along.push(row),
                Ok(_) => {}
                Err(error) => bad.push(error),
            }
        }
    }

    let base = base(app);
    let mut links = vec![("self", format!("{base}/{path}"))];
    if let Some(after) = last.filter(|_| more) {
        let cursor = Cursor {
            query: pairs,
            after,
        };
        let sealed = cursor::seal(app, caller.user_id, &path, &cursor).await?;
        links.push(("next", format!("{base}/{path}?_cursor={sealed}")));
    }
    let mut bundle = Gathered::new("searchset", None, &links);
    for row in &page {
        bundle.found(&base, row, Mode::Match);
    }
    for row in &along {
        bundle.found(&base, row, Mode::Include);
    }
    let mut issues = bad_rows(&bad);
    issues.extend(wish.unknown.iter().map(|name| {
        Issue::warning(
            IssueType::NotSupported,
            format!("parameter {name} was passed over"),
        )
    }));
    bundle.told(&issues);
    let touched = Touched {
        patients: vec![id.to_owned()],
        entities: vec![entity],
    };
    gate::record(
        app,
        caller,
        Action::FhirEverything,
        &granted,
        &touched,
        None,
    )
    .await?;
    Ok(Answer {
        body: Some(bundle.finish()),
        ..Answer::bare(StatusCode::OK)
    })
}

/// The types of which the patient's records may be seen. Where nothing clinical may be that was
/// asked for, and the user could bring it about that it may, the answer says how: that there is
/// such a patient is known anyway.
async fn visible(
    app: &App,
    client: &deadpool_postgres::Client,
    caller: &Caller,
    sight: &Sight<'_>,
    interaction: &Interaction<'_>,
    types: Vec<&'static str>,
) -> Result<Vec<&'static str>, Failure> {
    let id = interaction.id.unwrap_or_default();
    let known = sight.known(client, &[id]).await?;
    let mut seen = Vec::with_capacity(types.len());
    let (mut open, mut needed) = (false, None);
    for kind in types {
        if !sight.in_scope(Asked::Read, kind) {
            continue;
        }
        let decision = sight.decide(&known, Asked::Read, kind, Some(id));
        let depends = sight.depends(Asked::Read, kind);
        if decision.allow() {
            open |= depends;
            seen.push(kind);
        } else if !matches!(decision.verdict, access::Verdict::Deny) {
            needed.get_or_insert(decision);
        }
    }
    match needed {
        Some(decision) if !open => {
            gate::refused(app, client, caller, interaction, Some(id), &decision).await?;
            Err(gate::denied(decision))
        }
        _ => Ok(seen),
    }
}

fn wish(pairs: &[(String, String)], strict: bool) -> Result<Wish, Failure> {
    let mut wish = Wish {
        types: None,
        since: None,
        count: PAGE,
        unknown: Vec::new(),
    };
    for (name, value) in pairs {
        match name.as_str() {
            "_type" => wish.types = Some(value.split(',').map(str::to_owned).collect()),
            "_since" => {
                wish.since =
                    Some(fhir::date::instant(value).map_err(|error| {
                        Failure::bad(IssueType::Value, format!("_since: {error}"))
                    })?);
            }
            "_count" => {
                wish.count = value
                    .parse::<i64>()
                    .ok()
                    .filter(|count| *count > 0)
                    .ok_or_else(|| {
                        Failure::bad(IssueType::Value, "_count must be a number above 0")
                    })?
                    .min(LARGEST_PAGE);
            }
            _ if strict => {
                return Err(Failure::bad(
                    IssueType::NotSupported,
                    "a parameter is not known: _type, _since and _count are",
                ));
            }
            name => wish.unknown.push(
                name.chars()
                    .take(40)
                    .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect(),
            ),
        }
    }
    Ok(wish)
}

/// What a page refers to and is worth bringing along, each once.
fn referred(
    page: &[Opened],
    may_see: &dyn Fn(&str) -> bool,
    bad: &mut Vec<BadRow>,
) -> Vec<Reference> {
    let mut seen: HashSet<Reference> = HashSet::new();
    let mut wanted = Vec::new();
    for row in page {
        let value = match row.value() {
            Ok(Some(value)) => value,
            Ok(None) => continue,
            Err(error) => {
                bad.push(error);
                continue;
            }
        };
        reference::each_reference(&value, |_, text| {
            let Some(target) = reference::parse(text) else {
                return;
            };
            let known = ALONG.contains(&target.resource_type.as_str());
            if known && may_see(&target.resource_type) && seen.insert(target.clone()) {
                wanted.push(target);
            }
        });
    }
    wanted
}
