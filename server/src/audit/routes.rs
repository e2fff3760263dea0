//! Audit batches over HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use protocol::audit::{AuditBatch, AuditReceipt, MAX_LINKS};
use protocol::fault::Code;
use protocol::path;

use crate::app::App;
use crate::audit::chain::{self, BatchError};
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;

/// Routes of the audit.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route(path::AUDIT, post(take))
}

async fn take(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(batch): Body<AuditBatch>,
) -> Result<Json<AuditReceipt>, Refusal> {
    let Some(device) = caller.device else {
        let detail = "only an enrolled device has a chain of events";
        return Err(Refusal::new(Code::Forbidden).detail(detail));
    };
    if batch.links.len() > MAX_LINKS {
        let detail = format!("{MAX_LINKS} links at most");
        return Err(Refusal::new(Code::TooLarge).detail(detail));
    }
    match chain::take(&app, &caller, device, &batch.links).await {
        Ok(receipt) => Ok(Json(receipt)),
        Err(BatchError::Store(error)) => Err(error.into()),
        Err(error) => Err(Refusal::new(Code::ChainBroken).detail(error.to_string())),
    }
}
