//! Reading back what a list of events shows and what an index needs.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::action::Action;
use crate::render::{ACTION_SYSTEM, CAUSE_SYSTEM, DEVICE_SYSTEM, ROLE_SYSTEM, USER_SYSTEM};

/// The parts of an AuditEvent that lists and indexes use.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// Id of the AuditEvent.
    pub id: Uuid,
    /// When.
    pub recorded: Timestamp,
    /// What.
    pub action: Action,
    /// Whether it succeeded.
    pub success: bool,
    /// Account of the user.
    pub user: Option<Uuid>,
    /// Wire name of the user's role at that time.
    pub role: Option<String>,
    /// Device that recorded it, where it was a workstation.
    pub recorded_by: Option<Uuid>,
    /// Logical ids of the patients.
    pub patients: Vec<String>,
    /// Whether the screen refreshed itself, rather than a person opening it.
    pub refreshed: bool,
}

impl Glance {
    /// `None` if it is not an AuditEvent that [`crate::AccessEvent`] made.
    pub fn of(event: &Value) -> Option<Self> {
        if event.get("resourceType")?.as_str()? != "AuditEvent" {
            return None;
        }
        let subtypes = event.get("subtype")?.as_array()?;
        let code_in = |system: &str| {
            subtypes
                .iter()
                .find(|coding| coding.get("system").and_then(Value::as_str) == Some(system))
                .and_then(|coding| coding.get("code")?.as_str())
        };
        let action = match code_in(ACTION_SYSTEM) {
            Some(code) => Action::parse(code)?,
            None if code_in("http://hl7.org/fhir/restful-interaction") == Some("delete") => {
                Action::FhirDelete
            }
            None => return None,
        };
        let entities = event.get("entity").and_then(Value::as_array);
        Some(Self {
            id: event.get("id")?.as_str()?.parse().ok()?,
            recorded: event.get("recorded")?.as_str()?.parse().ok()?,
            action,
            success: event.get("outcome")?.as_str()? == "0",
            user: event
                .get("agent")?
                .as_array()?
                .iter()
                .filter_map(|agent| agent.get("who"))
                .find_map(|who| identifier(who, USER_SYSTEM)),
            role: event
                .get("agent")?
                .as_array()?
                .iter()
                .find_map(|agent| coded(agent.get("role")?.get(0)?, ROLE_SYSTEM)),
            recorded_by: event
                .get("source")?
                .get("observer")
                .and_then(|who| identifier(who, DEVICE_SYSTEM)),
            patients: entities.into_iter().flatten().filter_map(patient).collect(),
            refreshed: code_in(CAUSE_SYSTEM) == Some("refreshed"),
        })
    }
}

/// The code of a CodeableConcept's first coding, if it is of this system.
pub(crate) fn coded(concept: &Value, system: &str) -> Option<String> {
    let coding = concept.get("coding")?.get(0)?;
    if coding.get("system")?.as_str()? != system {
        return None;
    }
    coding.get("code")?.as_str().map(str::to_owned)
}

pub(crate) fn identifier(who: &Value, system: &str) -> Option<Uuid> {
    let identifier = who.get("identifier")?;
    if identifier.get("system")?.as_str()? != system {
        return None;
    }
    identifier.get("value")?.as_str()?.parse().ok()
}

fn patient(entity: &Value) -> Option<String> {
    if entity.get("role")?.get("code")?.as_str()? != "1" {
        return None;
    }
    let reference = entity.get("what")?.get("reference")?.as_str()?;
    reference.strip_prefix("Patient/").map(str::to_owned)
}
