//! Charts, directories and the calendar.

use super::*;
use crate::Standing;

#[test]
fn a_chart_is_read_in_the_order_of_its_types() {
    let bed = Bed::new();
    let mut entries = Vec::new();
    for n in 0..30 {
        entries.push(entry(
            1,
            &observation(&format!("o{n}"), &format!("{}", n % 3), n),
        ));
    }
    for n in 0..3 {
        entries.push(entry(
            1,
            &condition(&format!("k{n}"), &format!("{n}"), "Asthma"),
        ));
        entries.push(entry(1, &patient(&format!("{n}"), "Okafor", "Ada")));
    }
    entries.push(entry(
        1,
        &json!({ "resourceType": "Practitioner", "id": "d" }),
    ));
    bed.apply(entries);
    bed.put(observation("mine", "1", 99));
    let mut found = Vec::new();
    bed.cache
        .read(|cache| {
            cache.each_of_patient("1", &[], |record| {
                found.push((
                    record.resource_type.to_owned(),
                    record.id.to_owned(),
                    record.standing,
                ));
                Ok::<_, StoreError>(())
            })
        })
        .unwrap();
    assert_eq!(found.len(), 13);
    let types: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(types[..2], ["Patient", "Condition"]);
    assert!(types[2..].iter().all(|name| *name == "Observation"));
    let mine = found.iter().find(|(_, id, _)| id == "mine").unwrap();
    assert_eq!(mine.2, Standing::Saved);
    let read = |types: &[&str]| {
        let mut count = 0;
        bed.cache
            .read(|cache| {
                cache.each_of_patient("1", types, |_| {
                    count += 1;
                    Ok::<_, StoreError>(())
                })
            })
            .unwrap();
        count
    };
    assert_eq!(read(&["Condition", "Patient"]), 2);
    assert_eq!(read(&["Spaceship"]), 0);
    assert_eq!(
        bed.cache
            .read(|cache| cache.directory("Practitioner"))
            .unwrap()
            .len(),
        1
    );
    let owner = bed
        .cache
        .read(|cache| cache.patient_of("Observation", "mine"))
        .unwrap();
    assert_eq!(owner.as_deref(), Some("1"));
    assert_eq!(bed.cache.read(|cache| cache.patient_count()).unwrap(), 3);
}

#[test]
fn a_reader_stops_where_its_caller_does() {
    let bed = Bed::new();
    bed.apply(
        (0..5)
            .map(|n| entry(1, &observation(&format!("o{n}"), "1", n)))
            .collect(),
    );
    let mut seen = 0;
    let error = bed
        .cache
        .read(|cache| {
            cache.each_of_patient("1", &[], |_| {
                seen += 1;
                if seen == 2 {
                    Err(StoreError::Busy)
                } else {
                    Ok(())
                }
            })
        })
        .unwrap_err();
    assert!(matches!(error, StoreError::Busy));
    assert_eq!(seen, 2);
}

fn appointment(id: &str, doctor: &str, start: &str, end: &str) -> Value {
    json!({ "resourceType": "Appointment", "id": id, "status": "booked", "start": start, "end": end,
        "participant": [
            { "actor": { "reference": "Patient/1" } },
            { "actor": { "reference": format!("Practitioner/{doctor}") } }] })
}

#[test]
fn appointments_are_found_by_time_and_practitioner() {
    let bed = Bed::new();
    bed.apply(
        [
            appointment(
                "a",
                "d1",
                "2026-11-23T09:00:00+01:00",
                "2026-11-23T09:30:00+01:00",
            ),
            appointment("b", "d2", "2026-11-23T10:00:00Z", "2026-11-23T10:30:00Z"),
            appointment("c", "d1", "2026-11-24T10:00:00Z", "2026-11-24T10:30:00Z"),
            appointment("long", "d1", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            appointment(
                "before",
                "d1",
                "2026-11-22T23:00:00Z",
                "2026-11-23T00:00:00Z",
            ),
            appointment(
                "across",
                "d1",
                "2026-11-22T23:50:00Z",
                "2026-11-23T00:10:00Z",
            ),
            json!({ "resourceType": "Appointment", "id": "untimed", "status": "proposed",
                "participant": [{ "actor": { "reference": "Patient/1" } }] }),
            json!({ "resourceType": "Slot", "id": "s", "status": "free",
                "schedule": { "reference": "Schedule/1" },
                "start": "2026-11-23T08:00:00Z", "end": "2026-11-23T12:00:00Z" }),
        ]
        .iter()
        .map(|resource| entry(1, resource))
        .collect(),
    );
    let day = |doctor: Option<&str>| -> Vec<String> {
        let from = "2026-11-23T00:00:00Z".parse().unwrap();
        let to = "2026-11-24T00:00:00Z".parse().unwrap();
        let found = bed
            .cache
            .read(|cache| cache.appointments(from, to, doctor))
            .unwrap();
        found.into_iter().map(|record| record.id).collect()
    };
    assert_eq!(day(None), ["long", "across", "a", "b"]);
    assert_eq!(day(Some("d1")), ["long", "across", "a"]);
    assert_eq!(day(Some("d2")), ["b"]);
    assert_eq!(day(Some("d3")), [] as [&str; 0]);
    // Moved to another day and doctor: the id stays, the calendar follows.
    bed.put(appointment(
        "a",
        "d2",
        "2026-11-23T15:00:00Z",
        "2026-11-23T15:30:00Z",
    ));
    assert_eq!(day(Some("d1")), ["long", "across"]);
    assert_eq!(day(Some("d2")), ["b", "a"]);
    let from = "2026-11-23T00:00:00Z".parse().unwrap();
    let to = "2026-11-24T00:00:00Z".parse().unwrap();
    let slots = bed.cache.read(|cache| cache.slots(from, to)).unwrap();
    assert_eq!(slots.len(), 1);
    let chart = bed
        .cache
        .read(|cache| cache.of_patient("1", "Appointment"))
        .unwrap();
    assert_eq!(chart.len(), 7, "untimed ones are in the chart");
}

#[test]
fn a_patient_is_in_its_own_compartment_whatever_the_feed_says() {
    let bed = Bed::new();
    let without = |id: &str| SyncEntry {
        patient: None,
        ..entry(1, &patient(id, "Okafor", "Ada"))
    };
    let applied = bed.apply(vec![without("1"), without("2")]);
    assert_eq!(applied.stored, 2);
    assert_eq!(
        bed.cache
            .read(|cache| cache.of_patient("2", "Patient"))
            .unwrap()
            .len(),
        1
    );
}
