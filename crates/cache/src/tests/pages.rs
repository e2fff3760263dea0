//! A bit turned over in a page of every kind is noticed, and what else is there can be read.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::{Draft, OpenError};

const PAGE: usize = 4096;

/// A closed file that has pages of all kinds, and the number of one page of each.
fn with_all_kinds() -> (tempfile::TempDir, PathBuf, BTreeMap<&'static str, usize>) {
    let bed = Bed::new();
    bed.apply(
        (0..300)
            .map(|n| entry(1, &patient(&format!("p{n}"), &format!("Family{n}"), "Ada")))
            .collect(),
    );
    let long = "x".repeat(60_000);
    bed.put(condition("long", "p1", &long));
    let draft = Draft {
        id: Uuid::from_u128(1),
        patient: "p2".to_owned(),
        body: json!({ "subjective": "the only copy" }),
        begun: at(1),
        changed: at(1),
    };
    bed.cache
        .write("draft", |tx| tx.keep_draft(&draft))
        .unwrap();
    // What a removed draft leaves: free pages.
    let gone = Draft {
        id: Uuid::from_u128(2),
        body: json!({ "subjective": long }),
        ..draft
    };
    bed.cache.write("draft", |tx| tx.keep_draft(&gone)).unwrap();
    bed.cache
        .write("draft", |tx| tx.discard_draft(gone.id))
        .unwrap();
    bed.cache.checkpoint().unwrap();
    let kinds = bed.cache.on_writer(kinds_of);
    let path = bed.path();
    let Bed { dir, cache } = bed;
    drop(cache);
    (dir, path, kinds)
}

fn kinds_of(db: &rusqlite::Connection) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::from([("header", 1)]);
    let one = |sql: &str| -> usize { db.query_row(sql, [], |row| row.get(0)).unwrap() };
    for (kind, name) in [
        ("interior", "internal"),
        ("leaf", "leaf"),
        ("overflow", "overflow"),
    ] {
        let sql =
            format!("SELECT max(pageno) FROM dbstat WHERE pagetype = '{name}' AND pageno > 1");
        kinds.insert(kind, one(&sql));
    }
    // The schema is a tree as well: pages that no tree has are free.
    let all = one("PRAGMA page_count");
    let used: Vec<usize> = db
        .prepare("SELECT pageno FROM dbstat")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let free = (2..=all).rfind(|page| !used.contains(page)).unwrap();
    kinds.insert("freelist", free);
    kinds
}

#[test]
fn a_bit_turned_over_in_any_kind_of_page_is_noticed() {
    let (_dir, path, kinds) = with_all_kinds();
    let whole = fs::read(&path).unwrap();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    for (kind, page) in &kinds {
        // Content, initialisation vector and tag; of the first page the salt as well.
        for place in [0, 40, 2000, PAGE - 40, PAGE - 1] {
            let mut bytes = whole.clone();
            bytes[(page - 1) * PAGE + place] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            match Cache::open(&path, &key()) {
                Ok(cache) => {
                    let found = cache.check();
                    let noticed = match &found {
                        Ok(integrity) => !integrity.is_whole(),
                        Err(error) => matches!(error, StoreError::Corrupt(_)),
                    };
                    assert!(noticed, "{kind} page {page} at {place}: {found:?}");
                }
                // A changed salt makes another key of ours: as good as a wrong one.
                Err(OpenError::Corrupt(_) | OpenError::WrongKey) => assert_eq!(*kind, "header"),
                Err(error) => panic!("{kind} page {page} at {place}: {error:?}"),
            }
        }
    }
    fs::write(&path, &whole).unwrap();
    assert!(
        Cache::open(&path, &key())
            .unwrap()
            .check()
            .unwrap()
            .is_whole()
    );
}

#[test]
fn what_a_damaged_page_does_not_hold_can_still_be_read() {
    let (_dir, path, kinds) = with_all_kinds();
    let whole = fs::read(&path).unwrap();
    for kind in ["overflow", "freelist"] {
        let mut bytes = whole.clone();
        bytes[(kinds[kind] - 1) * PAGE + 100] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let cache = Cache::open(&path, &key()).unwrap();
        let drafts = cache.read(|cache| cache.drafts()).unwrap();
        assert_eq!(drafts[0].body["subjective"], "the only copy", "{kind}");
        let one = cache.read(|cache| cache.record("Patient", "p7")).unwrap();
        assert!(one.is_some(), "{kind}");
    }
}

#[test]
fn a_bit_turned_over_in_the_log_leaves_a_state_that_was_committed() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    bed.cache.checkpoint().unwrap();
    for n in 0..20 {
        bed.put(patient(&format!("p{n}"), "Okafor", "Ada"));
    }
    // As a kill leaves it: the log is not carried over.
    let copy = tempfile::tempdir().unwrap();
    let (file, log) = (
        copy.path().join("cache.db"),
        copy.path().join("cache.db-wal"),
    );
    let written = fs::read(bed.path().with_extension("db-wal")).unwrap();
    let frame = PAGE + 24;
    let frames = (written.len() - 32) / frame;
    assert!(frames > 40, "{frames}");
    let mut shortest = u64::MAX;
    for number in (0..frames).step_by(frames / 13) {
        for place in [4, 8, 20, 24, 24 + PAGE - 1] {
            let mut bytes = written.clone();
            bytes[32 + number * frame + place] ^= 4;
            fs::copy(bed.path(), &file).unwrap();
            fs::write(&log, &bytes).unwrap();
            let cache = Cache::open(&file, &key());
            let cache = match cache {
                Ok(cache) => cache,
                // The log held the schema.
                Err(OpenError::Corrupt(_)) => continue,
                Err(error) => panic!("frame {number} at {place}: {error:?}"),
            };
            assert!(
                cache.check().unwrap().is_whole(),
                "frame {number} at {place}"
            );
            let (head, outbox, patients) = cache
                .read(|cache| {
                    Ok::<_, StoreError>((
                        cache.head()?.number,
                        cache.outbox()?.len() as u64,
                        cache.patient_count()?,
                    ))
                })
                .unwrap();
            shortest = shortest.min(outbox);
            assert_eq!((patients, head), (outbox + 1, outbox + 1));
        }
    }
    assert!(shortest < 20, "no flip was met");
}
