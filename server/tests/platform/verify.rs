//! What a superuser did to the ledger, with all triggers off, is found and named.

use std::process::Stdio;

use ledger::Action;
use ledger::chain::{self, Head, Link};
use protocol::audit::AuditReceipt;
use protocol::path;
use serde_json::{Value, json};
use testbed::PlatformOptions;

use crate::ledger::settled;
use crate::support::{Bench, Session, granted};

/// Runs `rounds-server ledger verify`: whether it was content, and its report.
fn verify(bench: &Bench, arguments: &[&str]) -> (bool, Value) {
    let output = bench
        .platform
        .command()
        .args(["ledger", "verify"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {errors}"));
    (output.status.success(), report)
}

/// Position and event of the findings of one kind.
fn found(report: &Value, fault: &str) -> Vec<(Option<u64>, Option<String>)> {
    let all = report["findings"].as_array().unwrap();
    all.iter()
        .filter(|finding| finding["fault"] == fault)
        .map(|finding| {
            (
                finding["position"].as_u64(),
                finding["event"].as_str().map(str::to_owned),
            )
        })
        .collect()
}

fn at(bench: &Bench, position: u64) -> (Option<u64>, Option<String>) {
    let sql = format!("SELECT event FROM ledger_leaf WHERE position = {position}");
    (Some(position), Some(bench.sql(&sql)))
}

/// A platform with some events, at rest.
async fn at_rest(environment: Vec<(String, String)>) -> (Bench, Session) {
    let mut bench = Bench::with(PlatformOptions {
        environment,
        ..PlatformOptions::quick()
    });
    let session = bench.workstation("busy", "clinician").await;
    let mut head = Head::genesis(session.device.id);
    let mut links: Vec<Link> = Vec::new();
    for number in 0..30 {
        let event = session.event(Action::ChartOpened, &format!("patient-{}", number % 3));
        let link = chain::append(&head, event, &session.device.key).unwrap();
        head = link.head();
        links.push(link);
    }
    for part in links.chunks(10) {
        let sent = json!({ "links": part });
        granted::<AuditReceipt>(session.post(&bench, path::AUDIT, &sent).await).await;
        settled(&bench).await;
    }
    bench.platform.stop_server();
    (bench, session)
}

/// What somebody with the whole database does: `change` it, see what is found, put it back.
fn tampered(bench: &Bench, tables: &[&str], change: &str) -> Value {
    let keep = |into: &str, from: &str| {
        for table in tables {
            bench.sql(&format!(
                "SET session_replication_role = replica; CREATE SCHEMA IF NOT EXISTS kept; \
                 DROP TABLE IF EXISTS {into}{table}; CREATE TABLE {into}{table} AS TABLE {from}{table}"
            ));
        }
    };
    keep("kept.", "public.");
    bench.sql(&format!("SET session_replication_role = replica; {change}"));
    let (content, report) = verify(bench, &[]);
    assert!(!content, "{change}: {report:#}");
    for table in tables {
        bench.sql(&format!(
            "SET session_replication_role = replica; DELETE FROM {table}; \
             INSERT INTO {table} SELECT * FROM kept.{table}"
        ));
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_verification_says_which_entry_was_touched() {
    let (bench, _) = at_rest(Vec::new()).await;
    let (content, report) = verify(&bench, &["--progress"]);
    assert!(content, "{report:#}");
    let size: u64 = bench
        .sql("SELECT max(size) FROM ledger_checkpoint")
        .parse()
        .unwrap();
    assert_eq!(report["verified"], size);
    assert_eq!(report["waiting"], 0);

    let sixth = at(&bench, 6);
    let twelfth = at(&bench, 12);
    let event = |place: &(Option<u64>, Option<String>)| place.1.clone().unwrap();

    // Edited: the sealed body of another event, or its columns.
    let change = format!(
        "UPDATE audit_event SET body = (SELECT body FROM audit_event WHERE id = '{}') WHERE id = '{}'",
        event(&twelfth),
        event(&sixth)
    );
    let report = tampered(&bench, &["audit_event"], &change);
    assert_eq!(found(&report, "event-edited"), std::slice::from_ref(&sixth));
    for column in [
        "account = NULL",
        "recorded_at = recorded_at - interval '1 day'",
        "action = 'note-read'",
        "success = false",
        "device = NULL",
    ] {
        let change = format!(
            "UPDATE audit_event SET {column} WHERE id = '{}'",
            event(&twelfth)
        );
        let report = tampered(&bench, &["audit_event"], &change);
        assert_eq!(
            found(&report, "column-edited"),
            std::slice::from_ref(&twelfth),
            "{column}"
        );
    }
    let change = format!(
        "UPDATE audit_event SET leaf = sha256('x') WHERE id = '{}'",
        event(&sixth)
    );
    let report = tampered(&bench, &["audit_event"], &change);
    assert_eq!(found(&report, "event-edited"), std::slice::from_ref(&sixth));

    // Deleted: the event alone, or with its position.
    let gone = format!("DELETE FROM audit_event WHERE id = '{}'", event(&sixth));
    let report = tampered(&bench, &["audit_event"], &gone);
    assert_eq!(
        found(&report, "event-deleted"),
        std::slice::from_ref(&sixth)
    );
    let change = format!("{gone}; DELETE FROM ledger_leaf WHERE position = 6");
    let report = tampered(&bench, &["audit_event", "ledger_leaf"], &change);
    assert_eq!(found(&report, "position-deleted"), [(Some(6), None)]);
    assert_eq!(found(&report, "event-deleted"), [(None, sixth.1.clone())]);
    let change = "DELETE FROM ledger_leaf WHERE position = 6";
    let report = tampered(&bench, &["ledger_leaf"], change);
    assert_eq!(found(&report, "unplaced"), [(None, sixth.1.clone())]);

    // Reordered: two events change places, leaves and all.
    let change = "UPDATE ledger_leaf SET position = -1 - position WHERE position IN (6, 12); \
                  UPDATE ledger_leaf SET position = CASE position WHEN -7 THEN 12 ELSE 6 END \
                  WHERE position < 0";
    let swapped =
        format!("ALTER TABLE ledger_leaf DROP CONSTRAINT ledger_leaf_position_check; {change}");
    let report = tampered(&bench, &["ledger_leaf"], &swapped);
    assert_eq!(
        found(&report, "reordered"),
        [(Some(6), twelfth.1.clone()), (Some(12), sixth.1.clone())]
    );
    assert_eq!(found(&report, "root").len(), 1);

    // Cut off: events and positions, with or without the checkpoints over them.
    let last = size - 3;
    let events = format!(
        "DELETE FROM audit_event WHERE id IN \
           (SELECT event FROM ledger_leaf WHERE position >= {last}); \
         DELETE FROM ledger_leaf WHERE position >= {last}"
    );
    let report = tampered(&bench, &["audit_event", "ledger_leaf"], &events);
    assert_eq!(found(&report, "cut-off"), [(Some(last), None)]);
    assert_eq!(found(&report, "event-deleted").len(), 3);

    // Checkpoints, nodes and the patients' index.
    let change = "UPDATE ledger_checkpoint SET root = sha256('x') WHERE size = (SELECT min(size) FROM ledger_checkpoint)";
    let report = tampered(&bench, &["ledger_checkpoint"], change);
    assert_eq!(found(&report, "checkpoint").len(), 1);
    let change = format!("DELETE FROM ledger_checkpoint WHERE size = {size}");
    let report = tampered(&bench, &["ledger_checkpoint"], &change);
    assert_eq!(found(&report, "checkpoint").len(), 1);
    let change = format!(
        "DELETE FROM audit_event_patient WHERE event = '{}'",
        event(&twelfth)
    );
    let report = tampered(&bench, &["audit_event_patient"], &change);
    assert_eq!(
        found(&report, "patient-edited"),
        std::slice::from_ref(&twelfth)
    );
    let change = format!(
        "INSERT INTO audit_event_patient SELECT tenant, 'patient-9', recorded_at, id \
         FROM audit_event WHERE id = '{}'",
        event(&twelfth)
    );
    let report = tampered(&bench, &["audit_event_patient"], &change);
    assert_eq!(found(&report, "patient-edited").len(), 1);
    let change = "DELETE FROM audit_link WHERE number = 5";
    let report = tampered(&bench, &["audit_link"], change);
    assert_eq!(found(&report, "chain").len(), 1);

    // Everything was put back.
    let (content, report) = verify(&bench, &[]);
    assert!(content, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_verification_goes_on_where_it_stood_and_trusts_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("checkpoint");
    let (bench, _) = at_rest(vec![(
        "ROUNDS_CHECKPOINT_FILE".to_owned(),
        outside.display().to_string(),
    )])
    .await;
    let resume = folder.path().join("resume");
    let path = resume.display().to_string();
    let (content, report) = verify(&bench, &["--resume", &path]);
    assert!(content, "{report:#}");
    assert!(!resume.exists(), "done: nothing to resume");
    // A file that says that all is well, made by somebody without keys.
    let state = json!({"state": "{}", "mark": "00"});
    std::fs::write(&resume, state.to_string()).unwrap();
    let output = bench
        .platform
        .command()
        .args(["ledger", "verify", "--resume", &path])
        .output()
        .unwrap();
    assert!(!output.status.success());

    // Cut off together with its checkpoints: the file outside tells from where.
    let size: u64 = bench
        .sql("SELECT max(size) FROM ledger_checkpoint")
        .parse()
        .unwrap();
    let before: u64 = bench
        .sql("SELECT size FROM ledger_checkpoint ORDER BY size DESC OFFSET 1 LIMIT 1")
        .parse()
        .unwrap();
    let tables = [
        "audit_event",
        "ledger_leaf",
        "ledger_checkpoint",
        "audit_event_patient",
        "audit_link",
    ];
    let change = format!(
        "CREATE TEMP TABLE cut AS SELECT event FROM ledger_leaf WHERE position >= {before}; \
         DELETE FROM audit_event WHERE id IN (SELECT event FROM cut); \
         DELETE FROM audit_event_patient WHERE event IN (SELECT event FROM cut); \
         DELETE FROM audit_link WHERE event IN (SELECT event FROM cut); \
         DELETE FROM ledger_leaf WHERE position >= {before}; \
         DELETE FROM ledger_checkpoint WHERE size > {before}"
    );
    let report = tampered(&bench, &tables, &change);
    assert_eq!(found(&report, "cut-off"), [(Some(before), None)]);
    let words = report["findings"][0]["words"].as_str().unwrap();
    assert!(words.contains(&format!("to {}", size - 1)), "{words}");
    // Another history of the same length.
    let other = "UPDATE ledger_leaf SET leaf = sha256(leaf) WHERE position = 3";
    let report = tampered(&bench, &["ledger_leaf"], other);
    assert_eq!(found(&report, "outside").len(), 1);
    assert_eq!(found(&report, "reordered"), [at(&bench, 3)]);

    // Told that the records were restored, it keeps what the file says as evidence.
    let noted = std::fs::read_to_string(&outside).unwrap();
    let printed = bench
        .platform
        .operator(&["restored", "--reason", "the disk failed"], None)
        .unwrap();
    let begun: Value = serde_json::from_str(&printed).unwrap();
    let aside = begun["checkpoint_kept_as"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(aside).unwrap(), noted);

    // What was lost is named by size and root, signed and in the ledger.
    assert_eq!(begun["said"]["base"]["size"], size, "{begun}");
    assert_eq!(begun["said"]["lost"], Value::Null, "nothing was");
    std::fs::copy(aside, &outside).unwrap();
    bench.sql(&format!("SET session_replication_role = replica; {change}"));
    let printed = bench
        .platform
        .operator(&["restored", "--reason", "the disk failed"], None)
        .unwrap();
    let begun: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(begun["said"]["base"]["size"], before, "{begun}");
    assert_eq!(begun["said"]["lost"]["size"], size, "{begun}");
    assert_eq!(bench.sql("SELECT count(*) FROM ledger_restore"), "2");
    let mute = bench
        .platform
        .operator(&["restored", "--reason", " "], None);
    assert!(mute.is_err(), "a reason is needed");
}
