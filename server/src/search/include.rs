//! `_include` and `_revinclude`: what belongs to the matches.

use std::collections::HashSet;

use deadpool_postgres::GenericClient;
use fhir::reference::Reference;
use fhir::search::{self, Include, IndexData, Query};
use uuid::Uuid;

use crate::app::App;
use crate::search::run::{SearchError, zone};
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

/// Follows the references of a page's matches. `may_see` tells which types the caller may see;
/// others are passed over as if they were not there.
///
/// # Errors
/// When the store fails.
pub async fn include(
    app: &App,
    client: &impl GenericClient,
    query: &Query,
    matches: &[Opened],
    may_see: &(dyn Fn(&str) -> bool + Sync),
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
            wanted.extend(pointing_to(app, client, backward, &frontier).await?);
        }
        wanted.retain(|target| may_see(&target.resource_type) && seen.insert(target.clone()));
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

/// What refers to the rows under the parameters of `include`.
async fn pointing_to(
    app: &App,
    client: &impl GenericClient,
    include: &Include,
    rows: &[Opened],
) -> Result<Vec<Reference>, SearchError> {
    let mut tokens: Vec<Uuid> = Vec::new();
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
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT s.id FROM search_token s \
             WHERE s.tenant = $1 AND s.resource_type = $2 AND s.token = ANY($3) \
             ORDER BY s.id LIMIT $4",
        )
        .await?;
    let limit = INCLUDED as i64 + 1;
    let found = client
        .query(
            &statement,
            &[&app.tenant.id, &include.source, &tokens, &limit],
        )
        .await?;
    Ok(found
        .iter()
        .map(|row| Reference::new(include.source.as_str(), row.get::<_, String>(0)))
        .collect())
}
