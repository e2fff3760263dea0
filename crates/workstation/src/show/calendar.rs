//! Appointments and working hours.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::texts::{concept_at, each, first_code, first_concept, text};
use super::when;
use crate::view::Standing;
use crate::view::schedule::{AppointmentView, Progress, WorkingHours};

/// Extension that keeps since when an appointment is in its state.
const SINCE: &str = "urn:rounds:since";

/// Who takes part in an appointment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parties {
    /// Logical id of the Patient.
    pub patient: Option<String>,
    /// Logical id of the Practitioner.
    pub practitioner: Option<String>,
    /// Logical id of the Location.
    pub location: Option<String>,
}

/// What the calendar shows of people: looked up by the caller.
pub trait Names {
    /// Name and `52 y · female` of a patient.
    fn patient(&self, id: &str) -> Option<(String, String)>;
    /// Name of a practitioner or place, by `Type/id`.
    fn other(&self, reference: &str) -> Option<String>;
}

/// Who takes part.
#[must_use]
pub fn parties(appointment: &Value) -> Parties {
    let mut parties = Parties::default();
    for participant in each(appointment, "participant") {
        let Some(reference) = participant
            .get("actor")
            .and_then(|actor| text(actor, "reference"))
        else {
            continue;
        };
        let Some(reference) = fhir::reference::parse(reference) else {
            continue;
        };
        let place = match reference.resource_type.as_str() {
            "Patient" => &mut parties.patient,
            "Practitioner" => &mut parties.practitioner,
            "Location" => &mut parties.location,
            _ => continue,
        };
        place.get_or_insert(reference.id);
    }
    parties
}

fn display_of<'a>(appointment: &'a Value, prefix: &str) -> Option<&'a str> {
    each(appointment, "participant")
        .filter_map(|participant| participant.get("actor"))
        .find(|actor| text(*actor, "reference").is_some_and(|r| r.starts_with(prefix)))
        .and_then(|actor| text(actor, "display"))
}

/// An Appointment; `None` for one without start and end (a mere request for one).
#[must_use]
pub fn appointment(
    resource: &Value,
    standing: Standing,
    zone: &TimeZone,
    names: &dyn Names,
) -> Option<AppointmentView> {
    let start: Timestamp = text(resource, "start")?.parse().ok()?;
    let end: Timestamp = text(resource, "end")?.parse().ok()?;
    let parties = parties(resource);
    let (patient_name, patient_detail) = parties
        .patient
        .as_deref()
        .and_then(|id| names.patient(id))
        .unwrap_or_else(|| {
            let shown = display_of(resource, "Patient/").unwrap_or("No patient");
            (shown.to_owned(), String::new())
        });
    let named = |id: &Option<String>, kind: &str| {
        let prefix = format!("{kind}/");
        id.as_ref()
            .and_then(|id| names.other(&format!("{prefix}{id}")))
            .or_else(|| display_of(resource, &prefix).map(str::to_owned))
    };
    Some(AppointmentView {
        id: text(resource, "id")?.to_owned(),
        start: when::moment(start, zone),
        end: when::moment(end, zone),
        patient_name,
        patient_detail,
        practitioner_name: named(&parties.practitioner, "Practitioner").unwrap_or_default(),
        place: named(&parties.location, "Location"),
        reason: text(resource, "description")
            .map(str::to_owned)
            .or_else(|| first_concept(resource, "reasonCode"))
            .or_else(|| concept_at(resource, "appointmentType"))
            .or_else(|| text(resource, "comment").map(str::to_owned)),
        progress: progress(resource),
        since: since(resource).map(|at| when::moment(at, zone)),
        cancelled_because: concept_at(resource, "cancelationReason"),
        standing,
        patient: parties.patient,
        practitioner: parties.practitioner,
    })
}

/// How far the day has got with it.
#[must_use]
pub fn progress(appointment: &Value) -> Progress {
    match text(appointment, "status") {
        Some("arrived") => Progress::Arrived,
        Some("checked-in") => Progress::InRoom,
        Some("fulfilled") => Progress::Done,
        Some("noshow") => Progress::NoShow,
        Some("cancelled" | "entered-in-error") => Progress::Cancelled,
        _ => Progress::Booked,
    }
}

/// The FHIR status of a progress.
#[must_use]
pub fn status(progress: Progress) -> &'static str {
    match progress {
        Progress::Booked => "booked",
        Progress::Arrived => "arrived",
        Progress::InRoom => "checked-in",
        Progress::Done => "fulfilled",
        Progress::NoShow => "noshow",
        Progress::Cancelled => "cancelled",
    }
}

fn since(appointment: &Value) -> Option<Timestamp> {
    each(appointment, "extension")
        .find(|extension| text(*extension, "url") == Some(SINCE))
        .and_then(|extension| text(extension, "valueDateTime")?.parse().ok())
}

/// Puts an appointment in a state, with since when.
pub fn set_progress(appointment: &mut Value, progress: Progress, now: Timestamp, zone: &TimeZone) {
    appointment["status"] = status(progress).into();
    let stamp = json!({"url": SINCE, "valueDateTime": when::moment(now, zone)});
    match appointment
        .get_mut("extension")
        .and_then(Value::as_array_mut)
    {
        Some(extensions) => {
            extensions.retain(|extension| text(extension, "url") != Some(SINCE));
            extensions.push(stamp);
        }
        None => appointment["extension"] = json!([stamp]),
    }
}

/// The working hours that a Slot stands for. `actor` gives the practitioner of a Schedule.
#[must_use]
pub fn hours(
    slot: &Value,
    zone: &TimeZone,
    actor: &dyn Fn(&str) -> Option<String>,
) -> Option<WorkingHours> {
    if !matches!(
        text(slot, "status"),
        Some("free" | "busy" | "busy-tentative")
    ) {
        return None;
    }
    let start: Timestamp = text(slot, "start")?.parse().ok()?;
    let end: Timestamp = text(slot, "end")?.parse().ok()?;
    Some(WorkingHours {
        practitioner: actor(text(slot.get("schedule")?, "reference")?)?,
        start: when::moment(start, zone),
        end: when::moment(end, zone),
    })
}

/// Joins stretches of one practitioner that touch, so that a day is one stretch or two.
#[must_use]
pub fn joined(mut hours: Vec<WorkingHours>) -> Vec<WorkingHours> {
    hours.sort_by(|a, b| (&a.practitioner, &a.start).cmp(&(&b.practitioner, &b.start)));
    let mut joined: Vec<WorkingHours> = Vec::new();
    for next in hours {
        match joined.last_mut() {
            Some(last) if last.practitioner == next.practitioner && next.start <= last.end => {
                if next.end > last.end {
                    last.end = next.end;
                }
            }
            _ => joined.push(next),
        }
    }
    joined
}

/// The practitioner of a Schedule.
#[must_use]
pub fn schedule_actor(schedule: &Value) -> Option<String> {
    each(schedule, "actor")
        .filter_map(fhir::reference::literal)
        .find(|reference| reference.resource_type == "Practitioner")
        .map(|reference| reference.id)
}

/// A practitioner's speciality, from a PractitionerRole.
#[must_use]
pub fn speciality(role: &Value) -> Option<(String, String)> {
    let practitioner = fhir::reference::literal(role.get("practitioner")?)?;
    let words = first_concept(role, "specialty").or_else(|| first_concept(role, "code"))?;
    Some((practitioner.id, words))
}

/// Whether a Practitioner can have a column in the calendar.
#[must_use]
pub fn is_active(practitioner: &Value) -> bool {
    practitioner.get("active").and_then(Value::as_bool) != Some(false)
}

/// Codes that PractitionerRole uses for those who are not booked.
#[must_use]
pub fn is_bookable(role: &Value) -> bool {
    !each(role, "code").any(|code| matches!(first_code(code), Some("receptionist" | "ict")))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;
    impl Names for Nobody {
        fn patient(&self, _: &str) -> Option<(String, String)> {
            None
        }
        fn other(&self, _: &str) -> Option<String> {
            None
        }
    }

    fn booked() -> Value {
        json!({"resourceType": "Appointment", "id": "a", "status": "booked",
            "start": "2026-01-05T14:00:00Z", "end": "2026-01-05T14:20:00Z",
            "description": "Cough",
            "participant": [
                {"actor": {"reference": "Patient/p", "display": "Ada Okafor"}, "status": "accepted"},
                {"actor": {"reference": "Practitioner/d", "display": "Dr Who"}, "status": "accepted"},
                {"actor": {"reference": "Location/r", "display": "Room 2"}, "status": "accepted"}]})
    }

    #[test]
    fn names_in_the_record_are_used_where_nothing_better_is_known() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let view = appointment(&booked(), Standing::Saved, &zone, &Nobody).unwrap();
        assert_eq!(view.start, "2026-01-05T09:00:00-05:00");
        assert_eq!(view.patient_name, "Ada Okafor");
        assert_eq!(view.practitioner_name, "Dr Who");
        assert_eq!(view.place.as_deref(), Some("Room 2"));
        assert_eq!(view.patient.as_deref(), Some("p"));
    }

    #[test]
    fn progress_goes_there_and_back() {
        let now: Timestamp = "2026-01-05T14:03:00Z".parse().unwrap();
        for state in [
            Progress::Booked,
            Progress::Arrived,
            Progress::InRoom,
            Progress::Done,
            Progress::NoShow,
            Progress::Cancelled,
        ] {
            let mut resource = booked();
            set_progress(&mut resource, Progress::Arrived, now, &TimeZone::UTC);
            set_progress(&mut resource, state, now, &TimeZone::UTC);
            assert_eq!(progress(&resource), state);
            assert_eq!(resource["extension"].as_array().map(Vec::len), Some(1));
            assert_eq!(since(&resource), Some(now));
        }
    }

    #[test]
    fn touching_slots_are_one_stretch() {
        let slot = |start: &str, end: &str| WorkingHours {
            practitioner: "d".into(),
            start: start.into(),
            end: end.into(),
        };
        let day = joined(vec![
            slot("2026-01-05T13:00:00-05:00", "2026-01-05T13:20:00-05:00"),
            slot("2026-01-05T09:20:00-05:00", "2026-01-05T09:40:00-05:00"),
            slot("2026-01-05T09:00:00-05:00", "2026-01-05T09:20:00-05:00"),
        ]);
        assert_eq!(day.len(), 2);
        assert_eq!(day[0].end, "2026-01-05T09:40:00-05:00");
    }

    #[test]
    fn without_a_time_it_is_no_entry_of_the_calendar() {
        let wish = json!({"resourceType": "Appointment", "id": "a", "status": "proposed"});
        assert!(appointment(&wish, Standing::Confirmed, &TimeZone::UTC, &Nobody).is_none());
    }
}
