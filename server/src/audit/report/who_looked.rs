//! Who looked at one chart, for those who may see it themselves: people and programs, not the
//! background traffic of workstations, which only the full report shows.

use std::sync::Arc;

use access::{Action as Asked, Decision};
use axum::Json;
use axum::extract::State;
use ledger::Action;
use protocol::fault::Code;
use protocol::report::{ReportPage, ReportQuery};

use crate::access::sight::{Sight, worded};
use crate::app::App;
use crate::audit::reading;
use crate::audit::report::page::Which;
use crate::audit::report::routes::{self, Queried};
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// What stands for the chart when it is decided: a record of the class that is guarded most.
const CHART: &str = "Condition";

/// `GET ?patient=&limit=&cursor=`. What is refused is answered alike whether there is such a
/// patient or not.
pub async fn who_looked(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Queried,
) -> Result<Json<ReportPage>, Refusal> {
    let asked = routes::readable(asked)?;
    let Some(patient) = asked.patient else {
        return Err(Refusal::new(Code::Malformed).detail("patient is needed"));
    };
    let action = Action::WhoLookedViewed;
    let entity = format!("Patient/{patient}");
    let Some(decision) = decide(&app, &caller, &patient).await? else {
        let words = "This role is not known here.";
        let refused = reading::refuse(&app, &caller, action, Some(&entity), words, Vec::new());
        return Err(refused.await);
    };
    if !decision.allow() {
        let words = worded(&decision);
        let policies = decision.policies;
        let refused = reading::refuse(&app, &caller, action, Some(&entity), &words, policies);
        return Err(refused.await);
    }
    let event = caller
        .event(&app, action)
        .about(patient.clone())
        .because(decision.explanation, decision.policies);
    let path = format!("audit/who-looked/{patient}");
    let asked = ReportQuery {
        patient: Some(patient),
        limit: asked.limit,
        cursor: asked.cursor,
        ..ReportQuery::default()
    };
    routes::one(&app, &caller, &path, asked, Which::Deeds, vec![event])
        .await
        .map(Json)
}

/// Readers of the audit may, and who may read the chart. None for a role without policies.
async fn decide(app: &App, caller: &Caller, patient: &str) -> Result<Option<Decision>, StoreError> {
    let Some(sight) = Sight::of(app, caller) else {
        return Ok(None);
    };
    let of_audit = sight.by_role(Asked::Search, "AuditEvent");
    if of_audit.allow() {
        return Ok(Some(of_audit));
    }
    let client = app.pool.get().await?;
    let known = sight.known(&client, &[patient]).await?;
    Ok(Some(sight.decide(
        &known,
        Asked::Read,
        CHART,
        Some(patient),
    )))
}
