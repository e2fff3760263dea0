//! Whether the caller may, and the record of it.

use access::{Action as Asked, Request, ResourceClass, Role};
use axum::http::StatusCode;
use deadpool_postgres::GenericClient;
use fhir::outcome::{Issue, IssueType};
use ledger::event::Outcome;
use ledger::{AccessEvent, Action};
use uuid::Uuid;

use crate::app::App;
use crate::audit::{append, reading};
use crate::fhir_api::answer::Failure;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::write::Touched;

/// A granted access: its audit event takes the reason from here.
#[derive(Debug, Clone)]
pub struct Granted {
    explanation: String,
    policies: Vec<String>,
}

/// Whether the caller's role allows `asked` for a resource type.
pub fn may(app: &App, caller: &Caller, asked: Asked, resource_type: &str) -> bool {
    decide(app, caller, asked, resource_type).is_some_and(|decision| decision.allow())
}

fn decide(
    app: &App,
    caller: &Caller,
    asked: Asked,
    resource_type: &str,
) -> Option<access::Decision> {
    let role = Role::parse(caller.role.as_str())?;
    Some(
        app.policies
            .decide(&Request::new(role, asked, ResourceClass::of(resource_type))),
    )
}

/// Decides; a refusal is recorded before it is answered.
///
/// # Errors
/// 403 with the explanation, or the store's failure.
pub async fn pass(
    app: &App,
    caller: &Caller,
    asked: Asked,
    resource_type: &str,
    action: Action,
    entity: Option<String>,
) -> Result<Granted, Failure> {
    let decision = decide(app, caller, asked, resource_type);
    if let Some(decision) = decision {
        if decision.allow() {
            return Ok(Granted {
                explanation: decision.explanation,
                policies: decision.policies,
            });
        }
        let mut event = caller
            .event(app, action)
            .ending(Outcome::Refused)
            .because(decision.explanation.clone(), decision.policies);
        if let Some(entity) = entity {
            event = event.touching(entity);
        }
        let client = app.pool.get().await.map_err(StoreError::from)?;
        append::append(app, &client, &event).await?;
        return Err(forbidden(&decision.explanation));
    }
    Err(forbidden("this role is not known here"))
}

fn forbidden(explanation: &str) -> Failure {
    Failure::one(
        StatusCode::FORBIDDEN,
        Issue::error(IssueType::Forbidden, explanation),
    )
}

/// The event of a granted access.
pub fn event(
    app: &App,
    caller: &Caller,
    action: Action,
    granted: &Granted,
    touched: &Touched,
    query: Option<&str>,
) -> AccessEvent {
    let mut event = caller.event(app, action).because(
        granted.explanation.clone(),
        granted.policies.iter().cloned(),
    );
    event.entities.clone_from(&touched.entities);
    event.patients.clone_from(&touched.patients);
    if let Some(query) = query {
        event = event.asking(query);
    }
    event
}

/// Records a granted access that changes nothing. The answer may leave when this returns.
///
/// # Errors
/// When the event cannot be stored: then nothing may be shown.
pub async fn record(
    app: &App,
    _: &impl GenericClient,
    caller: &Caller,
    action: Action,
    granted: &Granted,
    touched: &Touched,
    query: Option<&str>,
) -> Result<(), StoreError> {
    let event = event(app, caller, action, granted, touched, query);
    reading::record(app, event.per_patient(Uuid::now_v7)).await
}
