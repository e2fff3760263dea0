//! Where a record lies in the file.
//!
//! The row id of a record is its patient's number, its type's number and a running number, so
//! that a chart is one stretch of the file, ordered by type: SQLCipher's cost is per page read,
//! and this way a chart reads only pages that are its own.

use std::ops::RangeInclusive;

/// Type numbers: the position in this list. Append only; a number is on disk.
const TYPES: &[&str] = &[
    "Patient",
    "AllergyIntolerance",
    "Condition",
    "MedicationRequest",
    "Immunization",
    "Encounter",
    "Observation",
    "DiagnosticReport",
    "Procedure",
    "CarePlan",
    "CareTeam",
    "Goal",
    "DocumentReference",
    "Appointment",
    "Consent",
    "Provenance",
    "Communication",
    "Task",
    "Coverage",
    "Claim",
    "ExplanationOfBenefit",
    "ImagingStudy",
    "Medication",
    "Binary",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Schedule",
    "Slot",
    "Device",
    "AuditEvent",
    "RelatedPerson",
    "MedicationStatement",
    "MedicationAdministration",
    "MedicationDispense",
    "ServiceRequest",
    "FamilyMemberHistory",
    "Media",
    "QuestionnaireResponse",
    "Questionnaire",
    "List",
    "Flag",
    "Composition",
    "Specimen",
    "SupplyDelivery",
    "SupplyRequest",
    "Account",
    "HealthcareService",
    "Group",
];

/// The number of Patient: the first record of every compartment.
pub(crate) const PATIENT: i64 = 0;

const TYPE_BITS: u32 = 6;
const RUN_BITS: u32 = 24;

/// The number of records of one type that one patient may have.
pub(crate) const RUN_MAX: i64 = (1 << RUN_BITS) - 1;

/// Slot of what is in no patient's compartment.
pub(crate) const NOBODY: i64 = 0;

/// The number of a resource type, if this program stores it.
pub(crate) fn type_number(resource_type: &str) -> Option<i64> {
    TYPES
        .iter()
        .position(|name| *name == resource_type)
        .map(|index| index as i64)
}

/// The stretch of one type of one patient.
pub(crate) fn stretch(slot: i64, number: i64) -> RangeInclusive<i64> {
    let start = (slot << (TYPE_BITS + RUN_BITS)) | (number << RUN_BITS);
    start..=start + RUN_MAX
}

/// The stretch of everything of one patient.
pub(crate) fn stretch_of_patient(slot: i64) -> RangeInclusive<i64> {
    let start = slot << (TYPE_BITS + RUN_BITS);
    start..=start + (1 << (TYPE_BITS + RUN_BITS)) - 1
}

/// The slot in a place.
pub(crate) fn slot_of(place: i64) -> i64 {
    place >> (TYPE_BITS + RUN_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_the_clinic_keeps_has_a_number() {
        for name in fhir::resource::TYPES {
            assert!(type_number(name).is_some(), "{name}");
        }
        assert!(TYPES.len() <= 1 << TYPE_BITS);
        assert_eq!(type_number("Patient"), Some(PATIENT));
    }

    #[test]
    fn stretches_lie_side_by_side() {
        let all = stretch_of_patient(3);
        let first = stretch(3, 0);
        let second = stretch(3, 1);
        assert_eq!(all.start(), first.start());
        assert_eq!(*first.end() + 1, *second.start());
        assert_eq!(*stretch(3, (1 << TYPE_BITS) - 1).end(), *all.end());
        assert_eq!(slot_of(*second.end()), 3);
        assert_eq!(*all.end() + 1, *stretch_of_patient(4).start());
    }
}
