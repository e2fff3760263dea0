//! Row S6: a server that was restored from a backup is given again what it lost.

use protocol::audit::AuditReceipt;

use super::*;

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
