//! read, vread and history.

use access::Action as Asked;
use axum::http::StatusCode;
use deadpool_postgres::GenericClient;
use fhir::outcome::{Issue, IssueType};
use ledger::Action;

use crate::access::sight::Sight;
use crate::app::App;
use crate::fhir_api::Ahead;
use crate::fhir_api::answer::{self, Answer, Failure};
use crate::fhir_api::ask::Ask;
use crate::fhir_api::dispatch::base;
use crate::fhir_api::gate::{self, Granted, Interaction};
use crate::fhir_api::gathered::Gathered;
use crate::identity::caller::Caller;
use crate::search::cursor::{self, Cursor};
use crate::store::closed;
use crate::store::error::StoreError;
use crate::store::read;
use crate::store::rows::{self, BadRow, Opened, SealedRow};
use crate::store::write::Touched;

/// Versions on a page of a history.
const HISTORY_PAGE: i64 = 50;

/// `GET Type/id`. What was read ahead is taken if it is what is asked for.
///
/// # Errors
/// 403, 404, 410.
pub async fn read(
    app: &App,
    caller: &Caller,
    ask: &Ask,
    resource_type: &str,
    id: &str,
    ahead: Option<Ahead>,
) -> Result<Answer, Failure> {
    let sight = gate::sight(app, caller)?;
    let interaction = interaction(Action::FhirRead, resource_type, id);
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let row = match ahead {
        Some(Ahead { name, row }) if name.0 == resource_type && name.1 == id => row,
        _ => {
            let name = (resource_type.to_owned(), id.to_owned());
            app.reads.current(vec![name]).await?.rows.pop()
        }
    };
    let (row, granted) = open(app, caller, &sight, &interaction, row, granted).await?;
    if row.json.is_none() {
        return Err(ended(app, &row).await?);
    }
    gate::record(
        app,
        caller,
        Action::FhirRead,
        &granted,
        &touching(&row),
        None,
    )
    .await?;
    let unchanged = ask.if_none_match.as_deref().is_some_and(|tags| {
        tags.split(',')
            .any(|tag| tag.trim() == "*" || fhir::bundle::parse_etag(tag) == Some(row.version))
    });
    if unchanged {
        return Ok(Answer {
            version: Some(row.version),
            last_modified: Some(row.last_updated),
            ..Answer::bare(StatusCode::NOT_MODIFIED)
        });
    }
    Ok(whole(row))
}

/// `GET Type/id/_history/version`.
///
/// # Errors
/// 403, 404, 410.
pub async fn vread(
    app: &App,
    caller: &Caller,
    resource_type: &str,
    id: &str,
    version: &str,
) -> Result<Answer, Failure> {
    let sight = gate::sight(app, caller)?;
    let interaction = interaction(Action::FhirVread, resource_type, id);
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let number = version.parse().ok().filter(|number| *number > 0);
    let number: u64 = number.ok_or_else(|| missing(resource_type, id))?;
    let client = app.fixed.get().await.map_err(StoreError::from)?;
    let row = read::version(app, &client, resource_type, id, number).await?;
    drop(client);
    let (row, granted) = open(app, caller, &sight, &interaction, row, granted).await?;
    if row.json.is_none() {
        return Err(ended(app, &row).await?);
    }
    gate::record(
        app,
        caller,
        Action::FhirVread,
        &granted,
        &touching(&row),
        None,
    )
    .await?;
    Ok(whole(row))
}

/// `GET Type/id/_history`.
///
/// # Errors
/// 400, 403, 404.
pub async fn history(
    app: &App,
    caller: &Caller,
    ask: &Ask,
    resource_type: &str,
    id: &str,
) -> Result<Answer, Failure> {
    let entity = format!("{resource_type}/{id}");
    let sight = gate::sight(app, caller)?;
    let interaction = interaction(Action::FhirHistory, resource_type, id);
    let mut granted = gate::pass(app, caller, &sight, &interaction).await?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let path = format!("{entity}/_history");
    let of = |name: &str| {
        ask.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let before = match of("_cursor") {
        None => 0,
        Some(text) => {
            cursor::open::<i64>(app, caller.user_id, &path, text)
                .await?
                .ok_or_else(not_ours)?
                .after
        }
    };
    let limit = match of("_count") {
        None => HISTORY_PAGE,
        Some(count) => count
            .parse::<i64>()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| Failure::bad(IssueType::Value, "_count must be a number above 0"))?
            .min(HISTORY_PAGE),
    };
    let mut owners: Option<Vec<String>> = None;
    if sight.depends(Asked::Read, resource_type) {
        // A record may have been another patient's before it was corrected.
        let all = read::owners(app, &client, resource_type, id).await?;
        let seen = seen(&client, &sight, resource_type, &all).await?;
        let found = seen.first().map(Option::as_deref);
        let found = found.or_else(|| all.first().map(Option::as_deref));
        granted = gate::about(app, caller, &sight, &interaction, found, granted).await?;
        owners = Some(seen.into_iter().map(Option::unwrap_or_default).collect());
    }
    let owners = owners.as_deref();
    let mut rows =
        read::history(app, &client, resource_type, id, owners, before, limit + 1).await?;
    if rows.is_empty() && before == 0 {
        return Err(missing(resource_type, id));
    }
    let more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let total = read::count_versions(app, &client, resource_type, id, owners).await?;
    let base = base(app);
    let mut links = vec![("self", format!("{base}/{path}"))];
    if let Some(last) = rows.last().filter(|_| more) {
        let after = match last {
            Ok(Opened { version, .. }) | Err(BadRow { version, .. }) => *version,
        };
        let cursor = Cursor {
            query: Vec::new(),
            after: i64::try_from(after).unwrap_or(i64::MAX),
        };
        let sealed = cursor::seal(app, caller.user_id, &path, &cursor).await?;
        links.push(("next", format!("{base}/{path}?_cursor={sealed}")));
    }
    let mut touched = Touched::default();
    let mut bundle = Gathered::new("history", Some(total), &links);
    for row in &rows {
        // A history has no place for an outcome: a version that does not open was logged and
        // is missing against the total.
        let Ok(row) = row else { continue };
        bundle.version(&base, row);
        let one = touching(row);
        touched.entities.extend(one.entities);
        for patient in one.patients {
            if !touched.patients.contains(&patient) {
                touched.patients.push(patient);
            }
        }
    }
    gate::record(app, caller, Action::FhirHistory, &granted, &touched, None).await?;
    Ok(Answer {
        body: Some(bundle.finish()),
        ..Answer::bare(StatusCode::OK)
    })
}

fn interaction<'a>(action: Action, resource_type: &'a str, id: &'a str) -> Interaction<'a> {
    Interaction {
        asked: Asked::Read,
        action,
        resource_type,
        id: Some(id),
    }
}

/// Decides about a row that was found or was not, and opens it only then: what may not be seen
/// takes the way of what is not there.
async fn open(
    app: &App,
    caller: &Caller,
    sight: &Sight<'_>,
    interaction: &Interaction<'_>,
    row: Option<SealedRow>,
    granted: Granted,
) -> Result<(Opened, Granted), Failure> {
    let found = row.as_ref().map(|row| row.patient.as_deref());
    let granted = gate::about(app, caller, sight, interaction, found, granted).await?;
    let opened = rows::open_all(app, row.into_iter().collect()).await?.pop();
    match opened {
        Some(row) => Ok((row?, granted)),
        // The gate lets nothing through that was not found.
        None => Err(missing(
            interaction.resource_type,
            interaction.id.unwrap_or_default(),
        )),
    }
}

/// Those owners whose records may be seen.
async fn seen(
    client: &impl GenericClient,
    sight: &Sight<'_>,
    resource_type: &str,
    owners: &[Option<String>],
) -> Result<Vec<Option<String>>, StoreError> {
    let records: Vec<(&str, Option<&str>)> = owners
        .iter()
        .map(|owner| (resource_type, owner.as_deref()))
        .collect();
    let seen = sight.each(client, Asked::Read, &records).await?;
    Ok(owners
        .iter()
        .zip(seen)
        .filter(|(_, seen)| *seen)
        .map(|(owner, _)| owner.clone())
        .collect())
}

/// A resource with its headers.
fn whole(row: Opened) -> Answer {
    Answer {
        status: StatusCode::OK,
        version: Some(row.version),
        last_modified: Some(row.last_updated),
        location: None,
        body: row.json.map(|mut json| std::mem::take(&mut *json)),
    }
}

/// What reading a version touches.
fn touching(row: &Opened) -> Touched {
    Touched {
        patients: row.patient.iter().cloned().collect(),
        entities: vec![format!(
            "{}/{}/_history/{}",
            row.resource_type, row.id, row.version
        )],
    }
}

/// 404.
pub fn missing(resource_type: &str, id: &str) -> Failure {
    Failure::one(
        StatusCode::NOT_FOUND,
        Issue::error(
            IssueType::NotFound,
            format!("there is no {resource_type}/{id}"),
        ),
    )
}

/// 410.
pub fn gone(resource_type: &str, id: &str) -> Failure {
    Failure::one(
        StatusCode::GONE,
        Issue::error(
            IssueType::Deleted,
            format!("{resource_type}/{id} was deleted"),
        ),
    )
}

/// 410 for a deletion; says so if the record was destroyed with it.
async fn ended(app: &App, row: &Opened) -> Result<Failure, StoreError> {
    if let Some(patient) = &row.patient {
        let client = app.fixed.get().await?;
        if closed::is(app, &client, patient).await? {
            return Ok(StoreError::RecordDestroyed.into());
        }
    }
    Ok(gone(&row.resource_type, &row.id))
}

/// 400 for a cursor that this caller did not get here.
pub fn not_ours() -> Failure {
    Failure::one(
        StatusCode::BAD_REQUEST,
        Issue::error(
            IssueType::Invalid,
            "the cursor is not one that was given for this search",
        ),
    )
}

/// Issues for rows that do not open.
pub fn bad_rows(bad: &[BadRow]) -> Vec<Issue> {
    bad.iter().map(answer::bad_row).collect()
}
