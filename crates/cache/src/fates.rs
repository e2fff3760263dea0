//! What the server says of each change that was sent, and what a person does about a refusal.

use fhir::resource;
use jiff::Timestamp;
use ledger::chain::{ChainError, Head, Link};
use protocol::sync::SyncEntry;
use protocol::upload::{Fate, StoredVersion, UploadReply};
use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::StoreError;
use crate::merging::{Arrival, Theirs, UNCONFIRMED, parse, updated};
use crate::outbox::{Entry, Line, OutboxState};
use crate::records::Incoming;
use crate::store::Writing;

/// What came of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Changes that the server has now.
    pub accepted: u32,
    /// Changes that were made again on a newer version and wait to be sent.
    pub rebased: u32,
    /// Changes that wait for a person to choose between versions.
    pub conflicts: u32,
    /// Changes that the server refused.
    pub refused: u32,
    /// Fates of changes that are settled already; nothing was done.
    pub unknown: u32,
}

impl Writing<'_> {
    /// Notes the fates of sent changes. Safe to repeat.
    pub fn apply_fates(
        &mut self,
        reply: &UploadReply,
        at: Timestamp,
    ) -> Result<Settled, StoreError> {
        let mut settled = Settled::default();
        for fate in &reply.fates {
            // A key that is gone was settled by an earlier copy of this reply.
            let Some(entry) = self.entry(&fate.key.to_string())? else {
                settled.unknown += 1;
                continue;
            };
            if !matches!(entry.state, OutboxState::Sent | OutboxState::Waiting) {
                settled.unknown += 1;
                continue;
            }
            match &fate.fate {
                Fate::Accepted { versions } => {
                    self.accept(&entry, versions, at)?;
                    settled.accepted += 1;
                }
                Fate::Conflict { current } => match self.clash(&entry, current, at)? {
                    OutboxState::Conflict => settled.conflicts += 1,
                    OutboxState::Refused => settled.refused += 1,
                    OutboxState::Waiting | OutboxState::Sent => settled.rebased += 1,
                },
                Fate::Refused { code, outcome } => {
                    self.refuse(&entry, code, outcome)?;
                    settled.refused += 1;
                }
            }
        }
        Ok(settled)
    }

    /// Takes a refused change back: the records are again as the server has them. Changes that
    /// were made on top of it are made again without it, or wait for a person.
    pub fn give_up(
        &mut self,
        key: Uuid,
        at: Timestamp,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<(), StoreError> {
        let entry = self.refused_entry(key)?;
        self.take_back(entry.seq, at)?;
        self.record(seal)?;
        Ok(())
    }

    /// An entry goes from the outbox, and its records are again as the server has them.
    pub(crate) fn take_back(&mut self, seq: i64, at: Timestamp) -> Result<(), StoreError> {
        let lines = self.lines_of(seq)?;
        self.connection
            .prepare_cached("DELETE FROM outbox WHERE seq = ?1")?
            .execute([seq])?;
        for line in lines {
            // What the change stood on, or what came since. The result of an earlier change has
            // no version yet: the record keeps the one that it has.
            let under = match line.theirs_version {
                Some(version) => Theirs {
                    updated: updated(&line),
                    json: line.theirs.clone(),
                    version: (version != UNCONFIRMED).then_some(version),
                },
                None => Theirs {
                    updated: parse(line.base.as_deref())?
                        .as_ref()
                        .and_then(resource::last_updated),
                    json: line.base.clone(),
                    version: line.base_version,
                },
            };
            // What was made before it stays as it is.
            let mut later = self.lines_for(&line.resource_type, &line.id)?;
            later.retain(|other| other.seq > seq);
            self.rebase(&line.resource_type, &line.id, later, under, at)?;
        }
        Ok(())
    }

    /// Sends a refused change once more, on the newest version known.
    pub fn retry(&mut self, key: Uuid, at: Timestamp) -> Result<(), StoreError> {
        let entry = self.refused_entry(key)?;
        self.begin_again(&entry)?;
        self.rebase_on_held(entry.seq, at)
    }

    fn refused_entry(&self, key: Uuid) -> Result<Entry, StoreError> {
        self.entry(&key.to_string())?
            .filter(|entry| entry.state == OutboxState::Refused)
            .ok_or(StoreError::Missing {
                what: "refused change",
            })
    }

    fn accept(
        &mut self,
        entry: &Entry,
        versions: &[StoredVersion],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let lines = self.lines_of(entry.seq)?;
        self.connection
            .prepare_cached("DELETE FROM outbox WHERE seq = ?1")?
            .execute([entry.seq])?;
        for line in lines {
            let stored = versions
                .iter()
                .find(|stored| stored.resource_type == line.resource_type && stored.id == line.id);
            self.confirm(line, stored, at)?;
        }
        Ok(())
    }

    /// A record of an accepted change: the server has it as `stored`.
    fn confirm(
        &mut self,
        line: Line,
        stored: Option<&StoredVersion>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let later = self.lines_for(&line.resource_type, &line.id)?;
        let version = stored.map(|stored| stored.version as i64);
        if let Some(newer) = line.theirs_version.filter(|theirs| Some(*theirs) > version) {
            // Somebody changed it after us, and we heard of that first.
            let theirs = Theirs {
                updated: updated(&line),
                json: line.theirs,
                version: Some(newer),
            };
            self.rebase(&line.resource_type, &line.id, later, theirs, at)?;
            return Ok(());
        }
        let mine = match (parse(line.mine.as_deref())?, stored) {
            (Some(mut value), Some(stored)) => {
                resource::set_meta(&mut value, stored.version, stored.last_updated);
                Some(value.to_string())
            }
            (_, None) => line.mine,
            (None, _) => None,
        };
        let Some(next) = later.first() else {
            return self.store_confirmed(&line.resource_type, &line.id, mine.as_deref(), stored);
        };
        // The next change of this record stands on what was accepted, or clashes with it: then
        // what it was made on is still what a person must see.
        if next.theirs_version == Some(UNCONFIRMED) {
            let updated = stored.map(|stored| stored.last_updated.as_millisecond());
            self.connection
                .prepare_cached(
                    "UPDATE outbox_record SET theirs = ?3, theirs_version = ?4, theirs_updated = ?5
                     WHERE seq = ?1 AND line = ?2",
                )?
                .execute(params![next.seq, next.line, mine, version, updated])?;
        } else {
            self.connection
                .prepare_cached(
                    "UPDATE outbox_record SET base = ?3, base_version = ?4
                     WHERE seq = ?1 AND line = ?2 AND base_version IS NULL",
                )?
                .execute(params![next.seq, next.line, mine, version])?;
        }
        if let Some(version) = version {
            self.connection
                .prepare_cached("UPDATE resource SET version = ?3 WHERE id = ?1 AND type = ?2")?
                .execute(params![line.id, line.resource_type, version])?;
        }
        Ok(())
    }

    fn store_confirmed(
        &mut self,
        resource_type: &str,
        id: &str,
        json: Option<&str>,
        stored: Option<&StoredVersion>,
    ) -> Result<(), StoreError> {
        let (Some(json), Some(stored)) = (json, stored) else {
            // Deleted: it went when the change was made. Without a version: the feed brings it.
            return Ok(());
        };
        let value = parse(Some(json))?.unwrap_or_default();
        self.put(&Incoming {
            resource_type,
            id,
            version: stored.version,
            last_updated: stored.last_updated,
            patient: fhir::compartment::patient_of(&value).as_deref(),
            json,
        })
    }

    /// Somebody else was first: nothing of this change is on the server.
    fn clash(
        &mut self,
        entry: &Entry,
        current: &[SyncEntry],
        at: Timestamp,
    ) -> Result<OutboxState, StoreError> {
        self.begin_again(entry)?;
        let mut moved = false;
        for theirs in current {
            let json = theirs.resource.as_ref().map(|raw| raw.get());
            let record = Incoming {
                resource_type: &theirs.resource_type,
                id: &theirs.id,
                version: theirs.version,
                last_updated: theirs.last_updated,
                patient: theirs.patient.as_deref(),
                json: json.unwrap_or_default(),
            };
            // A server that holds an older version than the change was made on was restored.
            let restored = if theirs.version > 0 {
                self.arrive_restored(&record, json, at)?
            } else {
                None
            };
            let arrival = match restored {
                Some(arrival) => arrival,
                None => self.arrive(&record, json.is_none(), at)?,
            };
            moved |= matches!(arrival, Arrival::Merged | Arrival::Conflict);
        }
        let before = self.held(entry.seq)?;
        self.rebase_on_held(entry.seq, at)?;
        for theirs in current {
            self.note_author(theirs)?;
        }
        if !moved && !before {
            // The same would be sent and refused for ever.
            let outcome = json!({ "resourceType": "OperationOutcome", "issue": [{
                "severity": "error", "code": "conflict",
                "diagnostics": "The server reports a conflict with a version that is known here." }] });
            self.refuse(entry, "conflict", &outcome)?;
            return Ok(OutboxState::Refused);
        }
        let now = self.entries()?.into_iter().find(|now| now.seq == entry.seq);
        Ok(now.map_or(OutboxState::Waiting, |now| now.state))
    }

    fn refuse(&mut self, entry: &Entry, code: &str, outcome: &Value) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE outbox SET state = 4, code = ?2, outcome = ?3 WHERE seq = ?1")?
            .execute(params![entry.seq, code, outcome.to_string()])?;
        Ok(())
    }

    /// The entry's fate is known and it was not applied: it may be sent again, under a new key.
    fn begin_again(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let key = (self.ids)().to_string();
        self.connection
            .prepare_cached(
                "UPDATE outbox SET state = 1, key = ?2, code = NULL, outcome = NULL WHERE seq = ?1",
            )?
            .execute(params![entry.seq, key])?;
        Ok(())
    }

    fn held(&self, seq: i64) -> Result<bool, StoreError> {
        Ok(self
            .lines_of(seq)?
            .iter()
            .any(|line| line.theirs_version.is_some_and(|version| version > 0)))
    }

    /// Versions that were kept aside while the entry could not move go under it now.
    fn rebase_on_held(&mut self, seq: i64, at: Timestamp) -> Result<(), StoreError> {
        for line in self.lines_of(seq)? {
            if line.state != OutboxState::Waiting || line.theirs_version.is_none_or(|v| v <= 0) {
                continue;
            }
            let chain = self.lines_for(&line.resource_type, &line.id)?;
            let theirs = Theirs {
                updated: updated(&line),
                json: line.theirs,
                version: line.theirs_version,
            };
            self.rebase(&line.resource_type, &line.id, chain, theirs, at)?;
        }
        Ok(())
    }
}
