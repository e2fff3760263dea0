//! Random reads in a store that is larger than the page cache.

use load::chance::Chance;

use crate::measure::{in_turn, rate};
use crate::row::{Budget, Figure, Row, RowError};
use crate::{clinic, plain};

const RECORDS: usize = 50_000;
const READS: usize = 20_000;

/// 20,000 random reads among 50,000 resources of 2 KB.
pub struct CacheRead;

impl Row for CacheRead {
    fn name(&self) -> &'static str {
        "cache-read"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let folder = tempfile::tempdir()?;
        let (ours, peer) = (folder.path().join("ours.db"), folder.path().join("peer.db"));
        tell("filling");
        let cache = clinic::create(folder.path(), "ours.db")?;
        clinic::fill(&cache, RECORDS, |n| {
            clinic::observation(n, n / 50, clinic::size(n))
        })?;
        drop(cache);
        plain::copy(&ours, &peer)?;
        tell("reading");
        let cache = cache::Cache::open(&ours, &clinic::key())?;
        let connection = plain::open(&peer)?;
        let ids: Vec<String> = (0..RECORDS).map(|n| clinic::id(1, n)).collect();
        let (value, peer) = in_turn(
            |round| {
                let mut chance = Chance(round as u64);
                rate(READS, || {
                    for _ in 0..READS {
                        let id = &ids[chance.below(RECORDS)];
                        let record = cache.read(|reading| reading.record("Observation", id))?;
                        let record = record.ok_or_else(|| missing(id))?;
                        std::hint::black_box(record.json.len());
                    }
                    Ok(())
                })
            },
            |round| {
                let mut chance = Chance(round as u64);
                rate(READS, || {
                    for _ in 0..READS {
                        let id = &ids[chance.below(RECORDS)];
                        let mut statement = connection.prepare_cached(
                            "SELECT type, id, version, updated, json FROM resource
                             WHERE id = ?1 AND type = ?2",
                        )?;
                        let json: String =
                            statement.query_row([id.as_str(), "Observation"], |row| {
                                let _: (String, String) = (row.get(0)?, row.get(1)?);
                                let _: (i64, i64) = (row.get(2)?, row.get(3)?);
                                row.get(4)
                            })?;
                        std::hint::black_box(json.len());
                    }
                    Ok(())
                })
            },
        )?;
        Ok(vec![Figure::new(
            self.name(),
            value,
            "reads/s",
            Some(peer),
            Budget::RatioAtLeast(0.5),
        )])
    }
}

fn missing(id: &str) -> RowError {
    RowError::Missing(format!("record {id} is not in the cache"))
}
