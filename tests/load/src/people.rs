//! People and their records, as an integration client sends them: the same number gives the same
//! person.

use serde_json::{Value, json};

use crate::chance::Chance;

const FAMILY: [&str; 40] = [
    "Okafor",
    "Smith",
    "Johnson",
    "Nguyen",
    "García",
    "Müller",
    "Kowalski",
    "Haddad",
    "Kim",
    "Petrov",
    "Andersson",
    "O'Neil",
    "Silva",
    "Rossi",
    "Dubois",
    "Yamamoto",
    "Chen",
    "Patel",
    "Mensah",
    "Abebe",
    "Brown",
    "Williams",
    "Jones",
    "Davis",
    "Miller",
    "Wilson",
    "Moore",
    "Taylor",
    "Thomas",
    "Jackson",
    "White",
    "Harris",
    "Martin",
    "Thompson",
    "Robinson",
    "Clark",
    "Lewis",
    "Walker",
    "Hall",
    "Young",
];
const GIVEN: [&str; 40] = [
    "Ada", "Ben", "Chloe", "David", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jamal", "Karin",
    "Leo", "Maria", "Nora", "Omar", "Paula", "Quentin", "Rosa", "Samuel", "Tessa", "Uma", "Viktor",
    "Wanda", "Xavier", "Yara", "Zoe", "Amelia", "Brian", "Carla", "Diego", "Emma", "Felix", "Gina",
    "Henry", "Iris", "Jonas", "Kira", "Lukas", "Mina", "Nils",
];

/// The names of patient `n`. Endings spread family names as a real register does.
#[must_use]
pub fn names(n: usize) -> (String, String, String) {
    let mut chance = Chance(n as u64 * 31 + 7);
    let family = format!(
        "{}{}",
        FAMILY[chance.below(40)],
        ["", "", "son", "er", "ova", "-Lee", "ski", "es"][chance.below(8)]
    );
    (
        family,
        GIVEN[chance.below(40)].to_owned(),
        GIVEN[chance.below(40)].to_owned(),
    )
}

/// The first letters of the family name of patient `n`, as a URL's query holds them: names are
/// Unicode.
#[must_use]
pub fn family_start(n: usize) -> String {
    let (family, ..) = names(n);
    let start: String = family.chars().take(4).collect();
    start
        .bytes()
        .map(|byte| match byte {
            b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// A Patient, without an id.
#[must_use]
pub fn patient(n: usize) -> Value {
    let (family, given, second) = names(n);
    json!({
        "resourceType": "Patient",
        "identifier": [
            { "type": { "coding": [{ "code": "MR" }] }, "system": "urn:rounds:mrn",
              "value": format!("MRN-{n:07}") },
            { "system": "http://hl7.org/fhir/sid/us-ssn", "value": format!("999-{:02}-{:04}", n % 99, n % 9999) }],
        "name": [{ "use": "official", "family": family, "given": [given, second] }],
        "telecom": [{ "system": "phone", "value": format!("+1 555 {:03} {:04}", n / 10_000 % 1000, n % 10_000) }],
        "gender": if n.is_multiple_of(2) { "female" } else { "male" },
        "birthDate": format!("{}-{:02}-{:02}", 1935 + n % 90, n % 12 + 1, n % 28 + 1),
        "address": [{ "line": [format!("{} High Street", n % 400)], "city": "Springfield",
            "state": "MA", "postalCode": format!("{:05}", n % 99_999) }]
    })
}

/// A laboratory Observation about `subject`, without an id.
#[must_use]
pub fn observation(n: usize, subject: &str) -> Value {
    json!({
        "resourceType": "Observation", "status": "final",
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "laboratory", "display": "Laboratory" }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": "4548-4",
            "display": "Hemoglobin A1c/Hemoglobin.total in Blood" }], "text": "HbA1c" },
        "subject": { "reference": subject },
        "effectiveDateTime": format!("20{:02}-0{}-1{}T09:30:00+01:00", n % 25, n % 9 + 1, n % 9),
        "valueQuantity": { "value": (n % 90) as f64 / 10.0 + 4.0, "unit": "%",
            "system": "http://unitsofmeasure.org", "code": "%" },
        "referenceRange": [{ "low": { "value": 4.0, "unit": "%" }, "high": { "value": 5.6, "unit": "%" } }]
    })
}

/// A transaction of ten: a new patient, an encounter and what was found in it.
#[must_use]
pub fn transaction(n: usize) -> Value {
    let mut chance = Chance(n as u64 ^ 0x7472_616e);
    let mut urn = || {
        format!(
            "urn:uuid:{}",
            uuid::Uuid::from_u64_pair(chance.draw(), chance.draw())
        )
    };
    let (subject, visit) = (urn(), urn());
    let mut entries = vec![
        post(&subject, patient(n)),
        post(
            &visit,
            json!({
                "resourceType": "Encounter", "status": "finished",
                "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
                "subject": { "reference": subject },
                "period": { "start": "2026-03-02T14:00:00Z", "end": "2026-03-02T14:20:00Z" }
            }),
        ),
        post(
            &urn(),
            json!({
                "resourceType": "Condition",
                "clinicalStatus": { "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "active" }] },
                "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm",
                    "code": "E11.9", "display": "Type 2 diabetes mellitus" }] },
                "subject": { "reference": subject }, "encounter": { "reference": visit }
            }),
        ),
    ];
    for found in 0..7 {
        let mut observation = observation(n * 7 + found, &subject);
        observation["encounter"] = json!({ "reference": visit });
        entries.push(post(&urn(), observation));
    }
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

fn post(urn: &str, resource: Value) -> Value {
    let kind = resource["resourceType"].clone();
    json!({ "fullUrl": urn, "resource": resource, "request": { "method": "POST", "url": kind } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_query_keeps_its_letters() {
        let n = (0..).find(|&n| names(n).0.starts_with("Mü")).unwrap();
        assert!(family_start(n).starts_with("M%C3%BCl"));
    }

    #[test]
    fn a_transaction_holds_ten_and_points_into_itself() {
        let bundle = transaction(3);
        let entries = bundle["entry"].as_array().unwrap();
        assert_eq!(entries.len(), 10);
        let subject = entries[0]["fullUrl"].as_str().unwrap();
        assert!(
            entries[1..]
                .iter()
                .all(|e| e["resource"]["subject"]["reference"] == subject)
        );
        assert_eq!(bundle, transaction(3));
        assert_ne!(bundle, transaction(4));
    }
}
