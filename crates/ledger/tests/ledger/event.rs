//! AuditEvents: valid R4, and the slices of BALP that validators do not check.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::action::{Action, Interaction, Kind};
use ledger::event::{AccessEvent, Actor, Cause, Client, Observer, Outcome, Purpose};
use ledger::glance::Glance;
use ledger::told::Told;
use serde_json::{Value, json};
use uuid::Uuid;

const USER: Uuid = Uuid::from_u128(21);
const DEVICE: Uuid = Uuid::from_u128(22);

fn event(action: Action) -> AccessEvent {
    AccessEvent::new(
        Uuid::from_u128(20),
        "2026-11-23T09:30:00.123456Z".parse().unwrap(),
        action,
        Client {
            device: Some(DEVICE),
            name: "rounds/0.1 (linux)".into(),
            address: Some("192.0.2.7".into()),
        },
        Observer::Server("https://clinic.example:8443".into()),
    )
    .by(Actor {
        id: USER,
        name: "Dr. Amina Yusuf".into(),
        role: "clinician".into(),
    })
}

/// Every action in every combination that callers make.
fn all_events() -> Vec<AccessEvent> {
    let mut events = Vec::new();
    for &action in Action::ALL {
        let plain = event(action);
        let local = AccessEvent {
            observer: Observer::Workstation(DEVICE),
            client: Client {
                address: None,
                ..plain.client.clone()
            },
            cause: Some(Cause::Refreshed),
            ..plain.clone()
        };
        let unknown = AccessEvent {
            user: None,
            client: Client {
                device: None,
                name: "  ".into(),
                address: Some("2001:db8::1".into()),
            },
            outcome: Outcome::Refused,
            explanation: Some(" ".into()),
            ..plain.clone()
        };
        let full = plain
            .clone()
            .about("p1")
            .about("p1")
            .touching("Observation/o1")
            .asking("Patient?name=oka&birthdate=ge1950")
            .because("Clinicians may sign notes.", ["clinician-signs".to_owned()])
            .serving(Purpose::Operations)
            .caused_by(Cause::Opened);
        let many = full.clone().about("p2").touching("Condition/c1/_history/2");
        let failed = full.clone().ending(Outcome::Failed);
        let empty_query = plain.clone().asking("");
        events.extend([plain, local, unknown, full, many, failed, empty_query]);
    }
    events
}

fn coded<'v>(list: &'v Value, system: &str, code: &str) -> Vec<&'v Value> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter(|item| {
            let coding = item.get("coding").and_then(|c| c.get(0)).unwrap_or(item);
            coding["system"] == system && coding["code"] == code
        })
        .collect()
}

#[test]
fn a1_every_event_is_valid_r4() {
    let validator = fhir::validate::Validator::new();
    for event in all_events() {
        let audit = event.to_fhir();
        if let Err(issues) = validator.validate(&audit) {
            panic!("{:?}: {issues:?}\n{audit:#}", event.action);
        }
        assert!(
            serde_json::to_string(&audit)
                .unwrap()
                .find("null")
                .is_none()
        );
    }
}

#[test]
fn a2_events_are_written_in_canonical_form() {
    let odd = "\u{1}\u{7f}\u{2028} \"Ngọ́zi\" \\ / \t\r\n 😀";
    let mut events = all_events();
    let last = events.len();
    events.extend_from_within(..);
    for event in &mut events[last..] {
        event.explanation = Some(odd.into());
        event.policies = vec![odd.into()];
        event.justification = Some(odd.into());
        event.patients = vec![odd.into()];
        event.entities = vec![odd.into(), "Observation/o1/_history/3/x".into()];
        event.query = event.query.as_ref().map(|_| odd.into());
        event.client.name = odd.into();
        event.client.address = Some("::1".into());
        event.client.device = None;
        if let Some(user) = &mut event.user {
            user.name = odd.into();
            user.role = odd.into();
        }
    }
    for event in events {
        let written = event.to_canonical();
        let read: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(
            String::from_utf8(written.clone()).unwrap(),
            String::from_utf8(ledger::canonical(&read)).unwrap(),
            "{:?}",
            event.action
        );
        assert_eq!(
            ledger::leaf_hash_of(&written),
            ledger::leaf_hash(&event.to_fhir())
        );
    }
}

#[test]
fn a1_balp_slices_are_there() {
    const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
    const ENTITY: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
    for event in all_events() {
        let audit = event.to_fhir();
        let Some(profile) = audit["meta"]["profile"][0].as_str() else {
            continue;
        };
        let name = profile
            .strip_prefix("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.")
            .unwrap();
        let (patient, name) = match name.strip_prefix("Patient") {
            Some(name) => (1, name),
            None => (0, name),
        };
        assert_eq!(audit["type"]["code"], "rest");
        assert_eq!(audit["outcome"], "0");
        let subtypes = audit["subtype"].as_array().unwrap();
        assert_eq!(
            subtypes[0]["system"],
            "http://hl7.org/fhir/restful-interaction"
        );
        let (action, client, server) = match name {
            "Read" => ("R", "110152", "110153"),
            "Query" => ("E", "110153", "110152"),
            "Create" => ("C", "110153", "110152"),
            "Update" => ("U", "110153", "110152"),
            "Delete" => ("D", "110150", ""),
            other => panic!("{other}"),
        };
        assert_eq!(audit["action"], action);
        if name == "Delete" {
            assert_eq!(subtypes.len(), 1);
        }

        // Client and server: one each, with who and network.
        let agents: Vec<Value> = audit["agent"].as_array().unwrap().clone();
        let of_type = |system: &str, code: &str| -> Vec<&Value> {
            agents
                .iter()
                .filter(|agent| {
                    let coding = &agent["type"]["coding"][0];
                    coding["system"] == system && coding["code"] == code
                })
                .collect()
        };
        let server = match name {
            "Delete" => of_type(
                "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                "custodian",
            ),
            _ => of_type(DCM, server),
        };
        for slice in [of_type(DCM, client), server] {
            assert_eq!(slice.len(), 1, "{audit:#}");
            assert!(slice[0]["who"].is_object());
            assert!(!slice[0]["network"]["address"].as_str().unwrap().is_empty());
        }
        // The user: requestor, named, with a role, without network.
        let user = agents.iter().find(|a| a["requestor"] == true).unwrap();
        if event.user.is_some() {
            let expected = if ["C", "U", "D"].contains(&action) {
                "AUT"
            } else {
                "IRCP"
            };
            assert_eq!(user["type"]["coding"][0]["code"], expected);
            assert_eq!(user["who"]["identifier"]["value"], USER.to_string());
            assert_eq!(user["name"], "Dr. Amina Yusuf");
            assert_eq!(user["role"][0]["coding"][0]["code"], "clinician");
            assert!(user.get("network").is_none());
        }

        // Patient, and exactly one object: the query of a search, the resource of all else.
        let persons = coded_type(&audit, ENTITY, "1");
        assert_eq!(persons.len(), patient);
        for person in persons {
            assert_eq!(person["role"]["code"], "1");
            assert!(
                person["what"]["reference"]
                    .as_str()
                    .unwrap()
                    .starts_with("Patient/")
            );
        }
        let objects = coded_type(&audit, ENTITY, "2");
        assert_eq!(objects.len(), 1, "{audit:#}");
        if name == "Query" {
            assert_eq!(objects[0]["role"]["code"], "24");
            assert!(objects[0].get("what").is_none());
            assert!(!objects[0]["query"].as_str().unwrap().is_empty());
        } else {
            assert_eq!(objects[0]["role"]["code"], "4");
            assert!(objects[0]["what"].is_object());
        }
    }
}

fn coded_type<'v>(audit: &'v Value, system: &str, code: &str) -> Vec<&'v Value> {
    audit["entity"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entity| entity["type"]["system"] == system && entity["type"]["code"] == code)
        .collect()
}

#[test]
fn a1_who_what_when_why_and_from_where_are_told() {
    let audit = event(Action::ChartOpened)
        .about("p1")
        .touching("Patient/p1")
        .because(
            "Those who treat patients may see.",
            ["care-sees-records".to_owned()],
        )
        .caused_by(Cause::Opened)
        .to_fhir();
    assert_eq!(audit["recorded"], "2026-11-23T09:30:00.123Z");
    assert_eq!(
        coded(&audit["subtype"], "urn:rounds:action", "chart-opened").len(),
        1
    );
    assert_eq!(
        coded(&audit["subtype"], "urn:rounds:cause", "opened").len(),
        1
    );
    assert_eq!(
        coded(
            &audit["subtype"],
            "http://hl7.org/fhir/restful-interaction",
            "read"
        )
        .len(),
        1
    );
    assert_eq!(audit["purposeOfEvent"][0]["coding"][0]["code"], "TREAT");
    assert_eq!(audit["outcomeDesc"], "Those who treat patients may see.");
    assert_eq!(
        audit["agent"][0]["policy"],
        json!(["urn:rounds:policy:care-sees-records"])
    );
    assert_eq!(
        audit["agent"][1]["network"],
        json!({ "address": "192.0.2.7", "type": "2" })
    );
    assert_eq!(
        audit["agent"][1]["who"]["identifier"]["value"],
        DEVICE.to_string()
    );
    assert_eq!(
        audit["agent"][2]["network"],
        json!({ "address": "clinic.example", "type": "1" })
    );
    assert_eq!(
        audit["source"]["observer"]["identifier"]["value"],
        "https://clinic.example:8443"
    );
}

#[test]
fn a1_a_search_keeps_the_raw_query() {
    let query = "Patient?name=O'Brien\u{2019}%20\u{0}&x=\"<";
    let audit = event(Action::PatientsSearched)
        .about("p1")
        .asking(query)
        .to_fhir();
    let kept = coded_type(
        &audit,
        "http://terminology.hl7.org/CodeSystem/audit-entity-type",
        "2",
    );
    let raw = STANDARD.decode(kept[0]["query"].as_str().unwrap()).unwrap();
    assert_eq!(String::from_utf8(raw).unwrap(), query);
}

#[test]
fn a1_a_refusal_and_a_sign_in_without_a_user_are_events_too() {
    let mut refused = event(Action::SignInRefused)
        .ending(Outcome::Refused)
        .because("Name, password or code is wrong.", []);
    refused.user = None;
    let audit = refused.to_fhir();
    assert_eq!(audit["outcome"], "4");
    assert_eq!(audit["type"]["code"], "110114");
    assert_eq!(audit["agent"][0]["requestor"], true);
    assert_eq!(audit["outcomeDesc"], "Name, password or code is wrong.");
}

#[test]
fn a1_one_event_for_each_patient_of_a_search() {
    let searched = event(Action::FhirSearch)
        .about("p1")
        .about("p2")
        .about("p3")
        .asking("Patient");
    let mut next = 100;
    let split = searched.clone().per_patient(|| {
        next += 1;
        Uuid::from_u128(next)
    });
    assert_eq!(split.len(), 3);
    assert_eq!(split[0].id, searched.id);
    let mut ids: Vec<Uuid> = split.iter().map(|event| event.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    for (event, patient) in split.iter().zip(["p1", "p2", "p3"]) {
        assert_eq!(event.patients, [patient]);
        assert_eq!(event.query.as_deref(), Some("Patient"));
        assert!(
            event.to_fhir()["meta"]["profile"][0]
                .as_str()
                .unwrap()
                .ends_with("PatientQuery")
        );
    }
    assert_eq!(event(Action::FhirSearch).per_patient(Uuid::nil).len(), 1);
}

#[test]
fn every_event_reads_back() {
    for event in all_events() {
        let glance = Glance::of(&event.to_fhir()).unwrap();
        assert_eq!(glance.id, event.id);
        assert_eq!(glance.action, event.action);
        assert_eq!(glance.success, event.outcome == Outcome::Success);
        assert_eq!(glance.user, event.user.as_ref().map(|user| user.id));
        assert_eq!(glance.patients, event.patients);
        assert_eq!(
            glance.recorded.as_millisecond(),
            event.recorded.as_millisecond()
        );
        let local = matches!(event.observer, Observer::Workstation(_));
        assert_eq!(glance.recorded_by, local.then_some(DEVICE));
        // BALP's Delete has no room for the cause.
        if event.action != Action::FhirDelete {
            assert_eq!(glance.refreshed, event.cause == Some(Cause::Refreshed));
        }
    }
    for other in [
        json!(null),
        json!({ "resourceType": "Patient" }),
        json!({ "resourceType": "AuditEvent" }),
    ] {
        assert_eq!(Glance::of(&other), None);
    }
}

#[test]
fn codes_are_stable_and_single() {
    let mut codes: Vec<&str> = Action::ALL.iter().map(|action| action.code()).collect();
    for &action in Action::ALL {
        assert_eq!(Action::parse(action.code()), Some(action));
        assert_eq!(serde_json::to_value(action).unwrap(), action.code());
        assert!(
            action
                .code()
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-')
        );
    }
    codes.sort_unstable();
    let count = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), count);
    assert_eq!(Action::parse("no-such-action"), None);
    assert_eq!(Action::FhirHistory.kind(), Kind::Rest(Interaction::History));
}

#[test]
fn a4_a_report_reads_back_what_an_event_tells() {
    let made = event(Action::ChartOpened)
        .about("p1")
        .touching("Observation/o1")
        .because("Clinicians see charts.", ["p".to_owned()])
        .justified_by("covering for a colleague")
        .serving(Purpose::Emergency);
    let told = Told::of(&made.to_fhir());
    assert_eq!(
        told,
        Told {
            user_name: Some("Dr. Amina Yusuf".into()),
            role: Some("clinician".into()),
            device: Some(DEVICE),
            program: Some("rounds/0.1 (linux)".into()),
            address: Some("192.0.2.7".into()),
            entities: vec!["Observation/o1".into()],
            explanation: Some("Clinicians see charts.".into()),
            justification: Some("covering for a colleague".into()),
            purpose: Some("BTG".into()),
        }
    );
    assert_eq!(Glance::of(&made.to_fhir()).unwrap().role, told.role);
    // Nothing of it is taken for granted.
    assert_eq!(Told::of(&json!(null)), Told::default());
    for made in all_events() {
        let told = Told::of(&made.to_fhir());
        assert_eq!(told.device, made.client.device, "{made:?}");
        assert_eq!(told.user_name.is_some(), made.user.is_some());
    }
}
