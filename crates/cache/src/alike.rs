//! Patients who may be one person.
//!
//! Who is compared with whom is found by the search terms that the lists use: the same birth date
//! (or day and month in each other's place), the same telephone or record number, or two names in
//! common and nearly the same birth date. So the cost of comparing one patient does not grow with
//! the clinic: each look-up is bounded, and a name that too many bear is left to the others.

use std::collections::BTreeSet;

use fhir::likeness::{self, Grade, Likeness, Person};
use fhir::same_person;
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use crate::error::StoreError;
use crate::merging::parse;
use crate::patient_terms::{BIRTH, NAME, PHONE, PatientParts, RECORD};
use crate::patients::PatientCard;
use crate::place;
use crate::store::{Reading, Writing};

/// A name that more bear is left to the birth date, the telephone and the other names.
const BEARERS: i64 = 1_000;
/// Patients that one telephone, birth date or record number may bring.
const SHARERS: i64 = 200;

/// A patient who may be the one that was asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Alike {
    /// Who.
    pub card: PatientCard,
    /// How alike they are.
    pub likeness: Likeness,
}

/// A patient with the record, as comparing reads one.
struct Candidate {
    id: String,
    record: Value,
}

impl Reading<'_> {
    /// Patients who may be this one, whether or not it is stored itself: most alike first. Those
    /// that were replaced, are not in use, or were told apart by a person are not among them.
    pub fn alike(&self, patient: &Value, limit: usize) -> Result<Vec<Alike>, StoreError> {
        let mut found = Vec::new();
        for (slot, likeness) in self.alike_slots(patient)?.into_iter().take(limit) {
            let card = self.card_in(slot)?;
            found.extend(card.map(|card| Alike { card, likeness }));
        }
        Ok(found)
    }

    /// The pairs that are likely one person, by logical id, as they were found.
    pub fn likely_pairs(&self, limit: usize) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.id, b.id FROM alike
             JOIN patient_card a ON a.slot = alike.one
             JOIN patient_card b ON b.slot = alike.other
             ORDER BY alike.one DESC, alike.other LIMIT ?1",
        )?;
        let rows = statement.query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many such pairs there are.
    pub fn likely_pair_count(&self) -> Result<u32, StoreError> {
        Ok(self
            .connection
            .query_row("SELECT count(*) FROM alike", [], |row| row.get(0))?)
    }

    /// Whether patients are new or changed and were not compared since.
    pub fn waits_to_be_compared(&self) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM to_compare")?
            .exists([])?)
    }

    fn alike_slots(&self, patient: &Value) -> Result<Vec<(i64, Likeness)>, StoreError> {
        let text = patient.to_string();
        let parts: PatientParts<'_> =
            serde_json::from_str(&text).map_err(StoreError::unreadable("resource"))?;
        let id = fhir::resource::id(patient);
        let person = Person::of(patient);
        let mut found = Vec::new();
        for slot in self.candidates(&parts.terms())? {
            let Some(candidate) = self.candidate(slot)? else {
                continue;
            };
            if id == Some(candidate.id.as_str())
                || !is_in_use(&candidate.record)
                || same_person::are_kept_apart(patient, &candidate.record)
            {
                continue;
            }
            let likeness = likeness::compare(&person, &Person::of(&candidate.record));
            if likeness.grade() > Grade::Unlikely {
                found.push((slot, likeness));
            }
        }
        found.sort_by(|(_, a), (_, b)| b.order(a));
        Ok(found)
    }

    /// The patients worth comparing.
    fn candidates(&self, terms: &[(i64, String)]) -> Result<BTreeSet<i64>, StoreError> {
        let mut found = BTreeSet::new();
        let mut sharing = self.connection.prepare_cached(
            "SELECT slot FROM patient_term WHERE kind = ?1 AND term = ?2 LIMIT ?3",
        )?;
        let mut names = Vec::new();
        let mut birth = None;
        for (kind, term) in terms {
            let mut look_up = |term: &str| -> Result<(), StoreError> {
                let mut rows = sharing.query(params![kind, term, SHARERS])?;
                while let Some(row) = rows.next()? {
                    found.insert(row.get(0)?);
                }
                Ok(())
            };
            match *kind {
                NAME => names.push(term.as_str()),
                // A year or a month alone is shared by too many.
                BIRTH if term.len() == 8 => {
                    look_up(term)?;
                    let (year, day) = (&term[..4], format!("{}{}", &term[6..], &term[4..6]));
                    look_up(&format!("{year}{day}"))?;
                    birth = Some(term.as_str());
                }
                RECORD => look_up(term)?,
                // Its last four digits alone are shared by too many.
                PHONE if term.len() >= 7 => look_up(term)?,
                _ => {}
            }
        }
        self.namesakes(&names, birth, &mut found)?;
        Ok(found)
    }

    /// Patients with two names in common (one, where there is one alone) whose birth date may be
    /// the same, mistyped. Who has two of the names has one of all but the commonest.
    fn namesakes(
        &self,
        names: &[&str],
        birth: Option<&str>,
        found: &mut BTreeSet<i64>,
    ) -> Result<(), StoreError> {
        let mut counting = self.connection.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM patient_term
             WHERE kind = ?1 AND term = ?2 LIMIT ?3)",
        )?;
        let mut rarest = Vec::with_capacity(names.len());
        for name in names {
            let bearers: i64 =
                counting.query_row(params![NAME, name, BEARERS + 1], |row| row.get(0))?;
            rarest.push((bearers, *name));
        }
        rarest.sort_unstable();
        if rarest.len() > 1 {
            rarest.pop();
        }
        let mut bearing = self
            .connection
            .prepare_cached("SELECT slot, terms FROM patient_term WHERE kind = ?1 AND term = ?2")?;
        let wanted = names.len().min(2);
        for (_, name) in rarest.iter().filter(|(bearers, _)| *bearers <= BEARERS) {
            let mut rows = bearing.query(params![NAME, name])?;
            while let Some(row) = rows.next()? {
                let terms = row
                    .get_ref(1)?
                    .as_str_or_null()
                    .ok()
                    .flatten()
                    .unwrap_or_default();
                let theirs = || terms.split(' ').filter(|term| !term.is_empty());
                let shared = theirs()
                    .filter(|term| of_kind(term, NAME).is_some_and(|term| names.contains(&term)))
                    .count();
                let born = theirs().find_map(|term| of_kind(term, BIRTH));
                if shared >= wanted && may_be_born(birth, born) {
                    found.insert(row.get(0)?);
                }
            }
        }
        Ok(())
    }

    fn candidate(&self, slot: i64) -> Result<Option<Candidate>, StoreError> {
        // A Patient is the first record of its compartment.
        let stretch = place::stretch(slot, place::PATIENT);
        let mut statement = self.connection.prepare_cached(
            "SELECT id, json FROM resource WHERE place BETWEEN ?1 AND ?2 LIMIT 1",
        )?;
        let row: Option<(String, String)> = statement
            .query_row([stretch.start(), stretch.end()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(match row {
            Some((id, json)) => parse(Some(json.as_str()))?.map(|record| Candidate { id, record }),
            None => None,
        })
    }
}

impl Writing<'_> {
    /// Compares patients that are new or changed with all others, `most` of them. Answers how many
    /// are left.
    pub fn compare_next(&mut self, most: usize) -> Result<u32, StoreError> {
        let slots: Vec<i64> = {
            let mut statement = self
                .connection
                .prepare_cached("SELECT slot FROM to_compare ORDER BY slot DESC LIMIT ?1")?;
            let rows = statement.query_map([most as i64], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        for slot in slots {
            self.compare(slot)?;
        }
        Ok(self
            .connection
            .query_row("SELECT count(*) FROM to_compare", [], |row| row.get(0))?)
    }

    fn compare(&mut self, slot: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM to_compare WHERE slot = ?1")?
            .execute([slot])?;
        self.connection
            .prepare_cached("DELETE FROM alike WHERE one = ?1 OR other = ?1")?
            .execute([slot])?;
        let Some(candidate) = self.candidate(slot)? else {
            return Ok(());
        };
        if !is_in_use(&candidate.record) {
            return Ok(());
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO alike (one, other) VALUES (?1, ?2)")?;
        for (other, likeness) in self.alike_slots(&candidate.record)? {
            if likeness.grade() == Grade::Likely {
                insert.execute([slot.min(other), slot.max(other)])?;
            }
        }
        Ok(())
    }

    /// Notes that a patient is to be compared with the others.
    pub(crate) fn note_to_compare(&mut self, slot: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO to_compare (slot) VALUES (?1)")?
            .execute([slot])?;
        Ok(())
    }
}

/// Whether a record stands for a person still: not replaced, not made by mistake.
fn is_in_use(patient: &Value) -> bool {
    patient.get("active").and_then(Value::as_bool) != Some(false)
        && same_person::replaced_by(patient).is_none()
}

/// A term of `patient_card.terms` without its kind.
fn of_kind(marked: &str, kind: i64) -> Option<&str> {
    let (mark, term) = marked.split_at_checked(1)?;
    (mark.parse::<i64>() == Ok(kind)).then_some(term)
}

/// Whether two birth dates, in digits, may be one that was mistyped. What is not known may be.
fn may_be_born(one: Option<&str>, other: Option<&str>) -> bool {
    let (Some(one), Some(other)) = (one, other.filter(|birth| birth.len() == 8)) else {
        return true;
    };
    let differing: Vec<usize> = (0..8)
        .filter(|place| one.as_bytes().get(*place) != other.as_bytes().get(*place))
        .collect();
    match differing.as_slice() {
        [] | [_] => true,
        [a, b] => b - a == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::may_be_born;

    #[test]
    fn birth_dates_that_a_slip_makes_of_each_other() {
        assert!(may_be_born(Some("19800314"), Some("19800314")));
        assert!(may_be_born(Some("19800314"), Some("19800311")));
        assert!(may_be_born(Some("19800314"), Some("19800341")));
        assert!(may_be_born(Some("19800314"), Some("1980")));
        assert!(may_be_born(None, Some("19800314")));
        assert!(!may_be_born(Some("19800314"), Some("19810315")));
    }
}
