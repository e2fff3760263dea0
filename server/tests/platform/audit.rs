//! Chains of workstations: dropped, reordered, replayed and rolled back.

use ledger::Action;
use ledger::chain::{self, Head, Link};
use ledger::checkpoint::VerifierKey;
use protocol::audit::AuditReceipt;
use protocol::path;
use protocol::upload::{UploadReply, UploadRequest};
use serde_json::{Value, json};

use crate::support::{Bench, Device, Session, granted, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a2_a3_audit() {
    let mut bench = Bench::start();
    chains_continue_and_repetitions_are_harmless(&mut bench).await;
    broken_chains_raise_an_alert(&mut bench).await;
    events_must_be_the_devices_own(&mut bench).await;
    who_insists_is_not_held_up(&mut bench).await;
    s6_what_is_lost_before_a_gap_is_asked_for(&mut bench).await;
    what_cannot_be_believed_is_set_aside(&mut bench).await;
    an_emergency_off_line_opens_a_review_once(&mut bench).await;
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
        if name == "reordered" {
            // What comes after a gap is answered once with how far the chain is held.
            let receipt: AuditReceipt = granted(send(bench, &session, links).await).await;
            assert_eq!(receipt.through, 4);
        }
        let problem = refused(send(bench, &session, links).await, 409, "chain-broken").await;
        assert!(problem.detail.is_some(), "{name}");
    }
    assert_eq!(bench.events("chain-broken"), before + 5);
    assert_eq!(bench.events("device-reset"), 1);
    let opened = |kind: &str| {
        let device = session.device.id;
        let of = format!("kind = '{kind}' AND device = '{device}'");
        bench.sql(&format!("SELECT count(*) FROM review_item WHERE {of}"))
    };
    assert_eq!(
        (opened("chain-broken"), opened("device-reset")),
        ("5".into(), "1".into())
    );
    // The same again says nothing new.
    refused(send(bench, &session, &dropped).await, 409, "chain-broken").await;
    assert_eq!(bench.events("chain-broken"), before + 5);
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

/// As if what was refused had been refused two minutes ago.
fn time_passes(bench: &Bench) {
    bench.sql(
        "SET session_replication_role = replica; \
         UPDATE chain_break SET seen_at = seen_at - interval '2 minutes'",
    );
}

async fn who_insists_is_not_held_up(bench: &mut Bench) {
    let session = bench.workstation("insists", "clinician").await;
    let all = links(&session, &Head::genesis(session.device.id), 9);
    granted::<AuditReceipt>(send(bench, &session, &all[..4]).await).await;
    // The server may have lost what is before a gap: it says how far it has the chain, once.
    let receipt: AuditReceipt = granted(send(bench, &session, &all[5..7]).await).await;
    assert_eq!((receipt.through, &receipt.head), (4, &all[3].hash));
    // A gap that nothing fills: link 5 is lost.
    refused(send(bench, &session, &all[5..7]).await, 409, "chain-broken").await;
    refused(send(bench, &session, &all[5..7]).await, 409, "chain-broken").await;
    time_passes(bench);
    let receipt: AuditReceipt = granted(send(bench, &session, &all[5..7]).await).await;
    assert_eq!((receipt.through, &receipt.head), (7, &all[6].hash));
    // It goes on from there, and repetitions of what is held stay harmless.
    let receipt: AuditReceipt = granted(send(bench, &session, &all[2..4]).await).await;
    assert_eq!(receipt.through, 7);
    let receipt: AuditReceipt = granted(send(bench, &session, &all[6..]).await).await;
    assert_eq!(receipt.through, 9);
    let key = VerifierKey::parse(&session.grant.organisation.ledger_key).unwrap();
    let head = Head {
        number: receipt.through,
        hash: receipt.head,
    };
    let countersigned = &receipt.countersignature;
    chain::verify_countersignature(session.device.id, &head, countersigned, key.key()).unwrap();

    // Wiped: the chain begins anew under the same device.
    let anew = links(&session, &Head::genesis(session.device.id), 3);
    refused(send(bench, &session, &anew).await, 409, "chain-broken").await;
    time_passes(bench);
    let receipt: AuditReceipt = granted(send(bench, &session, &anew).await).await;
    assert_eq!((receipt.through, &receipt.head), (3, &anew[2].hash));
    // Rolled back to link 2 of that life.
    let rolled_back = links(&session, &anew[1].head(), 2);
    refused(
        send(bench, &session, &rolled_back).await,
        409,
        "chain-broken",
    )
    .await;
    time_passes(bench);
    let receipt: AuditReceipt = granted(send(bench, &session, &rolled_back).await).await;
    assert_eq!(receipt.through, 4);
    let lives = format!(
        "SELECT string_agg(life || ':' || number, ' ' ORDER BY life, number) \
         FROM audit_link WHERE device = '{}'",
        session.device.id
    );
    assert_eq!(
        bench.sql(&lives),
        "1:1 1:2 1:3 1:4 2:6 2:7 2:8 2:9 3:1 3:2 3:3 4:3 4:4"
    );
    let reviews = format!(
        "SELECT string_agg(kind, ' ' ORDER BY opened_at) FROM review_item WHERE device = '{}'",
        session.device.id
    );
    assert_eq!(
        bench.sql(&reviews),
        "chain-broken device-reset chain-broken"
    );
}

/// What a restored server lost of a chain, it is given again, and nobody is alarmed.
async fn s6_what_is_lost_before_a_gap_is_asked_for(bench: &mut Bench) {
    let session = bench.workstation("restored", "clinician").await;
    let all = links(&session, &Head::genesis(session.device.id), 9);
    granted::<AuditReceipt>(send(bench, &session, &all[..6]).await).await;
    let (_, cursor) = session.follow(bench, "", 500).await;
    assert_eq!(session.page(bench, &cursor, 1).await.links, Some(6));
    // As if restored to when there were two; the events are other ones.
    let device = session.device.id;
    bench.sql(&format!(
        "SET session_replication_role = replica; \
         CREATE TEMP TABLE lost AS SELECT event FROM audit_link \
           WHERE device = '{device}' AND number > 2; \
         UPDATE audit_event SET id = gen_random_uuid() WHERE id IN (SELECT event FROM lost); \
         DELETE FROM audit_event_patient WHERE event IN (SELECT event FROM lost); \
         DELETE FROM audit_link WHERE device = '{device}' AND number > 2; \
         UPDATE device SET chain_number = 2, chain_hash = '{}' WHERE id = '{device}'",
        all[1].hash
    ));
    // Nobody has said so: each page does, and nothing is judged that was made on what is gone.
    assert_eq!(session.page(bench, &cursor, 1).await.links, Some(2));
    let made_on = |links| UploadRequest {
        life: None,
        links: Some(links),
        entries: Vec::new(),
    };
    let response = session.post(bench, path::UPLOAD, &made_on(6)).await;
    refused(response, 410, "cursor-gone").await;
    granted::<UploadReply>(session.post(bench, path::UPLOAD, &made_on(2)).await).await;
    let receipt: AuditReceipt = granted(send(bench, &session, &all[6..]).await).await;
    assert_eq!((receipt.through, &receipt.head), (2, &all[1].hash));
    let receipt: AuditReceipt = granted(send(bench, &session, &all[2..]).await).await;
    assert_eq!((receipt.through, &receipt.head), (9, &all[8].hash));
    let lives = format!(
        "SELECT count(DISTINCT life) || ':' || count(*) FROM audit_link WHERE device = '{device}'"
    );
    assert_eq!(bench.sql(&lives), "1:9");
    let reviews = format!("SELECT count(*) FROM review_item WHERE device = '{device}'");
    assert_eq!(bench.sql(&reviews), "0");
}

async fn what_cannot_be_believed_is_set_aside(bench: &mut Bench) {
    let session = bench.workstation("aside", "clinician").await;
    let genesis = Head::genesis(session.device.id);
    let append = |head: &Head, event| chain::append(head, event, &session.device.key).unwrap();
    let first = append(&genesis, json!({"resourceType": "Patient", "id": "p"}));
    let mut second = append(&first.head(), session.event(Action::ChartOpened, "p"));
    second.signature = "00".repeat(64);
    let mut third = append(&second.head(), session.event(Action::ChartOpened, "p"));
    let fourth = append(&third.head(), session.event(Action::ChartOpened, "\u{0}"));
    third.hash = "what a\u{0}hash".to_owned();
    let last = append(&fourth.head(), session.event(Action::ChartOpened, "p"));
    let mut zero = last.clone();
    zero.number = 0;
    let batch = [first, second, third, fourth, last.clone()];
    refused(send(bench, &session, &batch).await, 409, "chain-broken").await;
    time_passes(bench);
    let receipt: AuditReceipt = granted(send(bench, &session, &batch).await).await;
    assert_eq!((receipt.through, &receipt.head), (5, &last.hash));
    let count = |table: &str| {
        let device = session.device.id;
        bench.sql(&format!(
            "SELECT count(*) FROM {table} WHERE device = '{device}'"
        ))
    };
    // Of five one is an event; the others are kept as they came.
    assert_eq!(count("audit_link"), "1");
    assert_eq!(count("audit_link_aside"), "4");
    // The batch again is held already.
    granted::<AuditReceipt>(send(bench, &session, &batch).await).await;
    assert_eq!(count("audit_link_aside"), "4");
    // A link without a number is no workstation's, however often it comes.
    for _ in 0..2 {
        refused(
            send(bench, &session, &[zero.clone()]).await,
            409,
            "chain-broken",
        )
        .await;
        time_passes(bench);
    }
}

async fn an_emergency_off_line_opens_a_review_once(bench: &mut Bench) {
    let session = bench.workstation("urgent", "clinician").await;
    let event = session.access(Action::EmergencyAccess, "patient-7");
    let event = event
        .justified_by("Collapsed in the waiting room")
        .to_fhir();
    let genesis = Head::genesis(session.device.id);
    let link = chain::append(&genesis, event.clone(), &session.device.key).unwrap();
    for _ in 0..2 {
        granted::<AuditReceipt>(send(bench, &session, std::slice::from_ref(&link)).await).await;
    }
    let sql = format!(
        "SELECT kind || ' ' || patient || ' ' || event || ' ' || (account = '{}') \
         FROM review_item WHERE device = '{}'",
        session.grant.user.id, session.device.id
    );
    let id = event["id"].as_str().unwrap();
    assert_eq!(bench.sql(&sql), format!("emergency patient-7 {id} true"));
    let dump = bench.platform.cluster().dump(bench.platform.database());
    let dump = dump.unwrap_or_else(|error| panic!("{error}"));
    assert!(!dump.contains("Collapsed"));
}

async fn the_audit_cannot_be_changed(bench: &Bench) {
    let cluster = bench.platform.cluster();
    for statement in [
        "UPDATE audit_event SET action = 'none'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event_patient",
        "UPDATE audit_link SET hash = ''",
        "DELETE FROM audit_event_patient",
        "DELETE FROM ledger_leaf",
        "UPDATE ledger_leaf SET position = position + 1000",
        "TRUNCATE ledger_leaf",
        "UPDATE ledger_node SET hash = hash",
        "DELETE FROM ledger_checkpoint",
        "TRUNCATE ledger_checkpoint",
        "UPDATE ledger_key SET verifier = ''",
        "DELETE FROM review_item",
        "UPDATE review_closing SET finding = 'justified'",
        "TRUNCATE review_closing, review_item",
        "DELETE FROM chain_break",
        "DELETE FROM audit_link_aside",
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
