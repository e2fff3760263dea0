//! What is one statement and what is several.

use crate::validate::model::{Definition, Element};

/// Elements that only make sense together: a change of one is a change of all.
const TOGETHER: &[(&str, &[&str])] = &[
    ("Appointment", &["start", "end", "minutesDuration"]),
    ("Appointment", &["status", "cancelationReason"]),
    ("Slot", &["start", "end"]),
    (
        "Observation",
        &["value", "dataAbsentReason", "interpretation"],
    ),
    (
        "Observation_Component",
        &["value", "dataAbsentReason", "interpretation"],
    ),
    ("Immunization", &["status", "statusReason"]),
    ("Procedure", &["status", "statusReason"]),
    ("Encounter", &["status", "statusHistory"]),
    ("Task", &["status", "statusReason"]),
    // Who replaces whom, and which of them is in use.
    ("Patient", &["active", "link"]),
];

/// Data types whose fields are facts of their own. All others (Address, Quantity, Period,
/// CodeableConcept, Attachment …) are one statement each.
const MIXED: &[&str] = &["ContactPoint", "HumanName", "Identifier", "Meta"];

/// Whether edits of different fields of this type may come together.
pub(super) fn is_mixed(definition: &Definition) -> bool {
    // HL7's schema names backbone elements Type_Part.
    definition.is_resource || definition.name.contains('_') || MIXED.contains(&definition.name)
}

/// The name of the unit that an element belongs to: its own, or that of the first it goes with.
pub(super) fn unit(definition: &Definition, element: &Element) -> &'static str {
    TOGETHER
        .iter()
        .filter(|(owner, _)| *owner == definition.name)
        .find(|(_, names)| names.contains(&element.name))
        .map_or(element.name, |(_, names)| names[0])
}

/// Whether the server sets this element of `meta`.
pub(super) fn is_set_by_server(name: &str) -> bool {
    matches!(
        name.trim_start_matches('_'),
        "versionId" | "lastUpdated" | "source"
    )
}
