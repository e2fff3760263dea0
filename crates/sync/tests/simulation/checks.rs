//! What must be so, at any moment and in the end.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::device::Device;
use crate::server::{Name, Server};

/// The cursor is never ahead of the data: every commit before it is here, or waits in the
/// outbox with what was changed here.
pub fn cursor_behind_data(device: &Device, server: &Server) {
    device
        .cache()
        .read(|reading| {
            let position = reading.position()?;
            let read: usize = position.cursor.map_or(0, |text| text.parse().unwrap());
            let pending: BTreeSet<Name> = reading
                .outbox()?
                .into_iter()
                .flat_map(|line| line.records)
                .collect();
            for (name, version) in &server.log[..read] {
                if pending.contains(name) {
                    continue;
                }
                let record = reading.record(&name.0, &name.1)?;
                let known = record.map_or(0, |record| record.version);
                let deleted = server.current(name).unwrap().1.body.is_none();
                assert!(
                    known >= *version || (known == 0 && deleted),
                    "cursor {read} is past {name:?} version {version}, known is {known}"
                );
            }
            Ok::<_, cache::StoreError>(())
        })
        .unwrap();
}

/// All workstations hold what the server holds.
pub fn converged(device: &Device, server: &Server) {
    device
        .cache()
        .read(|reading| {
            for name in server.records.keys() {
                let (version, stored) = server.current(name).unwrap();
                let record = reading.record(&name.0, &name.1)?;
                match (&stored.body, record) {
                    (None, None) => {}
                    (Some(body), Some(record)) => {
                        assert_eq!(record.version, version, "{name:?} on {}", device.number);
                        assert_eq!(record.standing, cache::Standing::Confirmed);
                        assert_eq!(&record.value()?, body, "{name:?} on {}", device.number);
                    }
                    (body, record) => panic!("{name:?}: {body:?} there, {record:?} here"),
                }
            }
            let counts = reading.counts()?;
            assert_eq!(counts, cache::Counts::default(), "device {}", device.number);
            assert_eq!(reading.record_count()?, alive(server));
            Ok::<_, cache::StoreError>(())
        })
        .unwrap();
}

fn alive(server: &Server) -> u64 {
    server
        .records
        .values()
        .filter(|versions| versions.last().unwrap().body.is_some())
        .count() as u64
}

/// How often a record's field went from something else to `token`.
pub fn times_written(server: &Server, name: &Name, field: &str, token: &str) -> usize {
    let mut before: Option<&Value> = None;
    let mut times = 0;
    for stored in server.records.get(name).into_iter().flatten() {
        let now = stored.body.as_ref().and_then(|body| body.get(field));
        if now.and_then(Value::as_str) == Some(token) && before != now {
            times += 1;
        }
        before = now;
    }
    times
}
