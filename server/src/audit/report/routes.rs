//! Reports over HTTP. Reading the audit is itself recorded, before anything leaves.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::{ToSpan as _, tz::TimeZone};
use ledger::{AccessEvent, Action};
use protocol::fault::Code;
use protocol::path;
use protocol::report::{ReportPage, ReportQuery};

use crate::app::App;
use crate::audit::reading::{self, Granted};
use crate::audit::report::export::{self, Format};
use crate::audit::report::page::{self, After, Which};
use crate::audit::report::row;
use crate::audit::report::users::users;
use crate::audit::report::who_looked::who_looked;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::search::cursor::{self, Cursor};
use crate::store::error::StoreError;

/// Rows of a page, if the query does not say.
const PAGE: u32 = 50;
/// Rows of a page at most.
const LARGEST_PAGE: u32 = 500;
/// Years that an accounting of disclosures covers (45 CFR 164.528).
const YEARS: i32 = 6;

/// A query as it came.
pub type Queried = Result<Query<ReportQuery>, QueryRejection>;

/// Routes of the reports.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::REPORT, get(report))
        .route(path::DISCLOSURES, get(disclosures))
        .route(path::WHO_LOOKED, get(who_looked))
        .route(path::AUDIT_USERS, get(users))
}

async fn report(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Queried,
) -> Result<Response, Refusal> {
    let asked = readable(asked)?;
    let format = format(&headers);
    let action = match format {
        None => Action::ReportViewed,
        Some(_) => Action::ReportExported,
    };
    let granted = reading::pass(&app, &caller, action, None).await?;
    answer(app, caller, asked, format, action, granted).await
}

/// All that made something of one patient's record known to somebody: wider than the law, which
/// leaves out treatment, payment and running the clinic.
async fn disclosures(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Queried,
) -> Result<Response, Refusal> {
    let mut asked = readable(asked)?;
    let action = Action::DisclosuresAccounted;
    let granted = reading::pass(&app, &caller, action, None).await?;
    if asked.patient.is_none() {
        return Err(Refusal::new(Code::Malformed).detail("patient is needed"));
    }
    asked.success = Some(true);
    if asked.from.is_none() {
        let until = asked.until.unwrap_or_else(|| app.now());
        let zone = TimeZone::get(&app.tenant.time_zone).unwrap_or(TimeZone::UTC);
        let from = until.to_zoned(zone).checked_sub(YEARS.years());
        asked.from = from.ok().map(|from| from.timestamp());
    }
    answer(app, caller, asked, format(&headers), action, granted).await
}

async fn answer(
    app: Arc<App>,
    caller: Caller,
    asked: ReportQuery,
    format: Option<Format>,
    action: Action,
    granted: Granted,
) -> Result<Response, Refusal> {
    let event = told(&caller.event(&app, action), &asked);
    let event = granted.tell(event);
    let Some(format) = format else {
        let page = one(&app, &caller, action.code(), asked, Which::All, vec![event]).await?;
        return Ok(Json(page).into_response());
    };
    reading::record(&app, &[event]).await?;
    let name = match format {
        Format::Csv => "attachment; filename=\"accesses.csv\"",
        Format::Fhir => "attachment; filename=\"accesses.json\"",
    };
    let headers = [
        (CONTENT_TYPE, format.content_type()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, export::body(app, caller, asked, format)).into_response())
}

/// One page, once `events` are recorded. A cursor goes on at the `path` that gave it alone.
///
/// # Errors
/// 400 for a cursor of something else, or the store's failure.
pub async fn one(
    app: &App,
    caller: &Caller,
    path: &str,
    asked: ReportQuery,
    which: Which,
    events: Vec<AccessEvent>,
) -> Result<ReportPage, Refusal> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let (asked, after) = match &asked.cursor {
        None => (asked, None),
        Some(text) => {
            let place: Cursor<(ReportQuery, After)> = cursor::open(app, caller.user_id, path, text)
                .await?
                .ok_or_else(|| Refusal::new(Code::Malformed).detail("the cursor cannot be read"))?;
            // A cursor goes on with what it was given for; only the length of pages is new.
            let limit = asked.limit;
            (
                ReportQuery {
                    limit,
                    ..place.after.0
                },
                Some(place.after.1),
            )
        }
    };
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let total = page::count(app, &client, &asked, which).await?;
    let mut lines = page::page(app, &client, &asked, which, after.as_ref(), limit + 1).await?;
    let more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let next = match lines.last().filter(|_| more) {
        None => None,
        Some(last) => {
            let place = Cursor {
                query: Vec::new(),
                after: (asked.clone(), last.after()),
            };
            Some(cursor::seal(app, caller.user_id, path, &place).await?)
        }
    };
    let rows = row::rows(app, &client, caller, asked.patient.as_deref(), &lines).await?;
    reading::record(app, &events).await?;
    Ok(ReportPage { rows, total, next })
}

/// The event of a reading, with what was asked.
pub fn told(event: &AccessEvent, asked: &ReportQuery) -> AccessEvent {
    let mut event = event.clone();
    if let Some(patient) = &asked.patient {
        event = event.about(patient.clone());
    }
    // The cursor says nothing to a reader of the audit.
    let asked = ReportQuery {
        cursor: None,
        ..asked.clone()
    };
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(&asked) {
        for (name, value) in members {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            pairs.append_pair(&name, &text);
        }
    }
    event.asking(pairs.finish())
}

/// The query, if it can be one.
///
/// # Errors
/// 400.
pub fn readable(asked: Queried) -> Result<ReportQuery, Refusal> {
    let malformed = |detail: &str| Refusal::new(Code::Malformed).detail(detail);
    let Ok(Query(asked)) = asked else {
        return Err(malformed("the query cannot be read"));
    };
    if asked
        .patient
        .as_deref()
        .is_some_and(|id| !fhir::resource::valid_id(id))
    {
        return Err(malformed("patient is the logical id of a Patient"));
    }
    if asked
        .action
        .as_deref()
        .is_some_and(|code| Action::parse(code).is_none())
    {
        return Err(malformed("there is no such action"));
    }
    Ok(asked)
}

fn format(headers: &HeaderMap) -> Option<Format> {
    let accept = headers.get(ACCEPT)?.to_str().ok()?;
    if accept.contains("text/csv") {
        Some(Format::Csv)
    } else if accept.contains("application/fhir+json") {
        Some(Format::Fhir)
    } else {
        None
    }
}
