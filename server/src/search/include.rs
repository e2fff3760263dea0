//! `_include` and `_revinclude`: what belongs to the matches.

use std::collections::HashSet;

use access::Action as Asked;
use deadpool_postgres::GenericClient;
use fhir::reference::Reference;
use fhir::search::{self, Include, IndexData, Query};
use tokio_postgres::types::ToSql;

use crate::access::sight::Sight;
use crate::app::App;
use crate::search::blind::Token;
use crate::search::run::{SearchError, zone};
use crate::search::select::seen_by;
use crate::store::read;
use crate::store::rows::{BadRow, Opened};

/// Resources that one page brings along at most.
const INCLUDED: usize = 1_000;

/// Rounds of `:iterate` at most.
const ROUNDS: usize = 5;

/// What was brought along.
#[derive(Debug, Default)]
pub struct Included {
    /// The resources.
    pub resources: Vec<Opened>,
    /// What does not open.
    pub bad: Vec<BadRow>,
    /// Whether there was more than a page may bring along.
    pub cut: bool,
}

/// Follows the references of a page's matches. What the caller may not see is passed over as if it
/// were not there.
///
/// # Errors
/// When the store fails.
pub async fn include(
    app: &App,
    client: &impl GenericClient,
    query: &Query,
    matches: &[Opened],
    sight: &Sight<'_>,
) -> Result<Included, SearchError> {
    let mut included = Included::default();
    if query.includes.is_empty() && query.revincludes.is_empty() {
        return Ok(included);
    }
    let mut seen: HashSet<Reference> = matches
        .iter()
        .map(|row| Reference::new(row.resource_type.as_str(), row.id.as_str()))
        .collect();
    let mut frontier: Vec<Opened> = matches.to_vec();
    for round in 0..ROUNDS {
        let follows = |include: &&Include| round == 0 || include.iterate;
        let mut wanted: Vec<Reference> = Vec::new();
        let forward: Vec<&Include> = query.includes.iter().filter(follows).collect();
        for row in &frontier {
            collect(app, row, &forward, &mut wanted, &mut included.bad);
        }
        for backward in query.revincludes.iter().filter(follows) {
            wanted.extend(pointing_to(app, client, sight, backward, &frontier).await?);
        }
        wanted.retain(|target| {
            let kind = target.resource_type.as_str();
            let ever = sight.in_scope(Asked::Read, kind)
                && (sight.by_role(Asked::Read, kind).allow() || sight.depends(Asked::Read, kind));
            kind != "AuditEvent" && ever && seen.insert(target.clone())
        });
        let wanted = &mut visible(app, client, sight, wanted).await?;
        let room = INCLUDED - included.resources.len();
        if wanted.len() > room {
            wanted.truncate(room);
            included.cut = true;
        }
        if wanted.is_empty() {
            break;
        }
        let asked: Vec<(&str, &str)> = wanted
            .iter()
            .map(|r| (r.resource_type.as_str(), r.id.as_str()))
            .collect();
        frontier.clear();
        for row in read::many(app, client, &asked).await? {
            match row {
                Ok(row) if row.json.is_some() => frontier.push(row),
                Ok(_) => {}
                Err(bad) => included.bad.push(bad),
            }
        }
        included.resources.extend(frontier.iter().cloned());
    }
    Ok(included)
}

/// What a row refers to under the parameters of `includes`.
fn collect(
    app: &App,
    row: &Opened,
    includes: &[&Include],
    wanted: &mut Vec<Reference>,
    bad: &mut Vec<BadRow>,
) {
    let mut includes = includes
        .iter()
        .filter(|include| include.source == row.resource_type)
        .peekable();
    if includes.peek().is_none() {
        return;
    }
    let value = match row.value() {
        Ok(Some(value)) => value,
        Ok(None) => return,
        Err(error) => return bad.push(error),
    };
    let values = search::extract_in(&value, &zone(app));
    for include in includes {
        for found in &values {
            let IndexData::Reference { resource_type, id } = &found.value else {
                continue;
            };
            let asked = include.params.iter().any(|param| param.code == found.param)
                && include
                    .target
                    .as_ref()
                    .is_none_or(|target| target == resource_type);
            if asked {
                wanted.push(Reference::new(resource_type.as_str(), id.as_str()));
            }
        }
    }
}

/// Those of the references that lead to what is there and may be seen.
async fn visible(
    app: &App,
    client: &impl GenericClient,
    sight: &Sight<'_>,
    wanted: Vec<Reference>,
) -> Result<Vec<Reference>, SearchError> {
    if !wanted
        .iter()
        .any(|target| sight.depends(Asked::Read, &target.resource_type))
    {
        return Ok(wanted);
    }
    let types: Vec<&str> = wanted.iter().map(|r| r.resource_type.as_str()).collect();
    let ids: Vec<&str> = wanted.iter().map(|r| r.id.as_str()).collect();
    let statement = client
        .prepare_cached(
            "SELECT a.n, r.patient FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS a(t, i, n) \
             JOIN resource r ON r.tenant = $1 AND r.resource_type = a.t AND r.id = a.i \
             WHERE NOT r.deleted ORDER BY a.n",
        )
        .await?;
    let rows = client
        .query(&statement, &[&app.tenant.id, &types, &ids])
        .await?;
    let there: Vec<(&Reference, Option<&str>)> = rows
        .iter()
        .filter_map(|row| {
            let at = usize::try_from(row.get::<_, i64>(0) - 1).ok()?;
            Some((wanted.get(at)?, row.get(1)))
        })
        .collect();
    let records: Vec<(&str, Option<&str>)> = there
        .iter()
        .map(|(target, patient)| (target.resource_type.as_str(), *patient))
        .collect();
    let seen = sight.each(client, Asked::Read, &records).await?;
    Ok(there
        .into_iter()
        .zip(seen)
        .filter(|(_, seen)| *seen)
        .map(|((target, _), _)| target.clone())
        .collect())
}

/// What refers to the rows under the parameters of `include`.
async fn pointing_to(
    app: &App,
    client: &impl GenericClient,
    sight: &Sight<'_>,
    include: &Include,
    rows: &[Opened],
) -> Result<Vec<Reference>, SearchError> {
    let mut tokens: Vec<Token> = Vec::new();
    for param in &include.params {
        let of = app.blind.of(&include.source, param.code);
        tokens.extend(
            rows.iter()
                .filter(|row| {
                    include
                        .target
                        .as_ref()
                        .is_none_or(|target| *target == row.resource_type)
                })
                .map(|row| of.reference(&row.resource_type, &row.id)),
        );
    }
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    if include.source == "AuditEvent" {
        return Ok(Vec::new());
    }
    // Before the limit: what may not be seen takes no room.
    let seen = sight
        .seen(client, Asked::Read, &include.source, None)
        .await?;
    let limit = INCLUDED as i64 + 1;
    let mut parameters: Vec<Box<dyn ToSql + Sync + Send>> = vec![
        Box::new(app.tenant.id),
        Box::new(include.source.clone()),
        Box::new(tokens),
        Box::new(limit),
    ];
    let condition = seen_by(&seen, &mut |list| {
        parameters.push(Box::new(list));
        format!("${}", parameters.len())
    });
    let statement = client
        .prepare_cached(&format!(
            "SELECT DISTINCT s.id FROM search_token s \
             JOIN resource r ON r.tenant = $1 AND r.resource_type = $2 AND r.id = s.id \
             WHERE s.tenant = $1 AND s.token = ANY($3) AND {condition} \
             ORDER BY s.id LIMIT $4"
        ))
        .await?;
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters
        .iter()
        .map(|parameter| parameter.as_ref() as &(dyn ToSql + Sync))
        .collect();
    let found = client.query(&statement, &parameters).await?;
    Ok(found
        .iter()
        .map(|row| Reference::new(include.source.as_str(), row.get::<_, String>(0)))
        .collect())
}
