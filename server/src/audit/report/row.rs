//! What a reader sees of an event.

use access::{Action as Asked, Request, ResourceClass, Role};
use deadpool_postgres::GenericClient;
use ledger::glance::Glance;
use ledger::told::Told;
use protocol::report::ReportRow;
use serde_json::Value;

use crate::app::App;
use crate::audit::report::page::Line;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::identity;

/// Rows for people. `patient` is whom the report is about, if it is about one. Names of patients
/// are shown to those whose role sees demographics.
///
/// # Errors
/// When the database or the key store refuses.
pub async fn rows(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    patient: Option<&str>,
    lines: &[Line],
) -> Result<Vec<ReportRow>, StoreError> {
    let mut rows: Vec<ReportRow> = lines.iter().map(|line| row(line, patient)).collect();
    if !knows_names(app, caller) {
        return Ok(rows);
    }
    let mut patients: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.patient.as_deref())
        .collect();
    patients.sort_unstable();
    patients.dedup();
    let names = identity::names(app, client, &patients).await?;
    for row in &mut rows {
        row.patient_name = row.patient.as_ref().and_then(|id| names.get(id).cloned());
    }
    Ok(rows)
}

/// Whether the caller's role sees who patients are.
pub fn knows_names(app: &App, caller: &Caller) -> bool {
    Role::parse(caller.role.as_str()).is_some_and(|role| {
        let asked = Request::new(role, Asked::Read, ResourceClass::Demographic);
        app.policies.decide(&asked).allow()
    })
}

fn row(line: &Line, about: Option<&str>) -> ReportRow {
    let event: Option<Value> = line
        .json
        .as_ref()
        .and_then(|json| serde_json::from_slice(json).ok());
    let told = event.as_ref().map(Told::of).unwrap_or_default();
    let mut patients = event
        .as_ref()
        .and_then(Glance::of)
        .map(|glance| glance.patients)
        .unwrap_or_default();
    patients.sort_unstable();
    let patient = about
        .map(str::to_owned)
        .or_else(|| patients.first().cloned());
    let mut entities = told.entities;
    // The others of an event about several are among what it touched, unless the report is about
    // one patient: then they are nobody's business.
    if about.is_none() {
        let others = patients.iter().skip(1);
        entities.extend(others.map(|id| format!("Patient/{id}")));
    }
    ReportRow {
        id: line.id,
        recorded: line.recorded,
        action: line.action.clone(),
        success: line.success,
        user: line.user,
        user_name: line.user_name.clone().or(told.user_name),
        role: line.role.clone().or(told.role),
        device: line.device.or(told.device),
        device_name: line.device_name.clone().or(told.program),
        address: told.address,
        patient,
        patient_name: None,
        entities,
        explanation: told.explanation,
        justification: told.justification,
        purpose: told.purpose,
    }
}
