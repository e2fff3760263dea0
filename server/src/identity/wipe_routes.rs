//! What a device is told with its key alone.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::device::{
    EscrowReceipt, EscrowRequest, MAX_ESCROW, Orders, OrdersRequest, WipeReceipt,
};
use protocol::fault::Code;
use protocol::path;
use uuid::Uuid;

use crate::app::App;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Origin;
use crate::identity::error::IdentityError;
use crate::identity::{device, proof, wipe};
use crate::store::error::StoreError;

/// The longest name of a profile's folder; ours have 32 characters.
const PROFILE: usize = 64;

/// Whether a text can be the name of a profile's folder.
pub(crate) fn is_profile_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !text.is_empty() && text.len() <= PROFILE && text.chars().all(plain)
}

/// Routes for devices whose sessions have ended.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::ORDERS, post(orders))
        .route(path::ESCROW, post(escrow))
        .route(path::WIPED, post(wiped))
}

/// The device whose key made the proof.
async fn proved(
    app: &App,
    uri: &axum::http::Uri,
    headers: &HeaderMap,
) -> Result<Uuid, IdentityError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let claim = proof::Claim {
        method: &Method::POST,
        uri,
        token: None,
    };
    let key = proof::check(app, &client, headers, &claim)
        .await?
        .map_err(IdentityError::ProofWrong)?;
    device::by_key(app, &client, &key)
        .await?
        .ok_or(IdentityError::DeviceUnknown)
}

/// Tells nobody anything about anybody: no event until something was done.
async fn orders(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Body(request): Body<OrdersRequest>,
) -> Result<Json<Orders>, Refusal> {
    let device = proved(&app, &uri, &headers).await?;
    let wipe = wipe::pending(&app, device, request.nonce).await?;
    Ok(Json(Orders { wipe }))
}

async fn escrow(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    origin: Origin,
    headers: HeaderMap,
    Body(request): Body<EscrowRequest>,
) -> Result<Json<EscrowReceipt>, Refusal> {
    let device = proved(&app, &uri, &headers).await?;
    let malformed = || Refusal::new(Code::Malformed);
    if !is_profile_name(&request.profile) {
        return Err(malformed().detail("profile is not the name of one"));
    }
    let sealed = STANDARD
        .decode(&request.sealed)
        .map_err(|_| malformed().detail("sealed is not base64"))?;
    if sealed.len() > MAX_ESCROW {
        return Err(Refusal::new(Code::TooLarge));
    }
    let saved = wipe::Saved {
        device,
        number: request.number,
        profile: &request.profile,
        sealed: &sealed,
    };
    match wipe::save(&app, &origin, &saved).await? {
        Some(id) => Ok(Json(EscrowReceipt { id })),
        None => Err(Refusal::new(Code::Forbidden)),
    }
}

async fn wiped(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    origin: Origin,
    headers: HeaderMap,
    Body(receipt): Body<WipeReceipt>,
) -> Result<StatusCode, Refusal> {
    let device = proved(&app, &uri, &headers).await?;
    if wipe::done(&app, &origin, device, &receipt).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::new(Code::Forbidden))
    }
}
