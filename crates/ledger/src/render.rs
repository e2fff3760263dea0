//! From an [`AccessEvent`] to the AuditEvent that BALP shapes, as canonical JSON.
//!
//! Written once and in canonical order: an event is made for every record that is shown, so it is
//! made of text alone. Members of an object stand in the order of their names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::action::{Interaction, Kind};
use crate::event::{AccessEvent, Actor, Cause, Client, Observer, Outcome, Purpose};
use crate::writing::{Items, Members, Writing};

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
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";

/// A code of a system, with its words.
#[derive(Clone, Copy)]
struct Coding {
    system: &'static str,
    code: &'static str,
    display: &'static str,
}

const fn coding(system: &'static str, code: &'static str, display: &'static str) -> Coding {
    Coding {
        system,
        code,
        display,
    }
}

/// The AuditEvent as canonical JSON.
pub(crate) fn audit_event(event: &AccessEvent) -> Vec<u8> {
    let kind = event.action.kind();
    let (event_type, subtype, action) = codes(kind);
    let mut writing = Writing::new();
    writing.object(|audit| {
        audit.text("action", action);
        audit.array("agent", |agents| write_agents(agents, event, kind));
        if event.patients.len() + objects(event, kind) > 0 {
            audit.array("entity", |entities| write_entities(entities, event, kind));
        }
        audit.text("id", uuid(event.id, &mut [0; UUID]));
        if let Some(profile) = profile(event, kind) {
            audit.object("meta", |meta| {
                meta.array("profile", |profiles| profiles.text(&profile));
            });
        }
        audit.text(
            "outcome",
            match event.outcome {
                Outcome::Success => "0",
                Outcome::Refused => "4",
                Outcome::Failed => "8",
            },
        );
        if let Some(explanation) = event.explanation.as_deref().and_then(text) {
            audit.text("outcomeDesc", explanation);
        }
        audit.array("purposeOfEvent", |purposes| {
            purposes.object(|concept| codings(concept, purpose(event.purpose)));
        });
        audit.text("recorded", &format!("{:.3}", event.recorded));
        audit.text("resourceType", "AuditEvent");
        audit.object("source", |source| {
            source.object("observer", |who| write_observer(who, &event.observer));
            source.array("type", |types| {
                types.object(|one| {
                    write_coding(
                        one,
                        match event.observer {
                            Observer::Server(_) => coding(SOURCE_TYPE, "4", "Application Server"),
                            Observer::Workstation(_) => coding(SOURCE_TYPE, "1", "User Device"),
                        },
                    );
                });
            });
        });
        audit.array("subtype", |subtypes| {
            if let Some(subtype) = subtype {
                subtypes.object(|one| write_coding(one, subtype));
            }
            // BALP's Delete allows one subtype alone; what a FHIR delete is, its code says by
            // itself.
            if event.action == crate::Action::FhirDelete {
                return;
            }
            subtypes.object(|one| code(one, ACTION_SYSTEM, event.action.code()));
            if let Some(cause) = event.cause {
                let cause = match cause {
                    Cause::Opened => "opened",
                    Cause::Refreshed => "refreshed",
                };
                subtypes.object(|one| code(one, CAUSE_SYSTEM, cause));
            }
        });
        audit.object("type", |one| write_coding(one, event_type));
    });
    writing.into_bytes()
}

/// Type, standard subtype and `AuditEvent.action`.
fn codes(kind: Kind) -> (Coding, Option<Coding>, &'static str) {
    let dcm = |code, display| coding(DCM, code, display);
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
fn profile(event: &AccessEvent, kind: Kind) -> Option<String> {
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
    let one = objects(event, kind) == 1 && event.patients.len() < 2;
    if event.outcome != Outcome::Success || !one {
        return None;
    }
    let patient = if event.patients.is_empty() {
        ""
    } else {
        "Patient"
    };
    Some([PROFILE, patient, name].concat())
}

fn write_agents(agents: &mut Items<'_>, event: &AccessEvent, kind: Kind) {
    if let Some(user) = &event.user {
        agents.object(|agent| write_user(agent, user, event, kind));
    }
    // Which way the data flows, as BALP's profiles fix it for each interaction.
    let source = coding(DCM, "110153", "Source Role ID");
    let destination = coding(DCM, "110152", "Destination Role ID");
    let (client, server) = match kind {
        Kind::Rest(Interaction::Read | Interaction::Vread | Interaction::History) => {
            (destination, source)
        }
        Kind::Rest(Interaction::Delete) => (
            coding(DCM, "110150", "Application"),
            coding(
                "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                "custodian",
                "Custodian",
            ),
        ),
        _ => (source, destination),
    };
    agents.object(|agent| {
        network(
            agent,
            event.client.address.as_deref().unwrap_or("localhost"),
        );
        // With no user, the client is what asked.
        agent.truth("requestor", event.user.is_none());
        agent.object("type", |concept| codings(concept, client));
        agent.object("who", |who| write_client(who, &event.client));
    });
    let host = match &event.observer {
        Observer::Server(url) => host(url),
        Observer::Workstation(_) => "localhost",
    };
    agents.object(|agent| {
        network(agent, host);
        agent.truth("requestor", false);
        agent.object("type", |concept| codings(concept, server));
        agent.object("who", |who| write_observer(who, &event.observer));
    });
}

fn write_user(agent: &mut Members<'_>, user: &Actor, event: &AccessEvent, kind: Kind) {
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
    if let Some(name) = text(&user.name) {
        agent.text("name", name);
    }
    // BALP's Delete leaves no room for policies on an agent.
    if !event.policies.is_empty() && kind != Kind::Rest(Interaction::Delete) {
        agent.array("policy", |policies| {
            for policy in &event.policies {
                policies.text(&["urn:rounds:policy:", policy].concat());
            }
        });
    }
    if let Some(reason) = event.justification.as_deref().and_then(text) {
        agent.array("purposeOfUse", |purposes| {
            purposes.object(|concept| {
                codings(concept, purpose(event.purpose));
                concept.text("text", reason);
            });
        });
    }
    agent.truth("requestor", true);
    agent.array("role", |roles| {
        roles.object(|concept| {
            concept.array("coding", |codings| {
                codings.object(|one| code(one, ROLE_SYSTEM, &user.role));
            });
        });
    });
    agent.object("type", |concept| codings(concept, role));
    agent.object("who", |who| {
        identifier(who, USER_SYSTEM, uuid(user.id, &mut [0; UUID]));
    });
}

fn write_client(who: &mut Members<'_>, client: &Client) {
    who.text("display", text(&client.name).unwrap_or("unnamed program"));
    if let Some(device) = client.device {
        identifier(who, DEVICE_SYSTEM, uuid(device, &mut [0; UUID]));
    }
}

fn write_observer(who: &mut Members<'_>, observer: &Observer) {
    match observer {
        Observer::Server(url) => {
            who.text("display", "Rounds server");
            identifier(who, "urn:ietf:rfc:3986", text(url).unwrap_or("unknown"));
        }
        Observer::Workstation(device) => {
            who.text("display", "Rounds workstation");
            identifier(who, DEVICE_SYSTEM, uuid(*device, &mut [0; UUID]));
        }
    }
}

/// FHIR's network types: 1 machine name, 2 IP address.
fn network(agent: &mut Members<'_>, address: &str) {
    let address = text(address).unwrap_or("unknown");
    let kind = if address.parse::<std::net::IpAddr>().is_ok() {
        "2"
    } else {
        "1"
    };
    agent.object("network", |network| {
        network.text("address", address);
        network.text("type", kind);
    });
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

/// Whether the query is one of the objects.
fn queried(event: &AccessEvent, kind: Kind) -> bool {
    let asked = event
        .query
        .as_deref()
        .is_some_and(|query| !query.is_empty());
    asked || is_search(kind)
}

fn is_search(kind: Kind) -> bool {
    kind == Kind::Rest(Interaction::Search)
}

/// Whether the view itself stands for what was not named.
fn stands_for_itself(event: &AccessEvent, kind: Kind) -> bool {
    event.entities.is_empty() && event.query.is_none() && matches!(kind, Kind::Rest(_))
}

/// How many entities there are beside the patients.
fn objects(event: &AccessEvent, kind: Kind) -> usize {
    let query = usize::from(queried(event, kind));
    if is_search(kind) {
        return query;
    }
    query + event.entities.len() + usize::from(stands_for_itself(event, kind))
}

/// Patients first, then either the query of a search or the resources of anything else.
/// A view always has an object: where neither was named, the view itself.
fn write_entities(entities: &mut Items<'_>, event: &AccessEvent, kind: Kind) {
    for patient in &event.patients {
        entities.object(|entity| {
            entity.object("role", |role| {
                write_coding(role, coding(OBJECT_ROLE, "1", "Patient"));
            });
            entity.object("type", |kind| {
                write_coding(kind, coding(ENTITY_TYPE, "1", "Person"));
            });
            what(entity, &["Patient/", patient].concat());
        });
    }
    let object = coding(ENTITY_TYPE, "2", "System Object");
    if queried(event, kind) {
        let query = event.query.as_deref().filter(|query| !query.is_empty());
        entities.object(|entity| {
            entity.text(
                "query",
                &STANDARD.encode(query.unwrap_or(event.action.code())),
            );
            entity.object("role", |role| {
                write_coding(role, coding(OBJECT_ROLE, "24", "Query"));
            });
            entity.object("type", |kind| write_coding(kind, object));
        });
    }
    if is_search(kind) {
        return;
    }
    let mut resource = |named: &dyn Fn(&mut Members<'_>)| {
        entities.object(|entity| {
            entity.object("role", |role| {
                write_coding(role, coding(OBJECT_ROLE, "4", "Domain Resource"));
            });
            entity.object("type", |kind| write_coding(kind, object));
            named(entity);
        });
    };
    for reference in &event.entities {
        resource(&|entity| what(entity, reference));
    }
    if stands_for_itself(event, kind) {
        resource(&|entity| match event.patients.as_slice() {
            [patient] => what(entity, &["Patient/", patient].concat()),
            _ => entity.object("what", |what| {
                identifier(what, ACTION_SYSTEM, event.action.code());
            }),
        });
    }
}

/// What was asked for: a reference, or the text itself where a request named something that no
/// record can be called. Such a request is recorded like any other, and the event stays valid.
fn what(entity: &mut Members<'_>, reference: &str) {
    entity.object("what", |what| {
        if is_reference(reference) {
            what.text("reference", reference);
        } else {
            let value = text(reference).unwrap_or("unknown");
            identifier(what, "urn:rounds:request", value);
        }
    });
}

/// `Type/id` or `Type/id/_history/n`.
fn is_reference(reference: &str) -> bool {
    let mut parts = reference.split('/');
    let (Some(kind), Some(id)) = (parts.next(), parts.next()) else {
        return false;
    };
    let valid_id = |id: &str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    let version = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => true,
        (Some("_history"), Some(version), None) => valid_id(version),
        _ => false,
    };
    version
        && valid_id(id)
        && kind.starts_with(|first: char| first.is_ascii_uppercase())
        && kind.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn purpose(purpose: Purpose) -> Coding {
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

/// `CodeableConcept.coding` of one code.
fn codings(concept: &mut Members<'_>, one: Coding) {
    concept.array("coding", |codings| {
        codings.object(|coding| write_coding(coding, one));
    });
}

fn write_coding(members: &mut Members<'_>, coding: Coding) {
    members.text("code", coding.code);
    members.text("display", coding.display);
    members.text("system", coding.system);
}

/// A code without words.
fn code(members: &mut Members<'_>, system: &str, code: &str) {
    members.text("code", code);
    members.text("system", system);
}

fn identifier(members: &mut Members<'_>, system: &str, value: &str) {
    members.object("identifier", |identifier| {
        identifier.text("system", system);
        identifier.text("value", value);
    });
}

/// Letters of a UUID.
const UUID: usize = uuid::fmt::Hyphenated::LENGTH;

fn uuid(id: uuid::Uuid, room: &mut [u8; UUID]) -> &str {
    id.as_hyphenated().encode_lower(room)
}

/// FHIR strings hold something other than white space.
fn text(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}
