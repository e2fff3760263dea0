//! One keystroke among 100,000 patients.

use load::chance::Chance;
use load::people;

use crate::clinic;
use crate::measure::{millis, percentile, time};
use crate::row::{Budget, Figure, Row, RowError};

const PATIENTS: usize = 100_000;
const QUERIES: usize = 400;
const LIMIT: usize = 50;

/// A name, a date or a number, typed letter by letter.
pub struct FindPatient;

impl Row for FindPatient {
    fn name(&self) -> &'static str {
        "find-patient"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let folder = tempfile::tempdir()?;
        tell("filling");
        let cache = clinic::create(folder.path(), "ours.db")?;
        clinic::fill(&cache, PATIENTS, clinic::patient)?;
        tell("typing");
        let mut chance = Chance(5);
        let mut times = Vec::new();
        let mut found = 0;
        for query in 0..QUERIES {
            let n = chance.below(PATIENTS);
            let (family, given, second) = people::names(n);
            let text = match query % 5 {
                0 => family,
                1 => format!("{given} {family}"),
                2 => format!("{second} {}", family.chars().take(2).collect::<String>()),
                3 => format!("MRN-{n:07}"),
                _ => format!(
                    "{given} {}-{:02}-{:02}",
                    1935 + n % 90,
                    n % 12 + 1,
                    n % 28 + 1
                ),
            };
            for end in text.char_indices().map(|(at, c)| at + c.len_utf8()) {
                let typed = &text[..end];
                let (took, hits) =
                    time(|| Ok(cache.read(|reading| reading.find_patients(typed, LIMIT))?))?;
                times.push(millis(took));
                found += hits.cards.len();
            }
        }
        if found == 0 {
            return Err(RowError::Missing("nobody was found".to_owned()));
        }
        let value = percentile(&mut times, 95);
        Ok(vec![Figure::new(
            "find-patient (p95)",
            value,
            "ms",
            None,
            Budget::AtMost(15.0),
        )])
    }
}
