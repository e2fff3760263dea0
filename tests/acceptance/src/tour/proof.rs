//! What the server holds afterwards, seen through its ordinary FHIR interface.

use serde_json::Value;

use super::{CANARIES, Tour, visit};
use crate::TourError;
use crate::clinic::note_text;

/// Actions that stand for a person's deed; the rest (unlocks, syncs, drafts) has no fixed number.
const DEEDS: &[&str] = &[
    "today-viewed",
    "patients-searched",
    "chart-opened",
    "access-justified",
    "emergency-access",
    "note-signed",
    "vitals-recorded",
    "problem-recorded",
    "patient-registered",
    "schedule-viewed",
    "appointment-booked",
    "appointment-moved",
    "visit-admitted",
    "visit-ended",
    "inbox-viewed",
    "activity-viewed",
];

/// Looks that come in runs.
const RUNS: &[&str] = &["patients-searched", "schedule-viewed"];

pub(super) async fn everything_arrived_once(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("everything arrived exactly once");
    let query = format!("Patient?family:exact={}", CANARIES.family);
    let patients = tour.clinic.search(&query).await?;
    expect(tour, "patients registered", 1, patients.len())?;
    let patient = patients[0]["id"].as_str().unwrap_or_default().to_owned();

    let notes = tour
        .clinic
        .search("DocumentReference?type=http://loinc.org|11506-3&_count=200")
        .await?;
    let texts: Vec<String> = notes.iter().map(note_text).collect();
    for sentence in [CANARIES.note, "Signed while off line", visit::NOTE] {
        let times = texts.iter().filter(|text| text.contains(sentence)).count();
        expect(tour, &format!("notes with {sentence:?}"), 1, times)?;
    }
    let drafts = texts
        .iter()
        .filter(|text| text.contains(CANARIES.draft))
        .count();
    expect(tour, "unsigned drafts on the server", 0, drafts)?;

    belong_to_their_visit(tour, &notes).await?;

    let pressures = tour
        .clinic
        .search("Observation?code=http://loinc.org|85354-9&_count=500")
        .await?;
    let ours = pressures
        .iter()
        .filter(|observation| {
            let values: Vec<f64> = observation["component"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|part| part["valueQuantity"]["value"].as_f64())
                .collect();
            values == [143.0, 91.0]
        })
        .count();
    expect(tour, "blood pressures of 143/91", 1, ours)?;

    let booked = tour
        .clinic
        .search(&format!("Appointment?patient={patient}"))
        .await?;
    expect(tour, "appointments booked", 2, booked.len())?;
    Ok(())
}

/// The note that was written while talking names the visit, and no other note does.
async fn belong_to_their_visit(tour: &Tour, notes: &[Value]) -> Result<(), TourError> {
    let visits: Vec<String> = tour
        .clinic
        .search("Encounter?class=VR")
        .await?
        .iter()
        .filter(|encounter| encounter["status"] == "finished")
        .filter_map(|encounter| Some(format!("Encounter/{}", encounter["id"].as_str()?)))
        .collect();
    let naming: Vec<String> = notes
        .iter()
        .filter(|note| {
            let named = note["context"]["encounter"][0]["reference"].as_str();
            named.is_some_and(|named| visits.iter().any(|visit| visit == named))
        })
        .map(note_text)
        .collect();
    expect(tour, "notes that name a video visit", 1, naming.len())?;
    let ours = naming.iter().filter(|text| text.contains(visit::NOTE));
    expect(tour, "of them written while talking", 1, ours.count())
}

pub(super) async fn every_deed_is_recorded(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("the ledger tells what was done, in order");
    let device_events = events_of_workstation(tour).await?;
    let mut told: Vec<String> = Vec::new();
    for event in &device_events {
        let codes = |system: &str| {
            event["subtype"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|subtype| subtype["system"] == system)
                .and_then(|subtype| subtype["code"].as_str())
                .map(str::to_owned)
        };
        let Some(action) = codes("urn:rounds:action") else {
            continue;
        };
        let refreshed = codes("urn:rounds:cause").is_some_and(|cause| cause == "refreshed");
        if DEEDS.contains(&action.as_str()) && !refreshed {
            let refused = event["outcome"] != "0";
            told.push(if refused {
                format!("{action} refused")
            } else {
                action
            });
        }
    }
    // Each pause of typing is a search of its own, and a form that offers free times reads the
    // schedule again; people call a run of such looks one.
    let one_look = |a: &mut String, b: &mut String| a == b && RUNS.contains(&a.as_str());
    told.dedup_by(one_look);
    let mut done: Vec<String> = tour
        .deeds
        .iter()
        .map(|deed| deed.action.to_owned())
        .collect();
    done.dedup_by(one_look);
    if told != done {
        return Err(tour.window()?.broken(format!(
            "done and told differ:\ndone {done:#?}\ntold {told:#?}"
        )));
    }
    println!(
        "          {} deeds, {} events",
        done.len(),
        device_events.len()
    );
    Ok(())
}

/// Events that this workstation recorded, oldest first.
async fn events_of_workstation(tour: &Tour) -> Result<Vec<Value>, TourError> {
    let mut events: Vec<Value> = tour
        .clinic
        .search("AuditEvent?_count=200")
        .await?
        .into_iter()
        .filter(|event| {
            event["source"]["type"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|kind| kind["code"] == "1")
        })
        .collect();
    events.sort_by_key(|event| event["recorded"].as_str().unwrap_or_default().to_owned());
    Ok(events)
}

fn expect(tour: &Tour, what: &str, wanted: usize, found: usize) -> Result<(), TourError> {
    if wanted == found {
        Ok(())
    } else {
        Err(tour
            .window()?
            .broken(format!("{what}: {found} instead of {wanted}")))
    }
}
