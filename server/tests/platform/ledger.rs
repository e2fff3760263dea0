//! The ledger as workstations witness it.

use std::time::{Duration, Instant};

use ledger::checkpoint::{Checkpoint, VerifierKey};
use ledger::{Action, proof, tree::Hash};
use protocol::ledger::{
    Checkpoint as Note, ConsistencyProof, InclusionProof, LedgerAlarm, LedgerFault,
};
use protocol::path;
use serde_json::json;
use testbed::PlatformOptions;

use crate::support::{Bench, Session, granted, refused};

fn hashes(list: &[String]) -> Vec<Hash> {
    let one = |text: &String| hex::decode(text).unwrap().try_into().unwrap();
    list.iter().map(one).collect()
}

fn key(session: &Session) -> VerifierKey {
    VerifierKey::parse(&session.grant.organisation.ledger_key).unwrap()
}

async fn checkpoint(bench: &Bench, session: &Session) -> Checkpoint {
    let note: Note = granted(session.get(bench, path::LEDGER_CHECKPOINT).await).await;
    Checkpoint::open(&note.note, &key(session)).unwrap()
}

/// Waits until every stored event has a position, at most as long as is promised and a bit.
pub async fn settled(bench: &Bench) {
    let begin = Instant::now();
    let unplaced = "SELECT count(*) FROM audit_event e WHERE NOT EXISTS \
                    (SELECT FROM ledger_leaf l WHERE l.event = e.id)";
    while bench.sql(unplaced) != "0" {
        assert!(begin.elapsed() < Duration::from_secs(10), "events wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn consistent(bench: &Bench, session: &Session, older: &Checkpoint, newer: &Checkpoint) {
    let path = format!(
        "{}?from={}&to={}",
        path::LEDGER_CONSISTENCY,
        older.size,
        newer.size
    );
    let shown: ConsistencyProof = granted(session.get(bench, &path).await).await;
    assert_eq!((shown.from, shown.to), (older.size, newer.size));
    proof::consistency(
        older.size,
        newer.size,
        &older.root,
        &newer.root,
        &hashes(&shown.hashes),
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_workstations_witness_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    let mut bench = Bench::with(PlatformOptions {
        environment: vec![(
            "ROUNDS_CHECKPOINT_FILE".to_owned(),
            file.display().to_string(),
        )],
        ..PlatformOptions::quick()
    });
    let session = bench.workstation("witness", "clinician").await;
    let auditor = bench.workstation("auditor", "auditor").await;
    settled(&bench).await;
    let first = checkpoint(&bench, &session).await;
    assert!(first.size >= 2);

    // Many at once, over several transactions; then everything is in its place.
    for round in 0..4 {
        let reads = (0..40).map(|_| session.get(&bench, "/fhir/R4/Patient?name=nobody"));
        for reply in futures_util::future::join_all(reads).await {
            assert!(reply.status().is_success(), "{round}");
        }
    }
    settled(&bench).await;
    let second = checkpoint(&bench, &session).await;
    assert!(second.size >= first.size + 160);
    consistent(&bench, &session, &first, &second).await;
    consistent(&bench, &session, &second, &second).await;
    assert_eq!(
        bench.sql("SELECT count(*) || ' ' || max(position) + 1 FROM ledger_leaf"),
        format!("{0} {0}", second.size)
    );
    // The file outside holds the same.
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(Checkpoint::open(&kept, &key(&session)).unwrap(), second);

    // An event is proved to its workstation and to an auditor, to nobody else.
    let row = bench.sql(
        "SELECT l.event || ' ' || encode(l.leaf, 'hex') FROM ledger_leaf l \
         JOIN audit_event e ON e.id = l.event WHERE e.action = 'fhir-search' LIMIT 1",
    );
    let (event, leaf) = row.split_once(' ').unwrap();
    let path = format!(
        "{}?event={event}&size={}",
        path::LEDGER_INCLUSION,
        second.size
    );
    for asked in [&session, &auditor] {
        let shown: InclusionProof = granted(asked.get(&bench, &path).await).await;
        let leaf: Hash = hex::decode(leaf).unwrap().try_into().unwrap();
        let path = hashes(&shown.hashes);
        proof::inclusion(shown.index, shown.size, &leaf, &path, &second.root).unwrap();
    }
    let other = bench.workstation("other", "nurse").await;
    refused(other.get(&bench, &path).await, 403, "forbidden").await;
    assert_eq!(bench.events("ledger-proved"), 3);
    let nowhere = format!(
        "{}?event={}&size={}",
        path::LEDGER_INCLUSION,
        uuid::Uuid::new_v4(),
        second.size
    );
    refused(auditor.get(&bench, &nowhere).await, 400, "malformed").await;
    for sizes in [
        "from=0&to=3",
        "from=3&to=2",
        "from=1&to=99999999",
        "from=x",
        "",
    ] {
        let path = format!("{}?{sizes}", path::LEDGER_CONSISTENCY);
        refused(session.get(&bench, &path).await, 400, "malformed").await;
    }

    // A restart goes on where it stood.
    bench.platform.stop_server();
    bench.platform.start_server().unwrap();
    granted::<serde_json::Value>(session.get(&bench, "/fhir/R4/Patient?name=nobody").await).await;
    settled(&bench).await;
    let third = checkpoint(&bench, &session).await;
    assert!(third.size > second.size);
    consistent(&bench, &session, &second, &third).await;

    an_alarm_reaches_the_security_officer(&bench, &session, &second).await;
}

async fn an_alarm_reaches_the_security_officer(
    bench: &Bench,
    session: &Session,
    kept: &Checkpoint,
) {
    let note: Note = granted(session.get(bench, path::LEDGER_CHECKPOINT).await).await;
    let alarm = LedgerAlarm {
        kept: note,
        seen: Some(Note {
            note: format!("{}\n{}\n", kept.origin, kept.size),
        }),
        reason: LedgerFault::Inconsistent,
    };
    let reply = session.post(bench, path::LEDGER_ALARM, &alarm).await;
    assert_eq!(reply.status().as_u16(), 204);
    let long = json!({"kept": {"note": "x".repeat(10_000)}, "seen": null, "reason": "shrunk"});
    refused(
        session.post(bench, path::LEDGER_ALARM, &long).await,
        413,
        "too-large",
    )
    .await;
    assert_eq!(bench.events(Action::LedgerBroken.code()), 1);
    assert_eq!(
        bench.sql("SELECT string_agg(kind, ' ') FROM review_item"),
        "ledger-broken"
    );
}

/// Cut off, together with its checkpoints, as a superuser can: the file outside tells.
#[tokio::test(flavor = "multi_thread")]
async fn a2_a_ledger_that_was_cut_off_is_not_signed_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::with(PlatformOptions {
        environment: vec![(
            "ROUNDS_CHECKPOINT_FILE".to_owned(),
            folder.path().join("checkpoint").display().to_string(),
        )],
        ..PlatformOptions::quick()
    });
    let session = bench.workstation("witness", "clinician").await;
    settled(&bench).await;
    let whole = checkpoint(&bench, &session).await;
    bench.platform.stop_server();
    bench.sql(
        "SET session_replication_role = replica; \
         DELETE FROM audit_event WHERE id IN (SELECT event FROM ledger_leaf WHERE position >= 1); \
         DELETE FROM ledger_leaf WHERE position >= 1; DELETE FROM ledger_checkpoint WHERE size > 1",
    );
    bench.platform.start_server().unwrap();
    let reply = session.get(&bench, "/fhir/R4/Patient?name=nobody").await;
    assert!(reply.status().is_success(), "a broken ledger locks nothing");
    let begin = Instant::now();
    while bench.events("ledger-broken") == 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "no alert");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.events("ledger-broken"), 1, "said once");
    assert!(checkpoint(&bench, &session).await.size < whole.size);
}
