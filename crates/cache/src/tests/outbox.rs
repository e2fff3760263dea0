//! Rows S1, S3, S7: what was written here is sent once, in order, and stands where it stands.

use super::*;
use crate::{OutboxState, Standing};

fn refused() -> Fate {
    Fate::Refused {
        code: "invalid".to_owned(),
        outcome: json!({ "resourceType": "OperationOutcome", "issue": [] }),
    }
}

fn bundle(bed: &Bed) -> Value {
    let batch = bed.cache.read(|cache| cache.upload_batch(10)).unwrap();
    batch[0].bundle.clone()
}

#[test]
fn s1_s7_a_creation_is_sent_until_its_fate_is_known_and_settled_once() {
    let bed = Bed::new();
    let key = bed.put(patient("1", "Okafor", "Ada"));
    let entry = &bundle(&bed)["entry"][0];
    assert_eq!(
        entry["request"],
        json!({ "url": "Patient/1", "ifNoneMatch": "*", "method": "PUT" })
    );
    assert_eq!(bed.standing("Patient", "1"), Standing::Saved);
    // The reply is lost: the same key goes again.
    assert_eq!(bed.send(), [key]);
    assert_eq!(bed.standing("Patient", "1"), Standing::Sent);
    let bed = bed.reopened();
    assert_eq!(bed.send(), [key]);
    assert_eq!(bed.cache.read(|cache| cache.outbox()).unwrap()[0].tries, 2);
    assert_eq!(bed.fate(key, accepted(1, "Patient", "1")).accepted, 1);
    assert_eq!(bed.standing("Patient", "1"), Standing::Confirmed);
    let before = bed.value("Patient", "1");
    assert_eq!(before.as_ref().unwrap()["meta"]["versionId"], "1");
    // The reply comes twice.
    let again = bed.fate(key, accepted(1, "Patient", "1"));
    assert_eq!((again.accepted, again.unknown), (0, 1));
    assert_eq!(bed.value("Patient", "1"), before);
    assert!(bed.send().is_empty());
}

#[test]
fn s1_our_own_change_coming_back_by_the_feed_is_no_conflict() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let mut edited = bed.value("Patient", "1").unwrap();
    edited["gender"] = json!("male");
    let key = bed.put(edited.clone());
    bed.send();
    // Stored there, the reply lost, and the feed is quicker than the retry.
    bed.apply(vec![entry(2, &edited)]);
    assert_eq!(bed.standing("Patient", "1"), Standing::Sent);
    assert_eq!(
        bed.send(),
        [key],
        "the same key, so that it is applied once"
    );
    bed.fate(key, accepted(2, "Patient", "1"));
    assert_eq!(bed.standing("Patient", "1"), Standing::Confirmed);
    assert_eq!(
        bed.counts(),
        crate::Counts {
            audit_to_send: 3,
            ..Default::default()
        }
    );
    let record = bed
        .cache
        .read(|cache| cache.record("Patient", "1"))
        .unwrap()
        .unwrap();
    assert_eq!(record.version, 2);
}

#[test]
fn s1_a_later_version_heard_of_before_the_reply_stands() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let mut mine = bed.value("Patient", "1").unwrap();
    mine["gender"] = json!("male");
    let key = bed.put(mine.clone());
    bed.send();
    let mut theirs = mine.clone();
    theirs["birthDate"] = json!("1980-03-15");
    bed.apply(vec![entry(3, &theirs)]);
    bed.fate(key, accepted(2, "Patient", "1"));
    assert_eq!(
        bed.value("Patient", "1").unwrap()["birthDate"],
        "1980-03-15"
    );
    assert_eq!(bed.standing("Patient", "1"), Standing::Confirmed);
}

#[test]
fn changes_of_one_record_go_one_after_the_other() {
    let bed = Bed::new();
    let first = bed.put(patient("1", "Okafor", "Ada"));
    let mut edited = patient("1", "Okafor", "Ada");
    edited["gender"] = json!("male");
    let second = bed.put(edited.clone());
    let other = bed.put(patient("2", "Okafor", "Ben"));
    assert_eq!(bed.send(), [first, other]);
    bed.fate(first, accepted(1, "Patient", "1"));
    assert_eq!(bed.standing("Patient", "1"), Standing::Saved);
    assert_eq!(bed.send(), [second, other]);
    let batch = bed.cache.read(|cache| cache.upload_batch(1)).unwrap();
    assert_eq!(batch[0].bundle["entry"][0]["request"]["ifMatch"], "W/\"1\"");
    bed.fate(second, accepted(2, "Patient", "1"));
    bed.fate(other, accepted(1, "Patient", "2"));
    assert_eq!(bed.counts().to_send, 0);
    let record = bed
        .cache
        .read(|cache| cache.record("Patient", "1"))
        .unwrap()
        .unwrap();
    assert_eq!((record.version, record.standing), (2, Standing::Confirmed));
    assert_eq!(record.value().unwrap()["gender"], "male");
}

#[test]
fn s3_a_refused_change_does_not_stop_the_others() {
    let bed = Bed::new();
    let poison = bed.put(patient("1", "Okafor", "Ada"));
    // Refers to what the server will not take, so it waits with it.
    bed.put(observation("2", "1", 70));
    bed.put(patient("3", "Okafor", "Ben"));
    bed.send();
    bed.fate(poison, refused());
    assert_eq!(bed.standing("Patient", "1"), Standing::Refused);
    let batch = bed.cache.read(|cache| cache.upload_batch(10)).unwrap();
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].bundle["entry"][0]["resource"]["id"], "3");
    assert_eq!(bed.counts().refused, 1);
    let line = bed.cache.read(|cache| cache.refused()).unwrap().remove(0);
    assert_eq!(line.refusal.unwrap().code, "invalid");
    // A second try goes under a new key.
    bed.cache
        .write("retry", |tx| tx.retry(poison, at(30)))
        .unwrap();
    let sent = bed.send();
    assert_eq!(sent.len(), 3);
    assert_ne!(sent[0], poison);
}

#[test]
fn giving_up_a_refused_edit_brings_the_server_s_version_back() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let original = bed.value("Patient", "1").unwrap();
    let mut edited = original.clone();
    edited["birthDate"] = json!("2999-01-01");
    let key = bed.put(edited.clone());
    // Another edit on top, of something else.
    edited["gender"] = json!("male");
    bed.put(edited);
    bed.send();
    bed.fate(key, refused());
    let links = bed.cache.read(|cache| cache.head()).unwrap().number;
    bed.cache
        .write("give-up", |tx| tx.give_up(key, at(30), seal))
        .unwrap();
    let now = bed.value("Patient", "1").unwrap();
    assert_eq!(now["birthDate"], original["birthDate"]);
    assert_eq!(now["gender"], "male", "what came after is kept");
    assert_eq!(
        bed.cache.read(|cache| cache.head()).unwrap().number,
        links + 1
    );
    let batch = bed.cache.read(|cache| cache.upload_batch(10)).unwrap();
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].bundle["entry"][0]["request"]["ifMatch"], "W/\"1\"");
}

#[test]
fn giving_up_a_refused_creation_removes_the_record() {
    let bed = Bed::new();
    let key = bed.put(patient("1", "Okafor", "Ada"));
    bed.send();
    bed.fate(key, refused());
    bed.cache
        .write("give-up", |tx| tx.give_up(key, at(30), seal))
        .unwrap();
    assert_eq!(bed.value("Patient", "1"), None);
    assert_eq!(
        bed.cache
            .read(|cache| cache.find_patients("oka", 5))
            .unwrap()
            .cards,
        []
    );
    assert_eq!(bed.counts().refused, 0);
    let error = bed
        .cache
        .write("give-up", |tx| tx.give_up(key, at(30), seal))
        .unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }));
}

#[test]
fn a_retry_after_the_server_moved_on_merges() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let mut mine = bed.value("Patient", "1").unwrap();
    mine["gender"] = json!("male");
    let key = bed.put(mine);
    bed.send();
    bed.fate(key, refused());
    let mut theirs = patient("1", "Okafor", "Ada");
    theirs["birthDate"] = json!("1980-03-15");
    bed.apply(vec![entry(2, &theirs)]);
    bed.cache
        .write("retry", |tx| tx.retry(key, at(30)))
        .unwrap();
    let request = bundle(&bed);
    assert_eq!(request["entry"][0]["request"]["ifMatch"], "W/\"2\"");
    assert_eq!(request["entry"][0]["resource"]["gender"], "male");
    assert_eq!(request["entry"][0]["resource"]["birthDate"], "1980-03-15");
}

#[test]
fn several_records_are_one_change() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let key = bed
        .change(vec![
            Write::Put {
                resource: observation("2", "1", 70),
                base: None,
            },
            Write::Put {
                resource: observation("3", "1", 71),
                base: None,
            },
            Write::Delete {
                resource_type: "Patient".to_owned(),
                id: "1".to_owned(),
            },
        ])
        .unwrap();
    let sent = bundle(&bed);
    assert_eq!(sent["entry"].as_array().unwrap().len(), 3);
    assert_eq!(
        sent["entry"][2]["request"],
        json!({ "url": "Patient/1", "ifMatch": "W/\"1\"", "method": "DELETE" })
    );
    assert_eq!(bed.value("Patient", "1"), None);
    bed.send();
    let versions = [
        ("Observation", "2", 1),
        ("Observation", "3", 1),
        ("Patient", "1", 2),
    ]
    .map(|(resource_type, id, version)| StoredVersion {
        resource_type: resource_type.to_owned(),
        id: id.to_owned(),
        version,
        last_updated: at(40),
    });
    bed.fate(
        key,
        Fate::Accepted {
            versions: versions.to_vec(),
        },
    );
    assert_eq!(bed.counts().to_send, 0);
    assert_eq!(bed.standing("Observation", "2"), Standing::Confirmed);
    assert_eq!(bed.value("Patient", "1"), None);
}

#[test]
fn one_unfit_record_undoes_the_whole_change() {
    let bed = Bed::new();
    for bad in [
        json!({ "resourceType": "Spaceship", "id": "1" }),
        json!({ "resourceType": "Patient", "id": "no spaces allowed" }),
        json!({ "resourceType": "Patient" }),
        json!({ "id": "1" }),
        json!("text"),
    ] {
        let writes = vec![
            Write::Put {
                resource: observation("2", "1", 70),
                base: None,
            },
            Write::Put {
                resource: bad.clone(),
                base: None,
            },
        ];
        let error = bed.change(writes).unwrap_err();
        assert!(matches!(error, StoreError::Unfit(_)), "{bad}: {error:?}");
        assert_eq!(bed.value("Observation", "2"), None);
        assert_eq!(bed.counts(), crate::Counts::default());
    }
}

#[test]
fn unsent_work_is_exported_whole() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let mut edited = bed.value("Patient", "1").unwrap();
    edited["gender"] = json!("male");
    bed.put(edited);
    let poison = bed.put(observation("2", "1", 70));
    bed.send();
    bed.fate(poison, refused());
    let draft = crate::Draft {
        id: Uuid::from_u128(9),
        patient: "1".to_owned(),
        body: json!({ "subjective": "cough" }),
        begun: at(1),
        changed: at(2),
    };
    bed.cache
        .write("draft", |tx| tx.keep_draft(&draft))
        .unwrap();
    let unsent = bed.cache.read(|cache| cache.unsent()).unwrap();
    assert_eq!(unsent.changes.len(), 2);
    assert_eq!(unsent.changes[0].state, "sent");
    assert_eq!(
        unsent.changes[0].records[0].mine.as_ref().unwrap()["gender"],
        "male"
    );
    assert_eq!(unsent.changes[0].records[0].base_version, Some(1));
    assert_eq!(unsent.changes[1].refused.as_deref(), Some("invalid"));
    assert_eq!(unsent.drafts[0].body["subjective"], "cough");
    assert_eq!(unsent.audit.len(), 3);
    let json = serde_json::to_value(&unsent).unwrap();
    assert_eq!(json["changes"][1]["records"][0]["id"], "2");
}

#[test]
fn drafts_are_kept_replaced_and_thrown_away() {
    let bed = Bed::new();
    let draft = |text: &str, changed| crate::Draft {
        id: Uuid::from_u128(1),
        patient: "1".to_owned(),
        body: json!({ "text": text }),
        begun: at(changed),
        changed: at(changed),
    };
    bed.cache
        .write("draft", |tx| tx.keep_draft(&draft("a", 1)))
        .unwrap();
    bed.cache
        .write("draft", |tx| tx.keep_draft(&draft("b", 5)))
        .unwrap();
    let kept = bed
        .cache
        .read(|cache| cache.draft_of("1"))
        .unwrap()
        .unwrap();
    assert_eq!((kept.begun, kept.changed), (at(1), at(5)));
    assert_eq!(kept.body["text"], "b");
    assert_eq!(bed.cache.read(|cache| cache.draft_of("2")).unwrap(), None);
    bed.cache
        .write("draft", |tx| tx.discard_draft(draft("b", 5).id))
        .unwrap();
    assert_eq!(bed.cache.read(|cache| cache.drafts()).unwrap(), []);
}

#[test]
fn settings_keep_their_type() {
    let bed = Bed::new();
    assert_eq!(
        bed.cache
            .read(|cache| cache.setting::<u32>("idle"))
            .unwrap(),
        None
    );
    bed.cache.write("set", |tx| tx.set("idle", &7u32)).unwrap();
    assert_eq!(
        bed.cache
            .read(|cache| cache.setting::<u32>("idle"))
            .unwrap(),
        Some(7)
    );
    let error = bed
        .cache
        .read(|cache| cache.setting::<Vec<u32>>("idle"))
        .unwrap_err();
    assert!(matches!(
        error,
        StoreError::Unreadable {
            what: "setting",
            ..
        }
    ));
}

#[test]
fn a_key_stands_for_one_content() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let mut mine = bed.value("Patient", "1").unwrap();
    mine["gender"] = json!("male");
    let key = bed.put(mine);
    bed.send();
    let mut theirs = patient("1", "Okafor", "Ada");
    theirs["birthDate"] = json!("1980-03-15");
    let settled = bed.fate(
        key,
        Fate::Conflict {
            current: vec![entry(2, &theirs)],
        },
    );
    assert_eq!(settled.rebased, 1);
    let line = bed.cache.read(|cache| cache.outbox()).unwrap().remove(0);
    assert_eq!(line.state, OutboxState::Waiting);
    assert_ne!(line.key, key);
    // A late copy of the first reply finds nothing to do.
    let late = bed.fate(key, accepted(9, "Patient", "1"));
    assert_eq!(late.unknown, 1);
    assert_eq!(bed.counts().to_send, 1);
}
