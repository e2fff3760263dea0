//! Row S2: edits that do not touch merge; where they touch a person decides.

use super::*;
use crate::{Conflict, Keep, Standing};

/// A patient edited here, while `theirs` is what somebody else made of the same version.
fn clash(mine: impl FnOnce(&mut Value), theirs: impl FnOnce(&mut Value)) -> (Bed, Uuid, Value) {
    let bed = Bed::new();
    let base = patient("1", "Okafor", "Ada");
    bed.apply(vec![entry(1, &base)]);
    let mut edited = bed.value("Patient", "1").unwrap();
    mine(&mut edited);
    let key = bed.put(edited);
    let mut other = base;
    theirs(&mut other);
    (bed, key, other)
}

fn only_conflict(bed: &Bed) -> Conflict {
    let mut conflicts = bed.cache.read(|cache| cache.conflicts()).unwrap();
    assert_eq!(conflicts.len(), 1);
    conflicts.remove(0)
}

fn settle(bed: &Bed, id: Uuid, keep: Keep) {
    bed.cache
        .write("settle", |tx| {
            tx.settle_conflict(id, keep, &[], at(50), seal)
        })
        .unwrap();
}

fn sent_resource(bed: &Bed) -> (Value, Value) {
    let batch = bed.cache.read(|cache| cache.upload_batch(10)).unwrap();
    assert_eq!(batch.len(), 1);
    let entry = &batch[0].bundle["entry"][0];
    (entry["resource"].clone(), entry["request"].clone())
}

#[test]
fn s2_disjoint_edits_merge_before_sending() {
    let (bed, _, theirs) = clash(
        |mine| mine["gender"] = json!("male"),
        |theirs| theirs["birthDate"] = json!("1980-03-15"),
    );
    let applied = bed.apply(vec![entry(2, &theirs)]);
    assert_eq!((applied.merged, applied.conflicts), (1, 0));
    let merged = bed.value("Patient", "1").unwrap();
    assert_eq!(
        (&merged["gender"], &merged["birthDate"]),
        (&json!("male"), &json!("1980-03-15"))
    );
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["birthDate"], "1980-03-15");
    assert_eq!(request["ifMatch"], "W/\"2\"");
    assert_eq!(bed.standing("Patient", "1"), Standing::Saved);
}

#[test]
fn s2_disjoint_edits_merge_after_a_conflict_reply() {
    let (bed, key, theirs) = clash(
        |mine| mine["gender"] = json!("male"),
        |theirs| theirs["birthDate"] = json!("1980-03-15"),
    );
    bed.send();
    let settled = bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(2, &theirs)],
        },
    );
    assert_eq!((settled.rebased, settled.conflicts), (1, 0));
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["gender"], "male");
    assert_eq!(resource["birthDate"], "1980-03-15");
    assert_eq!(request["ifMatch"], "W/\"2\"");
}

#[test]
fn s2_touching_edits_keep_both_and_wait() {
    let (bed, key, theirs) = clash(
        |mine| mine["birthDate"] = json!("1981-01-01"),
        |theirs| theirs["birthDate"] = json!("1982-02-02"),
    );
    bed.send();
    let settled = bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(2, &theirs)],
        },
    );
    assert_eq!((settled.rebased, settled.conflicts), (0, 1));
    assert_eq!(bed.standing("Patient", "1"), Standing::NeedsYou);
    assert_eq!(
        bed.value("Patient", "1").unwrap()["birthDate"],
        "1981-01-01"
    );
    let bed = bed.reopened();
    let conflict = only_conflict(&bed);
    assert_eq!(conflict.base.as_ref().unwrap()["birthDate"], "1980-03-14");
    assert_eq!(
        conflict.mine.resource.as_ref().unwrap()["birthDate"],
        "1981-01-01"
    );
    assert_eq!(
        conflict.theirs.resource.as_ref().unwrap()["birthDate"],
        "1982-02-02"
    );
    assert_eq!(conflict.theirs.at, Some(at(2)));
    let compared = conflict.compare();
    assert_eq!(compared.touching.len(), 1);
    assert_eq!(compared.touching[0].path, "Patient.birthDate");
    assert!(
        bed.send().is_empty(),
        "nothing is sent until a person has chosen"
    );
    assert_eq!(bed.counts().needs_you(), 1);
}

#[test]
fn s2_keeping_mine_sends_it_on_their_version() {
    let (bed, key, theirs) = clash(
        |mine| mine["birthDate"] = json!("1981-01-01"),
        |theirs| {
            theirs["birthDate"] = json!("1982-02-02");
            theirs["gender"] = json!("male");
        },
    );
    bed.send();
    bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(2, &theirs)],
        },
    );
    let links = bed.cache.read(|cache| cache.head()).unwrap().number;
    settle(&bed, only_conflict(&bed).id, Keep::Mine);
    assert_eq!(
        bed.cache.read(|cache| cache.head()).unwrap().number,
        links + 1
    );
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["birthDate"], "1981-01-01");
    assert_eq!(
        resource["gender"], "male",
        "what does not touch is merged either way"
    );
    assert_eq!(request["ifMatch"], "W/\"2\"");
    assert_eq!(bed.value("Patient", "1").unwrap()["gender"], "male");
    assert_eq!(bed.standing("Patient", "1"), Standing::Saved);
    let keys = bed.send();
    assert_ne!(keys[0], key);
    bed.fate(keys[0], accepted(3, "Patient", "1"));
    assert_eq!(bed.standing("Patient", "1"), Standing::Confirmed);
}

#[test]
fn s2_keeping_theirs_leaves_nothing_to_send() {
    let (bed, _, theirs) = clash(
        |mine| mine["birthDate"] = json!("1981-01-01"),
        |theirs| theirs["birthDate"] = json!("1982-02-02"),
    );
    let applied = bed.apply(vec![entry(2, &theirs)]);
    assert_eq!(applied.conflicts, 1);
    settle(&bed, only_conflict(&bed).id, Keep::Theirs);
    assert_eq!(
        bed.value("Patient", "1").unwrap()["birthDate"],
        "1982-02-02"
    );
    assert_eq!(bed.counts().to_send, 0);
    let record = bed
        .cache
        .read(|cache| cache.record("Patient", "1"))
        .unwrap()
        .unwrap();
    assert_eq!((record.version, record.standing), (2, Standing::Confirmed));
    let gone = bed.cache.write("settle", |tx| {
        tx.settle_conflict(Uuid::from_u128(3), Keep::Mine, &[], at(50), seal)
    });
    assert!(matches!(gone, Err(StoreError::Missing { .. })));
}

#[test]
fn s2_a_choice_takes_its_provenance_along() {
    let (bed, _, theirs) = clash(
        |mine| mine["birthDate"] = json!("1981-01-01"),
        |theirs| theirs["birthDate"] = json!("1982-02-02"),
    );
    bed.apply(vec![entry(2, &theirs)]);
    let provenance = json!({ "resourceType": "Provenance", "id": "pr",
        "target": [{ "reference": "Patient/1" }] });
    let also = [Write::Put {
        resource: provenance,
        base: None,
    }];
    let id = only_conflict(&bed).id;
    bed.cache
        .write("settle", |tx| {
            tx.settle_conflict(id, Keep::Theirs, &also, at(50), seal)
        })
        .unwrap();
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["resourceType"], "Provenance");
    assert_eq!(request["ifNoneMatch"], "*");
    assert_eq!(bed.standing("Patient", "1"), Standing::Confirmed);
}

#[test]
fn s2_problems_allergies_and_medications_always_ask() {
    let bed = Bed::new();
    bed.apply(vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &condition("2", "1", "Asthma")),
    ]);
    let mut mine = bed.value("Condition", "2").unwrap();
    mine["onsetDateTime"] = json!("2020-01-01");
    bed.put(mine);
    let mut theirs = condition("2", "1", "Asthma");
    theirs["note"] = json!([{ "text": "mild" }]);
    let applied = bed.apply(vec![entry(2, &theirs)]);
    assert_eq!(applied.conflicts, 1);
    let conflict = only_conflict(&bed);
    assert_eq!(
        conflict.compare().touching.len(),
        2,
        "each difference is shown"
    );
    settle(&bed, conflict.id, Keep::Mine);
    let (resource, _) = sent_resource(&bed);
    assert_eq!(resource["onsetDateTime"], "2020-01-01");
    assert_eq!(
        resource.get("note"),
        None,
        "such a statement is one: the chosen version whole"
    );
}

#[test]
fn the_same_edit_on_both_sides_is_no_change() {
    let (bed, key, theirs) = clash(
        |mine| mine["gender"] = json!("male"),
        |theirs| theirs["gender"] = json!("male"),
    );
    bed.send();
    bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(2, &theirs)],
        },
    );
    assert_eq!(bed.counts().to_send, 0);
    assert_eq!(bed.standing("Patient", "1"), Standing::Confirmed);
}

#[test]
fn an_edit_of_what_was_deleted_there_asks() {
    let (bed, _, theirs) = clash(|mine| mine["gender"] = json!("male"), |_| ());
    bed.apply(vec![deleted(2, &theirs)]);
    let conflict = only_conflict(&bed);
    assert_eq!(conflict.theirs.resource, None);
    assert!(bed.value("Patient", "1").is_some());
    settle(&bed, conflict.id, Keep::Mine);
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["gender"], "male");
    assert_eq!(request["ifMatch"], "W/\"2\"");
}

#[test]
fn accepting_a_deletion_removes_the_record() {
    let (bed, _, theirs) = clash(|mine| mine["gender"] = json!("male"), |_| ());
    bed.apply(vec![deleted(2, &theirs)]);
    settle(&bed, only_conflict(&bed).id, Keep::Theirs);
    assert_eq!(bed.value("Patient", "1"), None);
    assert_eq!(
        bed.counts(),
        crate::Counts {
            audit_to_send: 4,
            ..Default::default()
        }
    );
}

#[test]
fn a_newer_version_replaces_theirs_in_an_open_conflict() {
    let (bed, _, theirs) = clash(
        |mine| mine["birthDate"] = json!("1981-01-01"),
        |theirs| theirs["birthDate"] = json!("1982-02-02"),
    );
    bed.apply(vec![entry(2, &theirs)]);
    let first = only_conflict(&bed).id;
    let mut newer = theirs.clone();
    newer["birthDate"] = json!("1983-03-03");
    bed.apply(vec![entry(3, &newer)]);
    let conflict = only_conflict(&bed);
    // Another question has another id: see the choice that comes too late below.
    assert_ne!(conflict.id, first);
    assert_eq!(conflict.theirs.resource.unwrap()["birthDate"], "1983-03-03");
    // An old page comes again: nothing goes back.
    bed.apply(vec![entry(2, &theirs)]);
    assert_eq!(
        only_conflict(&bed).theirs.resource.unwrap()["birthDate"],
        "1983-03-03"
    );
    // They take it back: the edits no longer touch.
    let mut reverted = newer;
    reverted["birthDate"] = json!("1980-03-14");
    bed.apply(vec![entry(4, &reverted)]);
    assert_eq!(bed.counts().conflicts, 0);
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["birthDate"], "1981-01-01");
    assert_eq!(request["ifMatch"], "W/\"4\"");
}

#[test]
fn a_chain_of_edits_is_made_again_link_by_link() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let mut edited = bed.value("Patient", "1").unwrap();
    edited["gender"] = json!("male");
    bed.put(edited.clone());
    edited["birthDate"] = json!("1981-01-01");
    bed.put(edited.clone());
    edited["active"] = json!(true);
    bed.put(edited);
    // Touches the second edit only.
    let mut theirs = patient("1", "Okafor", "Ada");
    theirs["birthDate"] = json!("1982-02-02");
    bed.apply(vec![entry(2, &theirs)]);
    let conflict = only_conflict(&bed);
    assert_eq!(
        conflict.mine.resource.as_ref().unwrap()["birthDate"],
        "1981-01-01"
    );
    // The first edit goes on its way; the rest waits.
    let keys = bed.send();
    assert_eq!(keys.len(), 1);
    bed.fate(keys[0], accepted(3, "Patient", "1"));
    assert!(bed.send().is_empty());
    settle(&bed, conflict.id, Keep::Mine);
    let mut version = 3;
    while bed.counts().to_send > 0 {
        let (_, request) = sent_resource(&bed);
        assert_eq!(request["ifMatch"], format!("W/\"{version}\""));
        version += 1;
        let keys = bed.send();
        bed.fate(keys[0], accepted(version, "Patient", "1"));
    }
    assert_eq!(version, 5);
    let record = bed
        .cache
        .read(|cache| cache.record("Patient", "1"))
        .unwrap()
        .unwrap();
    let value = record.value().unwrap();
    assert_eq!((record.version, record.standing), (5, Standing::Confirmed));
    assert_eq!(value["gender"], "male");
    assert_eq!(value["birthDate"], "1981-01-01");
    assert_eq!(value["active"], true);
}

#[test]
fn a_form_filled_from_an_older_version_merges_or_asks() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let seen = bed.value("Patient", "1").unwrap();
    let mut theirs = patient("1", "Okafor", "Ada");
    theirs["birthDate"] = json!("1982-02-02");
    bed.apply(vec![entry(2, &theirs)]);
    let mut form = seen.clone();
    form["gender"] = json!("male");
    bed.put_from(form, Some(seen.clone()));
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["birthDate"], "1982-02-02");
    assert_eq!(resource["gender"], "male");
    assert_eq!(request["ifMatch"], "W/\"2\"");
    let mut form = seen.clone();
    form["birthDate"] = json!("1983-03-03");
    bed.put_from(form, Some(seen));
    let conflict = only_conflict(&bed);
    assert_eq!(
        conflict.mine.resource.as_ref().unwrap()["birthDate"],
        "1983-03-03"
    );
    // The edit before it is on its way still, and its confirmation gives the conflict a version.
    let keys = bed.send();
    assert_eq!(keys.len(), 1);
    bed.fate(keys[0], accepted(3, "Patient", "1"));
    settle(&bed, conflict.id, Keep::Mine);
    let (resource, request) = sent_resource(&bed);
    assert_eq!(resource["birthDate"], "1983-03-03");
    assert_eq!(resource["gender"], "male");
    assert_eq!(request["ifMatch"], "W/\"3\"");
}

#[test]
fn a_conflict_that_says_nothing_new_is_not_repeated_for_ever() {
    let (bed, key, theirs) = clash(|mine| mine["gender"] = json!("male"), |_| ());
    bed.send();
    let settled = bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(1, &theirs)],
        },
    );
    assert_eq!(settled.refused, 1);
    assert!(bed.send().is_empty());
    assert_eq!(bed.standing("Patient", "1"), Standing::Refused);
}

#[test]
fn two_creations_of_one_id_ask_unless_they_are_the_same() {
    let bed = Bed::new();
    let key = bed.put(patient("1", "Okafor", "Ada"));
    bed.send();
    let other = patient("1", "Okafor", "Adaeze");
    let settled = bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(1, &other)],
        },
    );
    assert_eq!(settled.conflicts, 1);
    let bed = Bed::new();
    let key = bed.put(patient("1", "Okafor", "Ada"));
    bed.send();
    bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(1, &patient("1", "Okafor", "Ada"))],
        },
    );
    assert_eq!(bed.counts().to_send, 0);
    assert_eq!(bed.standing("Patient", "1"), Standing::Confirmed);
}

#[test]
fn in_a_change_of_several_records_only_the_clashing_one_asks() {
    let bed = Bed::new();
    bed.apply(vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &patient("2", "Okafor", "Ben")),
    ]);
    let mut one = bed.value("Patient", "1").unwrap();
    one["birthDate"] = json!("1981-01-01");
    let mut two = bed.value("Patient", "2").unwrap();
    two["gender"] = json!("male");
    let key = bed
        .change(vec![
            Write::Put {
                resource: one,
                base: None,
            },
            Write::Put {
                resource: two,
                base: None,
            },
        ])
        .unwrap();
    bed.send();
    let mut theirs_one = patient("1", "Okafor", "Ada");
    theirs_one["birthDate"] = json!("1982-02-02");
    let mut theirs_two = patient("2", "Okafor", "Ben");
    theirs_two["active"] = json!(true);
    let current = vec![entry(2, &theirs_one), entry(5, &theirs_two)];
    bed.fate(key, Fate::Conflict { current });
    let conflict = only_conflict(&bed);
    assert_eq!(conflict.record, "1");
    settle(&bed, conflict.id, Keep::Mine);
    let batch = bed.cache.read(|cache| cache.upload_batch(10)).unwrap();
    let entries = batch[0].bundle["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["request"]["ifMatch"], "W/\"2\"");
    assert_eq!(entries[1]["request"]["ifMatch"], "W/\"5\"");
    assert_eq!(entries[1]["resource"]["active"], true);
    assert_eq!(entries[1]["resource"]["gender"], "male");
}

#[test]
fn s2_a_person_combines_two_versions_element_by_element() {
    let (bed, _, theirs) = clash(
        |mine| {
            mine["birthDate"] = json!("1981-01-01");
            mine["gender"] = json!("male");
        },
        |theirs| {
            theirs["birthDate"] = json!("1982-02-02");
            theirs["gender"] = json!("other");
        },
    );
    bed.apply(vec![entry(2, &theirs)]);
    let conflict = only_conflict(&bed);
    assert_eq!(
        (conflict.base_version, conflict.theirs.version),
        (Some(1), Some(2))
    );
    let mine_at = ["Patient.gender"];
    let shown = conflict.combined(&mine_at).unwrap();
    bed.cache
        .write("combine", |tx| {
            tx.combine_conflict(conflict.id, &mine_at, &[], at(50), seal)
        })
        .unwrap();
    let (sent, request) = sent_resource(&bed);
    assert_eq!(request["ifMatch"], "W/\"2\"");
    assert_eq!(
        (&sent["gender"], &sent["birthDate"]),
        (&json!("male"), &json!("1982-02-02"))
    );
    assert_eq!(
        (&sent["gender"], &sent["birthDate"]),
        (&shown["gender"], &shown["birthDate"])
    );
    assert_eq!(bed.standing("Patient", "1"), Standing::Saved);
    assert_eq!(bed.counts().needs_you(), 0);
}

/// Who chose while theirs changed again has not seen what they would settle.
#[test]
fn s2_a_choice_over_a_version_that_is_not_the_newest_settles_nothing() {
    let (bed, _, mut theirs) = clash(
        |mine| mine["birthDate"] = json!("1981-01-01"),
        |theirs| theirs["birthDate"] = json!("1982-02-02"),
    );
    bed.apply(vec![entry(2, &theirs)]);
    let seen = only_conflict(&bed).id;
    theirs["birthDate"] = json!("1983-03-03");
    bed.apply(vec![entry(3, &theirs)]);
    let late = bed.cache.write("settle", |tx| {
        tx.settle_conflict(seen, Keep::Mine, &[], at(50), seal)
    });
    assert!(matches!(late, Err(StoreError::Missing { .. })), "{late:?}");
    let now = only_conflict(&bed);
    assert_ne!(now.id, seen);
    assert_eq!(now.theirs.version, Some(3));
    settle(&bed, now.id, Keep::Theirs);
    assert_eq!(
        bed.value("Patient", "1").unwrap()["birthDate"],
        "1983-03-03"
    );
}
