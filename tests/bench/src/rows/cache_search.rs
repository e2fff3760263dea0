//! Searching: a name's beginning over the covering index, and full text.

use load::chance::Chance;
use load::people;
use rusqlite::params;

use crate::measure::{in_turn, rate};
use crate::row::{Budget, Figure, Row, RowError};
use crate::{clinic, plain};

const PATIENTS: usize = 20_000;
const NOTES: usize = 20_000;
const SEARCHES: usize = 2_000;
const LIMIT: usize = 50;

/// Prefix and full text, two figures.
pub struct CacheSearch;

const WORDS: [&str; 32] = [
    "cough",
    "fever",
    "headache",
    "fatigue",
    "asthma",
    "diabetes",
    "rash",
    "nausea",
    "dizzy",
    "pain",
    "insomnia",
    "allergy",
    "injury",
    "swelling",
    "anxiety",
    "palpitations",
    "vision",
    "hearing",
    "fracture",
    "infection",
    "hypertension",
    "migraine",
    "arthritis",
    "anaemia",
    "thyroid",
    "kidney",
    "gout",
    "eczema",
    "bronchitis",
    "sinusitis",
    "vertigo",
    "tremor",
];

fn problem(n: usize) -> serde_json::Value {
    let mut chance = Chance(n as u64 + 99);
    let text: Vec<&str> = (0..8).map(|_| WORDS[chance.below(32)]).collect();
    serde_json::json!({
        "resourceType": "Condition", "id": clinic::id(4, n),
        "subject": { "reference": format!("Patient/{}", clinic::id(0, n % PATIENTS)) },
        "code": { "text": text.join(" ") }
    })
}

impl Row for CacheSearch {
    fn name(&self) -> &'static str {
        "cache-search"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let folder = tempfile::tempdir()?;
        let (ours, peer) = (folder.path().join("ours.db"), folder.path().join("peer.db"));
        tell("filling");
        let cache = clinic::create(folder.path(), "ours.db")?;
        clinic::fill(&cache, PATIENTS, clinic::patient)?;
        clinic::fill(&cache, NOTES, problem)?;
        drop(cache);
        plain::copy(&ours, &peer)?;
        let cache = cache::Cache::open(&ours, &clinic::key())?;
        let connection = plain::open(&peer)?;
        tell("names");
        let (value, peer) = in_turn(
            |round| {
                let mut chance = Chance(round as u64);
                rate(SEARCHES, || {
                    for _ in 0..SEARCHES {
                        let typed = beginning(&mut chance);
                        let hits = cache.read(|reading| reading.find_patients(&typed, LIMIT))?;
                        std::hint::black_box(hits.cards.len());
                    }
                    Ok(())
                })
            },
            |round| {
                let mut chance = Chance(round as u64);
                rate(SEARCHES, || {
                    for _ in 0..SEARCHES {
                        std::hint::black_box(by_hand(&connection, &beginning(&mut chance))?);
                    }
                    Ok(())
                })
            },
        )?;
        let names = Figure::new(
            "cache-search (name prefix)",
            value,
            "searches/s",
            Some(peer),
            Budget::RatioAtLeast(0.8),
        );
        tell("words");
        let (value, peer) = in_turn(
            |round| {
                let mut chance = Chance(round as u64);
                rate(SEARCHES / 10, || {
                    for _ in 0..SEARCHES / 10 {
                        let typed = two_words(&mut chance);
                        let hits =
                            cache.read(|reading| reading.search_text(&typed, None, LIMIT))?;
                        std::hint::black_box(hits.len());
                    }
                    Ok(())
                })
            },
            |round| {
                let mut chance = Chance(round as u64);
                rate(SEARCHES / 10, || {
                    for _ in 0..SEARCHES / 10 {
                        std::hint::black_box(text_by_hand(&connection, &two_words(&mut chance))?);
                    }
                    Ok(())
                })
            },
        )?;
        let words = Figure::new(
            "cache-search (full text)",
            value,
            "searches/s",
            Some(peer),
            Budget::RatioAtLeast(0.9),
        );
        Ok(vec![names, words])
    }
}

fn beginning(chance: &mut Chance) -> String {
    let (family, ..) = people::names(chance.below(PATIENTS));
    let length = 2 + chance.below(3);
    family
        .chars()
        .filter(char::is_ascii_alphabetic)
        .take(length)
        .collect::<String>()
        .to_lowercase()
}

fn two_words(chance: &mut Chance) -> String {
    format!("{} {}", WORDS[chance.below(32)], WORDS[chance.below(32)])
}

fn by_hand(connection: &rusqlite::Connection, typed: &str) -> Result<usize, RowError> {
    let mut find = connection.prepare_cached(
        "SELECT DISTINCT slot FROM patient_term
         WHERE kind = 0 AND term >= ?1 AND term < ?2 ORDER BY term, slot LIMIT ?3",
    )?;
    let mut card = connection.prepare_cached(
        "SELECT c.id, c.name, c.birth, c.died, c.sex, c.mrn, c.phone, s.day
         FROM patient_card c LEFT JOIN patient_seen s ON s.slot = c.slot WHERE c.slot = ?1",
    )?;
    let slots: Vec<i64> = find
        .query_map(
            params![typed, format!("{typed}\u{10ffff}"), LIMIT as i64 + 1],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    for slot in &slots {
        let _: (String, String) = card.query_row([slot], |row| {
            for column in 2..8 {
                let _: Option<String> = row.get(column)?;
            }
            Ok((row.get(0)?, row.get(1)?))
        })?;
    }
    Ok(slots.len())
}

fn text_by_hand(connection: &rusqlite::Connection, typed: &str) -> Result<usize, RowError> {
    let expression: Vec<String> = typed.split(' ').map(|word| format!("\"{word}\"")).collect();
    let mut find = connection.prepare_cached(
        "SELECT rowid FROM passage WHERE passage MATCH ?1 ORDER BY rank LIMIT ?2",
    )?;
    let mut read = connection.prepare_cached(
        "SELECT r.type, r.id, r.json, m.patient FROM resource r
         JOIN compartment m ON m.slot = r.place >> 30 WHERE r.place = ?1",
    )?;
    let places: Vec<i64> = find
        .query_map(
            params![format!("{}*", expression.join(" ")), LIMIT as i64],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    for place in &places {
        let _: (String, String, String, String) = read.query_row([place], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    }
    Ok(places.len())
}
