//! The feed: a page moves with its cursor and its audit link, or not at all.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use fhir::resource;
use jiff::Timestamp;
use ledger::chain::{ChainError, Head, Link};
use protocol::sync::{SyncEntry, SyncPage};
use rusqlite::params;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use crate::error::StoreError;
use crate::merging::Arrival;
use crate::records::{Incoming, millis};
use crate::scope::Gone;
use crate::store::{Cache, Durability, Reading, Writing};
use crate::{place, quarantine};

/// How far the feed was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What to ask for next; `None` is the beginning.
    pub cursor: Option<String>,
    /// Whether the feed was read to its end once.
    pub filled: bool,
    /// Entries stored since the beginning.
    pub stored: u64,
    /// The server's estimate of what was still to come after the last page.
    pub remaining: u64,
    /// When nothing was left to send or fetch, last.
    pub confirmed_at: Option<Timestamp>,
}

/// What a page did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Records stored or removed as they came.
    pub stored: u32,
    /// Records with changes made here that were merged.
    pub merged: u32,
    /// Records that now wait for a person.
    pub conflicts: u32,
    /// Entries that could not be read.
    pub quarantined: u32,
    /// Entries that were known already, or wait for the fate of something sent.
    pub passed: u32,
    /// Resource types that changed.
    pub types: BTreeSet<String>,
    /// Patients whose records changed (logical ids).
    pub patients: BTreeSet<String>,
    /// Patients whose charts left (logical ids).
    pub left: BTreeSet<String>,
    /// How often work that was not sent was set aside with a chart that left.
    pub set_aside: u32,
    /// The page showed that the server was restored, and nothing of it was stored: the position was
    /// forgotten.
    pub anew: bool,
    /// The feed has ended, and charts that it did not name are to leave when it has ended again.
    pub unsettled: bool,
}

impl Cache {
    /// Stores a page: its records, the cursor after it and its audit link, in one transaction.
    /// `seal` is called if the page carries anything. Repeating a page changes nothing.
    pub fn apply_page(
        &self,
        page: &SyncPage,
        at: Timestamp,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<Applied, StoreError> {
        let filled = self.read(|cache| cache.position().map(|position| position.filled))?;
        let durability = if page.more && !filled {
            Durability::Loose
        } else {
            Durability::Full
        };
        self.write_as(durability, "apply-page", |tx| tx.apply_page(page, at, seal))
    }
}

impl Reading<'_> {
    /// How far the feed was read.
    pub fn position(&self) -> Result<Position, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT cursor, filled, stored, remaining, confirmed FROM feed WHERE one = 1",
        )?;
        Ok(statement.query_row([], |row| {
            Ok(Position {
                cursor: row.get(0)?,
                filled: row.get(1)?,
                stored: row.get(2)?,
                remaining: row.get(3)?,
                confirmed_at: row.get::<_, Option<i64>>(4)?.map(millis),
            })
        })?)
    }

    /// The life of the server's database that was read last, where a page named it.
    pub fn life(&self) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT life FROM feed WHERE one = 1")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    fn restarted(&self) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .query_row("SELECT restarted FROM feed WHERE one = 1", [], |row| {
                row.get(0)
            })?)
    }

    /// Records that the outbox holds, by type and id.
    fn pending(&self) -> Result<HashSet<(String, String)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT type, id FROM outbox_record")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writing<'_> {
    /// Notes that nothing was left to send or fetch.
    pub fn note_confirmed(&mut self, at: Timestamp) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE feed SET confirmed = ?1 WHERE one = 1",
            [at.as_millisecond()],
        )?;
        Ok(())
    }

    pub(crate) fn apply_page(
        &mut self,
        page: &SyncPage,
        at: Timestamp,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<Applied, StoreError> {
        let mut applied = Applied::default();
        let mut gone = Gone::default();
        // Before anything goes: what a restored server takes away, it may have lost.
        if let Some(held) = page.links
            && self.page_of_restored(held)?
        {
            applied.anew = true;
            return Ok(applied);
        }
        let restarted = self.restarted()?;
        if let Some(life) = &page.life {
            self.note_life(life, restarted)?;
        }
        if !restarted {
            self.unnamed_after_loss_leave(at, &mut gone)?;
        }
        if let Some(change) = &page.scope {
            self.take_away(change, at, &mut gone)?;
        }
        // Asked once for the page: most pages meet an empty outbox.
        let pending = self.pending()?;
        let quarantined = self.has_quarantine()?;
        for entry in &page.entries {
            if restarted {
                self.note_brought(entry)?;
            }
            match self.apply_entry(entry, &pending, restarted, at) {
                Ok(arrival) => {
                    if quarantined {
                        self.release(&entry.resource_type, &entry.id)?;
                    }
                    applied.count(entry, arrival);
                }
                Err(reason) => {
                    let reason = quarantine::reason(reason)?;
                    self.quarantine(entry, reason, at)?;
                    applied.quarantined += 1;
                }
            }
        }
        self.connection
            .prepare_cached(
                "UPDATE feed SET cursor = ?1, filled = max(filled, ?2), stored = stored + ?3,
                   remaining = ?4, restarted = restarted * ?5 WHERE one = 1",
            )?
            .execute(params![
                page.cursor,
                !page.more,
                page.entries.len() as i64,
                page.remaining,
                page.more
            ])?;
        for patient in page.scope.iter().flat_map(|change| &change.arrived) {
            self.chart_is_here(patient)?;
            applied.patients.insert(patient.clone());
        }
        if !page.more {
            self.read_to_the_end(restarted, at)?;
            if !restarted {
                self.unnamed_leave(at, &mut gone)?;
            }
            applied.unsettled = self.has_unsettled()?;
        }
        let told = page.scope.is_some() || !gone.patients.is_empty();
        applied.took_away(gone);
        if told || !page.entries.is_empty() {
            self.record(seal)?;
        }
        Ok(applied)
    }

    /// One entry by itself, whatever the outbox holds of it.
    pub(crate) fn take_entry(
        &mut self,
        entry: &SyncEntry,
        at: Timestamp,
    ) -> Result<Arrival, StoreError> {
        let pending = self.pending()?;
        self.apply_entry(entry, &pending, false, at)
    }

    fn apply_entry(
        &mut self,
        entry: &SyncEntry,
        pending: &HashSet<(String, String)>,
        restarted: bool,
        at: Timestamp,
    ) -> Result<Arrival, StoreError> {
        check(entry)?;
        let json = entry.resource.as_ref().map(|raw| raw.get());
        let record = Incoming {
            resource_type: &entry.resource_type,
            id: &entry.id,
            version: entry.version,
            last_updated: entry.last_updated,
            patient: entry.patient.as_deref(),
            json: json.unwrap_or_default(),
        };
        let is_pending = !pending.is_empty()
            && pending.contains(&(entry.resource_type.clone(), entry.id.clone()));
        if !is_pending && !restarted {
            return self.arrive_unchanged(&record, json.is_none());
        }
        if restarted {
            let arrival = if is_pending {
                self.arrive_restored(&record, json, at)?
            } else {
                self.offer_again(&record, json, at)?
            };
            if let Some(arrival) = arrival {
                return Ok(arrival);
            }
        }
        self.arrive(&record, json.is_none(), at)
    }
}

impl Applied {
    fn took_away(&mut self, gone: Gone) {
        self.set_aside += gone.set_aside;
        self.types.extend(gone.types);
        self.patients.extend(gone.patients.iter().cloned());
        self.left.extend(gone.patients);
    }

    fn count(&mut self, entry: &SyncEntry, arrival: Arrival) {
        match arrival {
            Arrival::Stored => self.stored += 1,
            Arrival::Merged => self.merged += 1,
            Arrival::Conflict => self.conflicts += 1,
            Arrival::Known | Arrival::Held => {
                self.passed += 1;
                return;
            }
        }
        if !self.types.contains(&entry.resource_type) {
            self.types.insert(entry.resource_type.clone());
        }
        if let Some(patient) = &entry.patient
            && !self.patients.contains(patient)
        {
            self.patients.insert(patient.clone());
        }
    }
}

/// Whether an entry is what it says it is.
fn check(entry: &SyncEntry) -> Result<(), StoreError> {
    if place::type_number(&entry.resource_type).is_none() {
        return Err(StoreError::Unfit("its type is not kept here"));
    }
    if !resource::valid_id(&entry.id) {
        return Err(StoreError::Unfit("its id is not a FHIR id"));
    }
    if entry.version == 0 || entry.version > i64::MAX as u64 {
        return Err(StoreError::Unfit("its version is not a positive number"));
    }
    if let Some(raw) = &entry.resource {
        let (resource_type, id) = name_in(raw.get())?;
        if resource_type.as_deref() != Some(entry.resource_type.as_str())
            || id.as_deref() != Some(entry.id.as_str())
        {
            return Err(StoreError::Unfit(
                "it is not the resource that its entry names",
            ));
        }
    }
    Ok(())
}

/// Type and id in the text of a resource. Reads no further than it must: the page's decoder has
/// seen that the text is JSON, and both stand at the beginning of nearly every resource.
fn name_in(json: &str) -> Result<(Option<String>, Option<String>), StoreError> {
    let mut found = Named::default();
    let mut decoder = serde_json::Deserializer::from_str(json);
    let read = serde::Deserializer::deserialize_map(&mut decoder, &mut found);
    match read {
        // Stopping early is told as an error of the decoder.
        Err(_) if found.resource_type.is_some() && found.id.is_some() => {}
        Err(error) => return Err(StoreError::unreadable("resource")(error)),
        Ok(()) => {}
    }
    Ok((found.resource_type, found.id))
}

#[derive(Default)]
struct Named {
    resource_type: Option<String>,
    id: Option<String>,
}

impl<'de> Visitor<'de> for &mut Named {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a resource")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while self.resource_type.is_none() || self.id.is_none() {
            match map.next_key::<Cow<'de, str>>()?.as_deref() {
                None => break,
                Some("resourceType") => self.resource_type = Some(map.next_value()?),
                Some("id") => self.id = Some(map.next_value()?),
                Some(_) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
