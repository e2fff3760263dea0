//! Who may read the audit, and the record of it.

use access::{Action as Asked, Request, ResourceClass, Role};
use ledger::event::{Outcome, Purpose};
use ledger::{AccessEvent, Action};
use protocol::fault::Code;

use crate::app::App;
use crate::audit::append;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// A granted reading of the audit.
#[derive(Debug, Clone)]
pub struct Granted {
    explanation: String,
    policies: Vec<String>,
}

impl Granted {
    /// The reason that a policy gave.
    pub fn new(explanation: String, policies: Vec<String>) -> Self {
        Self {
            explanation,
            policies,
        }
    }

    /// The event of the reading, with its reason: it serves the running of the clinic.
    pub fn tell(self, event: AccessEvent) -> AccessEvent {
        event
            .because(self.explanation, self.policies)
            .serving(Purpose::Operations)
    }
}

/// Decides whether the caller may read the audit; a refusal is recorded before it is answered.
///
/// # Errors
/// 403 with the explanation, or the store's failure.
pub async fn pass(
    app: &App,
    caller: &Caller,
    action: Action,
    entity: Option<&str>,
) -> Result<Granted, Refusal> {
    let decision = Role::parse(caller.role.as_str()).map(|role| {
        let asked = Request::new(role, Asked::Search, ResourceClass::Audit);
        app.policies.decide(&asked)
    });
    let (explanation, policies) = match decision {
        Some(decision) if decision.allow() => {
            return Ok(Granted::new(decision.explanation, decision.policies));
        }
        Some(decision) => (decision.explanation, decision.policies),
        None => ("This role is not known here.".to_owned(), Vec::new()),
    };
    Err(refuse(app, caller, action, entity, &explanation, policies).await)
}

/// Records a refusal and gives the answer to it.
pub async fn refuse(
    app: &App,
    caller: &Caller,
    action: Action,
    entity: Option<&str>,
    explanation: &str,
    policies: Vec<String>,
) -> Refusal {
    let mut event = caller
        .event(app, action)
        .ending(Outcome::Refused)
        .because(explanation, policies);
    if let Some(entity) = entity {
        event = event.touching(entity);
    }
    let recorded = async {
        let client = app.pool.get().await?;
        append::append(app, &client, &event).await
    };
    match recorded.await {
        Ok(()) => Refusal::new(Code::Forbidden).detail(explanation),
        Err(error) => error.into(),
    }
}

/// Records accesses that change nothing, together with those of other readers. What they are
/// about may be shown when this returns.
///
/// # Errors
/// When the events cannot be stored: then nothing may be shown.
pub async fn record(app: &App, events: &[AccessEvent]) -> Result<(), StoreError> {
    let rows = append::sealed(app, events).await?;
    app.recorder.record(rows).await?;
    app.ledger.appended();
    Ok(())
}
