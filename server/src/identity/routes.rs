//! Sign-in over HTTP.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Extension, Json, Router};
use protocol::fault::Code;
use protocol::path;
use protocol::sign_in::{EnrolRequest, PasswordChange, SessionGrant, SignInRequest};
use protocol::statement::LeaseGrant;

use crate::app::App;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::{Caller, Origin};
use crate::identity::lease;
use crate::identity::oidc;
use crate::identity::password::PasswordGate;
use crate::identity::password_change;
use crate::identity::sign_in::{self, Asked};
use crate::store::error::StoreError;

/// Routes of sign-in.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::ENROL, post(enrol))
        .route(path::SIGN_IN, post(sign_in))
        .route(path::SIGN_OUT, post(sign_out))
        .route(path::PASSWORD, post(change_password))
        .route(path::LEASE, post(renew_lease))
        .merge(oidc::routes::routes())
}

async fn enrol(
    State(app): State<Arc<App>>,
    Extension(gate): Extension<Arc<PasswordGate>>,
    OriginalUri(uri): OriginalUri,
    origin: Origin,
    headers: HeaderMap,
    Body(request): Body<EnrolRequest>,
) -> Result<Json<SessionGrant>, Refusal> {
    let asked = Asked {
        headers: &headers,
        uri: &uri,
        origin: &origin,
    };
    Ok(Json(sign_in::enrol(&app, &gate, &asked, &request).await?))
}

async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(gate): Extension<Arc<PasswordGate>>,
    OriginalUri(uri): OriginalUri,
    origin: Origin,
    headers: HeaderMap,
    Body(request): Body<SignInRequest>,
) -> Result<Json<SessionGrant>, Refusal> {
    let asked = Asked {
        headers: &headers,
        uri: &uri,
        origin: &origin,
    };
    Ok(Json(sign_in::sign_in(&app, &gate, &asked, &request).await?))
}

async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Result<StatusCode, Refusal> {
    sign_in::sign_out(&app, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change_password(
    State(app): State<Arc<App>>,
    Extension(gate): Extension<Arc<PasswordGate>>,
    caller: Caller,
    Body(request): Body<PasswordChange>,
) -> Result<StatusCode, Refusal> {
    password_change::change(&app, &gate, &caller, &request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells nobody anything about anybody, so it leaves no event: each run of sync asks for one.
async fn renew_lease(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<LeaseGrant>, Refusal> {
    // A program is always on line.
    let device = caller.device.ok_or_else(|| Refusal::new(Code::Forbidden))?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let lease = lease::give(&app, &client, caller.user_id, device).await?;
    Ok(Json(LeaseGrant { lease }))
}
