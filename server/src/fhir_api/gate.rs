//! Whether the caller may, and the record of it.

use access::{Action as Asked, Decision};
use axum::http::StatusCode;
use deadpool_postgres::GenericClient;
use fhir::outcome::{Issue, IssueType};
use ledger::event::Outcome;
use ledger::{AccessEvent, Action};
use uuid::Uuid;

use crate::access::grants;
use crate::access::sight::{Sight, worded};
use crate::app::App;
use crate::audit::{append, reading};
use crate::fhir_api::answer::Failure;
use crate::fhir_api::read::missing;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::write::Touched;

/// A granted access: its audit event takes the reason from here.
#[derive(Debug, Clone)]
pub struct Granted {
    explanation: String,
    policies: Vec<String>,
    /// The user's own words, where access rests on them.
    words: Option<String>,
}

impl Granted {
    fn by(decision: Decision, words: Option<String>) -> Self {
        Self {
            explanation: decision.explanation,
            policies: decision.policies,
            words,
        }
    }
}

/// An interaction that is to be decided and recorded.
#[derive(Debug, Clone, Copy)]
pub struct Interaction<'a> {
    /// As policies know it.
    pub asked: Asked,
    /// As it is recorded.
    pub action: Action,
    /// FHIR type.
    pub resource_type: &'a str,
    /// Logical id, where one is asked for.
    pub id: Option<&'a str>,
}

impl Interaction<'_> {
    fn entity(&self) -> Option<String> {
        self.id.map(|id| format!("{}/{id}", self.resource_type))
    }
}

/// The caller's view.
///
/// # Errors
/// 403 when policies do not know the role.
pub fn sight<'a>(app: &'a App, caller: &Caller) -> Result<Sight<'a>, Failure> {
    Sight::of(app, caller).ok_or_else(|| forbidden("this role is not known here"))
}

/// Decides by the caller's role; a refusal is recorded before it is answered.
///
/// # Errors
/// 403 with the explanation, or the store's failure.
pub async fn pass(
    app: &App,
    caller: &Caller,
    sight: &Sight<'_>,
    interaction: &Interaction<'_>,
) -> Result<Granted, Failure> {
    let decision = sight.by_role(interaction.asked, interaction.resource_type);
    if decision.allow() {
        return Ok(Granted::by(decision, None));
    }
    let client = app.fixed.get().await.map_err(StoreError::from)?;
    refused(app, &client, caller, interaction, None, &decision).await?;
    Err(denied(decision))
}

/// Decides about one record: `found` tells whose it is, or that there is none. What may not be
/// seen is answered like what is not there, after the same work.
///
/// # Errors
/// 404, or the store's failure.
pub async fn about(
    app: &App,
    caller: &Caller,
    sight: &Sight<'_>,
    interaction: &Interaction<'_>,
    found: Option<Option<&str>>,
    granted: Granted,
) -> Result<Granted, Failure> {
    let (asked, kind) = (interaction.asked, interaction.resource_type);
    let absent = || missing(kind, interaction.id.unwrap_or_default());
    if !sight.depends(asked, kind) {
        return found.map(|_| granted).ok_or_else(absent);
    }
    let patient = found.flatten();
    let client = app.fixed.get().await.map_err(StoreError::from)?;
    let known = sight.known(&client, &[patient.unwrap_or_default()]).await?;
    let decision = sight.decide(&known, asked, kind, patient);
    if found.is_some() && decision.allow() {
        let words = match patient.and_then(|patient| known.reason(patient)) {
            Some(reason) if grants::rests_on_own_word(&decision.policies) => {
                grants::open_reason(app, reason).await?
            }
            _ => None,
        };
        return Ok(Granted::by(decision, words));
    }
    let decision = match found {
        Some(_) => decision,
        None => Decision {
            verdict: access::Verdict::Deny,
            explanation: "There is no such record.".to_owned(),
            policies: Vec::new(),
        },
    };
    refused(app, &client, caller, interaction, patient, &decision).await?;
    Err(absent())
}

/// Records a refusal.
///
/// # Errors
/// When the event cannot be stored.
pub async fn refused(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    interaction: &Interaction<'_>,
    patient: Option<&str>,
    decision: &Decision,
) -> Result<(), StoreError> {
    let mut event = caller
        .event(app, interaction.action)
        .ending(Outcome::Refused)
        .because(decision.explanation.clone(), decision.policies.clone());
    if let Some(entity) = interaction.entity() {
        event = event.touching(entity);
    }
    if let Some(patient) = patient {
        event = event.about(patient);
    }
    append::append(app, client, &event).await
}

/// Records a write that was refused by policy, or that met nothing it may see.
///
/// # Errors
/// When the event cannot be stored.
pub async fn unwritten(
    app: &App,
    caller: &Caller,
    interaction: &Interaction<'_>,
    failure: Failure,
) -> Failure {
    let decision = match (&failure.decision, failure.status) {
        (Some(decision), _) => (**decision).clone(),
        (None, StatusCode::NOT_FOUND | StatusCode::GONE) => Decision {
            verdict: access::Verdict::Deny,
            explanation: "There is no such record, or it may not be seen.".to_owned(),
            policies: Vec::new(),
        },
        (None, _) => return failure,
    };
    let recorded = async {
        let client = app.fixed.get().await?;
        refused(app, &client, caller, interaction, None, &decision).await
    };
    match recorded.await {
        Ok(()) => failure,
        Err(error) => error.into(),
    }
}

/// 403 with a decision's words.
pub fn denied(decision: Decision) -> Failure {
    Failure {
        decision: Some(Box::new(decision.clone())),
        ..forbidden(&worded(&decision))
    }
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
    event = grants::on_own_word(event, &granted.policies, granted.words.clone());
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
    caller: &Caller,
    action: Action,
    granted: &Granted,
    touched: &Touched,
    query: Option<&str>,
) -> Result<(), StoreError> {
    let event = event(app, caller, action, granted, touched, query);
    reading::record(app, &event.per_patient(Uuid::now_v7)).await
}

/// Records a search: for each patient why their records were shown.
///
/// # Errors
/// When the events cannot be stored: then nothing may be shown.
pub async fn record_search(
    app: &App,
    caller: &Caller,
    sight: &Sight<'_>,
    resource_type: &str,
    granted: &Granted,
    touched: &Touched,
    query: &str,
) -> Result<(), StoreError> {
    let event = event(
        app,
        caller,
        Action::FhirSearch,
        granted,
        touched,
        Some(query),
    );
    let mut events = event.per_patient(Uuid::now_v7);
    if sight.depends(Asked::Search, resource_type) {
        for event in &mut events {
            let Some(patient) = event.patients.first() else {
                continue;
            };
            let (decision, words) = sight.because(Asked::Search, resource_type, patient).await?;
            let told = event
                .clone()
                .because(decision.explanation, decision.policies.clone());
            *event = grants::on_own_word(told, &decision.policies, words);
        }
    }
    reading::record(app, &events).await
}
