//! The feed, the signal and uploads over HTTP.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures_util::Stream;
use protocol::fault::Code;
use protocol::path;
use protocol::upload::{MAX_ENTRIES, UploadReply, UploadRequest};
use serde::Deserialize;

use crate::app::App;
use crate::feed::changes::Changes;
use crate::feed::cursor::CursorError;
use crate::feed::{page, upload};
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;

/// Routes of the feed.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::SYNC, get(sync))
        .route(path::CHANGES, get(changes))
        .route(path::UPLOAD, post(take_upload))
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
    Ok(Json(upload::take(&app, &caller, request).await?))
}
