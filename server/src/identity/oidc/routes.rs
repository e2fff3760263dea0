//! Single sign-on over HTTP.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::path;
use protocol::sign_in::SessionGrant;
use protocol::single_sign_on::{BeginRequest, Begun, EnrolByCode, FinishRequest, Ways};

use crate::app::App;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Origin;
use crate::identity::oidc::{enrol, flow};
use crate::identity::sign_in::Asked;

/// Routes of single sign-on.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::SIGN_IN_WAYS, get(ways))
        .route(path::OIDC_ENROL, post(enrol_by_code))
        .route(path::OIDC_BEGIN, post(begin))
        .route(path::OIDC_FINISH, post(finish))
}

async fn ways(State(app): State<Arc<App>>) -> Json<Ways> {
    Json(Ways {
        single_sign_on: app.single_sign_on.is_some(),
    })
}

async fn enrol_by_code(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    origin: Origin,
    headers: HeaderMap,
    Body(request): Body<EnrolByCode>,
) -> Result<StatusCode, Refusal> {
    let asked = Asked {
        headers: &headers,
        uri: &uri,
        origin: &origin,
    };
    enrol::enrol(&app, &asked, &request).await?;
    Ok(StatusCode::NO_CONTENT)
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
