//! Rows to measure with: the sizes that the budgets name, the same at every run.

use std::path::Path;

use cache::{Cache, CacheKey};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::chain::{self, ChainError, Head, Link};
use protocol::sync::{SyncEntry, SyncPage};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::measure::Chance;
use crate::row::RowError;

/// Entries in a page, as the server sends them.
pub const PAGE: usize = 500;

/// The key of every cache that is measured.
pub fn key() -> CacheKey {
    CacheKey::new([0x5a; 32])
}

/// Signs an event the size of a real one.
pub fn seal(head: &Head) -> Result<Link, ChainError> {
    let event = json!({
        "resourceType": "AuditEvent", "recorded": "2026-11-23T10:00:00Z", "outcome": "0",
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest" },
        "agent": [{ "who": { "reference": "Practitioner/p" }, "requestor": true }],
        "source": { "observer": { "display": "Rounds workstation" } },
        "entity": [{ "what": { "reference": "Patient/1" } }]
    });
    chain::append(head, event, &SigningKey::from_bytes(&[3; 32]))
}

/// A new cache in a folder.
pub fn create(folder: &Path, name: &str) -> Result<Cache, RowError> {
    let genesis = Head::genesis(Uuid::from_u128(1));
    Ok(Cache::create(&folder.join(name), &key(), &genesis)?)
}

/// The moment of everything.
pub fn at() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A page of these resources.
pub fn page(number: usize, entries: Vec<SyncEntry>, more: bool) -> SyncPage {
    SyncPage {
        cursor: format!("bench-{number}"),
        entries,
        more,
        remaining: 0,
    }
}

/// Fills a cache page by page.
pub fn fill(
    cache: &Cache,
    count: usize,
    mut make: impl FnMut(usize) -> Value,
) -> Result<(), RowError> {
    for start in (0..count).step_by(PAGE) {
        let entries = (start..(start + PAGE).min(count))
            .map(|n| entry(&make(n)))
            .collect::<Result<Vec<_>, _>>()?;
        cache.apply_page(&page(start, entries, start + PAGE < count), at(), seal)?;
    }
    Ok(())
}

/// A first version of a resource, as the feed brings it.
pub fn entry(resource: &Value) -> Result<SyncEntry, RowError> {
    let text = |name: &str| resource[name].as_str().unwrap_or_default().to_owned();
    Ok(SyncEntry {
        resource_type: text("resourceType"),
        id: text("id"),
        version: 1,
        last_updated: at(),
        patient: fhir::compartment::patient_of(resource),
        resource: Some(RawValue::from_string(resource.to_string())?),
    })
}

/// An id that looks like the ids of the clinic: random, so that the index has no easy order.
pub fn id(kind: u64, n: usize) -> String {
    let mut chance = Chance(kind << 40 | n as u64);
    let high = chance.below(usize::MAX) as u64;
    Uuid::from_u64_pair(high, chance.below(usize::MAX) as u64).to_string()
}

/// Two kilobytes on average. One size for all would measure how many of them happen to fit a
/// page, and the cipher's pages are a little smaller.
pub fn size(n: usize) -> usize {
    1_300 + Chance(n as u64).below(1_300)
}

/// An Observation of about `size` bytes.
pub fn observation(n: usize, patient: usize, size: usize) -> Value {
    let mut body = json!({
        "resourceType": "Observation", "id": id(1, n), "status": "final",
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "laboratory", "display": "Laboratory" }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": "4548-4",
            "display": "Hemoglobin A1c/Hemoglobin.total in Blood" }], "text": "HbA1c" },
        "subject": { "reference": format!("Patient/{}", id(0, patient)) },
        "encounter": { "reference": format!("Encounter/{}", id(2, n / 8)) },
        "effectiveDateTime": format!("20{:02}-0{}-1{}T09:30:00+01:00", n % 25, n % 9 + 1, n % 9),
        "valueQuantity": { "value": (n % 90) as f64 / 10.0 + 4.0, "unit": "%",
            "system": "http://unitsofmeasure.org", "code": "%" },
        "referenceRange": [{ "low": { "value": 4.0, "unit": "%" }, "high": { "value": 5.6, "unit": "%" } }]
    });
    let short = size.saturating_sub(body.to_string().len() + 20);
    if short > 0 {
        let words = "Reviewed with the patient at the visit; repeat in three months. ";
        body["note"] =
            json!([{ "text": words.repeat(short / words.len() + 1)[..short].to_owned() }]);
    }
    body
}

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

/// A Patient.
pub fn patient(n: usize) -> Value {
    let (family, given, second) = names(n);
    json!({
        "resourceType": "Patient", "id": id(0, n),
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
