//! Rows to measure with: the sizes that the budgets name, the same at every run.

use std::path::Path;

use cache::{Cache, CacheKey};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::chain::{self, ChainError, Head, Link};
use load::chance::Chance;
use load::people;
use protocol::sync::{SyncEntry, SyncPage};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

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
        scope: None,
        life: None,
        links: None,
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
        author: None,
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
    let mut body = people::observation(n, &format!("Patient/{}", id(0, patient)));
    body["id"] = json!(id(1, n));
    body["encounter"] = json!({ "reference": format!("Encounter/{}", id(2, n / 8)) });
    let short = size.saturating_sub(body.to_string().len() + 20);
    if short > 0 {
        let words = "Reviewed with the patient at the visit; repeat in three months. ";
        body["note"] =
            json!([{ "text": words.repeat(short / words.len() + 1)[..short].to_owned() }]);
    }
    body
}

/// A Patient with an id.
pub fn patient(n: usize) -> Value {
    let mut patient = people::patient(n);
    patient["id"] = json!(id(0, n));
    patient
}
