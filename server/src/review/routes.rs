//! Reviews over HTTP: the security officer's.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use ledger::Action;
use ledger::event::Purpose;
use protocol::fault::Code;
use protocol::path;
use protocol::report::{CloseReview, Finding, ReviewItem, ReviewPage};
use protocol::sign_in::Role;
use serde::Deserialize;

use crate::app::App;
use crate::audit::append::{self, tenant_key};
use crate::audit::reading;
use crate::audit::report::row::knows_names;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::review::closing_place;
use crate::review::list::{self, After, Which};
use crate::search::cursor::{self, Cursor};
use crate::store::error::StoreError;
use crate::store::transaction;

/// Items of a page.
const PAGE: u32 = 50;
/// Characters of the words of a closing.
const WORDS: std::ops::RangeInclusive<usize> = 3..=2_000;
/// Why the security officer may.
const GROUND: &str = "Security officers review alerts and emergency access.";
/// The ground as the audit names it, beside the ids of policies.
const RULE: &str = "security-officer-reviews";

/// Routes of the reviews.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::REVIEWS, get(reviews))
        .route(path::REVIEW_CLOSE, post(close))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    closed: bool,
    cursor: Option<String>,
}

async fn reviews(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<ReviewPage>, Refusal> {
    let Ok(Query(asked)) = asked else {
        return Err(Refusal::new(Code::Malformed).detail("closed or cursor cannot be read"));
    };
    pass(&app, &caller, Action::ReviewsViewed, None).await?;
    let path = if asked.closed {
        "reviews/closed"
    } else {
        "reviews/open"
    };
    let after = match &asked.cursor {
        None => None,
        Some(text) => {
            let place: Option<Cursor<After>> =
                cursor::open(&app, caller.user_id, path, text).await?;
            let place = place
                .ok_or_else(|| Refusal::new(Code::Malformed).detail("the cursor cannot be read"))?;
            Some(place.after)
        }
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let which = Which::Closed(asked.closed);
    let names = knows_names(&app, &caller);
    let mut items = list::items(&app, &client, which, after, PAGE + 1, names).await?;
    let more = items.len() > PAGE as usize;
    items.truncate(PAGE as usize);
    let next = match items.last().filter(|_| more) {
        None => None,
        Some(last) => {
            let place = Cursor {
                query: Vec::new(),
                after: After {
                    opened: last.opened_at,
                    id: last.id,
                },
            };
            Some(cursor::seal(&app, caller.user_id, path, &place).await?)
        }
    };
    let open = list::count_open(&app, &client).await?;
    let mut event = caller
        .event(&app, Action::ReviewsViewed)
        .because(GROUND, [RULE.to_owned()])
        .serving(Purpose::Operations)
        .asking(format!("closed={}", asked.closed));
    for item in &items {
        if let Some(patient) = &item.patient {
            event = event.about(patient.clone());
        }
    }
    reading::record(&app, &event.per_patient(uuid::Uuid::now_v7)).await?;
    Ok(Json(ReviewPage { items, open, next }))
}

/// A review ends once, with a finding and words.
async fn close(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(request): Body<CloseReview>,
) -> Result<Json<ReviewItem>, Refusal> {
    let entity = format!("review/{}", request.id);
    pass(&app, &caller, Action::ReviewClosed, Some(&entity)).await?;
    let words = request.words.trim();
    if !WORDS.contains(&words.chars().count()) || words.contains('\0') {
        let detail = "words must have 3 to 2,000 characters";
        return Err(Refusal::new(Code::Malformed).detail(detail));
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let names = knows_names(&app, &caller);
    let one = Which::One(request.id);
    let item = list::items(&app, &client, one, None, 1, names).await?.pop();
    let item =
        item.ok_or_else(|| Refusal::new(Code::Malformed).detail("there is no such review"))?;
    let mut event = caller
        .event(&app, Action::ReviewClosed)
        .because(GROUND, [RULE.to_owned()])
        .serving(Purpose::Operations)
        .touching(entity);
    if let Some(event_id) = item.event {
        event = event.touching(format!("AuditEvent/{event_id}"));
    }
    if let Some(patient) = &item.patient {
        event = event.about(patient.clone());
    }
    drop(client);
    let row = request.id.to_string();
    let finding = code(request.finding);
    let closed = transaction::run(&app, "close-review", |tx, _| {
        let (app, event, row) = (&app, &event, &row);
        let user = caller.user_id;
        let id = request.id;
        Box::pin(async move {
            let key = tenant_key(app, 1).await?;
            let sealed = key.seal(&closing_place(app.tenant.id, row), words.as_bytes())?;
            let first = tx
                .execute(
                    "INSERT INTO review_closing (tenant, item, closed_at, account, finding, \
                                                 key_id, words) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                    &[
                        &app.tenant.id,
                        &id,
                        &app.now(),
                        &user,
                        &finding,
                        &key.id(),
                        &sealed,
                    ],
                )
                .await?;
            if first == 1 {
                append::append(app, tx, event).await?;
            }
            Ok::<_, StoreError>(first == 1)
        })
    })
    .await?;
    if !closed {
        return Err(Refusal::new(Code::Malformed).detail("this review was closed before"));
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let item = list::items(&app, &client, one, None, 1, names).await?.pop();
    item.map(Json).ok_or_else(|| Refusal::new(Code::Other))
}

/// Reviews are the security officer's alone: auditors read what was found in the audit.
async fn pass(
    app: &App,
    caller: &Caller,
    action: Action,
    entity: Option<&str>,
) -> Result<(), Refusal> {
    if caller.role == Role::SecurityOfficer {
        return Ok(());
    }
    let policies = vec![RULE.to_owned()];
    let explanation = "Only security officers review alerts and emergency access.";
    Err(reading::refuse(app, caller, action, entity, explanation, policies).await)
}

fn code(finding: Finding) -> &'static str {
    match finding {
        Finding::Justified => "justified",
        Finding::Unjustified => "unjustified",
        Finding::Technical => "technical",
    }
}
