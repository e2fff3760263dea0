//! A small clinic.

use serde_json::{Value, json};

pub const CANARY_NAME: &str = "Quetzalcoatlina";
pub const CANARY_SSN: &str = "987-65-4320";
pub const CANARY_NOTE: &str = "xylophonic murmur over the left sternal border";

pub fn clinic() -> Vec<Value> {
    vec![
        json!({"resourceType": "Practitioner", "id": "dr1", "active": true,
            "name": [{"family": "Lovelace", "given": ["Ada"], "prefix": ["Dr."]}]}),
        json!({"resourceType": "Practitioner", "id": "dr2", "active": true,
            "name": [{"family": "Bose", "given": ["Satyendra"]}]}),
        json!({"resourceType": "Schedule", "id": "s1", "actor": [{"reference": "Practitioner/dr1"}]}),
        json!({"resourceType": "Schedule", "id": "s2", "actor": [{"reference": "Practitioner/dr2"}]}),
        json!({"resourceType": "Slot", "id": "sl1", "schedule": {"reference": "Schedule/s1"},
            "status": "free", "start": "2026-01-05T14:00:00Z", "end": "2026-01-05T17:00:00Z"}),
        patient("p1", CANARY_NAME, "Okafor", "1980-02-29"),
        patient("p2", "Ben", "Okonkwo", "2019-07-01"),
        json!({"resourceType": "AllergyIntolerance", "id": "al1", "patient": {"reference": "Patient/p1"},
            "clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"text": "Penicillin"}}),
        json!({"resourceType": "Observation", "id": "o1", "status": "final",
            "subject": {"reference": "Patient/p1"},
            "category": [{"coding": [{"code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "Hemoglobin A1c"}]},
            "effectiveDateTime": "2025-12-01T10:00:00Z",
            "valueQuantity": {"value": 7.2, "unit": "%"}}),
        json!({"resourceType": "Appointment", "id": "a1", "status": "booked",
            "start": "2026-01-05T15:00:00Z", "end": "2026-01-05T15:20:00Z", "description": "Review",
            "participant": [
                {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
                {"actor": {"reference": "Practitioner/dr1"}, "status": "accepted"}]}),
    ]
}

pub fn patient(id: &str, given: &str, family: &str, birth: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "active": true,
        "identifier": [
            {"system": "urn:rounds:mrn", "value": format!("MRN-{id}"),
             "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": CANARY_SSN}],
        "name": [{"use": "official", "family": family, "given": [given]}],
        "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}],
        "gender": "female", "birthDate": birth,
        "generalPractitioner": [{"reference": "Practitioner/dr1"}]})
}

/// A patient whom nothing relates to anybody, with a problem and a note.
pub fn stranger(id: &str) -> Vec<Value> {
    let mut stranger = patient(id, "Nils", "Unrelated", "1971-03-04");
    stranger
        .as_object_mut()
        .unwrap()
        .remove("generalPractitioner");
    let subject = json!({"reference": format!("Patient/{id}")});
    vec![
        stranger,
        json!({"resourceType": "Condition", "id": format!("k-{id}"), "subject": subject,
            "clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"text": "Asthma"}}),
        json!({"resourceType": "DocumentReference", "id": format!("n-{id}"), "status": "current",
            "subject": subject, "content": [{"attachment": {"contentType": "text/plain"}}]}),
    ]
}

/// A consent of a patient about `dr1`.
pub fn consent(id: &str, patient: &str, kind: &str, status: &str) -> Value {
    json!({"resourceType": "Consent", "id": id, "status": status,
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"coding": [{"code": "59284-0"}]}],
        "patient": {"reference": format!("Patient/{patient}")},
        "provision": {"type": kind, "actor": [{
            "role": {"coding": [{"code": "PRCP"}]},
            "reference": {"reference": "Practitioner/dr1"}}]}})
}
