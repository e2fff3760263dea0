//! A model of the server: versions in commit order, idempotent uploads, checked chains.

use std::collections::{BTreeMap, HashMap};

use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;
use ledger::chain::{self, Head, Link};
use protocol::audit::{AuditBatch, AuditReceipt};
use protocol::sync::{SyncEntry, SyncPage};
use protocol::upload::{Fate, StoredVersion, UploadEntry, UploadFate, UploadReply, UploadRequest};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

pub type Name = (String, String);

pub struct Stored {
    pub body: Option<Value>,
    pub at: Timestamp,
}

#[derive(Default)]
pub struct Server {
    /// All versions of each record, the first at index 0.
    pub records: BTreeMap<Name, Vec<Stored>>,
    /// Commits in order: which record got which version.
    pub log: Vec<(Name, u64)>,
    /// Applied keys.
    pub keys: HashMap<Uuid, Vec<StoredVersion>>,
    pub chains: HashMap<usize, (Head, Vec<Link>)>,
    /// Uploads that came with a key that was applied already.
    pub repeated: u64,
    pub conflicts: u64,
    pub refusals: u64,
}

impl Server {
    pub fn current(&self, name: &Name) -> Option<(u64, &Stored)> {
        let versions = self.records.get(name)?;
        versions
            .last()
            .map(|stored| (versions.len() as u64, stored))
    }

    pub fn store(&mut self, name: Name, body: Option<Value>, at: Timestamp) -> StoredVersion {
        let versions = self.records.entry(name.clone()).or_default();
        let version = versions.len() as u64 + 1;
        let body = body.map(|mut body| {
            fhir::resource::set_meta(&mut body, version, at);
            body
        });
        versions.push(Stored { body, at });
        self.log.push((name.clone(), version));
        StoredVersion {
            resource_type: name.0,
            id: name.1,
            version,
            last_updated: at,
        }
    }

    pub fn page(&self, cursor: Option<&str>, limit: usize) -> SyncPage {
        let from: usize = cursor.map_or(0, |text| text.parse().unwrap());
        let to = (from + limit).min(self.log.len());
        let mut names: Vec<Name> = Vec::new();
        for (name, _) in &self.log[from..to] {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        SyncPage {
            cursor: to.to_string(),
            entries: names.iter().map(|name| self.entry(name)).collect(),
            more: to < self.log.len(),
            remaining: (self.log.len() - to) as u64,
        }
    }

    fn entry(&self, name: &Name) -> SyncEntry {
        let (version, stored) = self.current(name).unwrap();
        SyncEntry {
            resource_type: name.0.clone(),
            id: name.1.clone(),
            version,
            last_updated: stored.at,
            patient: stored.body.as_ref().and_then(fhir::compartment::patient_of),
            resource: stored
                .body
                .as_ref()
                .map(|body| RawValue::from_string(body.to_string()).unwrap()),
        }
    }

    pub fn upload(&mut self, request: &UploadRequest, at: Timestamp) -> UploadReply {
        let fates = request
            .entries
            .iter()
            .map(|entry| UploadFate {
                key: entry.key,
                fate: self.take(entry, at),
            })
            .collect();
        UploadReply { fates }
    }

    fn take(&mut self, entry: &UploadEntry, at: Timestamp) -> Fate {
        if let Some(versions) = self.keys.get(&entry.key) {
            self.repeated += 1;
            return Fate::Accepted {
                versions: versions.clone(),
            };
        }
        let parts = entry.bundle["entry"].as_array().unwrap();
        let names: Vec<Name> = parts.iter().map(|part| name_of(&part["request"])).collect();
        if parts
            .iter()
            .any(|part| part["resource"]["status"] == "poison")
        {
            self.refusals += 1;
            return Fate::Refused {
                code: "invalid".to_owned(),
                outcome: json!({ "resourceType": "OperationOutcome" }),
            };
        }
        let clashing: Vec<SyncEntry> = parts
            .iter()
            .zip(&names)
            .filter(|(part, name)| {
                let wanted = part["request"].get("ifMatch").and_then(Value::as_str);
                let current = self
                    .current(name)
                    .map(|(version, _)| format!("W/\"{version}\""));
                wanted != current.as_deref()
            })
            .map(|(_, name)| name)
            .filter(|name| self.records.contains_key(*name))
            .map(|name| self.entry(name))
            .collect();
        if !clashing.is_empty() {
            self.conflicts += 1;
            return Fate::Conflict { current: clashing };
        }
        let versions: Vec<StoredVersion> = parts
            .iter()
            .zip(names)
            .map(|(part, name)| self.store(name, part.get("resource").cloned(), at))
            .collect();
        self.keys.insert(entry.key, versions.clone());
        Fate::Accepted { versions }
    }

    /// Links must continue the chain, or be exactly what is known.
    pub fn audit(
        &mut self,
        device: usize,
        genesis: &Head,
        batch: &AuditBatch,
        key: &VerifyingKey,
    ) -> AuditReceipt {
        let (head, links) = self
            .chains
            .entry(device)
            .or_insert_with(|| (genesis.clone(), Vec::new()));
        for link in &batch.links {
            if link.number <= head.number {
                assert_eq!(
                    *link,
                    links[link.number as usize - 1],
                    "another history was sent"
                );
            } else {
                *head = chain::verify(head, std::slice::from_ref(link), key).unwrap();
                links.push(link.clone());
            }
        }
        AuditReceipt {
            through: head.number,
            head: head.hash.clone(),
            countersignature: String::new(),
        }
    }
}

fn name_of(request: &Value) -> Name {
    let (resource_type, id) = request["url"].as_str().unwrap().split_once('/').unwrap();
    (resource_type.to_owned(), id.to_owned())
}
