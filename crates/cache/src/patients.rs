//! Finding patients: a keystroke's time among a hundred thousand.

use std::borrow::Cow;
use std::collections::HashSet;

use fhir::person;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::Deserialize;

use crate::error::StoreError;
use crate::patient_terms::{
    BIRTH, NAME, PHONE, PatientParts, RECORD, birth_beginnings, digits, record_number,
};
use crate::records::{Standing, Standings};
use crate::store::{Reading, Writing};

/// What tells people apart in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientCard {
    /// Logical id.
    pub id: String,
    /// Name for people, in its own script.
    pub name: String,
    /// Birth date as written: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub birth: Option<String>,
    /// Date of death as written, or `yes`.
    pub died: Option<String>,
    /// Administrative gender code.
    pub sex: Option<String>,
    /// Medical record number.
    pub mrn: Option<String>,
    /// First telephone number.
    pub phone: Option<String>,
    /// Start of the latest encounter, as written.
    pub last_seen: Option<String>,
    /// The record that stands for this person since this one was merged into it.
    pub replaced_by: Option<Survivor>,
    /// Where the Patient record stands.
    pub standing: Standing,
}

/// The record that others of the same person were merged into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Logical id.
    pub id: String,
    /// Name for people.
    pub name: String,
}

/// Patients found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatientHits {
    /// Best first.
    pub cards: Vec<PatientCard>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// A typed word and the ways it may be meant. Each way is a kind of term and how it begins.
struct Word {
    ways: Vec<Way>,
}

struct Way {
    kind: i64,
    /// All must match; the first is looked up. Names alone have more than one (`O'Neil`).
    beginnings: Vec<String>,
}

impl Way {
    fn one(kind: i64, beginning: String) -> Self {
        Self {
            kind,
            beginnings: vec![beginning],
        }
    }

    fn fits(&self, terms: &str) -> bool {
        self.beginnings
            .iter()
            .all(|beginning| terms.contains(&marked(self.kind, beginning)))
    }
}

/// A term as it stands in `patient_card.terms`: found by its start and its kind.
fn marked(kind: i64, term: &str) -> String {
    format!(" {kind}{term}")
}

/// Counting further would cost more than it tells.
const COUNT_LIMIT: i64 = 400;

impl Reading<'_> {
    /// Patients whose name, birth date, record number or telephone begins with each typed word,
    /// in any order of words. An empty query gives recently opened patients, then the rest by
    /// name.
    pub fn find_patients(&self, query: &str, limit: usize) -> Result<PatientHits, StoreError> {
        let words = words(query);
        let slots = if words.is_empty() {
            self.recent_then_all(limit + 1)?
        } else {
            self.matching(&words, limit + 1)?
        };
        let more = slots.len() > limit;
        let standings = self.standings()?;
        let mut cards = Vec::with_capacity(slots.len().min(limit));
        let mut shown: HashSet<String> = HashSet::new();
        for slot in slots.into_iter().take(limit) {
            let Some(card) = self.card(slot, &standings)? else {
                continue;
            };
            // Whoever looks for a record that was merged is led to the one that stands for it.
            if let Some(survivor) = &card.replaced_by
                && !shown.contains(&survivor.id)
                && let Some(slot) = self.slot(&survivor.id)?
                && let Some(first) = self.card(slot, &standings)?
            {
                shown.insert(first.id.clone());
                cards.push(first);
            }
            if shown.insert(card.id.clone()) {
                cards.push(card);
            }
        }
        cards.truncate(limit);
        Ok(PatientHits { cards, more })
    }

    /// One patient, as a list shows one.
    pub fn patient_card(&self, id: &str) -> Result<Option<PatientCard>, StoreError> {
        match self.slot(id)? {
            Some(slot) => self.card_in(slot),
            None => Ok(None),
        }
    }

    /// The patient of a slot, as a list shows one.
    pub(crate) fn card_in(&self, slot: i64) -> Result<Option<PatientCard>, StoreError> {
        self.card(slot, &self.standings()?)
    }

    /// The logical id of the record that stands for this person: of those that were merged, the
    /// last that is here. Where merges go in a circle, nobody was replaced.
    pub fn survivor(&self, id: &str) -> Result<String, StoreError> {
        let mut at = id.to_owned();
        let mut seen = HashSet::from([at.clone()]);
        let mut next = self.replacing(&at)?.flatten();
        while let Some(candidate) = next {
            let Some(after) = self.replacing(&candidate)? else {
                break;
            };
            if !seen.insert(candidate.clone()) {
                return Ok(id.to_owned());
            }
            at = candidate;
            next = after;
        }
        Ok(at)
    }

    /// What replaced a Patient, if anything did; `None` of one that is not here.
    fn replacing(&self, id: &str) -> Result<Option<Option<String>>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.replaced_by FROM compartment m JOIN patient_card c ON c.slot = m.slot
             WHERE m.patient = ?1",
        )?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?)
    }

    /// The records that were merged into this one, directly or by way of another.
    pub fn replaced(&self, id: &str) -> Result<Vec<PatientCard>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT slot, id FROM patient_card WHERE replaced_by = ?1 ORDER BY slot",
        )?;
        let standings = self.standings()?;
        let mut found = Vec::new();
        let mut seen = HashSet::from([id.to_owned()]);
        let mut open = vec![id.to_owned()];
        while let Some(of) = open.pop() {
            let rows = statement.query_map([of], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            for (slot, replaced) in rows.collect::<Result<Vec<_>, _>>()? {
                if seen.insert(replaced.clone()) && self.survivor(&replaced)? == id {
                    found.extend(self.card(slot, &standings)?);
                    open.push(replaced);
                }
            }
        }
        Ok(found)
    }

    /// The records that were merged into others, those that changed last first.
    pub fn merged(&self, limit: usize) -> Result<Vec<PatientCard>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.slot FROM patient_card c
             JOIN resource r ON r.id = c.id AND r.type = 'Patient'
             WHERE c.replaced_by IS NOT NULL ORDER BY r.updated DESC, c.slot LIMIT ?1",
        )?;
        let slots = statement.query_map([limit as i64], |row| row.get::<_, i64>(0))?;
        let standings = self.standings()?;
        let mut found = Vec::new();
        for slot in slots.collect::<Result<Vec<_>, _>>()? {
            let card = self.card(slot, &standings)?;
            found.extend(card.filter(|card| card.replaced_by.is_some()));
        }
        Ok(found)
    }

    fn card(&self, slot: i64, standings: &Standings) -> Result<Option<PatientCard>, StoreError> {
        let mut statement = self.connection.prepare_cached(CARD)?;
        let found = statement
            .query_row([slot], |row| {
                Ok((card_of(row, standings)?, row.get::<_, bool>(8)?))
            })
            .optional()?;
        let Some((mut card, is_replaced)) = found else {
            return Ok(None);
        };
        if is_replaced {
            card.replaced_by = self.survivor_of(&card.id)?;
        }
        Ok(Some(card))
    }

    fn survivor_of(&self, id: &str) -> Result<Option<Survivor>, StoreError> {
        let survivor = self.survivor(id)?;
        let slot = if survivor == id {
            None
        } else {
            self.slot(&survivor)?
        };
        let Some(slot) = slot else {
            return Ok(None);
        };
        let mut statement = self
            .connection
            .prepare_cached("SELECT name FROM patient_card WHERE slot = ?1")?;
        let name: Option<String> = statement.query_row([slot], |row| row.get(0)).optional()?;
        Ok(name.map(|name| Survivor { id: survivor, name }))
    }

    /// How many patients there are.
    pub fn patient_count(&self) -> Result<u64, StoreError> {
        Ok(self
            .connection
            .query_row("SELECT count(*) FROM patient_card", [], |row| row.get(0))?)
    }

    fn recent_then_all(&self, limit: usize) -> Result<Vec<i64>, StoreError> {
        let mut slots = Vec::new();
        let mut known = HashSet::new();
        for sql in [
            "SELECT c.slot FROM recent JOIN compartment m ON m.patient = recent.patient
             JOIN patient_card c ON c.slot = m.slot ORDER BY recent.opened DESC LIMIT ?1",
            "SELECT slot FROM patient_card ORDER BY sort LIMIT ?1",
        ] {
            // The second list repeats the first in part, so it is read that much further.
            let wanted = (limit + known.len()) as i64;
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([wanted])?;
            while slots.len() < limit {
                let Some(row) = rows.next()? else { break };
                let slot = row.get(0)?;
                if known.insert(slot) {
                    slots.push(slot);
                }
            }
        }
        Ok(slots)
    }

    fn matching(&self, words: &[Word], limit: usize) -> Result<Vec<i64>, StoreError> {
        // The word with the fewest hits leads; the others are checked on what it finds.
        let mut lead = 0;
        if words.len() > 1 {
            let mut fewest = i64::MAX;
            for (index, word) in words.iter().enumerate() {
                let count = self.count(word)?;
                if count < fewest {
                    (fewest, lead) = (count, index);
                }
            }
        }
        let mut slots = Vec::new();
        let mut known = HashSet::new();
        let mut statement = self.connection.prepare_cached(
            "SELECT slot, terms FROM patient_term
             WHERE kind = ?1 AND term >= ?2 AND term < ?3 ORDER BY term, slot",
        )?;
        let mut terms_of = self
            .connection
            .prepare_cached("SELECT terms FROM patient_card WHERE slot = ?1")?;
        for way in &words[lead].ways {
            let Some(first) = way.beginnings.first() else {
                continue;
            };
            let mut rows = statement.query(params![way.kind, first, past(first)])?;
            while let Some(row) = rows.next()? {
                let slot: i64 = row.get(0)?;
                if known.contains(&slot) {
                    continue;
                }
                let terms = match row.get_ref(1)?.as_str_or_null().ok() {
                    Some(Some(terms)) => Cow::Borrowed(terms),
                    _ if words.len() == 1 && way.beginnings.len() == 1 => Cow::Borrowed(""),
                    _ => Cow::Owned(
                        terms_of
                            .query_row([slot], |row| row.get::<_, String>(0))
                            .optional()?
                            .unwrap_or_default(),
                    ),
                };
                let fits = way
                    .beginnings
                    .iter()
                    .skip(1)
                    .all(|b| terms.contains(&marked(way.kind, b)))
                    && words.iter().enumerate().all(|(index, word)| {
                        index == lead || word.ways.iter().any(|way| way.fits(&terms))
                    });
                if fits {
                    known.insert(slot);
                    slots.push(slot);
                    if slots.len() == limit {
                        return Ok(slots);
                    }
                }
            }
        }
        Ok(slots)
    }

    fn count(&self, word: &Word) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM patient_term
             WHERE kind = ?1 AND term >= ?2 AND term < ?3 LIMIT ?4)",
        )?;
        let mut total = 0;
        for way in &word.ways {
            if let Some(first) = way.beginnings.first() {
                total += statement
                    .query_row(params![way.kind, first, past(first), COUNT_LIMIT], |row| {
                        row.get::<_, i64>(0)
                    })?;
            }
        }
        Ok(total)
    }
}

/// The least text that is after everything that begins with `beginning`.
fn past(beginning: &str) -> String {
    format!("{beginning}\u{10ffff}")
}

fn words(query: &str) -> Vec<Word> {
    // A telephone number is typed with spaces in it.
    let number = digits(query);
    let only_number = number.len() >= 7
        && query
            .chars()
            .all(|c| c.is_ascii_digit() || " +-()./".contains(c))
        && query.split_whitespace().nth(1).is_some();
    if only_number {
        return vec![Word {
            ways: vec![Way::one(PHONE, number)],
        }];
    }
    query
        .split_whitespace()
        .map(word)
        .filter(|word| !word.ways.is_empty())
        .collect()
}

fn word(text: &str) -> Word {
    let mut ways = Vec::new();
    let mut names = person::tokens(text);
    // The longest beginning has the fewest hits.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    if !names.is_empty() {
        ways.push(Way {
            kind: NAME,
            beginnings: names,
        });
    }
    ways.extend(
        birth_beginnings(text)
            .into_iter()
            .map(|date| Way::one(BIRTH, date)),
    );
    let record = record_number(text);
    if record.bytes().any(|byte| byte.is_ascii_digit()) || record.starts_with("mrn") {
        ways.push(Way::one(RECORD, record));
    }
    let number = digits(text);
    if number.len() >= 3
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || "+-()./".contains(c))
    {
        ways.push(Way::one(PHONE, number));
    }
    Word { ways }
}

const CARD: &str = "SELECT c.id, c.name, c.birth, c.died, c.sex, c.mrn, c.phone, s.day,
        c.replaced_by IS NOT NULL
    FROM patient_card c LEFT JOIN patient_seen s ON s.slot = c.slot WHERE c.slot = ?1";

fn card_of(row: &Row<'_>, standings: &Standings) -> rusqlite::Result<PatientCard> {
    let id: String = row.get(0)?;
    let standing = standings
        .get(&("Patient".to_owned(), id.clone()))
        .copied()
        .unwrap_or(Standing::Confirmed);
    Ok(PatientCard {
        id,
        name: row.get(1)?,
        birth: row.get(2)?,
        died: row.get(3)?,
        sex: row.get(4)?,
        mrn: row.get(5)?,
        phone: row.get(6)?,
        last_seen: row.get(7)?,
        replaced_by: None,
        standing,
    })
}

/// Start of an encounter that took place, for "last seen".
pub(crate) fn seen(json: &str) -> Result<Option<String>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow, default)]
        status: Cow<'a, str>,
        #[serde(borrow, default)]
        period: Period<'a>,
    }
    #[derive(Deserialize, Default)]
    struct Period<'a> {
        #[serde(borrow, default)]
        start: Option<Cow<'a, str>>,
    }
    let parts: Parts<'_> = serde_json::from_str(json)?;
    let took_place = !matches!(
        parts.status.as_ref(),
        "planned" | "cancelled" | "entered-in-error"
    );
    Ok(parts
        .period
        .start
        .filter(|_| took_place)
        .map(Cow::into_owned))
}

impl Writing<'_> {
    /// Puts a patient at the head of the recently opened.
    pub fn note_opened(&mut self, patient: &str, at: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO recent (patient, opened) VALUES (?1, ?2)
                 ON CONFLICT (patient) DO UPDATE SET opened = excluded.opened",
            )?
            .execute(params![patient, at.as_millisecond()])?;
        Ok(())
    }

    pub(crate) fn index_patient(
        &mut self,
        slot: i64,
        id: &str,
        parts: &PatientParts<'_>,
    ) -> Result<(), StoreError> {
        let terms = parts.terms();
        let all: String = terms
            .iter()
            .map(|(kind, term)| marked(*kind, term))
            .collect();
        self.connection
            .prepare_cached(
                "INSERT INTO patient_card (slot, id, name, sort, birth, died, sex, mrn, phone, terms,
                   replaced_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                slot,
                id,
                parts.display_name(),
                parts.sort_key(),
                parts.birth_date,
                parts.died(),
                parts.gender,
                parts.mrn(),
                parts.phone(),
                all,
                parts.replaced_by()
            ])?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO patient_term (kind, term, slot, terms) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (kind, term) in &terms {
            insert.execute(params![kind, term, slot, (*kind == NAME).then_some(&all)])?;
        }
        self.note_to_compare(slot)
    }

    pub(crate) fn unindex_patient(&mut self, slot: i64) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM patient_term WHERE slot = ?1",
            "DELETE FROM patient_card WHERE slot = ?1",
        ] {
            self.connection.prepare_cached(sql)?.execute([slot])?;
        }
        // If it goes for good, its pairs go with it.
        self.note_to_compare(slot)
    }

    /// Remembers an encounter's start; written once at the end of the transaction.
    pub(crate) fn note_seen(&mut self, slot: i64, day: Option<String>) {
        if let Some(day) = day {
            let latest = self.places.seen.entry(slot).or_default();
            if day > *latest {
                *latest = day;
            }
        }
    }

    pub(crate) fn flush_seen(&mut self) -> Result<(), StoreError> {
        if self.places.seen.is_empty() {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO patient_seen (slot, day) VALUES (?1, ?2)
             ON CONFLICT (slot) DO UPDATE SET day = max(day, excluded.day)",
        )?;
        for (slot, day) in &self.places.seen {
            statement.execute(params![slot, day])?;
        }
        Ok(())
    }
}
