//! Our own routes, one after the other.

use axum::http::{Method, StatusCode};
use protocol::path;
use protocol::sign_in::Role;
use serde_json::json;
use uuid::Uuid;

use crate::clinic::{Client, patient};
use crate::walk::{Walk, action, done, patients};

#[tokio::test]
async fn a1_each_of_our_own_routes_leaves_its_events() {
    let mut walk = Walk::begin().await;
    let program = walk.clinic.client_of(Role::Integration).await;
    let clinician = walk.clinic.client_of(Role::Clinician).await;
    let officer = walk.clinic.client_of(Role::SecurityOfficer).await;
    let (get, post) = (Method::GET, Method::POST);
    let entry = |key: Uuid, id: &str| {
        let mut resource = patient("Uploaded");
        resource["id"] = id.into();
        json!({"entries": [{"key": key, "bundle": {
            "resourceType": "Bundle", "type": "transaction",
            "entry": [{"resource": resource,
                       "request": {"method": "PUT", "url": format!("Patient/{id}"),
                                   "ifNoneMatch": "*"}}],
        }}]})
    };
    let (status, _) = walk
        .ask(
            &program,
            post.clone(),
            path::UPLOAD,
            Some(entry(Uuid::new_v4(), "up")),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    walk.left_uploaded(&program, "0").await;
    walk.ask(
        &officer,
        post.clone(),
        path::UPLOAD,
        Some(entry(Uuid::new_v4(), "no")),
    )
    .await;
    walk.left_uploaded(&officer, "4").await;
    walk.ask(&program, get.clone(), path::SYNC, None).await;
    walk.left(&program, &[done("synchronised", &["up"])]).await;

    for (path, action, query) in [
        (
            format!("{}?patient=up", path::REPORT),
            "report-viewed",
            "patient=up",
        ),
        (
            format!("{}?patient=up", path::DISCLOSURES),
            "disclosures-accounted",
            "patient=up",
        ),
    ] {
        walk.ask(&officer, get.clone(), &path, None).await;
        walk.left(&officer, &[done(action, &["up"]).asking(query)])
            .await;
        walk.ask(&clinician, get.clone(), &path, None).await;
        walk.left(&clinician, &[done(action, &[]).refused()]).await;
    }
    walk.ask(&officer, get.clone(), path::REVIEWS, None).await;
    walk.left(
        &officer,
        &[done("reviews-viewed", &[]).asking("closed=false")],
    )
    .await;
    walk.ask(&clinician, get.clone(), path::REVIEWS, None).await;
    walk.left(&clinician, &[done("reviews-viewed", &[]).refused()])
        .await;

    let alarm = json!({"kept": {"note": "a"}, "seen": null, "reason": "unreadable"});
    walk.ask(&clinician, post.clone(), path::LEDGER_ALARM, Some(alarm))
        .await;
    let alarms = walk.events().await;
    assert_eq!(alarms.len(), 1);
    assert_eq!(
        (action(&alarms[0]), &alarms[0]["outcome"]),
        ("ledger-broken", &json!("8"))
    );
    let (_, open) = walk.ask(&officer, get.clone(), path::REVIEWS, None).await;
    let item = open["items"][0]["id"].as_str().unwrap().to_owned();
    let closing = json!({"id": item, "finding": "technical", "words": "A test."});
    walk.ask(
        &clinician,
        post.clone(),
        path::REVIEW_CLOSE,
        Some(closing.clone()),
    )
    .await;
    walk.left(&clinician, &[done("review-closed", &[]).refused()])
        .await;
    walk.ask(&officer, post.clone(), path::REVIEW_CLOSE, Some(closing))
        .await;
    walk.left(&officer, &[done("review-closed", &[])]).await;

    rounds_server::ledger::sequence::run(&walk.clinic.app)
        .await
        .unwrap();
    let event = alarms[0]["id"].as_str().unwrap();
    let path = format!("{}?event={event}&size=1", path::LEDGER_INCLUSION);
    let (status, _) = walk.ask(&clinician, get.clone(), &path, None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    walk.left(&clinician, &[done("ledger-proved", &[]).refused()])
        .await;
    let size = walk.clinic.sql("SELECT max(size) FROM ledger_checkpoint");
    let path = format!(
        "{}?event={event}&size={}",
        path::LEDGER_INCLUSION,
        size.trim()
    );
    let (status, _) = walk.ask(&officer, get, &path, None).await;
    assert_eq!(status, StatusCode::OK);
    walk.left(
        &officer,
        &[done("ledger-proved", &[]).touching(format!("AuditEvent/{event}"))],
    )
    .await;
}

impl Walk {
    /// Uploads say what became of them in the event of each change.
    async fn left_uploaded(&mut self, who: &Client, outcome: &str) {
        let events = self.events().await;
        assert_eq!(events.len(), 1, "{events:#?}");
        let event = &events[0];
        assert_eq!(
            (action(event), &event["outcome"]),
            ("uploaded", &json!(outcome))
        );
        let user = &event["agent"][0]["who"]["identifier"]["value"];
        assert_eq!(user, &json!(who.account().to_string()));
        let about: &[&str] = if outcome == "0" { &["up"] } else { &[] };
        assert_eq!(patients(event), about);
    }
}
