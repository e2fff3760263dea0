//! Row S6: a server that was restored from a backup is given again what it lost.

use protocol::audit::AuditReceipt;

use super::*;
use crate::{Keep, OutboxState};

/// Answers whether the position in the feed was forgotten for it.
fn acknowledge(bed: &Bed, through: u64, head: String) -> bool {
    let receipt = AuditReceipt {
        through,
        head,
        countersignature: String::new(),
    };
    bed.cache
        .write("ack", |tx| tx.acknowledge_audit(&receipt, at(30)))
        .unwrap()
}

/// A page, the last one, of this life of the server.
fn apply_of(bed: &Bed, life: &str, entries: Vec<SyncEntry>) {
    let page = SyncPage {
        life: Some(life.to_owned()),
        ..page("c2", entries)
    };
    bed.cache.apply_page(&page, at(40), seal).unwrap();
}

fn refused(code: &str) -> Fate {
    Fate::Refused {
        code: code.to_owned(),
        outcome: json!({ "resourceType": "OperationOutcome" }),
    }
}

fn sent(bed: &Bed) -> Vec<Value> {
    let batch = bed.cache.read(|cache| cache.upload_batch(9)).unwrap();
    batch.into_iter().map(|entry| entry.bundle).collect()
}

/// Two patients; the server knows all of the chain.
fn filled() -> Bed {
    let bed = Bed::new();
    bed.apply(vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(3, &patient("2", "Okafor", "Ben")),
    ]);
    let head = bed.cache.read(|cache| cache.head()).unwrap();
    acknowledge(&bed, head.number, head.hash);
    bed
}

#[test]
fn s6_what_the_feed_does_not_bring_again_is_created_again_once_the_chain_proves_a_restore() {
    let bed = filled();
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    // It may as well have left this user's scope.
    assert!(sent(&bed).is_empty());
    acknowledge(&bed, 0, String::new());
    let sent = sent(&bed);
    assert_eq!(sent.len(), 1);
    let part = &sent[0]["entry"][0];
    assert_eq!(part["resource"]["id"], "2");
    assert_eq!(part["request"]["ifNoneMatch"], "*");
}

#[test]
fn s6_nothing_is_sent_between_the_proof_and_the_end_of_the_feed() {
    let bed = filled();
    bed.put(patient("9", "Okafor", "Cleo"));
    acknowledge(&bed, 0, String::new());
    assert!(sent(&bed).is_empty());
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    assert!(sent(&bed).is_empty());
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let ids: Vec<Value> = sent(&bed)
        .iter()
        .map(|bundle| bundle["entry"][0]["resource"]["id"].clone())
        .collect();
    assert_eq!(ids, ["9", "2"]);
}

#[test]
fn s6_a_restore_that_nobody_spoke_of_is_read_again_from_the_beginning() {
    let bed = filled();
    bed.put(patient("9", "Okafor", "Cleo"));
    // Its epoch is the old one, and it would take the cursor.
    assert!(acknowledge(&bed, 0, String::new()));
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor, None);
    assert!(sent(&bed).is_empty());
    let ada = patient("1", "Okafor", "Ada");
    bed.apply(vec![entry(1, &ada)]);
    assert_eq!(
        sent(&bed).len(),
        2,
        "the patient who was lost, and the new one"
    );
    // The same is not told twice.
    let head = bed.cache.read(|cache| cache.head()).unwrap();
    assert!(!acknowledge(&bed, head.number, head.hash));
}

#[test]
fn s6_a_feed_of_another_life_proves_a_restore() {
    let bed = filled();
    let ada = || entry(1, &patient("1", "Okafor", "Ada"));
    let ben = || entry(3, &patient("2", "Okafor", "Ben"));
    apply_of(&bed, "first", vec![ada(), ben()]);
    // Begun again in the same life: the other patient was deleted, or left this user's scope.
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    apply_of(&bed, "first", vec![ada()]);
    assert!(sent(&bed).is_empty());
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    bed.put(patient("9", "Okafor", "Cleo"));
    let first = SyncPage {
        life: Some("second".to_owned()),
        more: true,
        ..page("c2", vec![ada()])
    };
    bed.cache.apply_page(&first, at(40), seal).unwrap();
    assert!(sent(&bed).is_empty(), "the feed is not at its end");
    apply_of(&bed, "second", vec![]);
    assert_eq!(sent(&bed).len(), 2);
    let life = bed.cache.read(|cache| cache.life()).unwrap();
    assert_eq!(life.as_deref(), Some("second"));
}

#[test]
fn s6_what_a_restored_server_refused_for_want_of_something_is_asked_again() {
    let bed = filled();
    let mut edited = bed.value("Patient", "2").unwrap();
    edited["gender"] = json!("male");
    let keys = [
        bed.put(observation("o1", "2", 71)),
        bed.put(edited),
        bed.put(observation("o2", "1", -1)),
    ];
    assert_eq!(bed.send(), keys);
    // The server lost the second patient, and nobody knows of that yet.
    bed.fate(keys[0], refused("not-found"));
    let none = SyncEntry {
        version: 0,
        resource: None,
        ..entry(3, &patient("2", "Okafor", "Ben"))
    };
    bed.fate(
        keys[1],
        Fate::Conflict {
            current: vec![none],
        },
    );
    bed.fate(keys[2], refused("invalid"));
    let states = || -> Vec<(String, OutboxState)> {
        let lines = bed.cache.read(|cache| cache.outbox()).unwrap();
        let named = lines.into_iter();
        named
            .map(|line| (line.records[0].1.clone(), line.state))
            .collect()
    };
    let state = |id: &str, state| (id.to_owned(), state);
    use OutboxState::{Refused, Waiting};
    assert_eq!(
        states(),
        [
            state("o1", Refused),
            state("2", Refused),
            state("o2", Refused)
        ]
    );
    acknowledge(&bed, 0, String::new());
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    assert_eq!(
        states(),
        [
            state("o1", Waiting),
            state("2", Waiting),
            state("o2", Refused)
        ]
    );
    let first = sent(&bed);
    assert_eq!(first.len(), 1, "{first:?}");
    let part = &first[0]["entry"][0];
    assert_eq!(part["request"]["ifNoneMatch"], "*");
    assert_eq!(part["resource"]["gender"], "male");
}

#[test]
fn s6_a_change_on_a_lost_version_is_put_on_what_the_server_has() {
    let bed = filled();
    let mut lost = bed.value("Patient", "2").unwrap();
    lost["gender"] = json!("male");
    bed.put(lost);
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    let mut old = patient("2", "Okafor", "B");
    old["birthDate"] = json!("1970-01-01");
    bed.apply(vec![entry(1, &old)]);
    let sent = sent(&bed);
    assert_eq!(sent.len(), 1);
    let part = &sent[0]["entry"][0];
    assert_eq!(part["request"]["ifMatch"], "W/\"1\"");
    // What was lost and what was changed since.
    assert_eq!(part["resource"]["birthDate"], "1980-03-14");
    assert_eq!(part["resource"]["gender"], "male");
}

#[test]
fn s6_a_lost_version_that_waits_beside_a_change_is_offered_before_it() {
    // The server has what both were made on, or nothing.
    for older in [Some(entry(3, &patient("2", "Okafor", "Ben"))), None] {
        for (keep, kept) in [(Keep::Mine, Some("male")), (Keep::Theirs, None)] {
            let bed = filled();
            let mut mine = bed.value("Patient", "2").unwrap();
            mine["gender"] = json!("male");
            bed.put(mine);
            let mut theirs = patient("2", "Okafor", "Ben");
            theirs["gender"] = json!("other");
            bed.apply(vec![entry(4, &theirs)]);
            acknowledge(&bed, 0, String::new());
            let (on, version) = match older {
                Some(_) => (json!({ "ifMatch": "W/\"3\"" }), 4),
                None => (json!({ "ifNoneMatch": "*" }), 1),
            };
            let ada = entry(1, &patient("1", "Okafor", "Ada"));
            let brought = older
                .iter()
                .map(|it| it.version)
                .map(|version| entry(version, &patient("2", "Okafor", "Ben")));
            bed.apply(brought.chain([ada]).collect());
            let part = &sent(&bed)[0]["entry"][0];
            assert_eq!(part["resource"]["gender"], "other");
            for (condition, value) in on.as_object().unwrap() {
                assert_eq!(part["request"][condition], *value);
            }
            // A person still chooses, now or later.
            let conflict = bed.cache.read(|cache| cache.conflicts()).unwrap().remove(0);
            let theirs = conflict.theirs.resource.as_ref().unwrap();
            assert_eq!(theirs["gender"], "other");
            bed.cache
                .write("settle", |tx| {
                    tx.settle_conflict(conflict.id, keep, &[], at(100), seal)
                })
                .unwrap();
            let keys = bed.send();
            assert_eq!(keys.len(), 1, "one after the other");
            bed.fate(keys[0], accepted(version, "Patient", "2"));
            let then = sent(&bed);
            let gender = then
                .first()
                .map(|bundle| &bundle["entry"][0]["resource"]["gender"]);
            assert_eq!(gender.and_then(Value::as_str), kept);
        }
    }
}

#[test]
fn s6_a_change_that_was_to_be_weighed_against_a_lost_deletion_creates_the_record() {
    let bed = filled();
    let mut mine = bed.value("Patient", "2").unwrap();
    mine["gender"] = json!("male");
    bed.put(mine);
    bed.apply(vec![deleted(4, &patient("2", "Okafor", "Ben"))]);
    assert_eq!(bed.counts().conflicts, 1);
    acknowledge(&bed, 0, String::new());
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    assert_eq!(bed.counts().conflicts, 0);
    let sent = sent(&bed);
    let part = &sent[0]["entry"][0];
    assert_eq!(part["request"]["ifNoneMatch"], "*");
    assert_eq!(part["resource"]["gender"], "male");
}

#[test]
fn s6_a_deletion_of_what_was_lost_is_done() {
    let bed = filled();
    bed.change(vec![Write::Delete {
        resource_type: "Patient".into(),
        id: "2".into(),
    }])
    .unwrap();
    bed.put(patient("9", "Okafor", "Cleo"));
    acknowledge(&bed, 0, String::new());
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let sent = sent(&bed);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0]["entry"][0]["resource"]["id"], "9");
    assert_eq!(bed.value("Patient", "2"), None);
}

#[test]
fn s6_a_change_that_came_back_before_its_fate_is_offered_if_it_was_lost() {
    let bed = filled();
    let mut mine = bed.value("Patient", "2").unwrap();
    mine["gender"] = json!("male");
    bed.put(mine.clone());
    bed.send();
    // The feed brings it before the reply that it was accepted, which is lost with the server.
    bed.apply(vec![entry(4, &mine)]);
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    bed.apply(vec![entry(3, &patient("2", "Okafor", "Ben"))]);
    let sent = sent(&bed);
    assert_eq!(sent.len(), 1);
    let part = &sent[0]["entry"][0];
    assert_eq!(part["request"]["ifMatch"], "W/\"3\"");
    assert_eq!(part["resource"]["gender"], "male");
}

#[test]
fn s6_a_version_that_was_lost_whole_goes_under_the_change_that_it_waited_beside() {
    let bed = filled();
    let mut mine = bed.value("Patient", "2").unwrap();
    mine["gender"] = json!("male");
    bed.put(mine);
    bed.send();
    // Sent, and somebody else's version came before its fate.
    let mut theirs = patient("2", "Okafor", "Ben");
    theirs["birthDate"] = json!("1970-01-01");
    bed.apply(vec![entry(4, &theirs)]);
    acknowledge(&bed, 0, String::new());
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let first = sent(&bed);
    assert_eq!(first.len(), 1);
    let part = &first[0]["entry"][0];
    assert_eq!(part["request"]["ifNoneMatch"], "*");
    assert_eq!(part["resource"]["gender"], "female");
    assert_eq!(part["resource"]["birthDate"], "1970-01-01");
    let keys = bed.send();
    bed.fate(keys[0], accepted(1, "Patient", "2"));
    let then = sent(&bed);
    let part = &then[0]["entry"][0];
    assert_eq!(part["request"]["ifMatch"], "W/\"1\"");
    assert_eq!(part["resource"]["gender"], "male");
    assert_eq!(part["resource"]["birthDate"], "1970-01-01");
}

#[test]
fn s6_a_change_against_another_history_asks() {
    let bed = filled();
    let mut mine = bed.value("Patient", "2").unwrap();
    mine["gender"] = json!("male");
    bed.put(mine);
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    let mut other = patient("2", "Okafor", "Ben");
    other["birthDate"] = json!("1970-01-01");
    // The same number, and another content than the one that the change was made on.
    bed.apply(vec![entry(3, &other)]);
    assert_eq!(bed.cache.read(|cache| cache.conflicts()).unwrap().len(), 1);
    assert!(sent(&bed).is_empty());
}

#[test]
fn s6_a_change_waits_for_a_lost_record_that_is_created_again_behind_it() {
    let bed = filled();
    bed.put(observation("o1", "2", 71));
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    acknowledge(&bed, 0, String::new());
    // The feed does not bring the patient whom the observation is about.
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let first = sent(&bed);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0]["entry"][0]["request"]["url"], "Patient/2");
    let keys = bed.send();
    bed.fate(keys[0], accepted(1, "Patient", "2"));
    assert_eq!(
        sent(&bed)[0]["entry"][0]["request"]["url"],
        "Observation/o1"
    );
}

#[test]
fn s6_records_that_refer_to_each_other_do_not_wait_for_ever() {
    let bed = filled();
    let mut first = observation("o1", "1", 71);
    first["hasMember"] = json!([{ "reference": "Observation/o2" }]);
    let mut second = observation("o2", "1", 72);
    second["derivedFrom"] = json!([{ "reference": "Observation/o1" }]);
    bed.put(first);
    bed.put(second);
    assert!(!sent(&bed).is_empty());
}

#[test]
fn s6_a_version_that_was_stored_again_is_known_with_its_new_time() {
    let bed = filled();
    let mut mine = bed.value("Patient", "2").unwrap();
    mine["gender"] = json!("male");
    bed.put(mine);
    let mut theirs = patient("2", "Okafor", "Ben");
    theirs["gender"] = json!("other");
    bed.apply(vec![entry(4, &theirs)]);
    assert_eq!(bed.cache.read(|cache| cache.conflicts()).unwrap().len(), 1);
    // The server lost that version, and somebody gave it back.
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    let mut again = entry(4, &theirs);
    fhir::resource::set_meta(&mut theirs, 4, at(99));
    again.last_updated = at(99);
    again.resource = Some(RawValue::from_string(theirs.to_string()).unwrap());
    bed.apply(vec![again]);
    let conflict = bed.cache.read(|cache| cache.conflicts()).unwrap().remove(0);
    bed.cache
        .write("settle", |tx| {
            tx.settle_conflict(conflict.id, Keep::Theirs, &[], at(100), seal)
        })
        .unwrap();
    assert_eq!(bed.value("Patient", "2"), Some(theirs));
}
