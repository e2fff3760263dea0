//! Wrong keys, damaged files, files from the future, several openers.

use std::fs;
use std::thread;
use std::time::Duration;

use super::*;
use crate::OpenError;

#[test]
fn w1_a_wrong_key_is_said_to_be_wrong() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("1", "Okafor", "Ada"))]);
    let path = bed.path();
    let Bed { dir, cache } = bed;
    drop(cache);
    let error = Cache::open(&path, &CacheKey::new([43; 32])).unwrap_err();
    assert!(matches!(error, OpenError::WrongKey), "{error:?}");
    // The file is untouched: the right key opens it.
    Cache::open(&path, &key()).unwrap();
    drop(dir);
}

#[test]
fn nothing_is_made_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cache.db");
    assert!(matches!(
        Cache::open(&path, &key()).unwrap_err(),
        OpenError::Missing
    ));
    assert!(!path.exists());
    fs::write(&path, b"").unwrap();
    assert!(matches!(
        Cache::open(&path, &key()).unwrap_err(),
        OpenError::Corrupt(_)
    ));
    assert!(matches!(
        Cache::create(&path, &key(), &genesis()).unwrap_err(),
        OpenError::Exists
    ));
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::new();
    bed.put(patient("1", "Okafor", "Ada"));
    for file in fs::read_dir(bed.dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

/// A file with a few hundred pages, closed.
fn filled() -> (tempfile::TempDir, PathBuf) {
    let bed = Bed::new();
    let entries =
        (0..400).map(|n| entry(1, &patient(&format!("p{n}"), &format!("Family{n}"), "Ada")));
    bed.apply(entries.collect());
    let path = bed.path();
    let Bed { dir, cache } = bed;
    cache.checkpoint().unwrap();
    drop(cache);
    (dir, path)
}

#[test]
fn a_damaged_first_page_is_not_called_a_wrong_key() {
    let (_dir, path) = filled();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = Cache::open(&path, &key()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt(_)), "{error:?}");
    let error = Cache::open(&path, &CacheKey::new([43; 32])).unwrap_err();
    assert!(matches!(error, OpenError::WrongKey), "{error:?}");
}

#[test]
fn a_flipped_bit_anywhere_is_a_typed_error() {
    let (_dir, path) = filled();
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 40, "{pages}");
    for page in (1..pages).step_by(7) {
        let mut bytes = whole.clone();
        bytes[page * 4096 + (page * 131) % 4096] ^= 1 << (page % 8);
        fs::write(&path, &bytes).unwrap();
        let opened = Cache::open(&path, &key());
        let cache = match opened {
            Ok(cache) => cache,
            Err(error) => {
                assert!(
                    matches!(error, OpenError::Corrupt(_)),
                    "page {page}: {error:?}"
                );
                continue;
            }
        };
        // Somewhere in reading everything the page is met.
        let read = cache.read(|reading| {
            for n in 0..400 {
                reading.record("Patient", &format!("p{n}"))?;
            }
            reading.find_patients("family", 500)?;
            reading.find_patients("1980", 500)?;
            reading.find_patients("", 500)?;
            reading.outbox()?;
            Ok::<_, StoreError>(())
        });
        if let Err(error) = read {
            assert!(
                matches!(error, StoreError::Corrupt(_)),
                "page {page}: {error:?}"
            );
        }
        let integrity = cache.check();
        match integrity {
            Ok(found) => assert!(!found.is_whole(), "page {page} was not found"),
            Err(error) => {
                assert!(
                    matches!(error, StoreError::Corrupt(_)),
                    "page {page}: {error:?}"
                );
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
fn a_shortened_file_is_a_typed_error() {
    let (_dir, path) = filled();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let result = Cache::open(&path, &key())
        .map(|cache| cache.read(|reading| reading.find_patients("family", 500).map(|_| ())));
    match result {
        Err(OpenError::Corrupt(_)) | Ok(Err(StoreError::Corrupt(_))) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_schema_from_the_future_is_refused() {
    let bed = Bed::new();
    bed.cache
        .on_writer(|db| db.pragma_update(None, "user_version", 99))
        .unwrap();
    let path = bed.path();
    let Bed { dir, cache } = bed;
    drop(cache);
    let error = Cache::open(&path, &key()).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found: 99, .. }),
        "{error:?}"
    );
    drop(dir);
}

#[test]
fn two_openers_see_each_others_work() {
    let bed = Bed::new();
    let other = Cache::open(&bed.path(), &key()).unwrap();
    bed.put(patient("1", "Okafor", "Ada"));
    assert!(
        other
            .read(|cache| cache.record("Patient", "1"))
            .unwrap()
            .is_some()
    );
    other.record(seal).unwrap();
    bed.cache.record(seal).unwrap();
    assert_eq!(bed.cache.read(|cache| cache.head()).unwrap().number, 3);
}

#[test]
fn a_writer_that_waits_too_long_is_told_so() {
    let bed = Bed::new();
    let other = Cache::open(&bed.path(), &key()).unwrap();
    other
        .on_writer(|db| db.busy_timeout(Duration::from_millis(50)))
        .unwrap();
    let error = bed
        .cache
        .write("hold", |_| {
            Ok::<_, StoreError>(other.record(seal).unwrap_err())
        })
        .unwrap();
    assert!(matches!(error, StoreError::Busy), "{error:?}");
    other.record(seal).unwrap();
}

#[test]
fn readers_and_a_writer_work_side_by_side() {
    let bed = Bed::new();
    bed.apply(
        (0..50)
            .map(|n| entry(1, &patient(&format!("p{n}"), "Okafor", "Ada")))
            .collect(),
    );
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..40 {
                    let hits = bed
                        .cache
                        .read(|cache| cache.find_patients("oka", 100))
                        .unwrap();
                    assert_eq!(hits.cards.len(), 50);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                bed.cache.record(seal).unwrap();
            }
        });
    });
    assert_eq!(bed.cache.read(|cache| cache.head()).unwrap().number, 21);
}

#[test]
fn a_panic_in_a_transaction_leaves_the_cache_usable() {
    let bed = Bed::new();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = bed.cache.write("panics", |tx| {
            tx.record(seal)?;
            if tx.head()?.number == 1 {
                panic!("on purpose");
            }
            Ok::<_, StoreError>(())
        });
    }));
    assert!(result.is_err());
    assert_eq!(bed.cache.read(|cache| cache.head()).unwrap().number, 0);
    bed.cache.record(seal).unwrap();
}
