//! The feed, the signal and uploads over HTTP.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::Stream;
use protocol::device::MAX_ESCROW;
use protocol::fault::Code;
use protocol::path;
use protocol::set_aside::SetAsideRequest;
use protocol::sync::{ChartsRequest, MAX_CHARTS};
use protocol::upload::{MAX_ENTRIES, UploadReply, UploadRequest};
use serde::Deserialize;

use crate::app::App;
use crate::audit::chain;
use crate::feed::changes::Changes;
use crate::feed::cursor::CursorError;
use crate::feed::{page, set_aside, upload, wishes};
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::identity::wipe_routes::is_profile_name;
use crate::store::error::StoreError;

/// Routes of the feed.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::SYNC, get(sync))
        .route(path::CHANGES, get(changes))
        .route(path::CHARTS, post(take_charts))
        .route(path::UPLOAD, post(take_upload))
        .route(path::SET_ASIDE, post(take_set_aside))
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
    limit: Option<u32>,
}

async fn sync(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refusal> {
    let Ok(Query(asked)) = asked else {
        return Err(Refusal::new(Code::Malformed).detail("cursor or limit cannot be read"));
    };
    let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let limit = asked.limit.unwrap_or(page::USUAL);
    let page = page::page(&app, &caller, cursor, limit)
        .await
        .map_err(|error| match error {
            CursorError::Unreadable => {
                Refusal::new(Code::Malformed).detail("the cursor cannot be read")
            }
            CursorError::Gone => Refusal::new(Code::CursorGone),
            CursorError::Store(error) => Refusal::from(error),
        })?;
    Ok(([(CONTENT_TYPE, "application/json")], page).into_response())
}

async fn changes(
    State(app): State<Arc<App>>,
    Extension(changes): Extension<Arc<Changes>>,
    caller: Caller,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    changes.stream(app, &caller)
}

async fn take_upload(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(request): Body<UploadRequest>,
) -> Result<Json<UploadReply>, Refusal> {
    if request.entries.len() > MAX_ENTRIES {
        let detail = format!("{MAX_ENTRIES} entries at most");
        return Err(Refusal::new(Code::TooLarge).detail(detail));
    }
    if request
        .life
        .as_ref()
        .is_some_and(|life| *life != app.tenant.epoch.to_string())
    {
        return Err(Refusal::new(Code::CursorGone));
    }
    if let (Some(device), Some(acknowledged)) = (caller.device, request.links) {
        let client = app.pool.get().await.map_err(StoreError::from)?;
        // It was restored, and nobody has said so yet: the page that is asked for next tells.
        if acknowledged > chain::held(&app, &client, device).await? {
            return Err(Refusal::new(Code::CursorGone));
        }
    }
    Ok(Json(upload::take(&app, &caller, request).await?))
}

async fn take_set_aside(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(request): Body<SetAsideRequest>,
) -> Result<StatusCode, Refusal> {
    let malformed = || Refusal::new(Code::Malformed);
    let Some(device) = caller.device else {
        return Err(Refusal::new(Code::Forbidden).detail("only workstations set work aside"));
    };
    let named = request.patient.as_deref();
    if !is_profile_name(&request.profile) || !named.is_none_or(fhir::resource::valid_id) {
        return Err(malformed().detail("profile or patient is not the name of one"));
    }
    let sealed = STANDARD
        .decode(&request.sealed)
        .map_err(|_| malformed().detail("sealed is not base64"))?;
    if sealed.len() > MAX_ESCROW {
        return Err(Refusal::new(Code::TooLarge));
    }
    if set_aside::keep(&app, &caller, device, &request, &sealed).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::new(Code::Forbidden))
    }
}

/// Tells nobody anything: what comes of it is recorded with the page that brings it.
async fn take_charts(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(request): Body<ChartsRequest>,
) -> Result<StatusCode, Refusal> {
    let Some(device) = caller.device else {
        return Err(Refusal::new(Code::Forbidden).detail("only workstations keep charts"));
    };
    let mut named = request.wanted.iter().chain(&request.dropped);
    if named.clone().count() > MAX_CHARTS {
        return Err(Refusal::new(Code::TooLarge).detail(format!("{MAX_CHARTS} charts at most")));
    }
    if !named.all(|patient| fhir::resource::valid_id(patient)) {
        return Err(Refusal::new(Code::Malformed).detail("a patient is not the name of one"));
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    wishes::keep(&app, &client, &caller, device, &request).await?;
    Ok(StatusCode::NO_CONTENT)
}
