//! The FHIR R4 service: HTTP in, HTTP out, and between them one interaction after the other.
//!
//! A request becomes an [`ask::Ask`], an interaction makes an [`answer::Answer`] or a
//! [`answer::Failure`] of it; entries of a batch go the same way as requests by themselves.
//!
//! Never: an answer with patient data before its audit event is durable; an error that is not
//! an OperationOutcome; content of a record in an error.

pub mod answer;
pub mod ask;
pub mod audit_events;
pub mod batch;
pub mod capability;
pub mod dispatch;
pub mod everything;
pub mod gate;
pub mod gathered;
pub mod read;
pub mod search;
pub mod transaction;
pub mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::Response;
use fhir::resource;

use crate::app::App;
use crate::identity::caller::Caller;
use crate::smart::configuration;
use crate::store::reads::Name;
use crate::store::rows::SealedRow;

/// The largest body that is read.
pub const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The routes below [`protocol::path::FHIR`].
pub fn routes() -> Router<Arc<App>> {
    // One handler for all: which interaction it is depends on method and path together, and
    // what is none of them must be an OperationOutcome, too.
    Router::new()
        .route("/metadata", axum::routing::any(metadata))
        .route(
            "/.well-known/smart-configuration",
            axum::routing::any(smart_configuration),
        )
        .fallback(interaction)
        .layer(DefaultBodyLimit::disable())
}

/// The CapabilityStatement needs no sign-in.
async fn metadata(State(app): State<Arc<App>>, request: Request) -> Response {
    public(&request, || capability::answer(&app))
}

/// Nor does what programs must know to get a token.
async fn smart_configuration(State(app): State<Arc<App>>, request: Request) -> Response {
    public(&request, || configuration::answer(&app))
}

fn public(request: &Request, document: impl FnOnce() -> answer::Answer) -> Response {
    let answer = match ask::accepts(request.headers(), request.uri().query()) {
        Ok(()) if request.method() == axum::http::Method::GET => Ok(document()),
        Ok(()) => Err(answer::Failure::method_not_allowed("GET")),
        Err(failure) => Err(failure),
    };
    answer::respond(answer)
}

/// A record that was read together with the session, before it was known whether it may be seen.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// What was asked for.
    pub name: Name,
    /// What there is, still sealed.
    pub row: Option<SealedRow>,
}

/// The record that a path names alone, if it is one of this service.
pub fn named(path: &str) -> Option<Name> {
    let (kind, id) = path
        .strip_prefix(protocol::path::FHIR)?
        .strip_prefix('/')?
        .split_once('/')?;
    let kept = resource::is_known_type(kind) && kind != "AuditEvent" && resource::valid_id(id);
    kept.then(|| (kind.to_owned(), id.to_owned()))
}

async fn interaction(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Response {
    let answer = match ask::read(request).await {
        Ok(ask) => dispatch::dispatch(&app, &caller, ask).await,
        Err(failure) => Err(failure),
    };
    answer::respond(answer)
}
