//! Opening a chart: audit durable, every record read and decoded.

use serde_json::Value;

use crate::clinic;
use crate::measure::{Chance, millis, percentile, time};
use crate::row::{Budget, Figure, Row, RowError};

const PATIENTS: usize = 200;
const RECORDS: usize = 2_000;
const SIZE: usize = 1_000;
const OPENINGS: usize = 200;

/// A chart of 2,000 resources among others like it, so that its pages are mostly cold.
pub struct ChartOpen;

impl Row for ChartOpen {
    fn name(&self) -> &'static str {
        "chart-open"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let folder = tempfile::tempdir()?;
        tell("filling");
        let cache = clinic::create(folder.path(), "ours.db")?;
        // Forty charts of two thousand resources make 80 MB: more than the page cache holds.
        let charts = PATIENTS / 5;
        clinic::fill(&cache, charts, clinic::patient)?;
        clinic::fill(&cache, charts * RECORDS, |n| {
            clinic::observation(n, n % charts, SIZE)
        })?;
        tell("opening");
        let mut chance = Chance(1);
        let mut times = Vec::with_capacity(OPENINGS);
        for _ in 0..OPENINGS {
            let id = clinic::id(0, chance.below(charts));
            let (took, read) = time(|| {
                cache.write("chart-opened", |tx| {
                    tx.note_opened(&id, clinic::at())?;
                    tx.record(clinic::seal)
                })?;
                let mut decoded = 0;
                cache.read(|reading| {
                    reading.each_of_patient(&id, &[], |record| {
                        let value: Value = serde_json::from_str(record.json)?;
                        decoded += usize::from(std::hint::black_box(value).is_object());
                        Ok::<_, RowError>(())
                    })
                })?;
                Ok(decoded)
            })?;
            if read <= RECORDS {
                return Err(RowError::Missing(format!("a chart has {read} records")));
            }
            times.push(millis(took));
        }
        let value = percentile(&mut times, 95);
        Ok(vec![Figure::new(
            "chart-open (p95)",
            value,
            "ms",
            None,
            Budget::AtMost(30.0),
        )])
    }
}
