//! Tokens of registered programs do what their scopes cover, and nothing else, on every way in.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use protocol::path;
use rounds_server::smart::Scopes;
use serde_json::{Value, json};

use crate::clinic::{Client, Clinic, Reply, appointment, id, observation, patient, practitioner};
use crate::relations::consent;

struct Setting {
    clinic: Clinic,
    /// Somebody with every right that programs have.
    whole: Client,
    patient: String,
    practitioner: String,
    observation: String,
}

impl Setting {
    async fn make() -> Self {
        let clinic = Clinic::open().await;
        let whole = clinic.client().await;
        let of = id(&whole.create(patient("Lovelace")).await);
        let by = id(&whole.create(practitioner("Somerville")).await);
        let seen = id(&whole.create(observation(&of, "2026-03-01T10:00:00Z")).await);
        let booked = appointment(&of, &by, "2026-03-01T10:00:00Z", "2026-03-01T10:15:00Z");
        whole.create(booked).await;
        Self {
            clinic,
            whole,
            patient: of,
            practitioner: by,
            observation: seen,
        }
    }

    async fn token(&self, scopes: &str) -> Client {
        self.clinic.scoped(&Scopes::parse(scopes)).await
    }
}

fn forbidden(reply: &Reply) {
    assert_eq!(reply.refused(StatusCode::FORBIDDEN)["code"], "forbidden");
}

#[tokio::test]
async fn i3_each_interaction_needs_its_own_letter() {
    let at = Setting::make().await;
    let one = format!("/Patient/{}", at.patient);
    let patch = json!([{"op": "replace", "path": "/gender", "value": "male"}]);
    let patch_headers = [("content-type", "application/json-patch+json")];
    let history = format!("{one}/_history");
    let version = format!("{one}/_history/1");
    let everything = format!("{one}/$everything");
    for letter in ["c", "r", "u", "d", "s"] {
        let may = at
            .token(&format!("system/Patient.{letter} system/Observation.cruds"))
            .await;
        let check = |reply: Reply, wanted: &str, what: &str| {
            if letter == wanted {
                assert!(reply.status.is_success(), "{what}: {:#}", reply.body);
            } else {
                forbidden(&reply);
            }
        };
        check(may.get(&one).await, "r", "read");
        check(may.get(&history).await, "r", "history");
        check(may.get(&version).await, "r", "vread");
        check(may.get(&everything).await, "r", "everything");
        check(may.get("/Patient?name=Lovelace").await, "s", "search");
        check(may.get("/Patient?_summary=count").await, "s", "count");
        let made = may.post("/Patient", patient("Made")).await;
        check(made, "c", "create");
        let mut put = patient("Lovelace");
        put["id"] = at.patient.clone().into();
        check(may.put(&one, put).await, "u", "update");
        let patched = may
            .ask(Method::PATCH, &one, &patch_headers, Some(patch.clone()))
            .await;
        check(patched, "u", "patch");
        let extra = id(&at.whole.create(patient("Extra")).await);
        let deleted = may
            .ask(Method::DELETE, &format!("/Patient/{extra}"), &[], None)
            .await;
        check(deleted, "d", "delete");
    }
    // Each refusal is in the audit, with its ground.
    let refused = at
        .clinic
        .sql("SELECT count(*) FROM audit_event WHERE NOT success AND action LIKE 'fhir-%'");
    assert_eq!(refused.trim(), "40");
}

#[tokio::test]
async fn i3_what_comes_along_needs_a_scope_of_its_own() {
    let at = Setting::make().await;
    let kinds = |reply: &Reply| -> Vec<String> {
        assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
        let entries = reply.body["entry"].as_array().cloned().unwrap_or_default();
        let mut kinds: Vec<String> = entries
            .iter()
            .map(|entry| {
                entry["resource"]["resourceType"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        kinds.sort_unstable();
        kinds
    };
    let narrow = at.token("system/Appointment.rs").await;
    let wide = at.token("system/Appointment.rs system/Patient.r").await;
    let include = "/Appointment?_include=Appointment:patient&_include=Appointment:practitioner";
    assert_eq!(kinds(&narrow.get(include).await), ["Appointment"]);
    assert_eq!(kinds(&wide.get(include).await), ["Appointment", "Patient"]);

    let back = "/Patient?_revinclude=Observation:subject&_revinclude=Appointment:patient";
    let narrow = at.token("system/Patient.rs").await;
    let wide = at.token("system/Patient.rs system/Observation.r").await;
    assert_eq!(kinds(&narrow.get(back).await), ["Patient"]);
    assert_eq!(kinds(&wide.get(back).await), ["Observation", "Patient"]);

    let everything = format!("/Patient/{}/$everything", at.patient);
    assert_eq!(kinds(&narrow.get(&everything).await), ["Patient"]);
    assert_eq!(
        kinds(&wide.get(&everything).await),
        ["Observation", "Patient"]
    );
    // Who practises here comes along with appointments only by a scope of their own.
    let booked = at.token("system/Patient.rs system/Appointment.rs").await;
    assert_eq!(
        kinds(&booked.get(&everything).await),
        ["Appointment", "Patient"]
    );
    let all = at.token("system/*.rs").await;
    let seen = all.get(&format!("/Practitioner/{}", at.practitioner)).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(kinds(&all.get(&everything).await).len(), 4);
    // Without the first of them there is no second.
    let orphan = at.token("system/Observation.rs").await;
    forbidden(&orphan.get(&everything).await);
}

#[tokio::test]
async fn i3_bundles_are_held_to_scopes_entry_by_entry() {
    let at = Setting::make().await;
    let entry = |method: &str, url: &str| json!({"request": {"method": method, "url": url}});
    let bundle = |kind: &str, entries: Vec<Value>| json!({"resourceType": "Bundle", "type": kind, "entry": entries});
    let reader = at.token("system/Patient.rs").await;
    let (own, other) = (
        format!("Patient/{}", at.patient),
        format!("Observation/{}", at.observation),
    );
    let asked = vec![
        entry("GET", &own),
        entry("GET", &other),
        entry("GET", "Observation?_count=1"),
        entry("DELETE", &own),
        json!({"resource": patient("New"), "request": {"method": "POST", "url": "Patient"}}),
    ];
    let reply = reader.post("", bundle("batch", asked)).await;
    let status = |at: usize| {
        reply.body["entry"][at]["response"]["status"]
            .as_str()
            .unwrap()
    };
    assert!(status(0).starts_with("200"));
    for refused in 1..5 {
        assert!(status(refused).starts_with("403"), "{:#}", reply.body);
    }

    // A transaction is refused whole, and reads in one like reads.
    let creator = at.token("system/Patient.c").await;
    let new = json!({"resource": patient("New"), "request": {"method": "POST", "url": "Patient"}});
    let seen = json!({"resource": observation(&at.patient, "2026-03-02T10:00:00Z"),
                      "request": {"method": "POST", "url": "Observation"}});
    let refused = creator
        .post("", bundle("transaction", vec![new.clone(), seen]))
        .await;
    forbidden(&refused);
    let count = at.whole.get("/Patient?_summary=count").await;
    assert_eq!(count.body["total"], 1);
    let with_read = bundle("transaction", vec![new.clone(), entry("GET", &own)]);
    let reply = creator.post("", with_read.clone()).await;
    let status = |at: usize| {
        reply.body["entry"][at]["response"]["status"]
            .as_str()
            .unwrap()
    };
    assert!(status(0).starts_with("201") && status(1).starts_with("403"));
    // What was written is not shown to who may not read, however it is asked for.
    let representation = [("prefer", "return=representation")];
    let written = creator
        .ask(Method::POST, "", &representation, Some(with_read))
        .await;
    assert_eq!(written.body["entry"][0]["resource"], Value::Null);

    // Criteria tell what there is: they take the right to search.
    let mut once = new.clone();
    once["request"]["ifNoneExist"] = "family=Lovelace".into();
    forbidden(&creator.post("", bundle("transaction", vec![once])).await);
    let header = [("if-none-exist", "family=Lovelace")];
    let body = Some(patient("Lovelace"));
    forbidden(&creator.ask(Method::POST, "/Patient", &header, body).await);
    let observer = at.token("system/Observation.c").await;
    let mut by_criteria = observation(&at.patient, "2026-03-02T10:00:00Z");
    by_criteria["subject"]["reference"] = "Patient?family=Lovelace".into();
    let seen =
        json!({"resource": by_criteria, "request": {"method": "POST", "url": "Observation"}});
    let unknown = observer.post("", bundle("transaction", vec![seen])).await;
    unknown.refused(StatusCode::PRECONDITION_FAILED);
    // A patient whose id the program knows may be written about without being read.
    let known = observer
        .post(
            "/Observation",
            observation(&at.patient, "2026-03-02T10:00:00Z"),
        )
        .await;
    assert_eq!(known.status, StatusCode::CREATED, "{:#}", known.body);
}

#[tokio::test]
async fn i3_who_may_change_and_not_read_is_not_shown_the_rest() {
    let at = Setting::make().await;
    let one = format!("/Patient/{}", at.patient);
    let patch = json!([{"op": "replace", "path": "/gender", "value": "male"}]);
    let headers = [
        ("content-type", "application/json-patch+json"),
        ("prefer", "return=representation"),
    ];
    let blind = at.token("system/Patient.u").await;
    let reply = blind
        .ask(Method::PATCH, &one, &headers, Some(patch.clone()))
        .await;
    assert_eq!((reply.status, &reply.body), (StatusCode::OK, &Value::Null));
    let seeing = at.token("system/Patient.ru").await;
    let reply = seeing.ask(Method::PATCH, &one, &headers, Some(patch)).await;
    assert_eq!(reply.body["gender"], "male");
}

#[tokio::test]
async fn i3_scopes_give_nothing_that_policies_take() {
    let at = Setting::make().await;
    let all = at.token("system/*.cruds").await;
    // The audit is written by nobody, and read by who has the scope.
    let event = json!({"resourceType": "AuditEvent"});
    assert_eq!(
        all.post("/AuditEvent", event).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(all.get("/AuditEvent").await.status, StatusCode::OK);
    let narrow = at.token("system/Patient.cruds").await;
    forbidden(&narrow.get("/AuditEvent").await);
    // A record that the patient closed to programs stays closed.
    let programs = json!({"identifier": {"system": "urn:rounds:role", "value": "integration"}});
    let closed = consent(&at.patient, "deny", &programs);
    let seen = format!("/Observation/{}", at.observation);
    assert_eq!(all.get(&seen).await.status, StatusCode::OK);
    at.whole.create(closed).await;
    all.get(&seen).await.refused(StatusCode::NOT_FOUND);
    assert!(all.ids("/Observation").await.is_empty());

    // Outside the FHIR service a scoped token is worth nothing, and the attempt is recorded.
    let outside = all.post_to(
        path::JUSTIFY,
        json!({"patient": at.patient, "reason": "curious"}),
    );
    assert_eq!(outside.await.status, StatusCode::FORBIDDEN);
    let tried = "SELECT count(*) FROM audit_event WHERE NOT success AND action = 'scope-refused'";
    assert_eq!(at.clinic.sql(tried).trim(), "1");
    // Five minutes are five minutes.
    at.clinic.clock.pass(SignedDuration::from_mins(4));
    assert_eq!(all.get("/Patient").await.status, StatusCode::OK);
    at.clinic.clock.pass(SignedDuration::from_mins(1));
    all.get("/Patient").await.refused(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn i3_tokens_that_are_over_are_forgotten_and_sessions_of_people_are_not() {
    let at = Setting::make().await;
    at.token("system/*.rs").await;
    let count = || {
        at.clinic
            .sql("SELECT count(*) FROM session")
            .trim()
            .to_owned()
    };
    assert_eq!(count(), "2");
    let denied = at.clinic.try_as_application("DELETE FROM session").await;
    // The wall lets those with scopes go and no other, whatever the statement says.
    assert_eq!(denied, Ok(()));
    assert_eq!(count(), "1");
    at.token("system/*.rs").await;
    let client = at.clinic.app.pool.get().await.unwrap();
    let forget = rounds_server::identity::session::forget_scoped;
    at.clinic.clock.pass(SignedDuration::from_hours(1));
    forget(&at.clinic.app, &client).await.unwrap();
    assert_eq!(count(), "2");
    at.clinic.clock.pass(SignedDuration::from_hours(24));
    forget(&at.clinic.app, &client).await.unwrap();
    assert_eq!(count(), "1");
}
