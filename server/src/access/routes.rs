//! Access on a user's own word, over HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Json, Router};
use protocol::access::{AccessGrant, EmergencyRequest, JustifyRequest};
use protocol::fault::Code;
use protocol::path;

use crate::access::grants::{self, GrantError};
use crate::app::App;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::identity::password::PasswordGate;

/// Routes of access.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::JUSTIFY, post(justify))
        .route(path::EMERGENCY, post(emergency))
}

async fn justify(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(asked): Body<JustifyRequest>,
) -> Result<Json<AccessGrant>, Refusal> {
    let given = grants::justify(&app, &caller, &asked.patient, &asked.reason).await?;
    Ok(Json(given))
}

async fn emergency(
    State(app): State<Arc<App>>,
    Extension(gate): Extension<Arc<PasswordGate>>,
    caller: Caller,
    Body(asked): Body<EmergencyRequest>,
) -> Result<Json<AccessGrant>, Refusal> {
    let (patient, reason) = (&asked.patient, &asked.reason);
    let given = grants::emergency(&app, &gate, &caller, patient, reason, &asked.password).await?;
    Ok(Json(given))
}

impl From<GrantError> for Refusal {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Reason | GrantError::NoPatient => {
                Self::new(Code::Malformed).detail(error.to_string())
            }
            GrantError::Denied(explanation) => Self::new(Code::Forbidden).detail(explanation),
            GrantError::Identity(error) => error.into(),
            GrantError::Store(error) => error.into(),
        }
    }
}
