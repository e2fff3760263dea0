//! Who may be the same, among 100,000 patients: what registering somebody waits for after a pause
//! in typing, and what comparing each patient that a sync brought costs.

use load::chance::Chance;
use serde_json::json;

use crate::clinic;
use crate::measure::{millis, percentile, time};
use crate::row::{Budget, Figure, Row, RowError};

const PATIENTS: usize = 100_000;
const ASKED: usize = 400;
const SHOWN: usize = 5;

/// A patient registered a second time, with one letter less in the given name.
pub struct FindDuplicates;

impl Row for FindDuplicates {
    fn name(&self) -> &'static str {
        "find-duplicates"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let folder = tempfile::tempdir()?;
        tell("filling");
        let cache = clinic::create(folder.path(), "ours.db")?;
        clinic::fill(&cache, PATIENTS, clinic::patient)?;
        tell("registering");
        let mut chance = Chance(9);
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let mut patient = clinic::patient(chance.below(PATIENTS));
            let known = patient["id"].as_str().unwrap_or_default().to_owned();
            patient["id"] = json!("new");
            if let Some(name) = patient.pointer_mut("/name/0/given/0") {
                let mut given = name.as_str().unwrap_or_default().to_owned();
                given.pop();
                *name = given.into();
            }
            let (took, found) = time(|| Ok(cache.read(|reading| reading.alike(&patient, SHOWN))?))?;
            times.push(millis(took));
            if !found.iter().any(|it| it.card.id == known) {
                return Err(RowError::Missing(
                    "a second record was not found".to_owned(),
                ));
            }
        }
        let value = percentile(&mut times, 95);
        Ok(vec![Figure::new(
            "find-duplicates (p95)",
            value,
            "ms",
            None,
            Budget::AtMost(30.0),
        )])
    }
}
