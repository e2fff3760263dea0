//! Opening: key, settings, first query.

use crate::measure::{in_turn, millis, time};
use crate::row::{Budget, Figure, Row, RowError};
use crate::{clinic, plain};

const OPENINGS: usize = 100;

/// Open, key, first query.
pub struct CacheOpen;

impl Row for CacheOpen {
    fn name(&self) -> &'static str {
        "cache-open"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let folder = tempfile::tempdir()?;
        let (ours, peer) = (folder.path().join("ours.db"), folder.path().join("peer.db"));
        tell("filling");
        let cache = clinic::create(folder.path(), "ours.db")?;
        clinic::fill(&cache, 2_000, clinic::patient)?;
        drop(cache);
        plain::copy(&ours, &peer)?;
        let id = clinic::id(0, 1_000);
        tell("opening");
        let (value, peer) = in_turn(
            |_| {
                let (took, ()) = time(|| {
                    for _ in 0..OPENINGS {
                        let cache = cache::Cache::open(&ours, &clinic::key())?;
                        let record = cache.read(|reading| reading.record("Patient", &id))?;
                        std::hint::black_box(record.is_some());
                    }
                    Ok(())
                })?;
                Ok(millis(took) / OPENINGS as f64)
            },
            |_| {
                let (took, ()) = time(|| {
                    for _ in 0..OPENINGS {
                        let connection = plain::open(&peer)?;
                        let _: u32 =
                            connection
                                .pragma_query_value(None, "user_version", |row| row.get(0))?;
                        let json: String = connection.query_row(
                            "SELECT json FROM resource WHERE id = ?1 AND type = 'Patient'",
                            [&id],
                            |row| row.get(0),
                        )?;
                        std::hint::black_box(json.len());
                    }
                    Ok(())
                })?;
                Ok(millis(took) / OPENINGS as f64)
            },
        )?;
        Ok(vec![Figure::new(
            self.name(),
            value,
            "ms",
            Some(peer),
            Budget::RatioAtMost(1.6),
        )])
    }
}
