//! kill -9 of the workstation and of the server, while somebody types and both sync.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use faults::chance::Chance;
use faults::desk::{Act, Order, Said, State};
use serde_json::json;
use testbed::UserRecord;

use crate::clinic::{Clinic, PATIENTS, done, enrol, inspect, text, unlock};
use crate::courses::Courses;
use crate::process::Process;

/// Kills of one course; then everything may come to rest, and is compared with the server.
const KILLS: u64 = 10;

/// What must be there, from what the desk said.
#[derive(Default)]
struct Expected {
    drafts: BTreeMap<String, String>,
    /// Text of signed notes, by reference.
    notes: BTreeMap<String, String>,
    observations: BTreeSet<String>,
    begun: Option<Act>,
    /// Records that somebody else put on the server, one after the other.
    elsewhere: u64,
}

impl Expected {
    fn hear(&mut self, said: Said) {
        match said {
            Said::Begin(act) => self.begun = Some(act),
            Said::Done | Said::Saved(_) => {
                let saved = match said {
                    Said::Saved(reference) => Some(reference),
                    _ => None,
                };
                match (self.begun.take(), saved) {
                    (Some(Act::Type { patient, text }), _) => {
                        self.drafts.insert(patient, text);
                    }
                    (Some(Act::Sign { patient }), Some(reference)) => {
                        let text = self.drafts.remove(&patient).expect("nothing was typed");
                        self.notes.insert(reference, text);
                    }
                    (Some(Act::Weigh { .. }), Some(reference)) => {
                        self.observations.insert(reference);
                    }
                    _ => {}
                }
            }
            other => panic!("{other:?} while working"),
        }
    }

    /// Compares with what is there, and goes on from it. What was cut off may have happened.
    fn check(&mut self, state: &State) -> Result<(), String> {
        if !state.whole {
            return Err("a page of the cache is damaged".to_owned());
        }
        if state.needs_you > 0 {
            return Err("something waits for a person that nobody made".to_owned());
        }
        match self.begun.take() {
            Some(Act::Type { patient, text }) if state.drafts.get(&patient) == Some(&text) => {
                self.drafts.insert(patient, text);
            }
            Some(Act::Sign { patient }) if !state.drafts.contains_key(&patient) => {
                if let Some(typed) = self.drafts.remove(&patient) {
                    let new = state
                        .notes
                        .iter()
                        .filter(|(reference, _)| !self.notes.contains_key(*reference))
                        .find(|(_, content)| text(content).contains(&typed));
                    let (reference, _) = new.ok_or("a draft is gone and no note is there")?;
                    self.notes.insert(reference.clone(), typed);
                }
            }
            Some(Act::Weigh { .. }) => {
                let known = &mut self.observations;
                let new: Vec<_> = state
                    .observations
                    .iter()
                    .filter(|one| !known.contains(*one) && !one.starts_with("Observation/else-"))
                    .collect();
                if new.len() > 1 {
                    return Err("a weight is there twice".to_owned());
                }
                known.extend(new.into_iter().cloned());
            }
            _ => {}
        }
        if state.drafts != self.drafts {
            return Err("a draft is not what was typed".to_owned());
        }
        let notes: BTreeSet<&String> = state.notes.keys().collect();
        if notes != self.notes.keys().collect() {
            return Err(format!(
                "notes: there {}, wanted {}",
                notes.len(),
                self.notes.len()
            ));
        }
        let (elsewhere, own): (BTreeSet<&String>, BTreeSet<&String>) = state
            .observations
            .iter()
            .partition(|one| one.starts_with("Observation/else-"));
        if own != self.observations.iter().collect() {
            return Err(format!(
                "weights: there {}, wanted {}",
                own.len(),
                self.observations.len()
            ));
        }
        // They were committed one after the other, so they come in this order: a gap would mean
        // that the cursor went on without its data.
        let numbers: BTreeSet<u64> = elsewhere
            .iter()
            .filter_map(|one| one.rsplit('-').next()?.parse().ok())
            .collect();
        if numbers
            .last()
            .is_some_and(|last| *last != numbers.len() as u64)
        {
            return Err(format!("the cursor is ahead of its data: {numbers:?}"));
        }
        Ok(())
    }
}

struct Course<'a> {
    clinic: &'a mut Clinic,
    user: UserRecord,
    folder: tempfile::TempDir,
    expected: Expected,
    chance: Chance,
    seed: u64,
}

impl Course<'_> {
    fn run(&mut self) -> Result<(u64, u64), String> {
        let (mut kills, mut acts) = (0, 0);
        let mut desk = self.clinic.desk(self.folder.path());
        done(&mut desk, &enrol(&self.user));
        drop(desk);
        for _ in 0..KILLS {
            let mut desk = self.looked_at()?;
            done(&mut desk, &unlock(&self.user, false));
            desk.tell(&Order::Work {
                seed: self.chance.draw(),
                patients: PATIENTS.map(str::to_owned).to_vec(),
            });
            let end = Instant::now() + Duration::from_millis(20 + self.chance.below(700));
            let server_dies = self.chance.once_in(3).then(|| self.chance.below(600));
            let begin = Instant::now();
            let mut is_up = true;
            while let Some(said) = desk.hear_until(end) {
                acts += 1;
                self.expected.hear(said);
                if let Some(after) = server_dies
                    && is_up
                    && begin.elapsed() > Duration::from_millis(after)
                {
                    self.clinic.platform.kill_server();
                    is_up = false;
                    kills += 1;
                }
                if is_up && self.chance.once_in(10) {
                    self.write_elsewhere();
                }
            }
            for said in desk.kill() {
                self.expected.hear(said);
            }
            kills += 1;
            if !is_up {
                self.clinic.platform.start_server().unwrap();
            }
        }
        self.rest()?;
        Ok((kills, acts))
    }

    /// A desk that has shown, with no server near, that everything is there.
    fn looked_at(&mut self) -> Result<Process<Said>, String> {
        let mut desk = self.clinic.desk(self.folder.path());
        done(&mut desk, &unlock(&self.user, true));
        self.expected.check(&inspect(&mut desk))?;
        done(&mut desk, &Order::Lock);
        Ok(desk)
    }

    fn write_elsewhere(&mut self) {
        let number = self.expected.elsewhere + 1;
        let resource = json!({
            "resourceType": "Observation", "id": format!("else-{}-{number}", self.seed),
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "subject": {"reference": "Patient/p1"},
            "valueQuantity": {"value": number, "unit": "/min"},
        });
        if self.clinic.put(&resource) {
            self.expected.elsewhere = number;
        }
    }

    /// Everything comes to rest: desk and server hold the same, each thing once.
    fn rest(&mut self) -> Result<(), String> {
        let mut desk = self.looked_at()?;
        done(&mut desk, &unlock(&self.user, false));
        done(&mut desk, &Order::Settle);
        let state = inspect(&mut desk);
        self.expected.check(&state)?;
        if (state.to_send, state.audit_to_send) != (0, 0) {
            return Err("something waits for ever".to_owned());
        }
        let found = |kind: &str| -> Vec<serde_json::Value> {
            PATIENTS
                .iter()
                .flat_map(|patient| self.clinic.search(kind, patient))
                .collect()
        };
        let references = |records: &[serde_json::Value]| -> BTreeSet<String> {
            records
                .iter()
                .map(|one| {
                    let of = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
                    format!("{}/{}", of("resourceType"), of("id"))
                })
                .collect()
        };
        let notes = found("DocumentReference");
        if references(&notes) != state.notes.keys().cloned().collect() {
            return Err("the server has other notes than the desk".to_owned());
        }
        let texts: Vec<String> = notes
            .iter()
            .map(|note| {
                text(
                    note["content"][0]["attachment"]["data"]
                        .as_str()
                        .unwrap_or(""),
                )
            })
            .collect();
        for typed in self.expected.notes.values() {
            let times = texts.iter().filter(|text| ends_with(text, typed)).count();
            if times != 1 {
                return Err(format!("a note is on the server {times} times"));
            }
        }
        if references(&found("Observation")) != state.observations.iter().cloned().collect() {
            return Err("the server has other observations than the desk".to_owned());
        }
        if self.expected.elsewhere > 0 {
            let last = format!("Observation/else-{}-{}", self.seed, self.expected.elsewhere);
            if !state.observations.contains(&last) {
                return Err(format!("{last} never came"));
            }
        }
        Ok(())
    }
}

/// Whether this note says this and no more.
fn ends_with(note: &str, typed: &str) -> bool {
    note.trim_end().ends_with(typed)
}

#[test]
fn s4_w8_nothing_acknowledged_is_lost_or_doubled_by_kills() {
    let mut sum = (0, 0);
    Courses::of("kills", "ROUNDS_FAULTS_KILLS", 3).run(|seed| {
        // Each its own platform: a seed alone gives the whole course.
        let mut clinic = Clinic::start([("Okafor", "Ngozi"), ("Okafor", "Ben")]);
        let user = clinic.add_user("ada");
        let mut course = Course {
            clinic: &mut clinic,
            user,
            folder: tempfile::tempdir().unwrap(),
            expected: Expected::default(),
            chance: Chance::new(seed),
            seed,
        };
        let (kills, acts) = course.run()?;
        sum = (sum.0 + kills, sum.1 + acts);
        Ok(Some(format!("{} kills, {} words of desks", sum.0, sum.1)))
    });
    println!("{} kills, {} words of desks", sum.0, sum.1);
    assert!(sum.1 > sum.0, "too little was done to be lost");
}
