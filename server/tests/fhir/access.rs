//! Who may, and what is recorded of it.

use axum::http::StatusCode;
use protocol::sign_in::Role;
use serde_json::Value;

use crate::clinic::{Client, Clinic, id, observation, patient};

async fn events(auditor: &Client, query: &str) -> Vec<Value> {
    let reply = auditor
        .get(&format!("/AuditEvent?_sort=date&_count=500{query}"))
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    let entries = reply.body["entry"].as_array().cloned().unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| entry["resource"].clone())
        .collect()
}

#[tokio::test]
async fn a_refusal_explains_itself_leaks_nothing_and_is_recorded() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let desk = clinic.client_of(Role::FrontDesk).await;
    let someone = id(&client.create(patient("Guarded")).await);
    let vital = id(&client.create(observation(&someone, "2026-01-01")).await);
    assert_eq!(
        desk.get(&format!("/Patient/{someone}")).await.status,
        StatusCode::OK
    );
    let there = desk.get(&format!("/Observation/{vital}")).await;
    let issue = there.refused(StatusCode::FORBIDDEN);
    assert_eq!(issue["code"], "forbidden");
    assert!(issue["diagnostics"].as_str().unwrap().len() > 10);
    // The same for what is not there.
    let nowhere = desk.get("/Observation/nowhere").await;
    assert_eq!((nowhere.status, nowhere.body), (there.status, there.body));
    desk.get("/Observation")
        .await
        .refused(StatusCode::FORBIDDEN);
    desk.post("/Observation", observation(&someone, "2026-01-01"))
        .await
        .refused(StatusCode::FORBIDDEN);
    // What may not be seen is not brought along, nor part of everything.
    let page = desk.get("/Patient?_revinclude=Observation:subject").await;
    assert_eq!((page.ids("match").len(), page.ids("include").len()), (1, 0));
    let all = desk.get(&format!("/Patient/{someone}/$everything")).await;
    assert_eq!(all.ids("match"), [someone]);
    let refused = clinic.sql("SELECT count(*) FROM audit_event WHERE NOT success");
    assert_eq!(refused.trim(), "4");
}

#[tokio::test]
async fn each_access_leaves_one_event_for_each_patient() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let auditor = clinic.client_of(Role::Auditor).await;
    let one = id(&client.create(patient("Audited")).await);
    let two = id(&client.create(patient("Audited")).await);
    client.get(&format!("/Patient/{one}")).await;
    client.ids("/Patient?family=audited").await;
    client.get(&format!("/Patient/{one}/_history")).await;
    client.get("/Patient/nobody").await;

    let of = |all: &[Value], code: &str| {
        all.iter()
            .filter(|event| event.to_string().contains(&format!("\"{code}\"")))
            .count()
    };
    let about_one = events(&auditor, &format!("&patient={one}")).await;
    assert_eq!(about_one.len(), 4);
    let about_two = events(&auditor, &format!("&patient=Patient/{two}")).await;
    assert_eq!(about_two.len(), 2);
    for code in ["fhir-create", "fhir-read", "fhir-search", "fhir-history"] {
        assert_eq!(of(&about_one, code), 1, "{code}");
    }
    let validator = fhir::validate::Validator::new();
    for event in &about_one {
        assert_eq!(validator.validate(event).err(), None, "{event:#}");
    }
    // Reading the audit is audited; others may not read it, and nobody writes it.
    let read = events(&auditor, "&subtype=audit-read").await;
    assert_eq!(read.len(), 2);
    let desk = clinic.client_of(Role::FrontDesk).await;
    desk.get("/AuditEvent").await.refused(StatusCode::FORBIDDEN);
    let event = about_one[0].clone();
    client
        .post("/AuditEvent", event.clone())
        .await
        .refused(StatusCode::METHOD_NOT_ALLOWED);
    let path = format!("/AuditEvent/{}", event["id"].as_str().unwrap());
    assert_eq!(auditor.get(&path).await.body["id"], event["id"]);
}

#[tokio::test]
async fn audit_events_come_page_by_page() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let auditor = clinic.client_of(Role::Auditor).await;
    for _ in 0..5 {
        client.create(patient("Paged")).await;
    }
    let mut seen = 0;
    let mut path = Some("/AuditEvent?subtype=fhir-create&_count=2".to_owned());
    while let Some(next) = path {
        let reply = auditor.get(&next).await;
        seen += reply.ids("match").len();
        path = reply.next();
    }
    assert_eq!(seen, 5);
}

/// Which Patients are one person is said by those who may merge records and by nobody else, however
/// they write.
#[tokio::test]
async fn s9_only_those_who_may_merge_say_who_is_one_person() {
    let clinic = Clinic::open().await;
    let desk = clinic.client_of(Role::FrontDesk).await;
    let nurse = clinic.client_of(Role::Nurse).await;
    let one = id(&desk.create(patient("Twice")).await);
    let other = id(&desk.create(patient("Twice")).await);
    let path = format!("/Patient/{other}");
    let as_known = desk.get(&path).await.body;
    let mut linked = as_known.clone();
    linked["active"] = false.into();
    linked["link"] = serde_json::json!([{"type": "replaced-by",
        "other": {"reference": format!("Patient/{one}")}}]);

    let refused = nurse.put(&path, linked.clone()).await;
    let issue = refused.refused(StatusCode::FORBIDDEN);
    assert_eq!(issue["code"], "forbidden");
    let mut apart = as_known.clone();
    apart["extension"] = serde_json::json!([{"url": fhir::same_person::KEPT_APART,
        "valueReference": {"reference": format!("Patient/{one}")}}]);
    nurse.put(&path, apart).await.refused(StatusCode::FORBIDDEN);
    // Nurses write demographics all the same, before and after somebody merged.
    let mut corrected = as_known.clone();
    corrected["birthDate"] = "1980-03-14".into();
    assert_eq!(nurse.put(&path, corrected).await.status, StatusCode::OK);
    assert_eq!(desk.put(&path, linked.clone()).await.status, StatusCode::OK);
    let mut later = linked.clone();
    later["birthDate"] = "1980-03-15".into();
    assert_eq!(nurse.put(&path, later).await.status, StatusCode::OK);
    let mut undone = linked;
    undone.as_object_mut().unwrap().remove("link");
    nurse
        .put(&path, undone.clone())
        .await
        .refused(StatusCode::FORBIDDEN);
    assert_eq!(desk.put(&path, undone).await.status, StatusCode::OK);
}
