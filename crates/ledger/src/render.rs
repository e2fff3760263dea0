//! From an [`AccessEvent`] to the AuditEvent that BALP shapes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::action::{Interaction, Kind};
use crate::event::{AccessEvent, Actor, Cause, Client, Observer, Outcome, Purpose};

/// System of our own action codes, an additional subtype.
pub(crate) const ACTION_SYSTEM: &str = "urn:rounds:action";
/// System of the cause of a view, an additional subtype.
pub(crate) const CAUSE_SYSTEM: &str = "urn:rounds:cause";
/// System of account ids.
pub(crate) const USER_SYSTEM: &str = "urn:rounds:user";
/// System of the users' roles.
pub(crate) const ROLE_SYSTEM: &str = "urn:rounds:role";
/// System of device ids.
pub(crate) const DEVICE_SYSTEM: &str = "urn:rounds:device";

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const PROFILE: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";

pub(crate) fn audit_event(event: &AccessEvent) -> Value {
    let kind = event.action.kind();
    let (event_type, subtype, action) = codes(kind);
    let entities = entities(event, kind);

    let mut subtypes: Vec<Value> = subtype.into_iter().collect();
    // BALP's Delete allows one subtype alone; what a FHIR delete is, its code says by itself.
    if event.action != crate::Action::FhirDelete {
        subtypes.push(json!({ "system": ACTION_SYSTEM, "code": event.action.code() }));
        if let Some(cause) = event.cause {
            let code = match cause {
                Cause::Opened => "opened",
                Cause::Refreshed => "refreshed",
            };
            subtypes.push(json!({ "system": CAUSE_SYSTEM, "code": code }));
        }
    }

    let mut audit = json!({
        "resourceType": "AuditEvent",
        "id": event.id,
    });
    if let Some(profile) = profile(event, kind, &entities) {
        audit["meta"] = json!({ "profile": [profile] });
    }
    audit["type"] = event_type;
    audit["subtype"] = Value::Array(subtypes);
    audit["action"] = action.into();
    audit["recorded"] = format!("{:.3}", event.recorded).into();
    audit["outcome"] = match event.outcome {
        Outcome::Success => "0",
        Outcome::Refused => "4",
        Outcome::Failed => "8",
    }
    .into();
    if let Some(explanation) = event.explanation.as_deref().and_then(text) {
        audit["outcomeDesc"] = explanation.into();
    }
    audit["purposeOfEvent"] = json!([{ "coding": [purpose(event.purpose)] }]);
    audit["agent"] = agents(event, kind);
    audit["source"] = json!({
        "observer": observer_who(&event.observer),
        "type": [match event.observer {
            Observer::Server(_) => coding(SOURCE_TYPE, "4", "Application Server"),
            Observer::Workstation(_) => coding(SOURCE_TYPE, "1", "User Device"),
        }],
    });
    if !entities.is_empty() {
        audit["entity"] = Value::Array(entities);
    }
    audit
}

const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";

/// Type, standard subtype and `AuditEvent.action`.
fn codes(kind: Kind) -> (Value, Option<Value>, &'static str) {
    let dcm = |code: &str, display: &str| coding(DCM, code, display);
    match kind {
        Kind::Rest(interaction) => {
            let (code, action) = interaction_codes(interaction);
            (
                coding(
                    "http://terminology.hl7.org/CodeSystem/audit-event-type",
                    "rest",
                    "Restful Operation",
                ),
                Some(coding(
                    "http://hl7.org/fhir/restful-interaction",
                    code,
                    code,
                )),
                action,
            )
        }
        Kind::Login => (
            dcm("110114", "User Authentication"),
            Some(dcm("110122", "Login")),
            "E",
        ),
        Kind::Logout => (
            dcm("110114", "User Authentication"),
            Some(dcm("110123", "Logout")),
            "E",
        ),
        Kind::SecurityAttributes => (
            dcm("110113", "Security Alert"),
            Some(dcm("110137", "User Security Attributes Changed")),
            "U",
        ),
        Kind::AuditRead => (dcm("110101", "Audit Log Used"), None, "R"),
        Kind::Export => (dcm("110106", "Export"), None, "R"),
        Kind::Import => (dcm("110107", "Import"), None, "C"),
        Kind::Alert => (dcm("110113", "Security Alert"), None, "E"),
    }
}

fn interaction_codes(interaction: Interaction) -> (&'static str, &'static str) {
    match interaction {
        Interaction::Read => ("read", "R"),
        Interaction::Vread => ("vread", "R"),
        Interaction::History => ("history-instance", "R"),
        Interaction::Search => ("search-type", "E"),
        Interaction::Create => ("create", "C"),
        Interaction::Update => ("update", "U"),
        Interaction::Patch => ("patch", "U"),
        Interaction::Delete => ("delete", "D"),
        Interaction::Transaction => ("transaction", "E"),
        Interaction::Batch => ("batch", "E"),
        Interaction::Operation => ("operation", "E"),
    }
}

/// The BALP profile that the event keeps, if it is one of BALP's cases: a successful read,
/// search or change of one resource, about one patient at most.
fn profile(event: &AccessEvent, kind: Kind, entities: &[Value]) -> Option<String> {
    let Kind::Rest(interaction) = kind else {
        return None;
    };
    let name = match interaction {
        Interaction::Read | Interaction::Vread => "Read",
        Interaction::Search => "Query",
        Interaction::Create => "Create",
        Interaction::Update | Interaction::Patch => "Update",
        // A discarded draft was never a resource.
        Interaction::Delete if event.action == crate::Action::FhirDelete => "Delete",
        _ => return None,
    };
    let objects = entities.len() - event.patients.len();
    if event.outcome != Outcome::Success || event.patients.len() > 1 || objects != 1 {
        return None;
    }
    let patient = if event.patients.is_empty() {
        ""
    } else {
        "Patient"
    };
    Some(format!("{PROFILE}{patient}{name}"))
}

fn agents(event: &AccessEvent, kind: Kind) -> Value {
    let mut agents = Vec::with_capacity(3);
    if let Some(user) = &event.user {
        agents.push(user_agent(user, event, kind));
    }
    // Which way the data flows, as BALP's profiles fix it for each interaction.
    let source = || coding(DCM, "110153", "Source Role ID");
    let destination = || coding(DCM, "110152", "Destination Role ID");
    let (client, server) = match kind {
        Kind::Rest(Interaction::Read | Interaction::Vread | Interaction::History) => {
            (destination(), source())
        }
        Kind::Rest(Interaction::Delete) => (
            coding(DCM, "110150", "Application"),
            coding(
                "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                "custodian",
                "Custodian",
            ),
        ),
        _ => (source(), destination()),
    };
    agents.push(json!({
        "type": { "coding": [client] },
        "who": client_who(&event.client),
        // With no user, the client is what asked.
        "requestor": event.user.is_none(),
        "network": network(event.client.address.as_deref().unwrap_or("localhost")),
    }));
    let host = match &event.observer {
        Observer::Server(url) => host(url),
        Observer::Workstation(_) => "localhost",
    };
    agents.push(json!({
        "type": { "coding": [server] },
        "who": observer_who(&event.observer),
        "requestor": false,
        "network": network(host),
    }));
    Value::Array(agents)
}

fn user_agent(user: &Actor, event: &AccessEvent, kind: Kind) -> Value {
    let role = match kind {
        Kind::Rest(
            Interaction::Create
            | Interaction::Update
            | Interaction::Patch
            | Interaction::Delete
            | Interaction::Transaction
            | Interaction::Batch,
        ) => coding(PARTICIPATION, "AUT", "author (originator)"),
        _ => coding(PARTICIPATION, "IRCP", "information recipient"),
    };
    let mut agent = json!({
        "type": { "coding": [role] },
        "role": [{ "coding": [{ "system": ROLE_SYSTEM, "code": user.role }] }],
        "who": { "identifier": { "system": USER_SYSTEM, "value": user.id } },
        "requestor": true,
    });
    if let Some(name) = text(&user.name) {
        agent["name"] = name.into();
    }
    if let Some(reason) = event.justification.as_deref().and_then(text) {
        agent["purposeOfUse"] = json!([{ "coding": [purpose(event.purpose)], "text": reason }]);
    }
    // BALP's Delete leaves no room for policies on an agent.
    if !event.policies.is_empty() && kind != Kind::Rest(Interaction::Delete) {
        agent["policy"] = event
            .policies
            .iter()
            .map(|policy| Value::from(format!("urn:rounds:policy:{policy}")))
            .collect();
    }
    agent
}

fn client_who(client: &Client) -> Value {
    let mut who = match client.device {
        Some(device) => json!({ "identifier": { "system": DEVICE_SYSTEM, "value": device } }),
        None => json!({}),
    };
    who["display"] = text(&client.name).unwrap_or("unnamed program").into();
    who
}

fn observer_who(observer: &Observer) -> Value {
    match observer {
        Observer::Server(url) => json!({
            "identifier": { "system": "urn:ietf:rfc:3986", "value": text(url).unwrap_or("unknown") },
            "display": "Rounds server",
        }),
        Observer::Workstation(device) => json!({
            "identifier": { "system": DEVICE_SYSTEM, "value": device },
            "display": "Rounds workstation",
        }),
    }
}

/// FHIR's network types: 1 machine name, 2 IP address.
fn network(address: &str) -> Value {
    let address = text(address).unwrap_or("unknown");
    let kind = if address.parse::<std::net::IpAddr>().is_ok() {
        "2"
    } else {
        "1"
    };
    json!({ "address": address, "type": kind })
}

/// Host of a URL, or the text itself where it is no URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// Patients first, then either the query of a search or the resources of anything else.
/// A view always has an object: where neither was named, the view itself.
fn entities(event: &AccessEvent, kind: Kind) -> Vec<Value> {
    let mut entities: Vec<Value> = event
        .patients
        .iter()
        .map(|patient| {
            json!({
                "what": what(&format!("Patient/{patient}")),
                "type": coding(ENTITY_TYPE, "1", "Person"),
                "role": coding(OBJECT_ROLE, "1", "Patient"),
            })
        })
        .collect();
    let object = || coding(ENTITY_TYPE, "2", "System Object");
    let search = kind == Kind::Rest(Interaction::Search);
    if search
        || event
            .query
            .as_deref()
            .is_some_and(|query| !query.is_empty())
    {
        let query = event.query.as_deref().filter(|query| !query.is_empty());
        entities.push(json!({
            "type": object(),
            "role": coding(OBJECT_ROLE, "24", "Query"),
            "query": STANDARD.encode(query.unwrap_or(event.action.code())),
        }));
    }
    if search {
        return entities;
    }
    let domain = || coding(OBJECT_ROLE, "4", "Domain Resource");
    entities.extend(
        event.entities.iter().map(
            |reference| json!({ "what": what(reference), "type": object(), "role": domain() }),
        ),
    );
    if event.entities.is_empty() && event.query.is_none() && matches!(kind, Kind::Rest(_)) {
        let what = match event.patients.as_slice() {
            [patient] => what(&format!("Patient/{patient}")),
            _ => json!({ "identifier": { "system": ACTION_SYSTEM, "value": event.action.code() } }),
        };
        entities.push(json!({ "what": what, "type": object(), "role": domain() }));
    }
    entities
}

/// What was asked for: a reference, or the text itself where a request named something that no
/// record can be called. Such a request is recorded like any other, and the event stays valid.
fn what(reference: &str) -> Value {
    if is_reference(reference) {
        return json!({ "reference": reference });
    }
    let value = text(reference).unwrap_or("unknown");
    json!({ "identifier": { "system": "urn:rounds:request", "value": value } })
}

/// `Type/id` or `Type/id/_history/n`.
fn is_reference(reference: &str) -> bool {
    let parts: Vec<&str> = reference.split('/').collect();
    let (named, version) = match parts.as_slice() {
        [kind, id] => ((kind, id), None),
        [kind, id, "_history", version] => ((kind, id), Some(version)),
        _ => return false,
    };
    let valid_id = |id: &str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    named
        .0
        .starts_with(|first: char| first.is_ascii_uppercase())
        && named.0.bytes().all(|byte| byte.is_ascii_alphabetic())
        && valid_id(named.1)
        && version.is_none_or(|version| valid_id(version))
}

fn purpose(purpose: Purpose) -> Value {
    let (code, display) = match purpose {
        Purpose::Treatment => ("TREAT", "treatment"),
        Purpose::PatientAdministration => ("PATADMIN", "patient administration"),
        Purpose::Emergency => ("BTG", "break the glass"),
        Purpose::Operations => ("HOPERAT", "healthcare operations"),
        Purpose::SystemAdministration => ("SYSADMIN", "system administration"),
    };
    coding(
        "http://terminology.hl7.org/CodeSystem/v3-ActReason",
        code,
        display,
    )
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

/// FHIR strings hold something other than white space.
fn text(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}
