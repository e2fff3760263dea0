//! What happens when a version arrives for a record that has unconfirmed changes.
//!
//! The changes of one record form a chain: each was made on the result of the one before. A
//! version from the server goes under the whole chain, and each change is made again on top
//! of it. The first change that touches what the server's version changed stops this: both
//! versions stay and a person decides; what follows it waits.

use std::borrow::Cow;

use fhir::{compartment, merge, resource};
use jiff::Timestamp;
use protocol::sync::SyncEntry;
use rusqlite::params;
use serde_json::{Value, json};

use crate::error::StoreError;
use crate::outbox::{Line, OutboxState};
use crate::records::{Incoming, millis};
use crate::store::Writing;

/// A version that is not ours.
pub(crate) struct Theirs {
    /// The resource, or none if it was deleted there.
    pub json: Option<String>,
    /// Its version; none if it is the result of an earlier change that has no version yet.
    pub version: Option<i64>,
    /// When it was made; none as with the version.
    pub updated: Option<Timestamp>,
}

/// In `outbox_record.theirs_version`: the result of an earlier change, not confirmed yet.
pub(crate) const UNCONFIRMED: i64 = -1;

/// What became of a version that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Stored as it came.
    Stored,
    /// Known already.
    Known,
    /// Kept aside until the fate of what was sent is known.
    Held,
    /// Merged under the changes made here.
    Merged,
    /// A person must decide.
    Conflict,
}

/// A change made again on another version.
enum Redone {
    /// Nothing of the change is left: their version has it all.
    Nothing,
    /// The result; none deletes.
    Clean(Option<Value>),
    /// A person must decide.
    Touching,
}

pub(crate) fn parse(json: Option<&str>) -> Result<Option<Value>, StoreError> {
    json.map(|text| serde_json::from_str(text).map_err(StoreError::unreadable("resource")))
        .transpose()
}

impl Writing<'_> {
    /// Takes in a version from the server, whatever stands in the outbox.
    pub(crate) fn arrive(
        &mut self,
        record: &Incoming<'_>,
        deleted: bool,
        at: Timestamp,
    ) -> Result<Arrival, StoreError> {
        let lines = self.lines_for(record.resource_type, record.id)?;
        let version = record.version as i64;
        let Some(first) = lines.first() else {
            return self.arrive_unchanged(record, deleted);
        };
        let known = first.base_version.max(first.theirs_version);
        if known.is_some_and(|known| known >= version) {
            return Ok(Arrival::Known);
        }
        let theirs = Theirs {
            json: (!deleted).then(|| record.json.to_owned()),
            version: Some(version),
            updated: Some(record.last_updated),
        };
        match first.state {
            // It may be our own change coming back: its fate decides.
            OutboxState::Sent | OutboxState::Refused => {
                self.set_theirs(first, &theirs)?;
                Ok(Arrival::Held)
            }
            OutboxState::Waiting | OutboxState::Conflict => {
                let (resource_type, id) = (record.resource_type, record.id);
                let clean = self.rebase(resource_type, id, lines, theirs, at)?;
                Ok(if clean {
                    Arrival::Merged
                } else {
                    Arrival::Conflict
                })
            }
        }
    }

    /// Takes in a version of a record that has no changes made here.
    pub(crate) fn arrive_unchanged(
        &mut self,
        record: &Incoming<'_>,
        deleted: bool,
    ) -> Result<Arrival, StoreError> {
        if !deleted {
            let stored = self.put_unless_newer(record, record.version as i64)?;
            return Ok(if stored {
                Arrival::Stored
            } else {
                Arrival::Known
            });
        }
        let known = self.place(record.resource_type, record.id)?;
        if known.is_some_and(|(_, version)| version > record.version) {
            return Ok(Arrival::Known);
        }
        self.remove(record.resource_type, record.id)?;
        Ok(Arrival::Stored)
    }

    /// Puts `theirs` under a chain of changes of one record. Answers whether all could be made
    /// again; otherwise one of them waits for a person.
    pub(crate) fn rebase(
        &mut self,
        resource_type: &str,
        id: &str,
        lines: Vec<Line>,
        theirs: Theirs,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        // A chain whose changes all vanish leaves their version as it is; one that stands on a
        // result that has no version keeps the version the record had.
        let stored_version = self
            .place(resource_type, id)?
            .map_or(0, |(_, version)| version);
        let version = theirs
            .version
            .map_or(stored_version, |version| version.max(0) as u64);
        let updated = theirs.updated;
        let mut under = theirs;
        let mut changed = false;
        for line in lines {
            match redo(&line, &under)? {
                Redone::Nothing => self.drop_line(&line)?,
                Redone::Clean(result) => {
                    let result = result.map(|value| value.to_string());
                    self.set_line(&line, &under, result.as_deref())?;
                    under = Theirs {
                        json: result,
                        version: None,
                        updated: None,
                    };
                    changed = true;
                }
                Redone::Touching => {
                    self.set_theirs(&line, &under)?;
                    self.open_conflict(&line, at)?;
                    // The record stays as its last change left it.
                    return Ok(false);
                }
            }
        }
        match &under.json {
            None => self.remove(resource_type, id)?,
            Some(json) => {
                let value = parse(Some(json))?.unwrap_or_default();
                self.put(&Incoming {
                    resource_type,
                    id,
                    version,
                    last_updated: match updated {
                        Some(updated) if !changed => updated,
                        _ => at,
                    },
                    patient: compartment::patient_of(&value).as_deref(),
                    json,
                })?;
            }
        }
        Ok(true)
    }

    /// Makes `line` stand on `under` with `mine` as its result, and settles its conflict.
    pub(crate) fn set_line(
        &mut self,
        line: &Line,
        under: &Theirs,
        mine: Option<&str>,
    ) -> Result<(), StoreError> {
        let version = under.version.filter(|version| *version != UNCONFIRMED);
        self.connection
            .prepare_cached(
                "UPDATE outbox_record SET base_version = ?3, base = ?4, mine = ?5,
                   theirs_version = NULL, theirs_updated = NULL, theirs = NULL,
                   theirs_author = NULL
                 WHERE seq = ?1 AND line = ?2",
            )?
            .execute(params![line.seq, line.line, version, under.json, mine])?;
        self.close_conflict(line)
    }

    pub(crate) fn set_theirs(&mut self, line: &Line, theirs: &Theirs) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE outbox_record SET theirs_version = ?3, theirs_updated = ?4, theirs = ?5,
                   theirs_author = CASE WHEN theirs_version = ?3 THEN theirs_author END
                 WHERE seq = ?1 AND line = ?2",
            )?
            .execute(params![
                line.seq,
                line.line,
                theirs.version.unwrap_or(UNCONFIRMED),
                theirs.updated.map(Timestamp::as_millisecond),
                theirs.json
            ])?;
        Ok(())
    }

    /// Notes who made a version that waits beside a change made here, where the server said so.
    pub(crate) fn note_author(&mut self, theirs: &SyncEntry) -> Result<(), StoreError> {
        let Some(author) = &theirs.author else {
            return Ok(());
        };
        self.connection
            .prepare_cached(
                "UPDATE outbox_record SET theirs_author = ?4
                 WHERE id = ?1 AND type = ?2 AND theirs_version = ?3",
            )?
            .execute(params![
                theirs.id,
                theirs.resource_type,
                theirs.version as i64,
                author
            ])?;
        Ok(())
    }

    /// Takes a record out of its change, and the change out of the outbox if that was the last.
    pub(crate) fn drop_line(&mut self, line: &Line) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM outbox_record WHERE seq = ?1 AND line = ?2")?
            .execute([line.seq, line.line])?;
        self.connection
            .prepare_cached(
                "DELETE FROM outbox WHERE seq = ?1
                 AND NOT EXISTS (SELECT 1 FROM outbox_record WHERE seq = ?1)",
            )?
            .execute([line.seq])?;
        self.reopen_if_settled(line.seq)
    }

    fn open_conflict(&mut self, line: &Line, at: Timestamp) -> Result<(), StoreError> {
        let id = (self.ids)().to_string();
        self.connection
            .prepare_cached(
                // Another id for another question: a choice that was made while theirs changed
                // again finds no conflict, instead of settling what nobody has seen.
                "INSERT INTO conflict (id, seq, line, found) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (seq, line) DO UPDATE SET id = excluded.id",
            )?
            .execute(params![id, line.seq, line.line, at.as_millisecond()])?;
        self.connection
            .prepare_cached(
                "UPDATE outbox SET state = 3, code = NULL, outcome = NULL WHERE seq = ?1",
            )?
            .execute([line.seq])?;
        Ok(())
    }

    pub(crate) fn close_conflict(&mut self, line: &Line) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM conflict WHERE seq = ?1 AND line = ?2")?
            .execute([line.seq, line.line])?;
        self.reopen_if_settled(line.seq)
    }

    /// A change whose last conflict was settled waits to be sent again. Its key is new: an
    /// idempotency key stands for one content.
    fn reopen_if_settled(&mut self, seq: i64) -> Result<(), StoreError> {
        let key = (self.ids)().to_string();
        self.connection
            .prepare_cached(
                "UPDATE outbox SET state = 1, key = ?2 WHERE seq = ?1 AND state = 3
                 AND NOT EXISTS (SELECT 1 FROM conflict WHERE seq = ?1)",
            )?
            .execute(params![seq, key])?;
        Ok(())
    }
}

/// Makes the change of `line` again on `theirs`.
fn redo(line: &Line, theirs: &Theirs) -> Result<Redone, StoreError> {
    let base = parse(line.base.as_deref())?;
    let mine = parse(line.mine.as_deref())?;
    let other = parse(theirs.json.as_deref())?;
    if same(mine.as_ref(), other.as_ref()) {
        return Ok(Redone::Nothing);
    }
    if same(base.as_ref(), other.as_ref()) {
        return Ok(Redone::Clean(mine.map(|value| with_version(value, theirs))));
    }
    let (Some(mine), Some(other)) = (mine, other) else {
        // Deleted on one side, changed on the other.
        return Ok(Redone::Touching);
    };
    // Two creations have nothing in common to start from.
    let base = base.unwrap_or_else(|| json!({}));
    let merged = merge::three_way(
        &without_version(&base),
        &without_version(&mine),
        &without_version(&other),
    );
    if !merged.is_clean() {
        return Ok(Redone::Touching);
    }
    if same(Some(&merged.merged), Some(&other)) {
        return Ok(Redone::Nothing);
    }
    Ok(Redone::Clean(Some(with_version(merged.merged, theirs))))
}

/// The same resource with the version of `theirs` in its meta, where it has one.
pub(crate) fn with_version(mut value: Value, theirs: &Theirs) -> Value {
    if let (Some(version), Some(updated)) = (theirs.version, theirs.updated)
        && version > 0
    {
        resource::set_meta(&mut value, version as u64, updated);
    }
    value
}

/// Version and time of storing are the server's bookkeeping and no part of an edit.
pub(crate) fn without_version(value: &Value) -> Value {
    let mut value = value.clone();
    let mut empty = false;
    if let Some(meta) = value.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("versionId");
        meta.remove("lastUpdated");
        empty = meta.is_empty();
    }
    if empty && let Some(object) = value.as_object_mut() {
        object.remove("meta");
    }
    value
}

/// Whether two states are the same but for the server's bookkeeping.
pub(crate) fn same(one: Option<&Value>, two: Option<&Value>) -> bool {
    match (one, two) {
        (None, None) => true,
        (Some(one), Some(two)) => stripped(one) == stripped(two),
        _ => false,
    }
}

fn stripped(value: &Value) -> Cow<'_, Value> {
    if value.get("meta").is_some() {
        Cow::Owned(without_version(value))
    } else {
        Cow::Borrowed(value)
    }
}

/// The time in `theirs_updated`, for lists.
pub(crate) fn updated(line: &Line) -> Option<Timestamp> {
    line.theirs_updated.map(millis)
}
