//! The time that an appointment takes of its practitioners.

use fhir::reference;
use jiff::Timestamp;
use serde_json::Value;

/// Statuses in which an appointment takes its practitioners' time.
const ACTIVE: [&str; 4] = ["pending", "booked", "arrived", "checked-in"];

/// One practitioner's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Logical id of the Practitioner.
    pub practitioner: String,
    /// From.
    pub start: Timestamp,
    /// To, excluded.
    pub end: Timestamp,
}

/// What an Appointment holds: nothing unless it is active and has a start, an end after it, and
/// practitioners who have not declined.
pub fn holds(appointment: &Value) -> Vec<Hold> {
    let text = |element: &str| appointment.get(element).and_then(Value::as_str);
    let moment = |element: &str| text(element).and_then(|text| text.parse::<Timestamp>().ok());
    let (Some(start), Some(end)) = (moment("start"), moment("end")) else {
        return Vec::new();
    };
    if start >= end || !text("status").is_some_and(|status| ACTIVE.contains(&status)) {
        return Vec::new();
    }
    let mut holds: Vec<Hold> = Vec::new();
    for participant in appointment
        .get("participant")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if participant.get("status").and_then(Value::as_str) == Some("declined") {
            continue;
        }
        let Some(actor) = participant.get("actor").and_then(reference::literal) else {
            continue;
        };
        if actor.resource_type == "Practitioner"
            && !holds.iter().any(|h| h.practitioner == actor.id)
        {
            holds.push(Hold {
                practitioner: actor.id,
                start,
                end,
            });
        }
    }
    holds
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn appointment(status: &str) -> Value {
        json!({
            "resourceType": "Appointment", "status": status,
            "start": "2026-01-05T09:00:00+01:00", "end": "2026-01-05T09:20:00+01:00",
            "participant": [
                {"actor": {"reference": "Patient/p"}, "status": "accepted"},
                {"actor": {"reference": "Practitioner/a"}, "status": "accepted"},
                {"actor": {"reference": "Practitioner/b"}, "status": "declined"},
            ],
        })
    }

    #[test]
    fn only_active_appointments_hold_and_only_who_did_not_decline() {
        let held = holds(&appointment("booked"));
        assert_eq!(held.len(), 1);
        assert_eq!(held[0].practitioner, "a");
        assert_eq!(held[0].start.to_string(), "2026-01-05T08:00:00Z");
        for status in [
            "cancelled",
            "noshow",
            "fulfilled",
            "proposed",
            "entered-in-error",
        ] {
            assert!(holds(&appointment(status)).is_empty(), "{status}");
        }
    }
}
