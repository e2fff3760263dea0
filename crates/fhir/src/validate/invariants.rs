//! Rules between elements: the few of FHIR's invariants that the schema cannot say and on which
//! Rounds relies.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::model::Definition;
use crate::date::DateRange;
use crate::outcome::{Issue, IssueType};

/// Checks one object; answers the element at fault (empty: the object itself) with the issue.
pub(super) fn check(
    definition: &Definition,
    map: &Map<String, Value>,
) -> Option<(&'static str, Issue)> {
    let broken = |element, text: &str| Some((element, Issue::error(IssueType::Invariant, text)));
    match definition.name {
        "Period" if !in_order(map) => broken("end", "a period cannot end before it starts (per-1)"),
        "Extension" => {
            let has_value = map
                .keys()
                .any(|name| name.trim_start_matches('_').starts_with("value"));
            match (has_value, map.contains_key("extension")) {
                (true, true) => broken(
                    "",
                    "an extension has a value or extensions, not both (ext-1)",
                ),
                (false, false) => {
                    broken("", "an extension must have a value or extensions (ext-1)")
                }
                _ => None,
            }
        }
        "Slot" if !in_order(map) => broken("end", "a slot cannot end before it starts"),
        "Appointment" => {
            let timed = |name| map.contains_key(name);
            let status = map
                .get("status")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if timed("start") != timed("end") {
                broken(
                    "",
                    "an appointment has both start and end, or neither (app-2)",
                )
            } else if !timed("start") && !matches!(status, "proposed" | "cancelled" | "waitlist") {
                broken(
                    "",
                    "only proposed, waiting or cancelled appointments may be without a time (app-3)",
                )
            } else if !in_order(map) {
                broken("end", "an appointment cannot end before it starts")
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Whether `start` may be before or at `end`, as precisely as both are written.
fn in_order(map: &Map<String, Value>) -> bool {
    let read = |name: &str| {
        // The zone only matters between a day and a time of day, where a day's grace is right.
        DateRange::parse(map.get(name)?.as_str()?, &TimeZone::UTC).ok()
    };
    match (read("start"), read("end")) {
        (Some(start), Some(end)) => start.lo < end.hi || start.lo == end.lo,
        _ => true,
    }
}
