//! All routes, and what every answer has in common.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use futures_util::StreamExt as _;
use protocol::fault::Code;
use protocol::path;
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

use crate::app::App;
use crate::feed::changes::Changes;
use crate::http::problem::Refusal;
use crate::identity::password::PasswordGate;
use crate::store::error::StoreError;
use crate::{access, audit, feed, fhir_api, identity, ledger, review, smart, visits};

/// The largest body taken: a transaction of some ten thousand resources.
pub const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// A body that is too large is read up to here before it is refused, so that the client, still
/// sending, gets to hear why.
const DRAIN_LIMIT: usize = 128 * 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The whole service.
pub fn router(app: Arc<App>, gate: Arc<PasswordGate>, changes: Arc<Changes>) -> Router {
    Router::new()
        .route(path::READY, get(ready))
        .merge(identity::routes::routes())
        .merge(identity::wipe_routes::routes())
        .merge(feed::routes::routes())
        .merge(access::routes::routes())
        .merge(audit::routes::routes())
        .merge(audit::report::routes())
        .merge(ledger::routes::routes())
        .merge(review::routes::routes())
        .merge(smart::token::routes())
        .merge(visits::routes())
        .nest(path::FHIR, fhir_api::routes())
        .fallback(nothing_here)
        .layer(Extension(gate))
        .layer(Extension(changes))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(limit_body))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(finish))
        .with_state(app)
}

async fn ready(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    client
        .simple_query("SELECT 1")
        .await
        .map_err(StoreError::from)?;
    Ok(Json(json!({ "status": "ready" })).into_response())
}

async fn nothing_here(uri: Uri) -> Response {
    let mut response = Refusal::new(Code::Malformed)
        .detail("there is nothing at this path")
        .on(&uri)
        .into_response();
    *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
    response
}

/// Refuses bodies whose announced length is too large before anything reads them. Those that
/// announce nothing are cut off by the limit on extractors.
async fn limit_body(request: Request, next: Next) -> Response {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_none_or(|length| length <= BODY_LIMIT) {
        return next.run(request).await;
    }
    let uri = request.uri().clone();
    drain(request.into_body()).await;
    Refusal::new(Code::TooLarge)
        .detail(format!("{BODY_LIMIT} bytes at most"))
        .on(&uri)
        .into_response()
}

async fn drain(body: Body) {
    let mut stream = body.into_data_stream();
    let mut read = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        read += chunk.len();
        if read > DRAIN_LIMIT {
            return;
        }
    }
}

/// A panic is ours to mend: the client learns nothing of it, the log only where it was.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Refusal::new(Code::Other).into_response()
}

/// One line in the log and the headers that every answer carries. Paths are logged as their
/// templates: ids and queries may tell of patients.
async fn finish(request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let id = Uuid::now_v7().to_string();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    tracing::info!(
        request = id,
        %method,
        route,
        status = response.status().as_u16(),
        milliseconds = begin.elapsed().as_millis() as u64,
        "answered"
    );
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    let fixed = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in fixed {
        // The patient's page has a policy of its own.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
