//! The store's promises, by the rows of the requirements they belong to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation
)]

mod alike;
mod at_rest;
mod chart;
mod conflict;
mod crash;
mod feed;
mod opening;
mod outbox;
mod pages;
mod rest;
mod restored;
mod restored_scope;
mod scope;
mod search;

use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::chain::{self, ChainError, Head, Link};
use protocol::sync::{SyncEntry, SyncPage};
use protocol::upload::{Fate, StoredVersion, UploadFate, UploadReply};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Applied, Cache, CacheKey, Change, Settled, StoreError, Write};

pub(crate) fn key() -> CacheKey {
    CacheKey::new([42; 32])
}

fn signing() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn genesis() -> Head {
    Head::genesis(Uuid::from_u128(5))
}

/// Signs an event about nothing in particular.
pub(crate) fn seal(head: &Head) -> Result<Link, ChainError> {
    chain::append(
        head,
        json!({ "resourceType": "AuditEvent", "n": head.number }),
        &signing(),
    )
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A cache in a folder of its own.
pub(crate) struct Bed {
    pub dir: tempfile::TempDir,
    pub cache: Cache,
}

impl Bed {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::create(&dir.path().join("cache.db"), &key(), &genesis()).unwrap();
        Self { dir, cache }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("cache.db")
    }

    pub fn reopened(self) -> Self {
        let Self { dir, cache } = self;
        drop(cache);
        let cache = Cache::open(&dir.path().join("cache.db"), &key()).unwrap();
        Self { dir, cache }
    }

    pub fn apply(&self, entries: Vec<SyncEntry>) -> Applied {
        self.cache
            .apply_page(&page("c1", entries), at(0), seal)
            .unwrap()
    }

    pub fn put(&self, resource: Value) -> Uuid {
        self.put_from(resource, None)
    }

    pub fn put_from(&self, resource: Value, base: Option<Value>) -> Uuid {
        self.change(vec![Write::Put { resource, base }]).unwrap()
    }

    pub fn change(&self, writes: Vec<Write>) -> Result<Uuid, StoreError> {
        let change = Change {
            label: "test".to_owned(),
            writes,
            at: at(10),
        };
        self.cache.write("test", |tx| tx.change(&change, seal))
    }

    /// Hands the next batch to the network and answers its keys.
    pub fn send(&self) -> Vec<Uuid> {
        let batch = self.cache.read(|cache| cache.upload_batch(100)).unwrap();
        let keys: Vec<Uuid> = batch.iter().map(|entry| entry.key).collect();
        self.cache.write("send", |tx| tx.mark_sent(&keys)).unwrap();
        keys
    }

    pub fn fate(&self, key: Uuid, fate: Fate) -> Settled {
        let reply = UploadReply {
            fates: vec![UploadFate { key, fate }],
        };
        self.cache
            .write("fates", |tx| tx.apply_fates(&reply, at(20)))
            .unwrap()
    }

    pub fn value(&self, resource_type: &str, id: &str) -> Option<Value> {
        let record = self
            .cache
            .read(|cache| cache.record(resource_type, id))
            .unwrap();
        record.map(|record| record.value().unwrap())
    }

    pub fn standing(&self, resource_type: &str, id: &str) -> crate::Standing {
        self.cache
            .read(|cache| cache.standing(resource_type, id))
            .unwrap()
    }

    pub fn counts(&self) -> crate::Counts {
        self.cache.read(|cache| cache.counts()).unwrap()
    }
}

pub(crate) fn page(cursor: &str, entries: Vec<SyncEntry>) -> SyncPage {
    SyncPage {
        cursor: cursor.to_owned(),
        entries,
        more: false,
        remaining: 0,
        scope: None,
        life: None,
        links: None,
    }
}

pub(crate) fn entry(version: u64, resource: &Value) -> SyncEntry {
    let mut resource = resource.clone();
    let updated = at(version as i64);
    fhir::resource::set_meta(&mut resource, version, updated);
    SyncEntry {
        resource_type: resource["resourceType"].as_str().unwrap().to_owned(),
        id: resource["id"].as_str().unwrap().to_owned(),
        version,
        last_updated: updated,
        patient: fhir::compartment::patient_of(&resource),
        resource: Some(RawValue::from_string(resource.to_string()).unwrap()),
        author: None,
    }
}

pub(crate) fn deleted(version: u64, resource: &Value) -> SyncEntry {
    SyncEntry {
        resource: None,
        ..entry(version, resource)
    }
}

pub(crate) fn accepted(version: u64, resource_type: &str, id: &str) -> Fate {
    Fate::Accepted {
        versions: vec![StoredVersion {
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
            version,
            last_updated: at(version as i64),
        }],
    }
}

pub(crate) fn patient(id: &str, family: &str, given: &str) -> Value {
    json!({
        "resourceType": "Patient", "id": id,
        "name": [{ "family": family, "given": given.split(' ').collect::<Vec<_>>() }],
        "birthDate": "1980-03-14", "gender": "female"
    })
}

pub(crate) fn condition(id: &str, patient: &str, text: &str) -> Value {
    json!({
        "resourceType": "Condition", "id": id, "code": { "text": text },
        "subject": { "reference": format!("Patient/{patient}") }
    })
}

pub(crate) fn observation(id: &str, patient: &str, value: i64) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4" }] },
        "subject": { "reference": format!("Patient/{patient}") },
        "valueQuantity": { "value": value, "unit": "/min" }
    })
}
