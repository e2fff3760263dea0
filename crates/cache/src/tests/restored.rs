//! Row S6: a server that was restored from a backup is given again what it lost.

use protocol::audit::AuditReceipt;

use super::*;
use crate::Keep;

fn acknowledge(bed: &Bed, through: u64, head: String) {
    let receipt = AuditReceipt {
        through,
        head,
        countersignature: String::new(),
    };
    bed.cache
        .write("ack", |tx| tx.acknowledge_audit(&receipt))
        .unwrap();
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
fn s6_a_server_that_takes_its_own_cursor_was_not_restored() {
    let bed = filled();
    bed.put(patient("9", "Okafor", "Cleo"));
    acknowledge(&bed, 0, String::new());
    assert!(sent(&bed).is_empty());
    bed.apply(vec![]);
    assert_eq!(sent(&bed).len(), 1);
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
