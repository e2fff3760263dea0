//! The patient compartment: whose record a resource belongs to.
//!
//! The parameters are those of HL7's CompartmentDefinition for Patient, in an order that asks the
//! plain subject first. Added are Device (`Device.patient`) and Binary (`securityContext`), which
//! HL7 leaves out and which carry a patient's data all the same.

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::search::{self, IndexData};
use crate::{reference, resource};

/// The search parameters by which resources of a type belong to a patient; empty for types that
/// belong to none.
#[must_use]
pub fn params(resource_type: &str) -> &'static [&'static str] {
    match resource_type {
        "AllergyIntolerance" => &["patient", "recorder", "asserter"],
        "Appointment" | "Schedule" => &["actor"],
        "CarePlan" => &["patient", "performer"],
        "CareTeam" => &["patient", "participant"],
        "Claim" | "ExplanationOfBenefit" => &["patient", "payee"],
        "Communication" => &["subject", "sender", "recipient"],
        "Condition" => &["patient", "asserter"],
        "Coverage" => &["beneficiary", "policy-holder", "subscriber", "payor"],
        "DiagnosticReport" | "Encounter" | "MedicationRequest" => &["subject"],
        "DocumentReference" => &["subject", "author"],
        "AuditEvent" | "Consent" | "Device" | "Goal" | "ImagingStudy" | "Immunization"
        | "Provenance" => &["patient"],
        "Observation" => &["subject", "performer"],
        "Procedure" => &["patient", "performer"],
        "Task" => &["patient", "focus"],
        _ => &[],
    }
}

/// The logical id of the patient in whose compartment a resource is, the subject before others
/// who had a part in it. A Patient is in its own.
#[must_use]
pub fn patient_of(resource: &Value) -> Option<String> {
    patients_of(resource).into_iter().next()
}

/// Every patient in whose compartment a resource is, in that order, each once.
#[must_use]
pub fn patients_of(resource: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let Some(kind) = resource::resource_type(resource) else {
        return found;
    };
    match kind {
        "Patient" => found.extend(resource::id(resource).map(str::to_owned)),
        "Binary" => found.extend(
            resource
                .get("securityContext")
                .and_then(reference::literal)
                .filter(|context| context.resource_type == "Patient")
                .map(|context| context.id),
        ),
        _ => {
            for param in params(kind)
                .iter()
                .filter_map(|code| search::param(kind, code))
            {
                search::extract_param(resource, param, &TimeZone::UTC, &mut |value| {
                    if let IndexData::Reference { resource_type, id } = value
                        && resource_type == "Patient"
                        && !found.contains(&id)
                    {
                        found.push(id);
                    }
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn belongs_to_its_subject_first() {
        for (resource, patients) in [
            (
                json!({"resourceType": "Patient", "id": "p", "link": [{"other": {"reference": "Patient/q"}}]}),
                vec!["p"],
            ),
            (
                json!({"resourceType": "Observation", "subject": {"reference": "Patient/p"},
                       "performer": [{"reference": "Patient/q"}, {"reference": "Practitioner/r"}]}),
                vec!["p", "q"],
            ),
            (
                json!({"resourceType": "Observation", "subject": {"reference": "Location/p"}}),
                vec![],
            ),
            (
                json!({"resourceType": "Appointment", "participant": [
                    {"actor": {"reference": "Practitioner/r"}}, {"actor": {"reference": "Patient/p"}}]}),
                vec!["p"],
            ),
            (
                json!({"resourceType": "Task", "for": {"reference": "Patient/p"}}),
                vec!["p"],
            ),
            (
                json!({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/p"}}),
                vec!["p"],
            ),
            (
                json!({"resourceType": "Binary", "securityContext": {"reference": "Patient/p"}}),
                vec!["p"],
            ),
            (json!({"resourceType": "Practitioner", "id": "r"}), vec![]),
            (
                json!({"resourceType": "Condition", "subject": {"reference": "urn:uuid:1"}}),
                vec![],
            ),
            (json!({}), vec![]),
        ] {
            assert_eq!(patients_of(&resource), patients, "{resource}");
            assert_eq!(patient_of(&resource).as_deref(), patients.first().copied());
        }
    }

    #[test]
    fn every_parameter_of_a_compartment_exists() {
        for kind in resource::TYPES {
            for code in params(kind) {
                assert!(search::param(kind, code).is_some(), "{kind}.{code}");
            }
        }
    }
}
