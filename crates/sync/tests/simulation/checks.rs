//! What must be so, at any moment and in the end.

use std::collections::BTreeSet;

use cache::{Counts, Reading, Standing, StoreError};
use uuid::Uuid;

use crate::device::Device;
use crate::scope::{CHART, words_in};
use crate::server::{Name, Server};
use crate::tokens;
use crate::world::World;

/// After each step: the cursor is never ahead of the data, drafts stand, and every word that
/// was acknowledged is on the server, once, or in an outbox; conflicts are in it, too.
pub fn at_any_moment(world: &mut World) {
    for device in 0..world.devices.len() {
        if std::mem::take(&mut world.devices[device].changed) {
            let (outbox, sealed) = of_device(world, device);
            draft_stands(world, device, &sealed);
            world.devices[device].outbox = outbox;
            world.devices[device].sealed = sealed;
        }
    }
    let outboxes = || world.devices.iter().map(|device| &device.outbox);
    let aside = || world.devices.iter().map(|device| &device.sealed);
    let waiting = |word: &String| outboxes().any(|outbox| outbox.contains(word));
    let sealed = |word: &String| aside().any(|sealed| sealed.contains(word));
    let written = |word: &String| world.server.written.get(word).copied().unwrap_or(0);
    for word in &world.truth.kept {
        let times = written(word);
        // A person who keeps their version may put back what was replaced meanwhile.
        let by_hand = world.server.restored || world.server.decided.contains(word);
        assert!(times <= 1 || by_hand, "{word} was written {times} times");
        assert!(
            times > 0 || waiting(word) || sealed(word) || world.truth.let_go.contains(word),
            "{word} was acknowledged and is nowhere"
        );
    }
    for word in &world.truth.never {
        assert!(
            written(word) == 0 && !waiting(word),
            "{word} was undone and is there"
        );
    }
}

/// What must be so of one workstation. Gives the words that wait in its outbox, and those that
/// are sealed there.
fn of_device(world: &World, device: usize) -> (BTreeSet<String>, BTreeSet<String>) {
    let here = &world.devices[device];
    here.cache()
        .read(|reading| {
            cursor_behind_data(reading, &world.server, device)?;
            nothing_of_charts_that_left(reading, world)?;
            let unsent = reading.unsent()?;
            let records = unsent.changes.iter().flat_map(|change| &change.records);
            let mine = records.filter_map(|record| record.mine.as_ref());
            let outbox = tokens::of_all(mine);
            let mut sealed = BTreeSet::new();
            for aside in reading.kept_aside()? {
                sealed.extend(words_in(&reading.sealed_work(aside.id)?.unwrap()));
            }
            Ok::<_, StoreError>((outbox, sealed))
        })
        .unwrap()
}

/// A draft is as it was typed last, until its chart leaves; then it is sealed.
fn draft_stands(world: &mut World, device: usize, sealed: &BTreeSet<String>) {
    let cache = world.devices[device].cache();
    let id = Uuid::from_u128(device as u128 + 1);
    let draft = cache.read(|reading| reading.draft(id)).unwrap();
    let text = draft.and_then(|draft| draft.body["text"].as_str().map(str::to_owned));
    let typed = world.truth.drafts.get(&device);
    if text.is_none() && typed.is_some_and(|typed| sealed.contains(typed)) {
        world.tally.count("drafts sealed");
        world.truth.drafts.remove(&device);
        return;
    }
    assert_eq!(text.as_ref(), typed, "the draft");
}

/// Of a chart that is not here nothing is: no record, no change, no draft.
fn nothing_of_charts_that_left(reading: &Reading<'_>, world: &World) -> Result<(), StoreError> {
    let standing = world.server.books.records.keys();
    let patients: BTreeSet<&String> = standing
        .filter(|name| name.0 == "Patient")
        .map(|name| &name.1)
        .chain(&world.newcomers)
        .collect();
    let unsent = reading.unsent()?;
    for patient in patients {
        if reading.has_chart(patient)? {
            continue;
        }
        for kind in CHART {
            let found = reading.of_patient(patient, kind)?;
            assert!(
                found.is_empty(),
                "{kind} of {patient}, whose chart is not here"
            );
        }
        let records = unsent.changes.iter().flat_map(|change| &change.records);
        for record in records.filter(|record| CHART.contains(&record.resource_type.as_str())) {
            for side in [&record.base, &record.mine, &record.theirs] {
                let of = side.as_ref().and_then(fhir::compartment::patient_of);
                assert_ne!(of.as_ref(), Some(patient), "a change in a chart that left");
            }
        }
        let drafts = unsent.drafts.iter().any(|draft| draft.patient == *patient);
        assert!(!drafts, "a draft of {patient}, whose chart is not here");
    }
    Ok(())
}

/// Every commit before the cursor is here, or waits in the outbox with what was changed here.
fn cursor_behind_data(
    reading: &Reading<'_>,
    server: &Server,
    device: usize,
) -> Result<(), StoreError> {
    let Some(cursor) = reading.position()?.cursor else {
        return Ok(());
    };
    if server.is_unsaid() {
        return Ok(());
    }
    let Some(place) = server.place(device, Some(&cursor)) else {
        // Of an earlier life: it says nothing about this one.
        return Ok(());
    };
    let pending: BTreeSet<Name> = reading
        .outbox()?
        .into_iter()
        .flat_map(|line| line.records)
        .collect();
    for (name, versions) in &server.books.records {
        let chart = server.chart_of(name);
        if chart.is_some_and(|patient| !place.held.contains(&patient)) {
            continue;
        }
        let passed = versions
            .iter()
            .filter(|stored| stored.position < place.read);
        let passed = passed.count() as u64;
        if passed == 0 || pending.contains(name) {
            continue;
        }
        let record = reading.record(&name.0, &name.1)?;
        let known = record.map_or(0, |record| record.version);
        assert!(
            known >= passed,
            "cursor {cursor} is past {name:?} version {passed}, known is {known}"
        );
    }
    Ok(())
}

/// All workstations hold what the server holds, nothing waits, and every view has its event.
pub fn at_rest(world: &mut World) {
    at_any_moment(world);
    let server = &world.server;
    for device in &world.devices {
        device
            .cache()
            .read(|reading| {
                let wanted = server.wanted(device.number);
                let mut count = 0;
                for name in server.books.records.keys() {
                    let chart = server.chart_of(name);
                    if chart.is_some_and(|patient| !wanted.contains(&patient)) {
                        continue;
                    }
                    count += 1;
                    let (version, stored) = server.current(name).unwrap();
                    let record = reading.record(&name.0, &name.1)?.unwrap();
                    assert_eq!(record.version, version, "{name:?} on {}", device.number);
                    assert_eq!(record.standing, Standing::Confirmed);
                    let there = stored.body.as_ref().unwrap();
                    assert_eq!(&record.value()?, there, "{name:?} on {}", device.number);
                }
                assert_eq!(reading.counts()?, Counts::default());
                for aside in reading.kept_aside()? {
                    let review = server.books.reviews.get(&aside.id);
                    assert!(review.is_some(), "sealed work opened no review: {aside:?}");
                }
                assert_eq!(
                    reading.record_count()?,
                    count,
                    "device {} keeps {:?}",
                    device.number,
                    beyond_scope(reading, world, device)?
                );
                for patient in &wanted {
                    assert!(reading.has_chart(patient)?, "the chart of {patient}");
                }
                let (known, links) = &server.books.chains[&device.number];
                assert_eq!(*known, reading.head()?);
                assert_eq!(links.len() as u64, known.number);
                for (_, word) in world
                    .truth
                    .shown
                    .iter()
                    .filter(|(n, _)| *n == device.number)
                {
                    let events = links.iter().filter(|link| link.event["what"] == **word);
                    assert_eq!(events.count(), 1, "{word} was shown");
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}

/// What is in charts that the user of a workstation may not see, for whoever reads a failure.
fn beyond_scope(
    reading: &Reading<'_>,
    world: &World,
    device: &Device,
) -> Result<Vec<Name>, StoreError> {
    let wanted = world.server.wanted(device.number);
    let mut found = Vec::new();
    let standing = world.server.books.records.keys();
    let known = standing.map(|name| &name.1).chain(&world.newcomers);
    for patient in known.filter(|patient| !wanted.contains(*patient)) {
        for kind in CHART {
            let records = reading.of_patient(patient, kind)?.into_iter();
            found.extend(records.map(|record| (record.resource_type, record.id)));
        }
    }
    Ok(found)
}

/// The words of all records as they stand, where any workstation still has them. A chart that
/// nobody may keep is in the backup or nowhere.
pub fn heads(world: &World) -> BTreeSet<String> {
    let kept = |name: &Name| {
        let mut devices = world.devices.iter().map(Device::cache);
        devices.any(|cache| {
            let record = cache.read(|reading| reading.record(&name.0, &name.1));
            record.unwrap().is_some()
        })
    };
    let records = world.server.books.records.iter();
    tokens::of_all(
        records
            .filter(|(name, _)| kept(name))
            .filter_map(|(_, versions)| versions.last()?.body.as_ref()),
    )
}

/// Whether a word is there, was let go, or was replaced by one of which that is so.
fn went_on(world: &World, now: &BTreeSet<String>, word: &str) -> bool {
    let replaced_by = |(by, (replaced, _)): (&String, &(Option<String>, _))| {
        replaced.as_deref() == Some(word)
            && world.truth.kept.contains(by)
            && went_on(world, now, by)
    };
    let mut reviews = world.server.books.reviews.values();
    now.contains(word)
        || reviews.any(|review| review.contains(word))
        || world.truth.let_go.contains(word)
        || world.server.knowing.iter().any(replaced_by)
}

/// What the server had before it was restored, it was given again.
pub fn nothing_stayed_lost(world: &mut World, heads: &BTreeSet<String>) {
    let versions = world.server.books.records.values().flatten();
    let now = tokens::of_all(versions.filter_map(|stored| stored.body.as_ref()));
    let lost: Vec<_> = heads
        .iter()
        .filter(|word| !went_on(world, &now, word))
        .collect();
    assert!(lost.is_empty(), "the restored server did not get {lost:?}");
    // As many as came back; most seeds lose something.
    let again = heads.intersection(&now).count() as u64;
    world.tally.more("records offered again", again);
}
