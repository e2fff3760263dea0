//! The life of a record: made, read, changed, deleted, its versions kept.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::clinic::{BASE, Clinic, id, observation, patient};

#[tokio::test]
async fn a_record_lives_through_its_versions() {
    let client = Clinic::open().await.client().await;
    let reply = client.post("/Patient", patient("Living")).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let someone = id(&reply.body);
    assert_eq!(reply.header("etag"), Some("W/\"1\""));
    assert_eq!(
        reply.header("location"),
        Some(format!("{BASE}/Patient/{someone}/_history/1").as_str())
    );
    assert!(reply.header("last-modified").unwrap().ends_with("GMT"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.body["meta"]["versionId"], "1");

    let path = format!("/Patient/{someone}");
    let mut changed = client.get(&path).await.body;
    assert_eq!(changed, reply.body);
    changed["active"] = json!(true);
    let reply = client.put(&path, changed).await;
    assert_eq!(
        (reply.status, reply.header("etag")),
        (StatusCode::OK, Some("W/\"2\""))
    );
    assert_eq!(reply.header("location"), None);

    let unchanged = client
        .ask(Method::GET, &path, &[("if-none-match", "W/\"2\"")], None)
        .await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert!(unchanged.body.is_null());

    let deleted = client.ask(Method::DELETE, &path, &[], None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(
        client.get(&path).await.refused(StatusCode::GONE)["code"],
        "deleted"
    );
    let again = client.ask(Method::DELETE, &path, &[], None).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT);
    client
        .ask(Method::DELETE, "/Patient/nobody", &[], None)
        .await
        .refused(StatusCode::NOT_FOUND);

    let first = client.get(&format!("{path}/_history/1")).await;
    assert_eq!(first.body.get("active"), None);
    client
        .get(&format!("{path}/_history/3"))
        .await
        .refused(StatusCode::GONE);
    client
        .get(&format!("{path}/_history/9"))
        .await
        .refused(StatusCode::NOT_FOUND);
    let history = client.get(&format!("{path}/_history")).await.body;
    assert_eq!(
        (history["type"].as_str(), history["total"].as_u64()),
        (Some("history"), Some(3))
    );
    let methods: Vec<_> = history["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["request"]["method"].clone())
        .collect();
    assert_eq!(methods, ["DELETE", "PUT", "PUT"]);

    // A record that was deleted can be written again; its versions go on.
    let mut back = patient("Living");
    back["id"] = json!(someone);
    let reply = client.put(&path, back).await;
    assert_eq!(
        (reply.status, reply.header("etag")),
        (StatusCode::CREATED, Some("W/\"4\""))
    );
}

#[tokio::test]
async fn a_put_may_create_with_the_clients_id_and_only_where_there_is_none() {
    let client = Clinic::open().await.client().await;
    let mut body = patient("Own");
    body["id"] = json!("own-id");
    let headers = [("if-none-match", "*")];
    let reply = client
        .ask(Method::PUT, "/Patient/own-id", &headers, Some(body.clone()))
        .await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let reply = client
        .ask(Method::PUT, "/Patient/own-id", &headers, Some(body.clone()))
        .await;
    reply.refused(StatusCode::PRECONDITION_FAILED);
    client
        .put("/Patient/other-id", body)
        .await
        .refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_conditional_create_makes_one() {
    let client = Clinic::open().await.client().await;
    let mut body = patient("Once");
    body["identifier"] = json!([{"system": "urn:rounds:mrn", "value": "M 1|2"}]);
    let headers = [("if-none-exist", "identifier=urn:rounds:mrn|M%201%5C%7C2")];
    let first = client
        .ask(Method::POST, "/Patient", &headers, Some(body.clone()))
        .await;
    assert_eq!(first.status, StatusCode::CREATED, "{:#}", first.body);
    let second = client
        .ask(Method::POST, "/Patient", &headers, Some(body.clone()))
        .await;
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!(second.body["id"], first.body["id"]);
    client.create(body.clone()).await;
    let third = client
        .ask(Method::POST, "/Patient", &headers, Some(body.clone()))
        .await;
    third.refused(StatusCode::PRECONDITION_FAILED);
    let headers = [("if-none-exist", "shoe-size=44")];
    let fourth = client
        .ask(Method::POST, "/Patient", &headers, Some(body))
        .await;
    fourth.refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn prefer_chooses_the_answer() {
    let client = Clinic::open().await.client().await;
    let ask = |prefer: &'static str| {
        let client = client.clone();
        async move {
            client
                .ask(
                    Method::POST,
                    "/Patient",
                    &[("prefer", prefer)],
                    Some(patient("Prefer")),
                )
                .await
        }
    };
    assert!(ask("return=minimal").await.body.is_null());
    assert_eq!(
        ask("return=OperationOutcome").await.body["resourceType"],
        "OperationOutcome"
    );
    assert_eq!(
        ask("return=representation").await.body["resourceType"],
        "Patient"
    );
}

#[tokio::test]
async fn everything_of_a_patient_comes_page_by_page() {
    let client = Clinic::open().await.client().await;
    let someone = id(&client.create(patient("Everything")).await);
    let other = id(&client.create(patient("Other")).await);
    let doctor = id(&client.create(crate::clinic::practitioner("Seen")).await);
    for day in 1..=7 {
        let mut one = observation(&someone, &format!("2026-01-0{day}"));
        one["performer"] = json!([{"reference": format!("Practitioner/{doctor}")}]);
        client.create(one).await;
        client
            .create(observation(&other, &format!("2026-01-0{day}")))
            .await;
    }
    let mut seen = Vec::new();
    let mut along = Vec::new();
    let mut path = Some(format!("/Patient/{someone}/$everything?_count=3"));
    let mut pages = 0;
    while let Some(next) = path {
        let reply = client.get(&next).await;
        assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
        seen.extend(reply.ids("match"));
        along.extend(reply.ids("include"));
        path = reply.next();
        pages += 1;
    }
    assert_eq!(pages, 3);
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len()), (8, 8));
    assert!(along.contains(&doctor));
    client
        .get("/Patient/nobody/$everything")
        .await
        .refused(StatusCode::NOT_FOUND);
    let typed = client
        .get(&format!("/Patient/{someone}/$everything?_type=Patient"))
        .await;
    assert_eq!(typed.ids("match"), [someone]);
}

#[tokio::test]
async fn the_capability_statement_is_open_to_all_and_says_what_is_so() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut statement = client.get("/metadata").await.body;
    assert_eq!(statement["fhirVersion"], "4.0.1");
    // HL7's schema of 4.0.1 lists the codes up to 4.0.0 only.
    statement["fhirVersion"] = json!("4.0.0");
    let validator = fhir::validate::Validator::new();
    assert_eq!(validator.validate(&statement).err(), None);
    let kinds = statement["rest"][0]["resource"].as_array().unwrap();
    let of = |kind: &str| kinds.iter().find(|one| one["type"] == kind).unwrap();
    let params = of("Patient")["searchParam"].as_array().unwrap();
    for name in [
        "identifier",
        "family",
        "given",
        "birthdate",
        "gender",
        "_id",
        "_lastUpdated",
    ] {
        assert!(params.iter().any(|param| param["name"] == name), "{name}");
    }
    assert_eq!(of("AuditEvent")["interaction"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_record_that_moves_to_another_patient_is_recorded_for_both() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let first = id(&client.create(patient("First")).await);
    let second = id(&client.create(patient("Second")).await);
    let mut vital = client.create(observation(&first, "2026-01-01")).await;
    vital["subject"]["reference"] = json!(format!("Patient/{second}"));
    let path = format!("/Observation/{}", id(&vital));
    assert_eq!(client.put(&path, vital).await.status, StatusCode::OK);
    let events = clinic.sql("SELECT count(*) FROM audit_event WHERE action = 'fhir-update'");
    assert_eq!(events.trim(), "2");
    assert!(
        client
            .ids(&format!("/Observation?patient={first}"))
            .await
            .is_empty()
    );
    assert_eq!(
        client
            .ids(&format!("/Observation?patient={second}"))
            .await
            .len(),
        1
    );
    // Its versions were sealed under the keys of the patients they were of.
    assert_eq!(
        client.get(&format!("{path}/_history/1")).await.status,
        StatusCode::OK
    );
    let keys = clinic.sql(
        "SELECT count(DISTINCT key_id) FROM resource_version WHERE resource_type = 'Observation'",
    );
    assert_eq!(keys.trim(), "2");
}
