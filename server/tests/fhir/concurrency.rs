//! Many at once.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::clinic::{Clinic, appointment, id, patient, practitioner};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_book_one_slot_one_wins() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Wanted")).await);
    let gate = Arc::new(tokio::sync::Barrier::new(50));
    let mut clients = JoinSet::new();
    for number in 0..50 {
        let who = id(&client.create(patient(&format!("Client{number}"))).await);
        let (client, doctor, gate) = (clinic.client().await, doctor.clone(), Arc::clone(&gate));
        clients.spawn(async move {
            let body = appointment(
                &who,
                &doctor,
                "2026-03-02T09:00:00Z",
                "2026-03-02T09:20:00Z",
            );
            gate.wait().await;
            client.post("/Appointment", body).await
        });
    }
    let mut won = 0;
    let mut refused = 0;
    while let Some(reply) = clients.join_next().await {
        let reply = reply.unwrap();
        if reply.status == StatusCode::CREATED {
            won += 1;
        } else {
            let issue = reply.refused(StatusCode::CONFLICT);
            assert!(
                issue["diagnostics"]
                    .as_str()
                    .unwrap()
                    .starts_with("time-taken")
            );
            refused += 1;
        }
    }
    assert_eq!((won, refused), (1, 49));
    assert_eq!(client.ids("/Appointment").await.len(), 1);
    let events =
        clinic.sql("SELECT count(*) FROM audit_event WHERE action = 'fhir-create' AND success");
    // 1 doctor, 50 patients and the one appointment: what was refused was not recorded as done.
    assert_eq!(events.trim(), "52");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_updates_with_one_if_match_one_wins() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let first = client.create(patient("Contended")).await;
    let path = format!("/Patient/{}", id(&first));
    let mut updates = JoinSet::new();
    for number in 0..20 {
        let (client, path, mut body) = (client.clone(), path.clone(), first.clone());
        body["multipleBirthInteger"] = json!(number);
        updates.spawn(async move {
            client
                .ask(Method::PUT, &path, &[("if-match", "W/\"1\"")], Some(body))
                .await
                .status
        });
    }
    let mut statuses = Vec::new();
    while let Some(status) = updates.join_next().await {
        statuses.push(status.unwrap());
    }
    let won = statuses
        .iter()
        .filter(|status| **status == StatusCode::OK)
        .count();
    let stale = statuses
        .iter()
        .filter(|status| **status == StatusCode::PRECONDITION_FAILED)
        .count();
    assert_eq!((won, stale), (1, 19));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditional_creates_at_once_make_one() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut creates = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        creates.spawn(async move {
            let mut body = patient("Single");
            body["identifier"] = json!([{"system": "urn:rounds:mrn", "value": "S1"}]);
            let headers = [("if-none-exist", "identifier=urn:rounds:mrn|S1")];
            client
                .ask(Method::POST, "/Patient", &headers, Some(body))
                .await
                .status
        });
    }
    let mut made = 0;
    while let Some(status) = creates.join_next().await {
        match status.unwrap() {
            StatusCode::CREATED => made += 1,
            status => assert_eq!(status, StatusCode::OK),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(client.ids("/Patient?family=single").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_of_one_new_id_make_consecutive_versions() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut puts = JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        puts.spawn(async move {
            let mut body = patient("Raced");
            body["id"] = json!("raced");
            client.put("/Patient/raced", body).await.status
        });
    }
    let mut created = 0;
    while let Some(status) = puts.join_next().await {
        created += usize::from(status.unwrap() == StatusCode::CREATED);
    }
    assert_eq!(created, 1);
    assert_eq!(
        client.get("/Patient/raced").await.header("etag"),
        Some("W/\"10\"")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appointments_can_change_places_in_one_transaction() {
    let client = Clinic::open().await.client().await;
    let who = id(&client.create(patient("Swap")).await);
    let doctor = id(&client.create(practitioner("Swap")).await);
    let at = |from: &str, to: &str| appointment(&who, &doctor, from, to);
    let early = ("2026-03-02T09:00:00Z", "2026-03-02T09:20:00Z");
    let late = ("2026-03-02T10:00:00Z", "2026-03-02T10:20:00Z");
    let a = id(&client.create(at(early.0, early.1)).await);
    let b = id(&client.create(at(late.0, late.1)).await);
    let entry = |id: &str, (from, to): (&str, &str)| {
        let mut body = at(from, to);
        body["id"] = json!(id);
        json!({"resource": body, "request": {"method": "PUT", "url": format!("Appointment/{id}")}})
    };
    let bundle = json!({"resourceType": "Bundle", "type": "transaction",
                        "entry": [entry(&a, late), entry(&b, early)]});
    let reply = client.post("", bundle).await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
}
