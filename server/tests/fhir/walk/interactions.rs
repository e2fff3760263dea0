//! The FHIR interactions, one after the other.

use axum::http::{Method, StatusCode};
use protocol::path;
use protocol::sign_in::Role;
use serde_json::json;

use crate::clinic::{id, observation, patient};
use crate::walk::{Expected, Walk, done};

#[tokio::test]
async fn a1_each_fhir_interaction_leaves_its_events() {
    let mut walk = Walk::begin().await;
    let program = walk.clinic.client_of(Role::Integration).await;
    let desk = walk.clinic.client_of(Role::FrontDesk).await;
    let auditor = walk.clinic.client_of(Role::Auditor).await;
    let fhir = |rest: &str| format!("{}{rest}", path::FHIR);
    let (get, post) = (Method::GET, Method::POST);

    // Changes.
    let (status, made) = walk
        .ask(
            &program,
            post.clone(),
            &fhir("/Patient"),
            Some(patient("Walker")),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made:#}");
    let one = id(&made);
    let of_one = [one.as_str()];
    let at_one = format!("Patient/{one}");
    walk.left(
        &program,
        &[done("fhir-create", &of_one).touching(format!("{at_one}/_history/1"))],
    )
    .await;
    let (_, other) = walk
        .ask(
            &program,
            post.clone(),
            &fhir("/Patient"),
            Some(patient("Walker")),
        )
        .await;
    let two = id(&other);
    let mut changed = made.clone();
    changed["gender"] = "male".into();
    walk.ask(
        &program,
        Method::PUT,
        &fhir(&format!("/{at_one}")),
        Some(changed),
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-update", &of_one).touching(format!("{at_one}/_history/2"))],
    )
    .await;
    let patch = json!([{"op": "replace", "path": "/gender", "value": "other"}]);
    walk.ask(
        &program,
        Method::PATCH,
        &fhir(&format!("/{at_one}")),
        Some(patch),
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-patch", &of_one).touching(format!("{at_one}/_history/3"))],
    )
    .await;
    let (_, vital) = walk
        .ask(
            &program,
            post.clone(),
            &fhir("/Observation"),
            Some(observation(&one, "2026-01-01")),
        )
        .await;
    let at_vital = format!("Observation/{}", id(&vital));
    walk.left(
        &program,
        &[done("fhir-create", &of_one).touching(at_vital.clone())],
    )
    .await;

    // Reads.
    for (path, action) in [
        (format!("/{at_one}"), "fhir-read"),
        (format!("/{at_one}/_history/1"), "fhir-vread"),
        (format!("/{at_one}/_history"), "fhir-history"),
        (format!("/{at_one}/$everything"), "fhir-everything"),
    ] {
        let (status, _) = walk.ask(&program, get.clone(), &fhir(&path), None).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        walk.left(&program, &[done(action, &of_one).touching(at_one.clone())])
            .await;
    }
    // A search: one event for each patient shown, with the query.
    let found = |query| {
        [
            done("fhir-search", &of_one).asking(query),
            Expected {
                patients: &[],
                ..done("fhir-search", &[]).asking(query)
            },
        ]
    };
    let of_two = [two.as_str()];
    walk.ask(&program, get.clone(), &fhir("/Patient?family=walker"), None)
        .await;
    let [first, second] = found("family=walker");
    walk.left(
        &program,
        &[
            first,
            Expected {
                patients: &of_two,
                ..second
            },
        ],
    )
    .await;
    walk.ask(
        &program,
        post.clone(),
        &fhir("/Patient/_search?family=nobody"),
        None,
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-search", &[]).asking("family=nobody")],
    )
    .await;
    walk.ask(
        &program,
        get.clone(),
        &fhir("/Patient?family=walker&_summary=count"),
        None,
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-search", &[]).asking("family=walker")],
    )
    .await;

    // Bundles: a batch leaves what its entries leave, a transaction one for each patient.
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [
        {"request": {"method": "GET", "url": at_one}},
        {"request": {"method": "GET", "url": at_vital}},
    ]});
    walk.ask(&program, post.clone(), path::FHIR, Some(bundle))
        .await;
    walk.left(
        &program,
        &[
            done("fhir-read", &of_one).touching(at_one.clone()),
            done("fhir-read", &of_one).touching(at_vital.clone()),
        ],
    )
    .await;
    let entry = |who: &str| {
        json!({"resource": observation(who, "2026-02-02"),
               "request": {"method": "POST", "url": "Observation"}})
    };
    let bundle = json!({"resourceType": "Bundle", "type": "transaction",
                        "entry": [entry(&one), entry(&two), entry(&one)]});
    let (status, _) = walk
        .ask(&program, post.clone(), path::FHIR, Some(bundle))
        .await;
    assert_eq!(status, StatusCode::OK);
    walk.left(
        &program,
        &[
            done("fhir-transaction", &of_one),
            done("fhir-transaction", &of_two),
        ],
    )
    .await;

    // Refusals, with what was asked for.
    walk.ask(&desk, get.clone(), &fhir(&format!("/{at_vital}")), None)
        .await;
    walk.left(
        &desk,
        &[done("fhir-read", &[]).refused().touching(at_vital.clone())],
    )
    .await;
    walk.ask(&desk, get.clone(), &fhir("/Observation?status=final"), None)
        .await;
    walk.left(&desk, &[done("fhir-search", &[]).refused()])
        .await;
    let refused = Some(observation(&one, "2026-01-02"));
    walk.ask(&desk, post.clone(), &fhir("/Observation"), refused)
        .await;
    walk.left(&desk, &[done("fhir-create", &[]).refused()])
        .await;
    walk.ask(&desk, get.clone(), &fhir("/AuditEvent"), None)
        .await;
    walk.left(&desk, &[done("audit-read", &[]).refused()]).await;

    // Reading the audit.
    let (_, events) = walk
        .ask(
            &auditor,
            get.clone(),
            &fhir("/AuditEvent?subtype=fhir-read&_count=1"),
            None,
        )
        .await;
    walk.left(
        &auditor,
        &[done("audit-read", &[]).asking("subtype=fhir-read")],
    )
    .await;
    let event = format!("AuditEvent/{}", id(&events["entry"][0]["resource"]));
    walk.ask(&auditor, get.clone(), &fhir(&format!("/{event}")), None)
        .await;
    walk.left(&auditor, &[done("audit-read", &[]).touching(event)])
        .await;

    walk.ask(
        &program,
        Method::DELETE,
        &fhir(&format!("/{at_vital}")),
        None,
    )
    .await;
    walk.left(&program, &[done("fhir-delete", &of_one).touching(at_vital)])
        .await;
}
