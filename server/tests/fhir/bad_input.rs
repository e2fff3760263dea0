//! Bad input, one by one: each gets its own clear answer and changes nothing.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use crate::clinic::{Client, Clinic, Reply, appointment, id, observation, patient, practitioner};

async fn post_raw(client: &Client, path: &str, kind: &str, body: impl Into<Body>) -> Reply {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/fhir/R4{path}"))
        .header("content-type", kind);
    client.send(request, body.into()).await
}

#[tokio::test]
async fn malformed_json_is_told_where_it_breaks_and_not_what_it_holds() {
    let client = Clinic::open().await.client().await;
    let body = "{\"resourceType\": \"Patient\",\n \"name\": [{\"family\": \"Secretname\"}";
    let reply = post_raw(&client, "/Patient", "application/fhir+json", body).await;
    let issue = reply.refused(StatusCode::BAD_REQUEST);
    assert_eq!(issue["code"], "structure");
    assert!(issue["diagnostics"].as_str().unwrap().contains("line 2"));
    assert!(!reply.body.to_string().contains("Secretname"));
}

#[tokio::test]
async fn wrong_types_are_told_by_element() {
    let client = Clinic::open().await.client().await;
    for (element, value, place) in [
        ("birthDate", json!("yesterday"), "Patient.birthDate"),
        ("gender", json!("unknowable"), "Patient.gender"),
        ("active", json!("yes"), "Patient.active"),
        ("name", json!({"family": "x"}), "Patient.name"),
        ("shoeSize", json!(44), "Patient"),
    ] {
        let mut body = patient("Wrong");
        body[element] = value;
        let reply = client.post("/Patient", body).await;
        let issue = reply.refused(StatusCode::UNPROCESSABLE_ENTITY);
        let expression = issue["expression"][0].as_str().unwrap_or("");
        assert!(expression.starts_with(place), "{element}: {:#}", reply.body);
    }
}

#[tokio::test]
async fn an_unknown_resource_type_is_not_found() {
    let client = Clinic::open().await.client().await;
    let reply = client
        .post("/Spaceship", json!({"resourceType": "Spaceship"}))
        .await;
    assert_eq!(
        reply.refused(StatusCode::NOT_FOUND)["code"],
        "not-supported"
    );
    client
        .get("/Spaceship/1")
        .await
        .refused(StatusCode::NOT_FOUND);
    let reply = client
        .post("/Patient", json!({"resourceType": "Spaceship"}))
        .await;
    reply.refused(StatusCode::BAD_REQUEST);
    let reply = client.post("/Patient", practitioner("x")).await;
    reply.refused(StatusCode::BAD_REQUEST);
    client
        .post("/Patient", json!([1, 2]))
        .await
        .refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_of_twenty_megabytes_is_too_large() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let body = vec![b' '; 20 * 1024 * 1024];
    let reply = post_raw(&client, "/Patient", "application/fhir+json", body.clone()).await;
    assert_eq!(
        reply.refused(StatusCode::PAYLOAD_TOO_LARGE)["code"],
        "too-long"
    );
    // Also if its length is not told.
    let chunks = futures_util::stream::iter(
        body.chunks(1 << 20)
            .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect::<Vec<_>>(),
    );
    let reply = post_raw(
        &client,
        "/Patient",
        "application/fhir+json",
        Body::from_stream(chunks),
    )
    .await;
    reply.refused(StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_dangling_reference_is_told_by_element() {
    let client = Clinic::open().await.client().await;
    let reply = client
        .post("/Observation", observation("nobody", "2026-01-01"))
        .await;
    let issue = reply.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(issue["code"], "not-found");
    assert_eq!(issue["expression"][0], "Observation.subject.reference");
    // A deleted target is none.
    let someone = id(&client.create(patient("Gone")).await);
    client
        .ask(Method::DELETE, &format!("/Patient/{someone}"), &[], None)
        .await;
    let reply = client
        .post("/Observation", observation(&someone, "2026-01-01"))
        .await;
    reply.refused(StatusCode::UNPROCESSABLE_ENTITY);
    // A name of a bundle's entry outside a bundle points nowhere.
    let mut body = observation("x", "2026-01-01");
    body["subject"]["reference"] = json!("urn:uuid:7a7b8e5c-0000-4000-8000-000000000000");
    let reply = client.post("/Observation", body).await;
    let issue = reply.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        issue["expression"][0]
            .as_str()
            .unwrap()
            .starts_with("Observation.subject")
    );
}

#[tokio::test]
async fn a_stale_if_match_is_refused_and_changes_nothing() {
    let client = Clinic::open().await.client().await;
    let first = client.create(patient("First")).await;
    let path = format!("/Patient/{}", id(&first));
    let mut second = first.clone();
    second["gender"] = json!("male");
    let reply = client
        .ask(
            Method::PUT,
            &path,
            &[("if-match", "W/\"1\"")],
            Some(second.clone()),
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("etag"), Some("W/\"2\""));
    second["gender"] = json!("other");
    let reply = client
        .ask(Method::PUT, &path, &[("if-match", "W/\"1\"")], Some(second))
        .await;
    let issue = reply.refused(StatusCode::PRECONDITION_FAILED);
    assert!(
        issue["diagnostics"]
            .as_str()
            .unwrap()
            .contains("current version is 2")
    );
    let reply = client
        .ask(Method::DELETE, &path, &[("if-match", "W/\"1\"")], None)
        .await;
    reply.refused(StatusCode::PRECONDITION_FAILED);
    let patch = json!([{"op": "replace", "path": "/gender", "value": "other"}]);
    let headers = [
        ("if-match", "W/\"1\""),
        ("content-type", "application/json-patch+json"),
    ];
    let reply = client
        .ask(Method::PATCH, &path, &headers, Some(patch))
        .await;
    reply.refused(StatusCode::PRECONDITION_FAILED);
    let reply = client
        .ask(Method::PUT, &path, &[("if-match", "latest")], Some(first))
        .await;
    reply.refused(StatusCode::BAD_REQUEST);
    assert_eq!(client.get(&path).await.body["gender"], "male");
}

#[tokio::test]
async fn formats_and_methods_that_are_not_served_are_told() {
    let client = Clinic::open().await.client().await;
    let reply = post_raw(&client, "/Patient", "application/fhir+xml", "<Patient/>").await;
    reply.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let reply = client
        .ask(
            Method::GET,
            "/Patient",
            &[("accept", "application/fhir+xml")],
            None,
        )
        .await;
    reply.refused(StatusCode::NOT_ACCEPTABLE);
    let reply = client.get("/Patient?_format=xml").await;
    reply.refused(StatusCode::NOT_ACCEPTABLE);
    let reply = client.ask(Method::DELETE, "/Patient", &[], None).await;
    reply.refused(StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.header("allow"), Some("GET, POST"));
    let someone = id(&client.create(patient("Patch")).await);
    let reply = client
        .ask(
            Method::PATCH,
            &format!("/Patient/{someone}"),
            &[],
            Some(json!([])),
        )
        .await;
    reply.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    client
        .get("/Patient/1/2/3/4/5/6/7/8")
        .await
        .refused(StatusCode::NOT_FOUND);
    client
        .get("/Patient/not%20an%20id")
        .await
        .refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_patch_that_does_not_apply_changes_nothing() {
    let client = Clinic::open().await.client().await;
    let path = format!("/Patient/{}", id(&client.create(patient("Patch")).await));
    let headers = [("content-type", "application/json-patch+json")];
    for (patch, status) in [
        (json!({"op": "add"}), StatusCode::BAD_REQUEST),
        (
            json!([{"op": "remove", "path": "/photo"}]),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!([{"op": "replace", "path": "/id", "value": "x"}]),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!([{"op": "replace", "path": "/gender", "value": "x"}]),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let reply = client
            .ask(Method::PATCH, &path, &headers, Some(patch))
            .await;
        reply.refused(status);
    }
    assert_eq!(client.get(&path).await.header("etag"), Some("W/\"1\""));
    let patch = json!([{"op": "replace", "path": "/gender", "value": "male"}]);
    let reply = client
        .ask(Method::PATCH, &path, &headers, Some(patch.clone()))
        .await;
    assert_eq!(
        (reply.status, reply.header("etag")),
        (StatusCode::OK, Some("W/\"2\""))
    );
    let reply = client
        .ask(Method::PATCH, "/Patient/nobody", &headers, Some(patch))
        .await;
    reply.refused(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_taken_time_is_a_conflict_that_says_so() {
    let client = Clinic::open().await.client().await;
    let who = id(&client.create(patient("Busy")).await);
    let doctor = id(&client.create(practitioner("Busy")).await);
    let at = |start: &str, end: &str| {
        appointment(
            &who,
            &doctor,
            &format!("2026-03-02T{start}:00Z"),
            &format!("2026-03-02T{end}:00Z"),
        )
    };
    let first = client.create(at("09:00", "09:30")).await;
    let reply = client.post("/Appointment", at("09:15", "09:45")).await;
    let issue = reply.refused(StatusCode::CONFLICT);
    assert!(
        issue["diagnostics"]
            .as_str()
            .unwrap()
            .starts_with("time-taken")
    );
    // The next one begins when the first ends.
    let second = client.create(at("09:30", "10:00")).await;
    // Moving onto a taken time is refused, moving within one's own time is not.
    let mut moved = second.clone();
    moved["start"] = json!("2026-03-02T09:20:00Z");
    client
        .put(&format!("/Appointment/{}", id(&second)), moved)
        .await
        .refused(StatusCode::CONFLICT);
    let mut longer = second.clone();
    longer["end"] = json!("2026-03-02T10:10:00Z");
    assert_eq!(
        client
            .put(&format!("/Appointment/{}", id(&second)), longer)
            .await
            .status,
        StatusCode::OK
    );
    // A cancelled one gives its time back.
    let mut cancelled = first.clone();
    cancelled["status"] = json!("cancelled");
    assert_eq!(
        client
            .put(&format!("/Appointment/{}", id(&first)), cancelled)
            .await
            .status,
        StatusCode::OK
    );
    client.create(at("09:00", "09:30")).await;
}

#[tokio::test]
async fn without_a_token_or_with_a_wrong_one_nothing_is_answered() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let request = Request::builder().uri("/fhir/R4/Patient").header("x", "y");
    let nobody = request.body(Body::empty()).unwrap();
    let router = axum::Router::new()
        .nest(protocol::path::FHIR, rounds_server::fhir_api::routes())
        .with_state(std::sync::Arc::clone(&clinic.app));
    let reply = tower::ServiceExt::oneshot(router, nobody).await.unwrap();
    assert_eq!(reply.status(), StatusCode::UNAUTHORIZED);
    clinic.sql("UPDATE session SET expires_at = now() - interval '1 hour'");
    client
        .get("/Patient")
        .await
        .refused(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn zero_bytes_and_other_oddities_in_queries_are_no_failures_of_the_server() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    client.create(patient("Odd")).await;
    for query in [
        "_id=%00",
        "_id=a%20b",
        "family=%00",
        "family=%F0%9F%98%80",
        "family=%25%5F'--",
        "identifier=%00|%00",
        "birthdate=0000",
        "birthdate=9999-12-31",
        "birthdate=ge0001",
        "_lastUpdated=ge0001",
        "family=",
        "=x",
        "&&",
        "_count=99999999999",
        "_count=-1",
        "_sort=family,,x",
        "general-practitioner=Practitioner/%00",
        "_include=*:*",
    ] {
        let reply = client.get(&format!("/Patient?{query}")).await;
        assert!(reply.status.as_u16() < 500, "{query}: {:#}", reply.body);
        let kind = reply.body["resourceType"].as_str();
        assert!(
            matches!(kind, Some("Bundle" | "OperationOutcome")),
            "{query}"
        );
    }
    let auditor = clinic.client_of(protocol::sign_in::Role::Auditor).await;
    for query in ["patient=%00", "subtype=%00", "date=0000", "_count=x"] {
        let reply = auditor.get(&format!("/AuditEvent?{query}")).await;
        assert!(reply.status.as_u16() < 500, "{query}: {:#}", reply.body);
    }
    let mut odd = patient("Nul\u{0}byte");
    odd["address"] = json!([{"text": "\u{202e}\u{0}"}]);
    let reply = client.post("/Patient", odd).await;
    assert!(reply.status.as_u16() < 500, "{:#}", reply.body);
}
