//! Row S4: what belongs together moves together, whatever fails in between.

use std::fs;

use super::*;
use crate::Draft;

/// Everything that a failed transaction must leave as it was.
fn shape(cache: &Cache) -> String {
    cache
        .read(|reading| {
            Ok::<_, StoreError>(format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                reading.head()?,
                reading.position()?,
                reading.counts()?,
                reading.outbox()?,
                reading.record("Patient", "1")?,
                reading.find_patients("", 10)?,
                reading.conflicts()?,
            ))
        })
        .unwrap()
}

/// Makes every write to `table` fail, in all connections.
fn break_table(cache: &Cache, table: &str) {
    cache.on_writer(|db| {
        for (name, event) in [("i", "INSERT"), ("u", "UPDATE"), ("d", "DELETE")] {
            db.execute_batch(&format!(
                "CREATE TEMP TRIGGER broken_{name}_{table} BEFORE {event} ON main.{table}
                 BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END"
            ))
            .unwrap();
        }
    });
}

fn mend_table(cache: &Cache, table: &str) {
    cache.on_writer(|db| {
        for name in ["i", "u", "d"] {
            db.execute_batch(&format!("DROP TRIGGER broken_{name}_{table}"))
                .unwrap();
        }
    });
}

#[test]
fn s4_a_change_is_whole_or_nothing() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let mut edited = bed.value("Patient", "1").unwrap();
    edited["gender"] = json!("male");
    let before = shape(&bed.cache);
    for table in [
        "resource",
        "patient_card",
        "patient_term",
        "outbox",
        "outbox_record",
        "audit_queue",
        "chain",
    ] {
        break_table(&bed.cache, table);
        let write = Write::Put {
            resource: edited.clone(),
            base: None,
        };
        bed.change(vec![write]).expect_err(table);
        assert_eq!(shape(&bed.cache), before, "{table}");
        mend_table(&bed.cache, table);
    }
    let write = Write::Put {
        resource: edited,
        base: None,
    };
    bed.change(vec![write]).unwrap();
    assert_ne!(shape(&bed.cache), before);
    let bed = bed.reopened();
    assert_eq!(bed.value("Patient", "1").unwrap()["gender"], "male");
}

#[test]
fn s4_a_page_moves_with_its_cursor_and_its_audit_link() {
    let bed = Bed::new();
    let entries = || {
        vec![
            entry(1, &patient("1", "Okafor", "Ada")),
            entry(1, &condition("2", "1", "Asthma")),
            entry(1, &observation("3", "1", 70)),
        ]
    };
    let before = shape(&bed.cache);
    for table in [
        "compartment",
        "resource",
        "patient_term",
        "feed",
        "audit_queue",
        "chain",
    ] {
        break_table(&bed.cache, table);
        bed.cache
            .apply_page(&page("c9", entries()), at(0), seal)
            .expect_err(table);
        assert_eq!(shape(&bed.cache), before, "{table}");
        mend_table(&bed.cache, table);
    }
    bed.cache
        .apply_page(&page("c9", entries()), at(0), seal)
        .unwrap();
    let bed = bed.reopened();
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor.as_deref(), Some("c9"));
    assert_eq!(bed.cache.read(|cache| cache.head()).unwrap().number, 1);
    assert_eq!(bed.cache.read(|cache| cache.record_count()).unwrap(), 3);
}

#[test]
fn s4_fates_are_stored_whole_or_not_at_all() {
    let bed = Bed::new();
    bed.put(patient("1", "Okafor", "Ada"));
    bed.put(patient("2", "Okafor", "Ben"));
    let keys = bed.send();
    let reply = UploadReply {
        fates: vec![
            UploadFate {
                key: keys[0],
                fate: accepted(1, "Patient", "1"),
            },
            UploadFate {
                key: keys[1],
                fate: accepted(1, "Patient", "2"),
            },
        ],
    };
    let before = shape(&bed.cache);
    for table in ["outbox", "resource", "patient_card"] {
        break_table(&bed.cache, table);
        bed.cache
            .write("fates", |tx| tx.apply_fates(&reply, at(20)))
            .expect_err(table);
        assert_eq!(shape(&bed.cache), before, "{table}");
        mend_table(&bed.cache, table);
    }
    bed.cache
        .write("fates", |tx| tx.apply_fates(&reply, at(20)))
        .unwrap();
    assert_eq!(bed.counts().to_send, 0);
}

#[test]
fn s4_a_link_that_does_not_follow_is_refused_with_its_change() {
    let bed = Bed::new();
    bed.cache.record(seal).unwrap();
    let before = shape(&bed.cache);
    let change = Change {
        label: "test".to_owned(),
        writes: vec![Write::Put {
            resource: patient("1", "Okafor", "Ada"),
            base: None,
        }],
        at: at(1),
    };
    let error = bed
        .cache
        .write("test", |tx| tx.change(&change, |_| seal(&genesis())))
        .unwrap_err();
    assert!(matches!(error, StoreError::ChainBroken), "{error:?}");
    assert_eq!(shape(&bed.cache), before);
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let kept = bed.put(patient("2", "Okafor", "Ben"));
    let pages: i64 = bed
        .cache
        .on_writer(|db| db.pragma_query_value(None, "page_count", |row| row.get(0)))
        .unwrap();
    let limit = |pages: i64| {
        bed.cache.on_writer(|db| {
            db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                .unwrap();
        });
    };
    limit(pages + 1);
    let before = shape(&bed.cache);
    let big = "x".repeat(100_000);
    let mut note = condition("9", "1", &big);
    note["note"] = json!([{ "text": big }]);
    let error = bed
        .change(vec![Write::Put {
            resource: note.clone(),
            base: None,
        }])
        .unwrap_err();
    assert!(matches!(error, StoreError::DiskFull), "{error:?}");
    assert_eq!(error.code(), "disk-full");
    assert_eq!(shape(&bed.cache), before);
    let error = bed
        .cache
        .apply_page(&page("c2", vec![entry(1, &note)]), at(0), seal)
        .unwrap_err();
    assert!(matches!(error, StoreError::DiskFull), "{error:?}");
    assert_eq!(shape(&bed.cache), before);
    // Room again: the same change goes through, and what was there is there.
    limit(1_000_000);
    bed.change(vec![Write::Put {
        resource: note,
        base: None,
    }])
    .unwrap();
    let outbox = bed.cache.read(|cache| cache.outbox()).unwrap();
    assert_eq!(outbox.len(), 2);
    assert_eq!(outbox[0].key, kept);
}

#[test]
fn s4_files_copied_at_any_moment_open_with_every_acknowledged_write() {
    // What a kill -9 leaves is what the files hold between two system calls: copies taken
    // while a writer works stand for it. The log is copied first, then the file, so that a
    // checkpoint in between cannot make the copy newer than either.
    let bed = Bed::new();
    let dir = tempfile::tempdir().unwrap();
    for round in 0..12 {
        for n in 0..5 {
            bed.put(patient(&format!("p{round}-{n}"), "Okafor", "Ada"));
        }
        let draft = Draft {
            id: Uuid::from_u128(round),
            patient: "p0-0".to_owned(),
            body: json!({ "text": format!("typed {round}") }),
            begun: at(1),
            changed: at(round as i64),
        };
        bed.cache
            .write("draft", |tx| tx.keep_draft(&draft))
            .unwrap();
        // In the middle of a transaction: its pages are partly in the log, without a commit.
        let copy = dir.path().join(format!("{round}.db"));
        let _ = bed.cache.write("half", |tx| {
            for n in 0..40 {
                let change = Change {
                    label: "lost".to_owned(),
                    writes: vec![Write::Put {
                        resource: patient(&format!("lost{round}-{n}"), "Lost", "Ada"),
                        base: None,
                    }],
                    at: at(1),
                };
                tx.change(&change, seal)?;
            }
            tx.connection.cache_flush()?;
            let wal = bed.path().with_extension("db-wal");
            fs::copy(wal, copy.with_extension("db-wal")).unwrap();
            fs::copy(bed.path(), &copy).unwrap();
            Err::<(), _>(StoreError::Busy)
        });
        let opened = Cache::open(&copy, &key()).unwrap();
        assert!(opened.check().unwrap().is_whole(), "round {round}");
        opened
            .read(|cache| {
                let writes = (round as u64 + 1) * 5;
                assert_eq!(cache.head()?.number, writes);
                assert_eq!(cache.outbox()?.len() as u64, writes);
                assert_eq!(cache.patient_count()?, writes);
                assert_eq!(cache.drafts()?[0].body["text"], format!("typed {round}"));
                assert_eq!(cache.find_patients("lost", 5)?.cards.len(), 0);
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}

#[test]
fn a_loose_commit_becomes_durable_before_it_is_told() {
    let bed = Bed::new();
    let mut first = page("c1", vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    first.more = true;
    bed.cache.apply_page(&first, at(0), seal).unwrap();
    let level = |cache: &Cache| -> i64 {
        cache.on_writer(|db| {
            db.pragma_query_value(None, "synchronous", |row| row.get(0))
                .unwrap()
        })
    };
    assert_eq!(level(&bed.cache), 2, "back to FULL");
    assert!(bed.cache.is_loose());
    // A transaction that changes nothing syncs nothing.
    bed.cache
        .write("nothing", |_| Ok::<_, StoreError>(()))
        .unwrap();
    assert!(bed.cache.is_loose());
    assert_eq!(bed.cache.audit_batch(10).unwrap().len(), 1);
    assert!(!bed.cache.is_loose());
}
