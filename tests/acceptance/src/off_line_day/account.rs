//! Where each change is afterwards, seen through the server's ordinary FHIR interface and the
//! inboxes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::desk::{Desk, Done};
use super::plan::Plan;
use crate::TourError;
use crate::clinic::{Clinic, note_text};

/// What became of all changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fates {
    arrived: usize,
    both_versions: usize,
    refused: usize,
}

impl std::fmt::Display for Fates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} arrived once, {} wait with both versions, {} refused with a reason",
            self.arrived, self.both_versions, self.refused
        )
    }
}

/// What the server holds.
struct Held {
    patients: Vec<Value>,
    appointments: Vec<Value>,
    notes: Vec<String>,
    problems: Vec<Value>,
    /// Of the patients in whom they were measured: others may have the same.
    pressures: Vec<Value>,
    /// How the appointment that everybody knows stands.
    status: String,
}

impl Held {
    async fn read(clinic: &Clinic, plan: &Plan) -> Result<Self, TourError> {
        let appointment = format!("Appointment/{}", plan.appointment);
        let notes = clinic.search("DocumentReference?_count=500").await?;
        let mut pressures = Vec::new();
        for patient in &plan.own {
            let query = format!("Observation?code=http://loinc.org|85354-9&subject={patient}");
            pressures.extend(clinic.search(&query).await?);
        }
        Ok(Self {
            patients: clinic.search("Patient?_count=500").await?,
            appointments: clinic.search("Appointment?_count=500").await?,
            notes: notes.iter().map(note_text).collect(),
            problems: clinic.search("Condition?_count=500").await?,
            pressures,
            status: clinic.fhir(&appointment).await?["status"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// How often a change is there.
    fn times(&self, done: &Done) -> usize {
        let with = |records: &[Value], word: &str| {
            let holds = |record: &&Value| record.to_string().contains(word);
            records.iter().filter(holds).count()
        };
        match done {
            Done::Signed(sentence) => {
                let holds = |note: &&String| note.contains(sentence);
                self.notes.iter().filter(holds).count()
            }
            Done::Measured(systolic) => {
                let upper = f64::from(*systolic);
                let measured = |pressure: &&Value| {
                    let parts = pressure["component"].as_array().into_iter().flatten();
                    parts
                        .filter_map(|part| part["valueQuantity"]["value"].as_f64())
                        .any(|value| value == upper)
                };
                self.pressures.iter().filter(measured).count()
            }
            Done::Problem(words) => with(&self.problems, words),
            Done::Registered(word) | Done::Changed(word) => with(&self.patients, word),
            Done::Booked(reason) => with(&self.appointments, reason),
            Done::Arrived => usize::from(self.status == "arrived"),
            Done::Cancelled => usize::from(self.status == "cancelled"),
            Done::Settled | Done::GivenUp => 1,
        }
    }
}

/// Every change is on the server once, or in its author's inbox.
pub(super) async fn every_change(
    clinic: &Clinic,
    plan: &Plan,
    desks: [&Desk; 3],
) -> Result<Fates, TourError> {
    let held = Held::read(clinic, plan).await?;
    let mut fates = Fates::default();
    for desk in desks {
        let conflicts = desk.window.text("[data-testid=conflict]").await?;
        let refused = desk.window.text("[data-testid=refused]").await?;
        for done in &desk.done {
            match held.times(done) {
                1 => fates.arrived += 1,
                0 if both_versions(done, &conflicts) => fates.both_versions += 1,
                0 if taken(done, &refused) => fates.refused += 1,
                times => {
                    return Err(desk.broken(format!(
                        "{done:?} is on the server {times} times; conflicts: {conflicts}; \
                         refused: {refused}"
                    )));
                }
            }
        }
    }
    let (arrived, mut waiting) = (fates.arrived, 0);
    for desk in desks {
        waiting += desk.window.count("[data-testid=conflict]").await?;
        waiting += desk.window.count("[data-testid=refused]").await?;
    }
    // A telephone number, an appointment and an hour: two wanted each, and one of them has it.
    let wanted = Fates {
        arrived,
        both_versions: 2,
        refused: 1,
    };
    if fates != wanted || waiting != 3 {
        return Err(desks[0].broken(format!("{fates}; {waiting} in inboxes")));
    }
    Ok(fates)
}

/// The two versions are shown, whosever this one is.
fn both_versions(done: &Done, conflicts: &str) -> bool {
    let all = |words: [&str; 2]| words.iter().all(|word| conflicts.contains(word));
    match done {
        Done::Changed(_) => all(["555-0111", "555-0122"]),
        Done::Arrived | Done::Cancelled => all(["arrived", "cancelled"]),
        _ => false,
    }
}

/// The time is taken, and the inbox says so.
fn taken(done: &Done, refused: &str) -> bool {
    matches!(done, Done::Booked(_)) && refused.contains("time")
}

/// What people decided is what the server has and every screen shows.
pub(super) async fn all_agree(
    clinic: &Clinic,
    plan: &Plan,
    desks: [&Desk; 3],
) -> Result<(), TourError> {
    let shared = clinic.fhir(&format!("Patient/{}", plan.shared)).await?;
    let text = shared.to_string();
    if !text.contains("noor@example.org") {
        return Err(desks[0].broken(format!("an edit that touched nothing is gone: {text}")));
    }
    let phone = shared["telecom"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|contact| contact["system"] == "phone")
        .and_then(|contact| contact["value"].as_str())
        .unwrap_or_default()
        .to_owned();
    for desk in desks {
        let window = &desk.window;
        window.click("[data-testid=rail-patients]").await?;
        window
            .fill("[data-testid=patient-search]", "Sharequist")
            .await?;
        window.see("[data-testid=patient-row]", &phone).await?;
    }
    Ok(())
}

/// Of each person the ledger tells exactly the changes that were made.
pub(super) async fn every_deed(clinic: &Clinic, desks: [&Desk; 3]) -> Result<(), TourError> {
    let events = clinic.search("AuditEvent?_count=500").await?;
    for desk in desks {
        let mut done: BTreeMap<&str, usize> = BTreeMap::new();
        for deed in &desk.done {
            *done.entry(deed.action()).or_default() += 1;
        }
        let told = events
            .iter()
            .filter(|event| event["outcome"] == "0" && by(event, &desk.member.name));
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for action in told.filter_map(action_of) {
            if CHANGES.contains(&action) {
                *counted.entry(action).or_default() += 1;
            }
        }
        if done != counted {
            return Err(desk.broken(format!("done {done:?}, told {counted:?}")));
        }
    }
    Ok(())
}

/// Actions that change something.
const CHANGES: &[&str] = &[
    "note-signed",
    "vitals-recorded",
    "problem-recorded",
    "patient-registered",
    "patient-changed",
    "appointment-booked",
    "appointment-moved",
    "appointment-progressed",
    "appointment-cancelled",
    "conflict-settled",
    "change-given-up",
    "change-retried",
];

fn by(event: &Value, name: &str) -> bool {
    let agents = event["agent"].as_array();
    agents
        .into_iter()
        .flatten()
        .any(|agent| agent["name"] == name)
}

fn action_of(event: &Value) -> Option<&str> {
    let kinds = event["subtype"].as_array()?;
    let kind = kinds
        .iter()
        .find(|kind| kind["system"] == "urn:rounds:action")?;
    kind["code"].as_str()
}
