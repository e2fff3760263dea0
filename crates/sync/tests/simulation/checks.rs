//! What must be so, at any moment and in the end.

use std::collections::BTreeSet;

use cache::{Counts, Reading, Standing, StoreError};
use uuid::Uuid;

use crate::server::{Name, Server};
use crate::tokens;
use crate::world::World;

/// After each step: the cursor is never ahead of the data, drafts stand, and every word that
/// was acknowledged is on the server, once, or in an outbox; conflicts are in it, too.
pub fn at_any_moment(world: &mut World) {
    for device in 0..world.devices.len() {
        if std::mem::take(&mut world.devices[device].changed) {
            world.devices[device].outbox = of_device(world, device);
        }
    }
    let outboxes = || world.devices.iter().map(|device| &device.outbox);
    let waiting = |word: &String| outboxes().any(|outbox| outbox.contains(word));
    let written = |word: &String| world.server.written.get(word).copied().unwrap_or(0);
    for word in &world.truth.kept {
        let times = written(word);
        // A person who keeps their version may put back what was replaced meanwhile.
        let by_hand = world.server.epoch > 0 || world.server.decided.contains(word);
        assert!(times <= 1 || by_hand, "{word} was written {times} times");
        assert!(
            times > 0 || waiting(word) || world.truth.let_go.contains(word),
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

/// What must be so of one workstation. Gives the words that wait in its outbox.
fn of_device(world: &World, device: usize) -> BTreeSet<String> {
    let here = &world.devices[device];
    here.cache()
        .read(|reading| {
            cursor_behind_data(reading, &world.server)?;
            let draft = reading.draft(Uuid::from_u128(device as u128 + 1))?;
            let text = draft.and_then(|draft| draft.body["text"].as_str().map(str::to_owned));
            assert_eq!(text.as_ref(), world.truth.drafts.get(&device), "the draft");
            let unsent = reading.unsent_changes()?;
            let records = unsent.iter().flat_map(|change| &change.records);
            let mine = records.filter_map(|record| record.mine.as_ref());
            Ok::<_, StoreError>(tokens::of_all(mine))
        })
        .unwrap()
}

/// Every commit before the cursor is here, or waits in the outbox with what was changed here.
fn cursor_behind_data(reading: &Reading<'_>, server: &Server) -> Result<(), StoreError> {
    let Some(cursor) = reading.position()?.cursor else {
        return Ok(());
    };
    let Some(read) = server.position(Some(&cursor)) else {
        // Of an earlier life: it says nothing about this one.
        return Ok(());
    };
    let pending: BTreeSet<Name> = reading
        .outbox()?
        .into_iter()
        .flat_map(|line| line.records)
        .collect();
    for (name, versions) in &server.books.records {
        let passed = versions.iter().filter(|stored| stored.position < read);
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
                for name in server.books.records.keys() {
                    let (version, stored) = server.current(name).unwrap();
                    let record = reading.record(&name.0, &name.1)?.unwrap();
                    assert_eq!(record.version, version, "{name:?} on {}", device.number);
                    assert_eq!(record.standing, Standing::Confirmed);
                    let there = stored.body.as_ref().unwrap();
                    assert_eq!(&record.value()?, there, "{name:?} on {}", device.number);
                }
                assert_eq!(reading.counts()?, Counts::default());
                assert_eq!(reading.record_count()?, server.books.records.len() as u64);
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

/// The words of all records as they stand.
pub fn heads(server: &Server) -> BTreeSet<String> {
    let records = server.books.records.values();
    tokens::of_all(records.filter_map(|versions| versions.last()?.body.as_ref()))
}

/// Whether a word is there, was let go, or was replaced by one of which that is so.
fn went_on(world: &World, now: &BTreeSet<String>, word: &str) -> bool {
    let replaced_by = |(by, (replaced, _)): (&String, &(Option<String>, _))| {
        replaced.as_deref() == Some(word)
            && world.truth.kept.contains(by)
            && went_on(world, now, by)
    };
    now.contains(word)
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
