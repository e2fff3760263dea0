//! Pages, quarantine (S3), the cursor, and a server that came back from a backup.

use super::*;
use crate::Standing;

fn raw(resource_type: &str, id: &str, json: &str) -> SyncEntry {
    SyncEntry {
        resource_type: resource_type.to_owned(),
        id: id.to_owned(),
        version: 1,
        last_updated: at(1),
        patient: None,
        resource: Some(RawValue::from_string(json.to_owned()).unwrap()),
        author: None,
    }
}

#[test]
fn s3_what_cannot_be_read_is_set_aside_and_the_rest_goes_on() {
    let bed = Bed::new();
    let poison = vec![
        raw(
            "Patient",
            "p1",
            r#"{"resourceType":"Patient","id":"other"}"#,
        ),
        raw(
            "Patient",
            "p2",
            r#"{"resourceType":"Observation","id":"p2"}"#,
        ),
        raw("Patient", "p3", r#"["not","an","object"]"#),
        raw(
            "Patient",
            "p4",
            r#"{"resourceType":"Patient","id":"p4","birthDate":{"no":"text"}}"#,
        ),
        raw(
            "Spaceship",
            "p5",
            r#"{"resourceType":"Spaceship","id":"p5"}"#,
        ),
        raw(
            "Patient",
            "not an id",
            r#"{"resourceType":"Patient","id":"not an id"}"#,
        ),
    ];
    let count = poison.len() as u32;
    let mut entries = vec![entry(1, &patient("1", "Okafor", "Ada"))];
    entries.extend(poison);
    entries.push(entry(1, &patient("2", "Okafor", "Ben")));
    let applied = bed.apply(entries);
    assert_eq!((applied.stored, applied.quarantined), (2, count));
    assert!(bed.value("Patient", "2").is_some());
    let set_aside = bed.cache.read(|cache| cache.quarantined()).unwrap();
    assert_eq!(set_aside.len(), count as usize);
    let reason = |id: &str| {
        set_aside
            .iter()
            .find(|q| q.id == id)
            .unwrap()
            .reason
            .clone()
    };
    assert_eq!(reason("p1"), "unfit");
    assert_eq!(reason("p3"), "unreadable");
    assert_eq!(reason("p4"), "unreadable");
    assert_eq!(reason("p5"), "unfit");
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor.as_deref(), Some("c1"));
    // A readable version ends the quarantine.
    bed.apply(vec![entry(2, &patient("p4", "Okafor", "Cy"))]);
    assert_eq!(bed.counts().quarantined, count - 1);
    assert!(bed.value("Patient", "p4").is_some());
}

#[test]
fn a_page_twice_is_a_page_once() {
    let bed = Bed::new();
    let entries = || {
        vec![
            entry(2, &patient("1", "Okafor", "Ada")),
            entry(1, &condition("2", "1", "Asthma")),
            deleted(3, &observation("3", "1", 70)),
        ]
    };
    bed.apply(entries());
    bed.apply(entries());
    assert_eq!(bed.cache.read(|cache| cache.record_count()).unwrap(), 2);
    assert_eq!(
        bed.cache
            .read(|cache| cache.find_patients("ada", 9))
            .unwrap()
            .cards
            .len(),
        1
    );
    let hits = bed
        .cache
        .read(|cache| cache.search_text("asthma", None, 9))
        .unwrap();
    assert_eq!(hits.len(), 1);
    // An older page changes nothing.
    let applied = bed.apply(vec![entry(1, &patient("1", "Old", "Name"))]);
    assert_eq!((applied.stored, applied.passed), (0, 1));
    assert_eq!(
        bed.value("Patient", "1").unwrap()["name"][0]["family"],
        "Okafor"
    );
}

#[test]
fn a_deleted_record_leaves_every_index() {
    let bed = Bed::new();
    let appointment = json!({ "resourceType": "Appointment", "id": "a",
        "start": "2026-11-23T10:00:00Z", "end": "2026-11-23T10:20:00Z",
        "participant": [{ "actor": { "reference": "Practitioner/d" } }] });
    let all = [
        patient("1", "Okafor", "Ada"),
        condition("2", "1", "Asthma"),
        appointment,
    ];
    bed.apply(all.iter().map(|resource| entry(1, resource)).collect());
    bed.apply(all.iter().map(|resource| deleted(2, resource)).collect());
    for table in [
        "resource",
        "patient_card",
        "patient_term",
        "calendar",
        "calendar_actor",
        "passage",
    ] {
        let rows: i64 = bed
            .cache
            .on_writer(|db| {
                db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                    row.get(0)
                })
            })
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[test]
fn an_empty_page_records_no_access() {
    let bed = Bed::new();
    bed.cache
        .apply_page(&page("c5", vec![]), at(0), |_| panic!("nothing was read"))
        .unwrap();
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor.as_deref(), Some("c5"));
    assert!(position.filled);
}

#[test]
fn the_position_counts_and_a_first_fill_is_over_once() {
    let bed = Bed::new();
    let mut first = page("c1", vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    (first.more, first.remaining) = (true, 40);
    bed.cache.apply_page(&first, at(0), seal).unwrap();
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(
        (position.filled, position.stored, position.remaining),
        (false, 1, 40)
    );
    bed.apply(vec![entry(1, &patient("2", "Okafor", "Ben"))]);
    let mut later = page("c3", vec![]);
    later.more = true;
    bed.cache.apply_page(&later, at(0), seal).unwrap();
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!((position.filled, position.stored), (true, 2));
    bed.cache
        .write("confirmed", |tx| tx.note_confirmed(at(9)))
        .unwrap();
    assert_eq!(
        bed.cache
            .read(|cache| cache.position())
            .unwrap()
            .confirmed_at,
        Some(at(9))
    );
}

#[test]
fn a_record_that_changes_patients_moves() {
    let bed = Bed::new();
    bed.apply(vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &patient("2", "Okafor", "Ben")),
        entry(1, &observation("o", "1", 70)),
    ]);
    bed.apply(vec![entry(2, &observation("o", "2", 70))]);
    let of = |id: &str| {
        bed.cache
            .read(|cache| cache.of_patient(id, "Observation"))
            .unwrap()
            .len()
    };
    assert_eq!((of("1"), of("2")), (0, 1));
}

#[test]
fn audit_links_wait_until_they_are_acknowledged() {
    let bed = Bed::new();
    for _ in 0..5 {
        bed.cache.record(seal).unwrap();
    }
    let links = bed.cache.audit_batch(3).unwrap();
    assert_eq!(
        links.iter().map(|link| link.number).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    chain::verify(&genesis(), &links, &signing().verifying_key()).unwrap();
    let receipt = protocol::audit::AuditReceipt {
        through: 3,
        head: links[2].hash.clone(),
        countersignature: String::new(),
    };
    bed.cache
        .write("ack", |tx| tx.acknowledge_audit(&receipt, at(30)))
        .unwrap();
    bed.cache
        .write("ack", |tx| tx.acknowledge_audit(&receipt, at(30)))
        .unwrap();
    assert_eq!(bed.counts().audit_to_send, 2);
    assert_eq!(bed.cache.audit_batch(9).unwrap()[0].number, 4);
    let log = bed.cache.read(|cache| cache.audit_log(None, 3)).unwrap();
    assert_eq!(
        log.iter()
            .map(|e| (e.link.number, e.sent))
            .collect::<Vec<_>>(),
        [(5, false), (4, false), (3, true)]
    );
    let log = bed.cache.read(|cache| cache.audit_log(Some(3), 9)).unwrap();
    assert_eq!(log.len(), 2);
}

#[test]
fn a_receipt_for_another_chain_is_refused() {
    let bed = Bed::new();
    let link = bed.cache.record(seal).unwrap();
    for (through, head) in [(1, "00".repeat(32)), (2, link.hash.clone())] {
        let receipt = protocol::audit::AuditReceipt {
            through,
            head,
            countersignature: String::new(),
        };
        let error = bed
            .cache
            .write("ack", |tx| tx.acknowledge_audit(&receipt, at(30)))
            .unwrap_err();
        assert!(matches!(error, StoreError::ReceiptWrong), "{error:?}");
    }
    assert_eq!(bed.counts().audit_to_send, 1);
}

#[test]
fn links_that_a_restored_server_lost_are_sent_again() {
    let bed = Bed::new();
    let links: Vec<Link> = (0..4).map(|_| bed.cache.record(seal).unwrap()).collect();
    let receipt = |n: usize| protocol::audit::AuditReceipt {
        through: n as u64,
        head: links[n - 1].hash.clone(),
        countersignature: String::new(),
    };
    bed.cache
        .write("ack", |tx| tx.acknowledge_audit(&receipt(4), at(30)))
        .unwrap();
    bed.cache
        .write("ack", |tx| tx.acknowledge_audit(&receipt(2), at(30)))
        .unwrap();
    assert_eq!(bed.cache.audit_batch(9).unwrap()[0].number, 3);
}

#[test]
fn s6_what_a_restored_server_lost_is_offered_again() {
    let bed = Bed::new();
    let old = patient("1", "Okafor", "Ada");
    bed.apply(vec![
        entry(1, &old),
        entry(1, &patient("2", "Okafor", "Ben")),
    ]);
    let mut new = old.clone();
    new["gender"] = json!("male");
    bed.apply(vec![entry(2, &new)]);
    // The server was restored to the hour before: its epoch, and so our cursor, is gone.
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    assert_eq!(
        bed.cache.read(|cache| cache.position()).unwrap().cursor,
        None
    );
    bed.apply(vec![
        entry(1, &old),
        entry(1, &patient("2", "Okafor", "Ben")),
    ]);
    assert_eq!(bed.value("Patient", "1").unwrap()["gender"], "male");
    assert_eq!(bed.standing("Patient", "1"), Standing::Saved);
    assert_eq!(bed.standing("Patient", "2"), Standing::Confirmed);
    let batch = bed.cache.read(|cache| cache.upload_batch(9)).unwrap();
    assert_eq!(batch.len(), 1);
    let sent = &batch[0].bundle["entry"][0];
    assert_eq!(sent["request"]["ifMatch"], "W/\"1\"");
    assert_eq!(sent["resource"]["gender"], "male");
    // Read to the end: from here on an old page is only an old page.
    bed.send();
    bed.fate(batch[0].key, accepted(2, "Patient", "1"));
    bed.apply(vec![entry(1, &old)]);
    assert_eq!(bed.counts().to_send, 0);
}

#[test]
fn s6_another_history_under_the_same_number_asks() {
    let bed = Bed::new();
    let mut ours = patient("1", "Okafor", "Ada");
    ours["gender"] = json!("male");
    bed.apply(vec![entry(2, &ours)]);
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    let mut theirs = patient("1", "Okafor", "Ada");
    theirs["gender"] = json!("other");
    bed.apply(vec![entry(2, &theirs)]);
    let conflicts = bed.cache.read(|cache| cache.conflicts()).unwrap();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        conflicts[0].mine.resource.as_ref().unwrap()["gender"],
        "male"
    );
    assert_eq!(
        conflicts[0].theirs.resource.as_ref().unwrap()["gender"],
        "other"
    );
}

#[test]
fn s3_what_could_not_be_read_is_asked_for_again_by_itself() {
    let bed = Bed::new();
    let wrong = r#"{"resourceType":"Patient","id":"p4","birthDate":{"no":"text"}}"#;
    bed.apply(vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        raw("Patient", "p4", wrong),
        raw(
            "Spaceship",
            "p5",
            r#"{"resourceType":"Spaceship","id":"p5"}"#,
        ),
    ]);
    assert_eq!(bed.counts().needs_you(), 2);
    let again = |entry: SyncEntry| {
        bed.cache
            .write("again", |tx| tx.take_again(&entry, at(60), seal))
            .unwrap()
    };
    // It came again as it was: it stays, with the newer time.
    assert!(!again(raw("Patient", "p4", wrong)));
    let kept = bed.cache.read(|cache| cache.quarantined()).unwrap();
    assert_eq!(
        kept.iter().find(|it| it.id == "p4").unwrap().arrived,
        at(60)
    );
    assert!(again(entry(2, &patient("p4", "Okafor", "Cy"))));
    assert!(bed.value("Patient", "p4").is_some());
    bed.cache
        .write("forget", |tx| tx.forget_unreadable("Spaceship", "p5", seal))
        .unwrap();
    assert_eq!(bed.counts().needs_you(), 0);
    // The feed goes on from where it was.
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor.as_deref(), Some("c1"));
}
