//! The feed: everything, once, in commit order, whatever happens at the same time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use protocol::path;
use protocol::sync::SyncEntry;
use protocol::upload::{Fate, UploadEntry, UploadReply, UploadRequest};
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::support::{
    Bench, Session, condition, create, granted, own_patient as patient, refused, update,
};

#[tokio::test(flavor = "multi_thread")]
async fn s4_s5_feed() {
    let mut bench = Bench::start();
    bench.general_practitioner().await;
    let session = bench.workstation("reader", "clinician").await;
    pages_bring_everything_once(&bench, &session).await;
    changes_and_deletions_follow(&bench, &session).await;
    a_role_gets_its_own_and_no_more(&mut bench).await;
    a_late_committer_is_not_skipped(&bench, &session).await;
    large_documents_do_not_make_large_pages(&bench, &session).await;
    a_signal_follows_each_commit(&bench, &session).await;
    cursors_are_sealed_and_die_with_their_epoch(&mut bench, &session).await;
}

fn names(entries: &[SyncEntry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| format!("{}/{}", entry.resource_type, entry.id))
        .collect()
}

async fn pages_bring_everything_once(bench: &Bench, session: &Session) {
    let mut wanted = vec!["Practitioner/gp".to_owned()];
    for n in 0..25 {
        let id = format!("p{n}");
        wanted.push(format!("Patient/{id}"));
        wanted.push(format!("Condition/c{n}"));
        let entries = vec![
            create(&patient(&id, "Feed")),
            create(&condition(&format!("c{n}"), &id)),
        ];
        session.upload(bench, entries).await;
    }
    let first = session.page(bench, "", 7).await;
    assert_eq!(
        (first.entries.len(), first.more, first.remaining),
        (7, true, 44)
    );
    let (entries, cursor) = session.follow(bench, "", 7).await;
    let mut found = names(&entries);
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let entry = entries.iter().find(|entry| entry.id == "c3").unwrap();
    assert_eq!(entry.patient.as_deref(), Some("p3"));
    let resource: Value = serde_json::from_str(entry.resource.as_ref().unwrap().get()).unwrap();
    assert_eq!(resource["meta"]["versionId"], "1");
    assert_eq!(resource["subject"]["reference"], "Patient/p3");
    // At the end there is nothing, and the cursor still counts.
    let (nothing, _) = session.follow(bench, &cursor, 7).await;
    assert!(nothing.is_empty());
    // Pages were recorded, with their patients: once in the first page or two, once in the whole.
    let recorded = bench.sql(
        "SELECT count(*) FROM audit_event_patient p JOIN audit_event e ON e.id = p.event \
         WHERE e.action = 'synchronised' AND p.patient = 'p20'",
    );
    assert!(recorded.parse::<u32>().unwrap() >= 1, "{recorded}");
}

async fn changes_and_deletions_follow(bench: &Bench, session: &Session) {
    let (_, cursor) = session.follow(bench, "", 500).await;
    session
        .upload(bench, vec![update(&patient("p1", "Second"), 1)])
        .await;
    session
        .upload(bench, vec![update(&patient("p1", "Third"), 2)])
        .await;
    let delete = UploadEntry {
        key: Uuid::new_v4(),
        bundle: json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"request": {"method": "DELETE", "url": "Condition/c1", "ifMatch": "W/\"1\""}},
        ]}),
    };
    session.upload(bench, vec![delete]).await;
    let (entries, _) = session.follow(bench, &cursor, 500).await;
    assert_eq!(names(&entries), ["Patient/p1", "Condition/c1"]);
    assert_eq!(entries[0].version, 3);
    assert!(
        entries[0]
            .resource
            .as_ref()
            .unwrap()
            .get()
            .contains("Third")
    );
    assert!(entries[1].resource.is_none());
    // Who begins now never had it and hears nothing of it.
    let (all, _) = session.follow(bench, "", 500).await;
    assert!(!names(&all).contains(&"Condition/c1".to_owned()));
}

async fn a_role_gets_its_own_and_no_more(bench: &mut Bench) {
    let desk = bench.workstation("desk-reader", "front-desk").await;
    let (entries, _) = desk.follow(bench, "", 500).await;
    assert!(entries.len() >= 25);
    assert!(
        entries
            .iter()
            .all(|entry| ["Patient", "Practitioner"].contains(&entry.resource_type.as_str())),
        "{:?}",
        names(&entries)
    );
    let auditor = bench.workstation("auditor", "auditor").await;
    let (entries, _) = auditor.follow(bench, "", 500).await;
    assert!(
        !entries
            .iter()
            .any(|entry| entry.resource_type == "Condition")
    );
}

/// Transaction A begins first and commits last. A feed ordered by sequence or time of writing
/// would have passed its row by then.
async fn a_late_committer_is_not_skipped(bench: &Bench, session: &Session) {
    let (_, cursor) = session.follow(bench, "", 500).await;
    let url = bench.platform.superuser_url();
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let late = client.transaction().await.unwrap();
    let touched = late
        .execute(
            "UPDATE resource SET transaction = pg_current_xact_id() WHERE id = 'p20'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(touched, 1);
    session
        .upload(bench, vec![create(&patient("after-a", "After"))])
        .await;
    let (entries, cursor) = session.follow(bench, &cursor, 500).await;
    assert!(!names(&entries).contains(&"Patient/p20".to_owned()));
    late.commit().await.unwrap();
    let (more, _) = session.follow(bench, &cursor, 500).await;
    let mut found = names(&entries);
    found.extend(names(&more));
    found.sort();
    assert_eq!(found, ["Patient/after-a", "Patient/p20"]);

    // The same with many at once: writers of which some dawdle before they commit, and a reader
    // that follows all the while.
    let (_, cursor) = session.follow(bench, "", 500).await;
    let url = Arc::new(url);
    let writers = (0..6).map(|writer| {
        let url = Arc::clone(&url);
        tokio::spawn(async move {
            let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            for round in 0..15u64 {
                let tx = client.transaction().await.unwrap();
                let id = format!("p{}", 2 + writer * 3 + round % 3);
                tx.execute(
                    "UPDATE resource SET transaction = pg_current_xact_id(), \
                            last_updated = clock_timestamp() \
                     WHERE resource_type = 'Patient' AND id = $1",
                    &[&id],
                )
                .await
                .unwrap();
                tokio::time::sleep(Duration::from_millis((writer * 7 + round * 3) % 40)).await;
                tx.commit().await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut newest: HashMap<String, usize> = HashMap::new();
    let mut cursor = cursor;
    let mut seen = 0;
    loop {
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let page = session.page(bench, &cursor, 3).await;
        cursor = page.cursor;
        for entry in &page.entries {
            seen += 1;
            newest.insert(entry.id.clone(), seen);
        }
        if done && !page.more && page.entries.is_empty() {
            break;
        }
    }
    for writer in 0..6 {
        for offset in 0..3 {
            assert!(newest.contains_key(&format!("p{}", 2 + writer * 3 + offset)));
        }
    }
    // The order in which rows came last is the order of the transactions that wrote them last.
    let ordered = bench.sql(
        "SELECT id FROM resource WHERE resource_type = 'Patient' AND id ~ '^p([2-9]|1[0-9])$' \
         ORDER BY transaction, id",
    );
    let mut received: Vec<(usize, String)> = newest
        .into_iter()
        .map(|(id, position)| (position, id))
        .collect();
    received.sort();
    let received: Vec<String> = received.into_iter().map(|(_, id)| id).collect();
    assert_eq!(received, ordered.lines().collect::<Vec<_>>());
}

async fn large_documents_do_not_make_large_pages(bench: &Bench, session: &Session) {
    let (_, cursor) = session.follow(bench, "", 500).await;
    let data = "QUJD".repeat(400_000);
    for n in 0..6 {
        let document = json!({
            "resourceType": "DocumentReference", "id": format!("large-{n}"), "status": "current",
            "subject": {"reference": "Patient/p2"},
            "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
        });
        session.upload(bench, vec![create(&document)]).await;
    }
    let page = session.page(bench, &cursor, 500).await;
    assert!(
        (1..6).contains(&page.entries.len()),
        "{}",
        page.entries.len()
    );
    assert!(page.more);
    let (entries, _) = session.follow(bench, &cursor, 500).await;
    assert_eq!(entries.len(), 6);
}

async fn a_signal_follows_each_commit(bench: &Bench, session: &Session) {
    let response = session.get(bench, path::CHANGES).await;
    assert_eq!(response.status(), 200);
    let mut stream = response.bytes_stream();
    let mut heard = async || {
        let wait = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                match stream.next().await {
                    Some(Ok(bytes)) if bytes.starts_with(b"event: changed") => return true,
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return false,
                }
            }
        });
        wait.await.expect("nothing was heard")
    };
    assert!(heard().await, "the first signal comes at once");
    session
        .upload(bench, vec![create(&patient("signal", "Signal"))])
        .await;
    assert!(heard().await);
    // The stream ends with its session.
    let user = session.grant.user.username.clone();
    let arguments = ["user", "end-sessions", "--username", &user];
    bench
        .platform
        .operator(&arguments, None)
        .unwrap_or_else(|error| panic!("{error}"));
    while heard().await {}
}

async fn cursors_are_sealed_and_die_with_their_epoch(bench: &mut Bench, before: &Session) {
    let user = before.grant.user.username.clone();
    let password = bench
        .platform
        .users()
        .iter()
        .find(|known| known.username == user)
        .unwrap();
    let password = password.password.clone();
    let response = bench.try_sign_in(&before.device, &user, &password).await;
    let session = before.device.session(granted(response).await);
    let (_, cursor) = session.follow(bench, "", 500).await;
    let life = session.page(bench, &cursor, 1).await.life;
    let of_life = |id: &str, life: &Option<String>| UploadRequest {
        life: life.clone(),
        links: None,
        entries: vec![create(&patient(id, "Ofalife"))],
    };
    let response = session
        .post(bench, path::UPLOAD, &of_life("this-life", &life))
        .await;
    let reply: UploadReply = granted(response).await;
    assert!(matches!(reply.fates[0].fate, Fate::Accepted { .. }));
    let other = bench.workstation("other-reader", "clinician").await;
    for (session, cursor) in [
        (&other, cursor.as_str()),
        (&session, "bm90IGEgY3Vyc29y"),
        (&session, "%21"),
    ] {
        let response = session
            .get(bench, &format!("{}?cursor={cursor}", path::SYNC))
            .await;
        refused(response, 400, "malformed").await;
    }
    bench.platform.stop_server();
    bench
        .platform
        .operator(&["restored", "--reason", "the disk failed"], None)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bench.events("database-restored"), 1);
    bench
        .platform
        .start_server()
        .unwrap_or_else(|error| panic!("{error}"));
    let response = session
        .get(bench, &format!("{}?cursor={cursor}", path::SYNC))
        .await;
    refused(response, 410, "cursor-gone").await;
    // Nothing of what was made in that life is judged in this one.
    let response = session
        .post(bench, path::UPLOAD, &of_life("lost-life", &life))
        .await;
    refused(response, 410, "cursor-gone").await;
    let (all, cursor) = session.follow(bench, "", 500).await;
    assert!(!all.is_empty());
    let now = session.page(bench, &cursor, 1).await.life;
    assert!(now.is_some() && now != life, "{life:?} {now:?}");
    let response = session
        .post(bench, path::UPLOAD, &of_life("lost-life", &now))
        .await;
    let reply: UploadReply = granted(response).await;
    assert!(matches!(reply.fates[0].fate, Fate::Accepted { .. }));
}
