//! What is asked: mostly reads, as a clinic does.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::Platform;

use super::shared::{Done, Kind, Shared, Written};
use crate::LoadError;
use crate::chance::Chance;
use crate::client::{Answer, Connection, Target};
use crate::people;

/// How long a connection waits before it tries a server that is away.
const AWAY: Duration = Duration::from_millis(50);

/// Puts people with records into an empty clinic and returns `Type/id` of all of it.
pub fn fill(platform: &mut Platform, token: &str, people: usize) -> Result<Vec<String>, LoadError> {
    let target = Target::new(platform.state().port, platform.ca(), token)?;
    let mut connection = target.connection();
    let mut known = Vec::new();
    for n in 0..people {
        let answer = connection
            .post("", people::transaction(n).to_string().as_bytes())?
            .done("a transaction")?;
        known.extend(made(&answer)?);
    }
    Ok(known)
}

/// Asks until told to stop.
pub fn work(shared: &Shared) -> Result<Done, LoadError> {
    let mut connection = shared.target.connection();
    let mut done = Done::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let number = shared.number.fetch_add(1, Ordering::Relaxed);
        let asked = Instant::now();
        match one(shared, &mut connection, number, &mut done) {
            Ok(Some(kind)) => done.times.push((kind, asked.elapsed())),
            Ok(None) => done.refusals += 1,
            Err(error) if error.is_cut() && shared.outage.load(Ordering::SeqCst) => {
                done.cuts += 1;
                std::thread::sleep(AWAY);
                continue;
            }
            Err(error) => {
                // One failure is enough to know; the others need not go on.
                shared.stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        shared.answers.fetch_add(1, Ordering::Relaxed);
    }
    Ok(done)
}

/// One request. None when it was one that must be refused, and was.
fn one(
    shared: &Shared,
    connection: &mut Connection,
    number: u64,
    done: &mut Done,
) -> Result<Option<Kind>, LoadError> {
    let mut chance = Chance(number);
    let n = number as usize;
    match chance.below(100) {
        0..50 => {
            let reference = &shared.known[chance.below(shared.known.len())];
            let found = connection.get(reference)?.done("a read")?.json()?;
            let id = found["id"].as_str().unwrap_or_default();
            if !reference.ends_with(id) || id.is_empty() {
                return Err(LoadError::Broken(format!("{reference} was read as {id}")));
            }
            Ok(Some(Kind::Read))
        }
        50..78 => {
            let (query, least) = query(shared, &mut chance);
            let found = connection.get(&query)?.done("a search")?.json()?;
            let entries = found["entry"].as_array().map_or(0, Vec::len);
            if entries < least {
                return Err(LoadError::Broken(format!("{query} found {entries}")));
            }
            Ok(Some(Kind::Search))
        }
        78..90 => {
            let answer = connection
                .post("Patient", people::patient(n).to_string().as_bytes())?
                .done("a create")?;
            let reference = answer.header("location").and_then(named);
            let reference = reference.ok_or(LoadError::Answer("it has no location"))?;
            keep(shared, done, reference, Some(n));
            Ok(Some(Kind::Create))
        }
        90..98 => {
            let answer = connection
                .post("", people::transaction(n).to_string().as_bytes())?
                .done("a transaction")?;
            let references = made(&answer)?;
            if references.len() != 10 {
                let count = references.len();
                return Err(LoadError::Broken(format!("a transaction made {count}")));
            }
            for reference in references {
                let person = reference.starts_with("Patient/").then_some(n);
                keep(shared, done, reference, person);
            }
            Ok(Some(Kind::Transaction))
        }
        98 => {
            let absent = connection.get(&format!("Patient/absent-{n}"))?;
            refused(&absent, &[404]).map(|()| None)
        }
        _ => {
            let wrong = connection.post("Patient", br#"{"resourceType":"Patient","gender":3}"#)?;
            refused(&wrong, &[400, 422]).map(|()| None)
        }
    }
}

/// A search, and the least it must find.
fn query(shared: &Shared, chance: &mut Chance) -> (String, usize) {
    let person = chance.below(shared.known.len() / 10);
    let patient = &shared.known[person * 10];
    match chance.below(4) {
        0 => {
            let start = people::family_start(person);
            (format!("Patient?family={start}&_count=10"), 1)
        }
        1 => (format!("Observation?subject={patient}"), 7),
        2 => (format!("Encounter?patient={patient}"), 1),
        _ => (format!("Patient?identifier=MRN-{person:07}"), 1),
    }
}

fn keep(shared: &Shared, done: &mut Done, reference: String, person: Option<usize>) {
    done.written.push(Written {
        reference,
        person,
        at: shared.begun.elapsed(),
    });
}

fn refused(answer: &Answer, statuses: &[u16]) -> Result<(), LoadError> {
    if statuses.contains(&answer.status) {
        return Ok(());
    }
    let status = answer.status;
    Err(LoadError::Broken(format!(
        "what must be refused was answered with {status}"
    )))
}

/// `Type/id` of what a transaction made.
fn made(answer: &Answer) -> Result<Vec<String>, LoadError> {
    let bundle: Value = answer.json()?;
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    entries
        .iter()
        .map(|entry| {
            let location = entry["response"]["location"].as_str();
            let status = entry["response"]["status"].as_str().unwrap_or_default();
            location
                .filter(|_| status.starts_with("201"))
                .and_then(named)
                .ok_or(LoadError::Answer("an entry was not made"))
        })
        .collect()
}

/// `Type/id` out of `…/Type/id/_history/1`.
fn named(location: &str) -> Option<String> {
    let (before, _) = location.split_once("/_history/")?;
    let mut parts = before.rsplit('/');
    let (id, kind) = (parts.next()?, parts.next()?);
    Some(format!("{kind}/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_out_of_locations() {
        let location = "https://localhost:1/fhir/R4/Patient/a-1/_history/1";
        assert_eq!(named(location).as_deref(), Some("Patient/a-1"));
        assert_eq!(named("Patient/a-1"), None);
    }
}
