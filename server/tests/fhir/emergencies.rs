//! Access on one's own word: with a reason for a day, in an emergency for two hours.

use access::Facts;
use axum::http::StatusCode;
use jiff::SignedDuration;
use protocol::path;
use protocol::sign_in::Role;
use serde_json::{Value, json};

use crate::clinic::{Client, Clinic, PASSWORD, id, observation, practitioner};
use crate::relations::related;

struct Case {
    clinic: Clinic,
    ann: Client,
    person: String,
    vital: String,
}

impl Case {
    async fn new(role: Role, facts: Facts) -> Self {
        let clinic = Clinic::open().await;
        let program = clinic.client().await;
        let doctor = id(&program.create(practitioner("Emergency")).await);
        let person = related(&clinic, &program, &doctor, facts).await;
        let vital = id(&program.create(observation(&person, "2026-01-01")).await);
        Self {
            ann: clinic.staff(role, Some(&doctor)).await,
            clinic,
            person,
            vital,
        }
    }

    async fn sees(&self) -> bool {
        let reply = self.ann.get(&format!("/Observation/{}", self.vital)).await;
        reply.status == StatusCode::OK
    }

    fn form(&self, reason: &str, password: &str) -> Value {
        json!({"patient": self.person, "reason": reason, "password": password})
    }

    async fn count(&self, sql: &str) -> u32 {
        self.clinic.sql(sql).trim().parse().unwrap()
    }
}

const DENIED: Facts = Facts {
    assigned: false,
    care_team: false,
    appointment: false,
    visiting: false,
    referral: false,
    consent_permits: false,
    consent_denies: true,
    justified: false,
    emergency: false,
};

#[tokio::test]
async fn p3_an_emergency_opens_one_record_for_two_hours_and_is_reviewed() {
    let case = Case::new(Role::Clinician, DENIED).await;
    let program = case.clinic.client().await;
    let other = related(&case.clinic, &program, "none", Facts::default()).await;
    let other = id(&program.create(observation(&other, "2026-01-01")).await);
    assert!(!case.sees().await);
    let given = case
        .ann
        .post_to(path::EMERGENCY, case.form("  Found unconscious ", PASSWORD))
        .await;
    assert_eq!(given.status, StatusCode::OK, "{:#}", given.body);
    let grant: protocol::access::AccessGrant = serde_json::from_value(given.body).unwrap();
    assert_eq!(grant.reason, "Found unconscious");
    assert_eq!(
        grant.until.duration_since(grant.from),
        SignedDuration::from_hours(2)
    );
    assert!(case.sees().await);
    // It can be written to, and searched; nobody else's record is open.
    let more = observation(&case.person, "2026-01-02");
    assert_eq!(
        case.ann.post("/Observation", more).await.status,
        StatusCode::CREATED
    );
    assert_eq!(case.ann.ids("/Observation").await.len(), 2);
    case.ann
        .get(&format!("/Observation/{other}"))
        .await
        .refused(StatusCode::NOT_FOUND);

    // Recorded as what it is, with the reason; and somebody has to look at it.
    let auditor = case.clinic.client_of(Role::Auditor).await;
    let events = auditor.get("/AuditEvent?subtype=emergency-access").await;
    let event = &events.body["entry"][0]["resource"];
    assert_eq!(event["id"], grant.id.to_string());
    let text = event.to_string();
    assert!(
        text.contains("Found unconscious") && text.contains("BTG"),
        "{text}"
    );
    let reads = auditor
        .get("/AuditEvent?subtype=fhir-read&_count=100")
        .await
        .body
        .to_string();
    assert!(
        reads.contains("You opened the record in an emergency."),
        "{reads}"
    );
    assert!(
        reads.contains("Found unconscious") && reads.contains("BTG"),
        "{reads}"
    );
    let open = "SELECT count(*) FROM review_item WHERE kind = 'emergency'";
    assert_eq!(case.count(open).await, 1);
    assert!(
        !case.clinic.dump().contains("unconscious"),
        "the reason is sealed"
    );

    case.clinic.clock.pass(SignedDuration::from_mins(119));
    assert!(case.sees().await);
    case.clinic.clock.pass(SignedDuration::from_mins(2));
    assert!(!case.sees().await);
}

#[tokio::test]
async fn p3_an_emergency_asks_for_the_password_and_a_reason() {
    let case = Case::new(Role::Nurse, DENIED).await;
    for reason in ["", "ab", "  a  ", &"x".repeat(501)] {
        let reply = case
            .ann
            .post_to(path::EMERGENCY, case.form(reason, PASSWORD))
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reason}");
    }
    let nobody = json!({"patient": "nobody", "reason": "Who is it", "password": PASSWORD});
    let reply = case.ann.post_to(path::EMERGENCY, nobody).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    // Failures count like those of a sign-in.
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        let wrong = case.form("Found unconscious", "wrong-password");
        last = case.ann.post_to(path::EMERGENCY, wrong).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let right = case.form("Found unconscious", PASSWORD);
    let reply = case.ann.post_to(path::EMERGENCY, right).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!case.sees().await);
    let refused =
        "SELECT count(*) FROM audit_event WHERE action = 'emergency-access' AND NOT success";
    assert_eq!(case.count(refused).await, 5);
    assert_eq!(case.count("SELECT count(*) FROM access_grant").await, 0);
    // After the wait, by the server's clock.
    case.clinic.clock.pass(SignedDuration::from_mins(20));
    let right = case.form("Found unconscious", PASSWORD);
    let reply = case.ann.post_to(path::EMERGENCY, right).await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    assert!(case.sees().await);
}

#[tokio::test]
async fn p3_no_emergency_opens_records_to_those_who_do_not_treat() {
    for role in [Role::FrontDesk, Role::Administrator, Role::Integration] {
        let case = Case::new(role, DENIED).await;
        let form = case.form("Let me see", PASSWORD);
        let reply = case.ann.post_to(path::EMERGENCY, form).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{role:?}");
        let form = json!({"patient": case.person, "reason": "Let me see"});
        let reply = case.ann.post_to(path::JUSTIFY, form).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{role:?}");
        assert_eq!(case.count("SELECT count(*) FROM access_grant").await, 0);
        assert!(!case.sees().await, "{role:?}");
    }
}

#[tokio::test]
async fn p3_a_reason_opens_a_record_for_a_day() {
    let case = Case::new(Role::Clinician, Facts::default()).await;
    assert!(!case.sees().await);
    let form = json!({"patient": case.person, "reason": "Second opinion"});
    let reply = case.ann.post_to(path::JUSTIFY, form).await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    assert_eq!(reply.body["kind"], "justified");
    assert!(case.sees().await);
    let everything = case
        .ann
        .get(&format!("/Patient/{}/$everything", case.person))
        .await;
    assert_eq!(everything.status, StatusCode::OK);
    let reviews = "SELECT count(*) FROM review_item";
    assert_eq!(case.count(reviews).await, 0);
    case.clinic.clock.pass(SignedDuration::from_hours(23));
    assert!(case.sees().await);
    case.clinic.clock.pass(SignedDuration::from_hours(2));
    assert!(!case.sees().await);
}
