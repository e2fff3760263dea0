//! The few things every resource has: type, id, meta.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The resource types that Rounds keeps.
pub const TYPES: &[&str] = &[
    "AllergyIntolerance",
    "Appointment",
    "AuditEvent",
    "Binary",
    "CarePlan",
    "CareTeam",
    "Claim",
    "Communication",
    "Condition",
    "Consent",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "ExplanationOfBenefit",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "Location",
    "Medication",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "Schedule",
    "Slot",
    "Task",
];

/// Whether Rounds keeps resources of this type.
#[must_use]
pub fn is_known_type(name: &str) -> bool {
    TYPES.binary_search(&name).is_ok()
}

/// The type that a resource says it is.
#[must_use]
pub fn resource_type(resource: &Value) -> Option<&str> {
    resource.get("resourceType")?.as_str()
}

/// The logical id of a resource.
#[must_use]
pub fn id(resource: &Value) -> Option<&str> {
    resource.get("id")?.as_str()
}

/// The version that a resource says it is (`meta.versionId`), where it is a number.
#[must_use]
pub fn version(resource: &Value) -> Option<u64> {
    resource
        .get("meta")?
        .get("versionId")?
        .as_str()?
        .parse()
        .ok()
}

/// When a resource says it was last changed (`meta.lastUpdated`).
#[must_use]
pub fn last_updated(resource: &Value) -> Option<Timestamp> {
    resource
        .get("meta")?
        .get("lastUpdated")?
        .as_str()?
        .parse()
        .ok()
}

/// Whether this may be a logical id: 1 to 64 letters, digits, `-` and `.`.
#[must_use]
pub fn valid_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Gives a resource its id. A value that is not an object stays as it is.
pub fn set_id(resource: &mut Value, id: &str) {
    if let Value::Object(map) = resource {
        map.insert("id".into(), id.into());
    }
}

/// Writes version and time into `meta` and leaves the rest of it (tags, profiles) as it is.
/// A value that is not an object stays as it is.
pub fn set_meta(resource: &mut Value, version: u64, last_updated: Timestamp) {
    let Value::Object(map) = resource else { return };
    let meta = map
        .entry("meta")
        .or_insert_with(|| Value::Object(Map::new()));
    if !meta.is_object() {
        *meta = Value::Object(Map::new());
    }
    if let Value::Object(meta) = meta {
        meta.insert("versionId".into(), version.to_string().into());
        meta.insert("lastUpdated".into(), instant(last_updated).into());
    }
}

/// A moment as FHIR writes it: UTC, milliseconds.
#[must_use]
pub fn instant(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_sorted_for_the_search() {
        assert!(TYPES.is_sorted());
        assert!(is_known_type("Patient"));
        assert!(!is_known_type("patient"));
    }

    #[test]
    fn ids() {
        assert!(valid_id("a-1.B"));
        assert!(valid_id(&"x".repeat(64)));
        for wrong in ["", "a b", "a/b", "ä", "a_b", &"x".repeat(65)] {
            assert!(!valid_id(wrong), "{wrong}");
        }
    }

    #[test]
    fn meta_keeps_what_it_does_not_own() -> Result<(), jiff::Error> {
        let mut patient = json!({"resourceType": "Patient", "meta": {"tag": [{"code": "x"}]}});
        set_meta(&mut patient, 3, "2024-02-29T12:00:00.1234Z".parse()?);
        assert_eq!(patient["meta"]["versionId"], "3");
        assert_eq!(patient["meta"]["lastUpdated"], "2024-02-29T12:00:00.123Z");
        assert_eq!(patient["meta"]["tag"][0]["code"], "x");
        assert_eq!(version(&patient), Some(3));
        assert!(last_updated(&patient).is_some());
        Ok(())
    }
}
