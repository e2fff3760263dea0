//! Changes that come back: each once, each on its own.

use protocol::path;
use protocol::upload::{Fate, StoredVersion, UploadEntry};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Bench, Session, condition, create, own_patient as patient, refused, update};

#[tokio::test(flavor = "multi_thread")]
async fn s1_s3_upload() {
    let mut bench = Bench::start();
    bench.general_practitioner().await;
    let session = bench.workstation("writer", "clinician").await;
    the_same_key_counts_once(&mut bench, &session).await;
    the_same_key_at_once_counts_once(&bench, &session).await;
    a_stale_change_brings_the_current_version(&bench, &session).await;
    a_poison_entry_stops_nobody(&bench, &session).await;
    roles_decide(&mut bench).await;
    limits_hold(&bench, &session).await;
}

fn accepted(fate: &Fate) -> &[StoredVersion] {
    match fate {
        Fate::Accepted { versions } => versions,
        other => panic!("{other:?}"),
    }
}

async fn the_same_key_counts_once(bench: &mut Bench, session: &Session) {
    let entry = create(&patient("once", "Once"));
    let first = session.upload(bench, vec![entry.clone()]).await;
    let events = bench.events("uploaded");
    assert_eq!(events, 1);
    let again = session.upload(bench, vec![entry.clone()]).await;
    assert_eq!(
        accepted(&first.fates[0].fate),
        accepted(&again.fates[0].fate)
    );
    assert_eq!(
        bench.sql("SELECT count(*) FROM resource_version WHERE id = 'once'"),
        "1"
    );
    assert_eq!(
        bench.events("uploaded"),
        events,
        "a repetition changes nothing"
    );
    // The key is this user's alone.
    let other = bench.workstation("other-writer", "clinician").await;
    let reply = other.upload(bench, vec![entry]).await;
    assert!(matches!(&reply.fates[0].fate, Fate::Refused { code, .. } if code == "invalid"));
}

async fn the_same_key_at_once_counts_once(bench: &Bench, session: &Session) {
    let entry = create(&patient("twins", "Twins"));
    let sends = (0..8).map(|_| session.upload(bench, vec![entry.clone()]));
    let replies = futures_util::future::join_all(sends).await;
    for reply in &replies {
        assert_eq!(
            accepted(&reply.fates[0].fate),
            accepted(&replies[0].fates[0].fate)
        );
    }
    assert_eq!(
        bench.sql("SELECT count(*) FROM resource_version WHERE id = 'twins'"),
        "1"
    );
}

async fn a_stale_change_brings_the_current_version(bench: &Bench, session: &Session) {
    let mut mine = patient("shared", "Mine");
    session.upload(bench, vec![create(&mine)]).await;
    let theirs = patient("shared", "Theirs");
    session.upload(bench, vec![update(&theirs, 1)]).await;
    mine["birthDate"] = "1981-01-01".into();
    for entry in [update(&mine, 1), create(&mine)] {
        let reply = session.upload(bench, vec![entry]).await;
        let Fate::Conflict { current } = &reply.fates[0].fate else {
            panic!("{:?}", reply.fates[0].fate)
        };
        assert_eq!(current.len(), 1);
        assert_eq!((current[0].id.as_str(), current[0].version), ("shared", 2));
        assert!(
            current[0]
                .resource
                .as_ref()
                .unwrap()
                .get()
                .contains("Theirs")
        );
    }
    assert_eq!(
        bench.sql("SELECT max(version) FROM resource_version WHERE id = 'shared'"),
        "2"
    );
}

async fn a_poison_entry_stops_nobody(bench: &Bench, session: &Session) {
    let mut bad_date = patient("bad-date", "Bad");
    bad_date["birthDate"] = "yesterday".into();
    let wrong_shape = UploadEntry {
        key: Uuid::new_v4(),
        bundle: json!({"resourceType": "Bundle"}),
    };
    let reply = session
        .upload(
            bench,
            vec![
                create(&bad_date),
                create(&condition("dangling", "nobody")),
                wrong_shape,
                create(&patient("good", "Good")),
                // Later entries may build on earlier ones.
                create(&condition("of-good", "good")),
            ],
        )
        .await;
    let codes: Vec<&str> = reply
        .fates
        .iter()
        .map(|fate| match &fate.fate {
            Fate::Accepted { .. } => "accepted",
            Fate::Conflict { .. } => "conflict",
            Fate::Refused { code, .. } => code,
        })
        .collect();
    assert_eq!(
        codes,
        [
            "invalid",
            // Whoever does not exist is nobody's patient.
            "needs-justification",
            "invalid",
            "accepted",
            "accepted"
        ]
    );
    let Fate::Refused { outcome, .. } = &reply.fates[0].fate else {
        unreachable!()
    };
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let text = outcome.to_string();
    assert!(
        text.contains("Patient.birthDate") && !text.contains("yesterday"),
        "{text}"
    );
}

async fn roles_decide(bench: &mut Bench) {
    let desk = bench.workstation("desk-writer", "front-desk").await;
    let reply = desk
        .upload(
            bench,
            vec![
                create(&patient("walk-in", "Walkin")),
                create(&condition("diagnosis", "walk-in")),
            ],
        )
        .await;
    accepted(&reply.fates[0].fate);
    let Fate::Refused { code, outcome } = &reply.fates[1].fate else {
        panic!("it was taken")
    };
    assert_eq!(code, "forbidden");
    assert!(outcome["issue"][0]["diagnostics"].is_string());

    // A nurse writes, and does not sign.
    let nurse = bench.workstation("nurse-writer", "nurse").await;
    let note = |id: &str, status: &str| {
        json!({
            "resourceType": "DocumentReference", "id": id, "status": "current",
            "docStatus": status, "subject": {"reference": "Patient/walk-in"},
            "content": [{"attachment": {"contentType": "text/markdown", "data": "IyMgUw=="}}],
        })
    };
    let reply = nurse
        .upload(
            bench,
            vec![
                create(&note("begun", "preliminary")),
                create(&note("signed", "final")),
            ],
        )
        .await;
    accepted(&reply.fates[0].fate);
    assert!(matches!(&reply.fates[1].fate, Fate::Refused { code, .. } if code == "forbidden"));
}

async fn limits_hold(bench: &Bench, session: &Session) {
    let many: Vec<UploadEntry> = (0..101)
        .map(|n| create(&patient(&format!("many-{n}"), "Many")))
        .collect();
    let body = json!({ "entries": many });
    refused(
        session.post(bench, path::UPLOAD, &body).await,
        413,
        "too-large",
    )
    .await;
    assert_eq!(
        bench.sql("SELECT count(*) FROM resource WHERE id LIKE 'many-%'"),
        "0"
    );
}
