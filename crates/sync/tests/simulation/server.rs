//! A model of the server: versions in commit order, idempotent uploads, checked chains, and
//! backups that it can be restored from.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;
use ledger::chain::{self, Head, Link};
use protocol::audit::{AuditBatch, AuditReceipt};
use protocol::sync::SyncEntry;
use protocol::upload::{Fate, StoredVersion, UploadEntry, UploadFate, UploadReply};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::people::POISON;
use crate::scope::chart_in;
use crate::tokens;

pub type Name = (String, String);

#[derive(Clone)]
pub struct Stored {
    pub body: Option<Value>,
    pub at: Timestamp,
    /// Commits before this one.
    pub position: usize,
}

/// What a backup holds.
#[derive(Default, Clone)]
pub struct Books {
    /// All versions of each record, the first at index 0.
    pub records: BTreeMap<Name, Vec<Stored>>,
    /// Commits in order.
    pub log: Vec<Name>,
    /// Applied keys.
    pub keys: BTreeMap<Uuid, Vec<StoredVersion>>,
    pub chains: BTreeMap<usize, (Head, Vec<Link>)>,
    /// Whose charts a device's user may not see.
    pub revoked: BTreeSet<(usize, String)>,
    /// Which charts a device had whole at a cursor, by the number that the cursor names.
    pub charts: BTreeMap<(usize, usize), BTreeSet<String>>,
    /// Work that was handed over, by its name: each has its review.
    pub reviews: BTreeMap<Uuid, BTreeSet<String>>,
}

#[derive(Default)]
pub struct Server {
    pub books: Books,
    /// Life of the database: a cursor of another one does not count.
    pub epoch: u64,
    /// Whether it was restored from a backup, said or not.
    pub restored: bool,
    /// How often a word came to stand in a record, in this life and in lost ones.
    pub written: BTreeMap<String, u64>,
    /// Of each edit's word: the word that it replaced, and all words that its author saw.
    pub knowing: BTreeMap<String, (Option<String>, BTreeSet<String>)>,
    /// Words that a person put in the place of what others had written.
    pub decided: BTreeSet<String>,
    /// Words of others that a person took away.
    pub taken_away: BTreeSet<String>,
    /// Devices whose user may not write now.
    pub forbidden: BTreeSet<usize>,
    pub repeated: u64,
    pub conflicts: u64,
    pub refusals: u64,
}

impl Server {
    pub fn current(&self, name: &Name) -> Option<(u64, &Stored)> {
        let versions = self.books.records.get(name)?;
        versions
            .last()
            .map(|stored| (versions.len() as u64, stored))
    }

    pub fn body(&self, name: &Name) -> Option<&Value> {
        self.current(name)?.1.body.as_ref()
    }

    pub fn store(&mut self, name: Name, body: Option<Value>, at: Timestamp) -> StoredVersion {
        let position = self.books.log.len();
        let versions = self.books.records.entry(name.clone()).or_default();
        let version = versions.len() as u64 + 1;
        let body = body.map(|mut body| {
            fhir::resource::set_meta(&mut body, version, at);
            body
        });
        if let Some(body) = &body {
            nothing_twice(&name, body);
        }
        let before = versions.last().and_then(|stored| stored.body.as_ref());
        let before = before.map(tokens::of).unwrap_or_default();
        let after = body.as_ref().map(tokens::of).unwrap_or_default();
        versions.push(Stored { body, at, position });
        for word in after.difference(&before) {
            *self.written.entry(word.clone()).or_default() += 1;
        }
        // Whoever writes after a restore may not know what was lost with it.
        if !self.restored {
            self.nothing_overwritten_unseen(&name, &before, &after);
        }
        self.books.log.push(name.clone());
        StoredVersion {
            resource_type: name.0,
            id: name.1,
            version,
            last_updated: at,
        }
    }

    /// What was there is there, or was replaced by somebody who saw it; and a problem is never
    /// put together from what two people wrote without knowing of each other.
    fn nothing_overwritten_unseen(
        &self,
        name: &Name,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
    ) {
        let new: Vec<&String> = after.difference(before).collect();
        if new.iter().any(|word| self.decided.contains(*word)) {
            return;
        }
        let known: Vec<_> = new
            .iter()
            .filter_map(|word| self.knowing.get(*word))
            .collect();
        let gone = before.difference(after);
        for gone in gone.filter(|word| !self.taken_away.contains(*word)) {
            assert!(
                known
                    .iter()
                    .any(|(replaced, _)| replaced.as_ref() == Some(gone)),
                "{gone} of {name:?} was overwritten by {new:?}, whose author did not see it"
            );
        }
        if fhir::merge::always_asks(&name.0) {
            for (_, seen) in known {
                assert!(
                    before.is_subset(seen),
                    "{new:?} was merged into {name:?} without asking"
                );
            }
        }
    }

    /// What was committed after the backup is gone, and nobody was told.
    pub fn restore(&mut self, backup: Books) {
        self.books = backup;
        self.restored = true;
    }

    /// Whoever restored it says so: another life begins.
    pub fn begin_life(&mut self) {
        self.epoch += 1;
    }

    /// Name of the life.
    pub fn life(&self) -> String {
        format!("life-{}", self.epoch)
    }

    /// Links of a device's chain that it holds.
    pub fn links(&self, device: usize) -> u64 {
        let chain = self.books.chains.get(&device);
        chain.map_or(0, |(head, _)| head.number)
    }

    /// Restored, and nobody has said so yet: its cursors say nothing.
    pub fn is_unsaid(&self) -> bool {
        self.restored && self.epoch == 0
    }

    pub fn entry(&self, name: &Name) -> SyncEntry {
        let Some((version, stored)) = self.current(name) else {
            // What the platform says of a record that it does not have.
            return SyncEntry {
                resource_type: name.0.clone(),
                id: name.1.clone(),
                version: 0,
                last_updated: Timestamp::UNIX_EPOCH,
                patient: None,
                resource: None,
                author: None,
            };
        };
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
            author: None,
        }
    }

    pub fn upload(&mut self, device: usize, entries: &[UploadEntry], at: Timestamp) -> UploadReply {
        let fates = entries
            .iter()
            .map(|entry| UploadFate {
                key: entry.key,
                fate: self.take(device, entry, at),
            })
            .collect();
        UploadReply { fates }
    }

    fn refuse(&mut self, code: &str) -> Fate {
        self.refusals += 1;
        Fate::Refused {
            code: code.to_owned(),
            outcome: json!({ "resourceType": "OperationOutcome" }),
        }
    }

    fn take(&mut self, device: usize, entry: &UploadEntry, at: Timestamp) -> Fate {
        if let Some(versions) = self.books.keys.get(&entry.key) {
            self.repeated += 1;
            return Fate::Accepted {
                versions: versions.clone(),
            };
        }
        if self.forbidden.contains(&device) {
            return self.refuse("forbidden");
        }
        let parts = entry.bundle["entry"].as_array().unwrap();
        let names: Vec<Name> = parts.iter().map(|part| name_of(&part["request"])).collect();
        let poisoned = |part: &Value| {
            part["resource"]["status"] == POISON || part["resource"]["language"] == POISON
        };
        let closed = |name: &Name| {
            let patient = self.chart_of(name).or_else(|| {
                let part = parts
                    .iter()
                    .find(|part| name_of(&part["request"]) == *name)?;
                chart_in(&name.0, &part["resource"])
            });
            patient.is_some_and(|patient| self.books.revoked.contains(&(device, patient)))
        };
        if names.iter().any(closed) {
            return self.refuse("forbidden");
        }
        if parts.iter().any(poisoned) {
            return self.refuse("invalid");
        }
        let orphaned = |part: &Value| {
            let subject = part["resource"]["subject"]["reference"].as_str();
            let patient = subject.and_then(|subject| subject.strip_prefix("Patient/"));
            // One that the same change creates is there, too.
            patient.is_some_and(|id| {
                let name = ("Patient".to_owned(), id.to_owned());
                self.body(&name).is_none() && !names.contains(&name)
            })
        };
        if parts.iter().any(orphaned) {
            return self.refuse("not-found");
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
            .map(|(_, name)| self.entry(name))
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
        self.books.keys.insert(entry.key, versions.clone());
        Fate::Accepted { versions }
    }

    /// Links must continue the chain, or be exactly what is known. Those after a gap are not
    /// taken: the receipt says from where they are missing.
    pub fn audit(
        &mut self,
        device: usize,
        genesis: &Head,
        batch: &AuditBatch,
        key: &VerifyingKey,
    ) -> AuditReceipt {
        let (head, links) = self
            .books
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
            } else if link.number == head.number + 1 {
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

/// Two that were made from one would stand side by side.
fn nothing_twice(name: &Name, body: &Value) {
    for (list, key) in [("identifier", "system"), ("telecom", "value")] {
        let items = body[list].as_array().into_iter().flatten();
        let keys: Vec<_> = items.map(|item| item[key].as_str()).collect();
        let told: BTreeSet<_> = keys.iter().collect();
        assert_eq!(told.len(), keys.len(), "{list} of {name:?} twice: {keys:?}");
    }
}

fn name_of(request: &Value) -> Name {
    let (resource_type, id) = request["url"].as_str().unwrap().split_once('/').unwrap();
    (resource_type.to_owned(), id.to_owned())
}
