//! What an AuditEvent tells beside its [`crate::glance::Glance`]: the columns of a report.

use serde_json::Value;
use uuid::Uuid;

use crate::glance::{coded, identifier};
use crate::render::{DEVICE_SYSTEM, ROLE_SYSTEM, USER_SYSTEM};

/// Who, from where, on what and why, as an event tells it. Whatever it does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Name of the user at that time.
    pub user_name: Option<String>,
    /// Wire name of the user's role at that time.
    pub role: Option<String>,
    /// The workstation that asked.
    pub device: Option<Uuid>,
    /// What the program called itself.
    pub program: Option<String>,
    /// Address that it came from.
    pub address: Option<String>,
    /// References to the resources concerned, the patients left out.
    pub entities: Vec<String>,
    /// Why it was granted or refused.
    pub explanation: Option<String>,
    /// The reason that the user gave.
    pub justification: Option<String>,
    /// What for (code of HL7 v3 ActReason).
    pub purpose: Option<String>,
}

impl Told {
    /// Reads an event that [`crate::AccessEvent::to_fhir`] made.
    pub fn of(event: &Value) -> Self {
        let list = |name: &str| {
            let items = event.get(name).and_then(Value::as_array);
            items.into_iter().flatten()
        };
        let user = list("agent").find(|agent| {
            let who = agent.get("who");
            who.is_some_and(|who| identifier(who, USER_SYSTEM).is_some())
        });
        // The program that asked comes before the one that answered.
        let client = list("agent").find(|agent| agent.get("network").is_some());
        let who = client.and_then(|client| client.get("who"));
        Self {
            user_name: user.and_then(|user| text(user.get("name"))),
            role: user.and_then(|user| coded(user.get("role")?.get(0)?, ROLE_SYSTEM)),
            device: who.and_then(|who| identifier(who, DEVICE_SYSTEM)),
            program: who.and_then(|who| text(who.get("display"))),
            address: client.and_then(|client| text(client.get("network")?.get("address"))),
            entities: list("entity").filter_map(entity).collect(),
            explanation: text(event.get("outcomeDesc")),
            justification: user
                .and_then(|user| text(user.get("purposeOfUse")?.get(0)?.get("text"))),
            purpose: list("purposeOfEvent")
                .find_map(|purpose| text(purpose.get("coding")?.get(0)?.get("code"))),
        }
    }
}

fn entity(entity: &Value) -> Option<String> {
    let role = entity.get("role")?.get("code")?.as_str()?;
    if role == "1" {
        return None;
    }
    text(entity.get("what")?.get("reference"))
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}
