//! What patients permit and deny counts from the moment it is written.

use access::Facts;
use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use protocol::sign_in::Role;
use serde_json::{Value, json};

use crate::clinic::{Client, Clinic, id, observation, practitioner};
use crate::relations::{consent, related};

/// A clinic, a program, a clinician with a patient of their own, and an observation of it.
struct Case {
    clinic: Clinic,
    program: Client,
    ann: Client,
    doctor: String,
    person: String,
    vital: String,
}

impl Case {
    async fn new(facts: Facts) -> Self {
        let clinic = Clinic::open().await;
        let program = clinic.client().await;
        let doctor = id(&program.create(practitioner("Consents")).await);
        let person = related(&clinic, &program, &doctor, facts).await;
        let vital = id(&program.create(observation(&person, "2026-01-01")).await);
        Self {
            ann: clinic.staff(Role::Clinician, Some(&doctor)).await,
            clinic,
            program,
            doctor,
            person,
            vital,
        }
    }

    async fn sees(&self) -> bool {
        let read = self.ann.get(&format!("/Observation/{}", self.vital)).await;
        let found = self.ann.ids("/Observation").await;
        assert_eq!(found.contains(&self.vital), read.status == StatusCode::OK);
        assert!(matches!(
            read.status,
            StatusCode::OK | StatusCode::NOT_FOUND
        ));
        read.status == StatusCode::OK
    }

    fn who(&self) -> Value {
        json!({"reference": format!("Practitioner/{}", self.doctor)})
    }

    async fn replace(&self, consent: &Value) {
        let reply = self
            .program
            .put(&format!("/Consent/{}", id(consent)), consent.clone())
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    }
}

const ASSIGNED: Facts = Facts {
    assigned: true,
    care_team: false,
    appointment: false,
    visiting: false,
    referral: false,
    consent_permits: false,
    consent_denies: false,
    justified: false,
    emergency: false,
};

#[tokio::test]
async fn p2_a_denial_closes_at_once_and_its_withdrawal_opens_at_once() {
    let case = Case::new(ASSIGNED).await;
    assert!(case.sees().await);
    let mut denial = consent(&case.person, "deny", &case.who());
    denial["status"] = "draft".into();
    let mut denial = case.program.create(denial).await;
    assert!(case.sees().await, "a draft counts for nothing");
    for (status, open) in [
        ("active", false),
        ("inactive", true),
        ("active", false),
        ("rejected", true),
        ("active", false),
    ] {
        denial["status"] = status.into();
        case.replace(&denial).await;
        assert_eq!(case.sees().await, open, "{status}");
    }
    let path = format!("/Consent/{}", id(&denial));
    case.program.ask(Method::DELETE, &path, &[], None).await;
    assert!(case.sees().await);
}

#[tokio::test]
async fn p2_a_permission_opens_to_whom_it_names_and_its_withdrawal_closes() {
    let case = Case::new(Facts::default()).await;
    assert!(!case.sees().await);
    let mut permission = consent(&case.person, "permit", &case.who());
    // Who agrees that the clinic keeps data opens the record to nobody.
    permission["provision"]
        .as_object_mut()
        .unwrap()
        .remove("actor");
    let mut permission = case.program.create(permission).await;
    assert!(!case.sees().await);
    permission["provision"] = consent(&case.person, "permit", &case.who())["provision"].clone();
    case.replace(&permission).await;
    assert!(case.sees().await);
    // For records of some types only.
    permission["provision"]["class"] =
        json!([{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]);
    case.replace(&permission).await;
    assert!(!case.sees().await);
    permission["provision"]
        .as_object_mut()
        .unwrap()
        .remove("class");
    permission["status"] = "inactive".into();
    case.replace(&permission).await;
    assert!(!case.sees().await);
}

#[tokio::test]
async fn p2_types_periods_exceptions_roles_and_organisations_count() {
    let case = Case::new(ASSIGNED).await;
    let mut denial = consent(&case.person, "deny", &case.who());
    denial["provision"]["class"] =
        json!([{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]);
    let mut denial = case.program.create(denial).await;
    assert!(
        case.sees().await,
        "conditions are closed, observations are not"
    );

    // Closed to everybody, but for one; and the other way round.
    let exception = |kind: &str, who: &Value| consent("x", kind, who)["provision"].clone();
    let other = json!({"reference": format!("Practitioner/{}",
        id(&case.program.create(practitioner("Other")).await))});
    denial["provision"] = json!({"type": "deny", "provision": [exception("permit", &case.who())]});
    case.replace(&denial).await;
    assert!(case.sees().await);
    denial["provision"] = json!({"type": "deny", "provision": [exception("permit", &other)]});
    case.replace(&denial).await;
    assert!(!case.sees().await);
    denial["provision"] = json!({"type": "permit", "provision": [exception("deny", &case.who())]});
    case.replace(&denial).await;
    assert!(!case.sees().await);

    // For a time.
    let ends = Timestamp::now() + SignedDuration::from_hours(2);
    denial["provision"] = exception("deny", &case.who());
    denial["provision"]["period"] = json!({"end": ends.to_string()});
    case.replace(&denial).await;
    assert!(!case.sees().await);
    case.clinic.clock.pass(SignedDuration::from_hours(3));
    assert!(case.sees().await);

    // A role, by its identifier; an organisation, by who works for it.
    let role = json!({"identifier": {"system": "urn:rounds:role", "value": "clinician"}});
    denial["provision"] = exception("deny", &role);
    case.replace(&denial).await;
    assert!(!case.sees().await);
    let nurse = json!({"identifier": {"system": "urn:rounds:role", "value": "nurse"}});
    denial["provision"] = exception("deny", &nurse);
    case.replace(&denial).await;
    assert!(case.sees().await);
    let house = case
        .program
        .create(json!({"resourceType": "Organization", "name": "House"}))
        .await;
    let house = json!({"reference": format!("Organization/{}", id(&house))});
    denial["provision"] = exception("deny", &house);
    case.replace(&denial).await;
    assert!(case.sees().await);
    case.program
        .create(json!({"resourceType": "PractitionerRole", "active": true,
            "practitioner": case.who(), "organization": house}))
        .await;
    assert!(!case.sees().await);

    // A consent to a treatment says nothing about looking.
    denial["scope"]["coding"][0]["code"] = "treatment".into();
    case.replace(&denial).await;
    assert!(case.sees().await);
}

#[tokio::test]
async fn p2_programs_honour_a_denial_and_bring_its_withdrawal() {
    let case = Case::new(ASSIGNED).await;
    let mut denial = consent(&case.person, "deny", &case.who());
    denial["provision"].as_object_mut().unwrap().remove("actor");
    let mut denial = case.program.create(denial).await;
    assert!(!case.sees().await);
    let path = format!("/Observation/{}", case.vital);
    case.program.get(&path).await.refused(StatusCode::NOT_FOUND);
    assert!(case.program.ids("/Observation").await.is_empty());
    case.program
        .post("/Observation", observation(&case.person, "2026-01-02"))
        .await
        .refused(StatusCode::FORBIDDEN);
    denial["status"] = "inactive".into();
    case.replace(&denial).await;
    assert_eq!(case.program.get(&path).await.status, StatusCode::OK);
    assert!(case.sees().await);
}

/// A reason given does not open what the patient closed.
#[tokio::test]
async fn p2_a_denial_is_stronger_than_a_reason() {
    let case = Case::new(ASSIGNED).await;
    let denial = consent(&case.person, "deny", &case.who());
    case.program.create(denial).await;
    let asked = json!({"patient": case.person, "reason": "I am curious"});
    let reply = case.ann.post_to(protocol::path::JUSTIFY, asked).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let said = reply.body["detail"].as_str().unwrap();
    assert!(said.starts_with("needs-emergency: "), "{said}");
    assert!(!case.sees().await);
    let everything = format!("/Patient/{}/$everything", case.person);
    let reply = case.ann.get(&everything).await;
    let issue = reply.refused(StatusCode::FORBIDDEN);
    assert!(
        issue["diagnostics"]
            .as_str()
            .unwrap()
            .starts_with("needs-emergency: This patient has closed the record to you.")
    );
}
