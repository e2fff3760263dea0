//! What is not needed just now takes no memory, and is there again when it is.

use super::*;
use crate::rest::held;

const PATIENTS: usize = 300;

fn count(bed: &Bed) -> usize {
    bed.cache
        .read(|reading| {
            let held = held(reading.connection);
            let found = (0..PATIENTS).filter(|n| {
                let record = reading.record("Patient", &format!("p{n}"));
                record.unwrap().is_some()
            });
            Ok::<_, StoreError>((found.count(), held))
        })
        .unwrap()
        .0
}

fn held_by_reader(bed: &Bed) -> u64 {
    bed.cache
        .read(|reading| Ok::<_, StoreError>(held(reading.connection)))
        .unwrap()
}

#[test]
fn a_cache_at_rest_holds_next_to_no_pages_and_loses_nothing() {
    let bed = Bed::new();
    let many = (0..PATIENTS)
        .map(|n| entry(1, &patient(&format!("p{n}"), &format!("Family{n}"), "Ada")))
        .collect();
    bed.apply(many);
    assert_eq!(count(&bed), PATIENTS);
    let warm = held_by_reader(&bed) + bed.cache.on_writer(held);
    let freed = bed.cache.rest().unwrap();
    let cold = held_by_reader(&bed) + bed.cache.on_writer(held);
    assert!(freed > 0, "nothing was freed of {warm}");
    assert!(cold * 4 < warm, "{cold} of {warm} bytes are still held");
    assert_eq!(count(&bed), PATIENTS);
}

/// Rest is for whoever is idle: others work on, and what they hold stays theirs.
#[test]
fn rest_waits_for_nobody_and_disturbs_nobody() {
    let bed = Bed::new();
    bed.apply(vec![entry(1, &patient("p1", "Okafor", "Ada"))]);
    let found = bed.cache.write("while resting", |tx| {
        bed.cache.rest()?;
        bed.cache.read(|_| {
            bed.cache.rest()?;
            bed.cache.read(|reading| reading.patient_count())
        })?;
        tx.patient_count()
    });
    assert_eq!(found.unwrap(), 1);
    assert_eq!(bed.cache.spare_readers().len(), 1);
}
