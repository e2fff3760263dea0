//! search, and the criteria of conditional interactions.

use access::Action as Asked;
use axum::http::StatusCode;
use deadpool_postgres::GenericClient;
use fhir::outcome::{Issue, IssueType};
use fhir::search::{Query, Summary, parse_query_in};
use ledger::Action;
use sha2::{Digest, Sha256};

use crate::access::sight::{Seen, Sight};
use crate::app::App;
use crate::fhir_api::answer::{Answer, Failure};
use crate::fhir_api::ask::{self, Ask};
use crate::fhir_api::dispatch::base;
use crate::fhir_api::gate::{self, Interaction};
use crate::fhir_api::gathered::{Gathered, Mode};
use crate::fhir_api::read::{bad_rows, not_ours};
use crate::identity::caller::Caller;
use crate::search::cursor::{self, Cursor};
use crate::search::include::{Included, include};
use crate::search::narrow;
use crate::search::run::{self, Opening, Page, Search};
use crate::search::select::After;
use crate::store::error::StoreError;
use crate::store::write::Touched;

/// Matches on a page, if the query does not say.
const PAGE: u32 = 50;

/// Matches on a page at most.
const LARGEST_PAGE: u32 = 1_000;

/// `GET Type?…`, `POST Type/_search`.
///
/// # Errors
/// 400, 403.
pub async fn search(
    app: &App,
    caller: &Caller,
    ask: Ask,
    resource_type: &str,
) -> Result<Answer, Failure> {
    let sight = gate::sight(app, caller)?;
    let interaction = Interaction {
        asked: Asked::Search,
        action: Action::FhirSearch,
        resource_type,
        id: None,
    };
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let mut client = app.fixed.get().await.map_err(StoreError::from)?;
    let (pairs, after) = match ask.query.iter().find(|(name, _)| name == "_cursor") {
        None => (ask.query, None),
        Some((_, text)) => {
            let cursor: Cursor<After> = cursor::open(app, caller.user_id, resource_type, text)
                .await?
                .ok_or_else(not_ours)?;
            (cursor.query, Some(cursor.after))
        }
    };
    let query = parse_query_in(resource_type, &pairs, ask.prefer.strict, &run::zone(app))
        .map_err(refused)?;
    let count = query.count.unwrap_or(PAGE).min(LARGEST_PAGE);
    let asked = encoded(&query.understood);
    let seen = seen(&client, Some(&sight), &query).await?;
    let narrowed = run::narrowed(app, &query, &seen);
    if !run::is_plain(&query, &narrowed) {
        drop(client);
        client = app.pool.get().await.map_err(StoreError::from)?;
    }
    let search = Search::new(app, &client, &query, &narrowed, Opening::Together);
    if query.summary == Summary::Count || count == 0 {
        let total = search.count().await?;
        let touched = Touched::default();
        gate::record(
            app,
            caller,
            Action::FhirSearch,
            &granted,
            &touched,
            Some(&asked),
        )
        .await?;
        let links = [("self", link(app, resource_type, &asked))];
        let mut bundle = Gathered::new("searchset", Some(total), &links);
        bundle.told(&passed_over(&query));
        return Ok(Answer {
            body: Some(bundle.finish()),
            ..Answer::bare(StatusCode::OK)
        });
    }
    let count = count as usize;
    let page = search.page(after.as_ref(), count).await?;
    let included = include(app, &client, &query, &page.matches, &sight).await?;

    let mut links = vec![("self", link(app, resource_type, &asked))];
    if let Some(after) = &page.next {
        let cursor = Cursor {
            query: query.understood.clone(),
            after: after.clone(),
        };
        let sealed = cursor::seal(app, caller.user_id, resource_type, &cursor).await?;
        links.push((
            "next",
            format!("{}/{resource_type}?_cursor={sealed}", base(app)),
        ));
    }
    let touched = touched(&page, &included);
    drop(client);
    gate::record_search(
        app,
        caller,
        &sight,
        resource_type,
        &granted,
        &touched,
        &asked,
    )
    .await?;
    Ok(Answer {
        body: Some(bundle(app, &query, &page, &included, &links)),
        ..Answer::bare(StatusCode::OK)
    })
}

fn bundle(
    app: &App,
    query: &Query,
    page: &Page,
    included: &Included,
    links: &[(&str, String)],
) -> Vec<u8> {
    let base = base(app);
    let mut bundle = Gathered::new("searchset", page.total, links);
    for row in &page.matches {
        bundle.found(&base, row, Mode::Match);
    }
    for row in &included.resources {
        bundle.found(&base, row, Mode::Include);
    }
    let mut issues = passed_over(query);
    issues.extend(bad_rows(&page.bad));
    issues.extend(bad_rows(&included.bad));
    if included.cut {
        issues.push(Issue::warning(
            IssueType::TooCostly,
            "there is more to include than a page brings along",
        ));
    }
    bundle.told(&issues);
    bundle.finish()
}

/// What of the query's type the caller may see; the operator sees everything.
async fn seen(
    client: &impl GenericClient,
    sight: Option<&Sight<'_>>,
    query: &Query,
) -> Result<Seen, StoreError> {
    let Some(sight) = sight else {
        return Ok(Seen::All);
    };
    let patients = narrow::patients(query);
    let patients: Option<Vec<&str>> = patients
        .as_ref()
        .map(|ids| ids.iter().map(String::as_str).collect());
    let kind = &query.resource_type;
    sight
        .seen(client, Asked::Search, kind, patients.as_deref())
        .await
}

/// A search that cannot be understood.
fn refused(issue: Issue) -> Failure {
    Failure::one(StatusCode::BAD_REQUEST, issue)
}

/// What of the query was not looked at.
fn passed_over(query: &Query) -> Vec<Issue> {
    query
        .unknown
        .iter()
        .map(|name| {
            // The name came from outside and may be anything: only what looks like one is told.
            let name: String = name
                .chars()
                .take(40)
                .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
                .collect();
            Issue::warning(
                IssueType::NotSupported,
                format!("parameter {name} was passed over"),
            )
        })
        .collect()
}

/// Each patient that a page shows.
fn touched(page: &Page, included: &Included) -> Touched {
    let mut patients: Vec<String> = page
        .matches
        .iter()
        .chain(&included.resources)
        .filter_map(|row| row.patient.clone())
        .collect();
    patients.sort_unstable();
    patients.dedup();
    Touched {
        patients,
        entities: Vec::new(),
    }
}

fn link(app: &App, resource_type: &str, asked: &str) -> String {
    let base = base(app);
    if asked.is_empty() {
        format!("{base}/{resource_type}")
    } else {
        format!("{base}/{resource_type}?{asked}")
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// The criteria of a conditional interaction: what a search would be, and nothing unknown.
///
/// # Errors
/// 400.
pub fn criteria(app: &App, resource_type: &str, text: &str) -> Result<Query, Failure> {
    let text = text
        .strip_prefix(resource_type)
        .unwrap_or(text)
        .trim_start_matches('?');
    let query =
        parse_query_in(resource_type, &ask::pairs(text), true, &run::zone(app)).map_err(refused)?;
    if query.filters.is_empty() {
        return Err(Failure::bad(
            IssueType::Invalid,
            "the criteria must say what to look for",
        ));
    }
    Ok(query)
}

/// The id of the only match; none if there is none.
///
/// # Errors
/// 412 if there are several.
pub async fn only_match(
    app: &App,
    client: &impl GenericClient,
    sight: Option<&Sight<'_>>,
    query: &Query,
) -> Result<Option<String>, Failure> {
    let seen = seen(client, sight, query).await?;
    let narrowed = run::narrowed(app, query, &seen);
    let page = Search::new(app, client, query, &narrowed, Opening::Here)
        .page(None, 2)
        .await?;
    // What does not open might be the match: rather none than a double.
    if let Some(bad) = page.bad.into_iter().next() {
        return Err(bad.into());
    }
    let mut matches = page.matches.into_iter();
    match (matches.next(), matches.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.id)),
        (Some(_), Some(_)) => Err(Failure::one(
            StatusCode::PRECONDITION_FAILED,
            Issue::error(
                IssueType::MultipleMatches,
                "the criteria match more than one resource",
            ),
        )),
    }
}

/// Makes transactions with the same criteria wait for each other until they end.
///
/// # Errors
/// When the store fails.
pub async fn lock_criteria(
    tx: &impl GenericClient,
    app: &App,
    resource_type: &str,
    criteria: &str,
) -> Result<(), Failure> {
    let hash = Sha256::new()
        .chain_update(app.tenant.id.as_bytes())
        .chain_update(resource_type)
        .chain_update([0])
        .chain_update(criteria)
        .finalize();
    let mut key = [0u8; 8];
    for (byte, of_hash) in key.iter_mut().zip(hash.iter()) {
        *byte = *of_hash;
    }
    tx.execute(
        "SELECT pg_advisory_xact_lock($1)",
        &[&i64::from_be_bytes(key)],
    )
    .await
    .map_err(StoreError::from)?;
    Ok(())
}
