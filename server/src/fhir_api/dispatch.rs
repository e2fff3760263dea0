//! Which interaction a request asks for.

use axum::http::Method;
use fhir::outcome::{Issue, IssueType};
use fhir::resource;

use crate::app::App;
use crate::fhir_api::answer::{Answer, Failure};
use crate::fhir_api::ask::Ask;
use crate::fhir_api::{audit_events, batch, everything, read, search, write};
use crate::identity::caller::Caller;

/// Absolute URL of the service.
pub fn base(app: &App) -> String {
    format!("{}{}", app.config.public_url, protocol::path::FHIR)
}

/// Answers a request.
///
/// # Errors
/// As its interaction does; 404 or 405 if it is none.
pub async fn dispatch(app: &App, caller: &Caller, ask: Ask) -> Result<Answer, Failure> {
    let path = ask.path.clone();
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    if segments.is_empty() {
        return match ask.method {
            Method::POST => batch::bundle(app, caller, ask).await,
            _ => Err(Failure::method_not_allowed("POST")),
        };
    }
    alone(app, caller, ask, &segments).await
}

/// Answers a request that is not a bundle; entries of a batch come here.
///
/// # Errors
/// As [`dispatch`].
pub async fn alone(
    app: &App,
    caller: &Caller,
    mut ask: Ask,
    segments: &[&str],
) -> Result<Answer, Failure> {
    if ask.method == Method::HEAD {
        // The server's HTTP layer leaves the body away.
        ask.method = Method::GET;
    }
    let method = ask.method.clone();
    if let Some(kind) = segments.first() {
        if !resource::is_known_type(kind) {
            return Err(Failure::one(
                axum::http::StatusCode::NOT_FOUND,
                Issue::error(
                    IssueType::NotSupported,
                    "this resource type is not kept here",
                ),
            ));
        }
        if *kind == "AuditEvent" {
            return audit_events::answer(app, caller, ask, segments).await;
        }
    }
    match segments {
        [kind] => match method {
            Method::GET => search::search(app, caller, ask, kind).await,
            Method::POST => write::create(app, caller, ask, kind).await,
            _ => Err(Failure::method_not_allowed("GET, POST")),
        },
        [kind, "_search"] => match method {
            Method::POST | Method::GET => search::search(app, caller, ask, kind).await,
            _ => Err(Failure::method_not_allowed("GET, POST")),
        },
        [_, "_history"] => Err(Failure::not_found(
            "the history of a whole type is not offered",
        )),
        [kind, id] => {
            valid(id)?;
            match method {
                Method::GET => {
                    let ahead = ask.ahead.take();
                    read::read(app, caller, &ask, kind, id, ahead).await
                }
                Method::PUT => write::update(app, caller, ask, kind, id).await,
                Method::PATCH => write::patch(app, caller, ask, kind, id).await,
                Method::DELETE => write::delete(app, caller, ask, kind, id).await,
                _ => Err(Failure::method_not_allowed("GET, PUT, PATCH, DELETE")),
            }
        }
        ["Patient", id, "$everything"] => {
            valid(id)?;
            match method {
                Method::GET => everything::everything(app, caller, ask, id).await,
                _ => Err(Failure::method_not_allowed("GET")),
            }
        }
        [kind, id, "_history"] => {
            valid(id)?;
            match method {
                Method::GET => read::history(app, caller, &ask, kind, id).await,
                _ => Err(Failure::method_not_allowed("GET")),
            }
        }
        [kind, id, "_history", version] => {
            valid(id)?;
            match method {
                Method::GET => read::vread(app, caller, kind, id, version).await,
                _ => Err(Failure::method_not_allowed("GET")),
            }
        }
        _ => Err(Failure::not_found("there is nothing at this path")),
    }
}

fn valid(id: &str) -> Result<(), Failure> {
    if resource::valid_id(id) {
        Ok(())
    } else {
        Err(Failure::bad(
            IssueType::Value,
            "an id is 1 to 64 letters, digits, hyphens and dots",
        ))
    }
}
