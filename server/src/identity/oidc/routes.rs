//! Single sign-on over HTTP.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use protocol::path;
use protocol::sign_in::SessionGrant;
use protocol::single_sign_on::{BeginRequest, Begun, FinishRequest};

use crate::app::App;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Origin;
use crate::identity::oidc::flow;
use crate::identity::sign_in::Asked;

/// Routes of single sign-on.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::OIDC_BEGIN, post(begin))
        .route(path::OIDC_FINISH, post(finish))
}

async fn begin(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    origin: Origin,
    headers: HeaderMap,
    Body(request): Body<BeginRequest>,
) -> Result<Json<Begun>, Refusal> {
    let asked = Asked {
        headers: &headers,
        uri: &uri,
        origin: &origin,
    };
    Ok(Json(flow::begin(&app, &asked, &request).await?))
}

async fn finish(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    origin: Origin,
    headers: HeaderMap,
    Body(request): Body<FinishRequest>,
) -> Result<Json<SessionGrant>, Refusal> {
    let asked = Asked {
        headers: &headers,
        uri: &uri,
        origin: &origin,
    };
    Ok(Json(flow::finish(&app, &asked, &request).await?))
}
