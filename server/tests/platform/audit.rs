//! Chains of workstations: dropped, reordered, replayed and rolled back.

use ledger::Action;
use ledger::chain::{self, Head, Link};
use protocol::audit::AuditReceipt;
use protocol::path;
use serde_json::{Value, json};

use crate::support::{Bench, Device, Session, granted, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a2_a3_audit() {
    let mut bench = Bench::start();
    chains_continue_and_repetitions_are_harmless(&mut bench).await;
    broken_chains_raise_an_alert(&mut bench).await;
    events_must_be_the_devices_own(&mut bench).await;
    the_audit_cannot_be_changed(&bench).await;
}

/// `number` events after `head`.
fn links(session: &Session, head: &Head, number: usize) -> Vec<Link> {
    let mut head = head.clone();
    (0..number)
        .map(|_| {
            let event = session.event(Action::ChartOpened, "patient-1");
            let link = chain::append(&head, event, &session.device.key).unwrap();
            head = link.head();
            link
        })
        .collect()
}

async fn send(bench: &Bench, session: &Session, links: &[Link]) -> reqwest::Response {
    session
        .post(bench, path::AUDIT, &json!({ "links": links }))
        .await
}

async fn chains_continue_and_repetitions_are_harmless(bench: &mut Bench) {
    let session = bench.workstation("chain", "clinician").await;
    let genesis = Head::genesis(session.device.id);
    let receipt: AuditReceipt = granted(send(bench, &session, &[]).await).await;
    assert_eq!((receipt.through, &receipt.head), (0, &genesis.hash));
    let all = links(&session, &genesis, 10);
    let receipt: AuditReceipt = granted(send(bench, &session, &all[..4]).await).await;
    assert_eq!((receipt.through, &receipt.head), (4, &all[3].hash));
    // The reply was lost: the same again, with more behind it.
    let receipt: AuditReceipt = granted(send(bench, &session, &all).await).await;
    assert_eq!((receipt.through, &receipt.head), (10, &all[9].hash));
    let receipt: AuditReceipt = granted(send(bench, &session, &all[2..6]).await).await;
    assert_eq!(receipt.through, 10);
    assert_eq!(bench.events("chart-opened"), 10);
    let of_patient = "SELECT count(*) FROM audit_event_patient WHERE patient = 'patient-1'";
    assert_eq!(bench.sql(of_patient), "10");
    // At once from two threads of one device: once.
    let next = links(&session, &all[9].head(), 5);
    let (first, second) = tokio::join!(send(bench, &session, &next), send(bench, &session, &next));
    assert!(first.status().is_success() && second.status().is_success());
    assert_eq!(bench.events("chart-opened"), 15);
    // What was stored is what was sent.
    let token = bench
        .platform
        .token()
        .unwrap_or_else(|error| panic!("{error}"));
    let id = all[0].event["id"].as_str().unwrap();
    let url = bench.url(&format!("/fhir/R4/AuditEvent/{id}"));
    let response = bench.http.get(url).bearer_auth(token).send().await.unwrap();
    if response.status().is_success() {
        let mut stored: Value = response.json().await.unwrap();
        let mut sent = all[0].event.clone();
        // The server's own meta.
        for event in [&mut stored, &mut sent] {
            event.as_object_mut().unwrap().remove("meta");
        }
        assert_eq!(stored, sent);
    }
}

async fn broken_chains_raise_an_alert(bench: &mut Bench) {
    let session = bench.workstation("broken", "clinician").await;
    let all = links(&session, &Head::genesis(session.device.id), 8);
    granted::<AuditReceipt>(send(bench, &session, &all[..4]).await).await;
    let before = bench.events("chain-broken");

    let dropped = [all[4].clone(), all[6].clone()];
    let reordered = [all[5].clone(), all[4].clone()];
    let mut changed = all[4].clone();
    changed.event["outcome"] = "8".into();
    let rolled_back = links(&session, &all[2].head(), 1);
    let wiped = links(&session, &Head::genesis(session.device.id), 1);
    let thief = chain::append(
        &all[3].head(),
        session.event(Action::ChartOpened, "patient-2"),
        &Device::new().key,
    )
    .unwrap();
    let cases: [(&str, &[Link]); 6] = [
        ("dropped", &dropped),
        ("reordered", &reordered),
        ("changed", &[changed]),
        ("rolled back", &rolled_back),
        ("wiped", &wiped),
        ("signed by another", &[thief]),
    ];
    for (name, links) in cases {
        let problem = refused(send(bench, &session, links).await, 409, "chain-broken").await;
        assert!(problem.detail.is_some(), "{name}");
    }
    assert_eq!(bench.events("chain-broken"), before + 6);
    // Nothing of it was stored, and the true chain goes on.
    let receipt: AuditReceipt = granted(send(bench, &session, &all[4..]).await).await;
    assert_eq!(receipt.through, 8);
}

async fn events_must_be_the_devices_own(bench: &mut Bench) {
    let session = bench.workstation("honest", "clinician").await;
    let other = bench.workstation("victim", "clinician").await;
    let genesis = Head::genesis(session.device.id);
    let link = |event: Value| chain::append(&genesis, event, &session.device.key).unwrap();

    let foreign_device = other.event(Action::ChartOpened, "p");
    let mut foreign_user = session.event(Action::ChartOpened, "p");
    let text = foreign_user.to_string().replace(
        &session.grant.user.id.to_string(),
        &other.grant.user.id.to_string(),
    );
    foreign_user = serde_json::from_str(&text).unwrap();
    let mut no_shape = session.event(Action::ChartOpened, "p");
    no_shape["recorded"] = "yesterday".into();
    let not_an_event = json!({"resourceType": "Patient", "id": "p"});
    for event in [foreign_device, foreign_user, no_shape, not_an_event] {
        refused(
            send(bench, &session, &[link(event)]).await,
            409,
            "chain-broken",
        )
        .await;
    }
    // An event under the id of another one.
    let first = link(session.event(Action::ChartOpened, "p"));
    let mut twin = session.event(Action::NoteRead, "p");
    twin["id"] = first.event["id"].clone();
    let twin = chain::append(&first.head(), twin, &session.device.key).unwrap();
    let both = [first.clone(), twin.clone()];
    refused(send(bench, &session, &both).await, 409, "chain-broken").await;
    granted::<AuditReceipt>(send(bench, &session, &[first]).await).await;
    refused(send(bench, &session, &[twin]).await, 409, "chain-broken").await;
    // Too many at once.
    let many = vec![link(session.event(Action::ChartOpened, "p")); 501];
    refused(send(bench, &session, &many).await, 413, "too-large").await;
}

async fn the_audit_cannot_be_changed(bench: &Bench) {
    let cluster = bench.platform.cluster();
    for statement in [
        "UPDATE audit_event SET action = 'none'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event_patient",
        "UPDATE audit_link SET hash = ''",
        "DELETE FROM audit_event_patient",
    ] {
        // Not even the superuser, as long as the triggers stand.
        assert!(
            cluster.sql(bench.platform.database(), statement).is_err(),
            "{statement}"
        );
    }
    // Neither patients' ids in clear bodies nor names.
    let dump = cluster
        .dump(bench.platform.database())
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(!dump.contains("resourceType"));
}
