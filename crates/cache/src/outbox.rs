//! Changes made here: stored with their audit link, sent whole and in order.

use std::collections::{HashMap, HashSet};

use fhir::{compartment, reference, resource};
use jiff::Timestamp;
use ledger::chain::{ChainError, Head, Link};
use protocol::upload::UploadEntry;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::StoreError;
use crate::merging::{Theirs, parse};
use crate::records::{Incoming, millis};
use crate::store::{Reading, Writing};

/// A change to some records that happens whole or not at all, here and on the server.
#[derive(Debug, Clone)]
pub struct Change {
    /// What kind of change it is: a stable code for lists, such as `note` or `booking`.
    pub label: String,
    /// The records, in the order the server shall see them.
    pub writes: Vec<Write>,
    /// When it was made.
    pub at: Timestamp,
}

/// One record of a change.
#[derive(Debug, Clone)]
pub enum Write {
    /// Creates or replaces a record; the resource carries its type and id.
    Put {
        /// The resource after the change.
        resource: Value,
        /// The resource that the person was looking at. If the record has changed since, the
        /// edits are merged, or both are kept. `None`: what is stored now.
        base: Option<Value>,
    },
    /// Deletes a record.
    Delete {
        /// FHIR resource type.
        resource_type: String,
        /// Logical id.
        id: String,
    },
}

/// How far an outbox entry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxState {
    /// Its key was never handed to the network.
    Waiting,
    /// Handed to the network; its fate is not known.
    Sent,
    /// Somebody else changed the same; a person decides.
    Conflict,
    /// The server will not take it.
    Refused,
}

impl FromSql for OutboxState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            1 => Ok(Self::Waiting),
            2 => Ok(Self::Sent),
            3 => Ok(Self::Conflict),
            4 => Ok(Self::Refused),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// A change on its way, for lists.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxLine {
    /// Names the entry; changes when the entry is built anew on another version.
    pub key: Uuid,
    /// What kind of change, as given in [`Change::label`].
    pub label: String,
    /// When it was made.
    pub made: Timestamp,
    /// How far it has come.
    pub state: OutboxState,
    /// Times it was handed to the network.
    pub tries: u32,
    /// The records: type and logical id.
    pub records: Vec<(String, String)>,
    /// Why the server refused it.
    pub refusal: Option<Refusal>,
}

/// Why the server refused a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Stable code: `invalid`, `forbidden`, `time-taken`, `not-found`.
    pub code: String,
    /// The server's OperationOutcome.
    pub outcome: Value,
}

/// An entry as stored.
pub(crate) struct Entry {
    pub seq: i64,
    pub key: String,
    pub state: OutboxState,
}

/// Where a record is created.
struct Birth {
    /// The entry that does it.
    seq: i64,
    /// Whether that entry waits for a person.
    waits: bool,
}

/// One record of an entry as stored.
pub(crate) struct Line {
    pub seq: i64,
    pub line: i64,
    pub state: OutboxState,
    pub resource_type: String,
    pub id: String,
    pub base_version: Option<i64>,
    pub base: Option<String>,
    pub mine: Option<String>,
    pub theirs_version: Option<i64>,
    pub theirs_updated: Option<i64>,
    pub theirs: Option<String>,
    pub theirs_author: Option<String>,
}

const LINE: &str = "r.seq, r.line, o.state, r.type, r.id, r.base_version, r.base, r.mine,
    r.theirs_version, r.theirs_updated, r.theirs, r.theirs_author";

fn line_of(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line {
        seq: row.get(0)?,
        line: row.get(1)?,
        state: row.get(2)?,
        resource_type: row.get(3)?,
        id: row.get(4)?,
        base_version: row.get(5)?,
        base: row.get(6)?,
        mine: row.get(7)?,
        theirs_version: row.get(8)?,
        theirs_updated: row.get(9)?,
        theirs: row.get(10)?,
        theirs_author: row.get(11)?,
    })
}

impl Reading<'_> {
    /// Every change that the server has not confirmed, oldest first.
    pub fn outbox(&self) -> Result<Vec<OutboxLine>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, key, label, made, state, tries, code, outcome FROM outbox ORDER BY seq",
        )?;
        let mut rows = statement.query([])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let code: Option<String> = row.get(6)?;
            let refusal = match code {
                Some(code) => {
                    let outcome: Option<String> = row.get(7)?;
                    Some(Refusal {
                        code,
                        outcome: parse(outcome.as_deref())?.unwrap_or_default(),
                    })
                }
                None => None,
            };
            let records = self
                .lines_of(row.get(0)?)?
                .into_iter()
                .map(|line| (line.resource_type, line.id))
                .collect();
            lines.push(OutboxLine {
                key: uuid(row.get_ref(1)?.as_str().unwrap_or_default())?,
                label: row.get(2)?,
                made: millis(row.get(3)?),
                state: row.get(4)?,
                tries: row.get(5)?,
                records,
                refusal,
            });
        }
        Ok(lines)
    }

    /// Changes that the server refused.
    pub fn refused(&self) -> Result<Vec<OutboxLine>, StoreError> {
        let mut lines = self.outbox()?;
        lines.retain(|line| line.state == OutboxState::Refused);
        Ok(lines)
    }

    /// The entries to send now, oldest first, at most `max`. An entry stays behind while an
    /// earlier one for the same record is not confirmed, or while it refers to a record whose
    /// creation waits for a person or comes later.
    pub fn upload_batch(&self, max: usize) -> Result<Vec<UploadEntry>, StoreError> {
        if self.holds_back()? {
            return Ok(Vec::new());
        }
        let mut births = self.births()?;
        let batch = self.batch_behind(&births, max)?;
        if batch.is_empty() && !births.is_empty() {
            // Records that refer to each other: one must go first.
            births.retain(|_, birth| birth.waits);
            return self.batch_behind(&births, max);
        }
        Ok(batch)
    }

    /// Records that changes create, by reference. What a restored server lost is offered behind
    /// the changes that were made on it.
    fn births(&self) -> Result<HashMap<String, Birth>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT r.type || '/' || r.id, r.seq, o.state IN (3, 4)
             FROM outbox_record r JOIN outbox o USING (seq) WHERE r.base_version = 0",
        )?;
        let rows = statement.query_map([], |row| {
            let (seq, waits) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, Birth { seq, waits }))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn batch_behind(
        &self,
        births: &HashMap<String, Birth>,
        max: usize,
    ) -> Result<Vec<UploadEntry>, StoreError> {
        let mut batch = Vec::new();
        let mut held: HashSet<(String, String)> = HashSet::new();
        let mut unborn: HashSet<String> = HashSet::new();
        for entry in self.entries()? {
            if batch.len() == max {
                break;
            }
            let lines = self.lines_of(entry.seq)?;
            let sendable = matches!(entry.state, OutboxState::Waiting | OutboxState::Sent)
                && lines.iter().all(|line| {
                    line.base_version.is_some()
                        && !held.contains(&(line.resource_type.clone(), line.id.clone()))
                });
            let bundle = if sendable {
                bundle_of(&lines, |target| {
                    let born = births.get(target);
                    unborn.contains(target) || born.is_some_and(|born| born.seq > entry.seq)
                })?
            } else {
                None
            };
            if bundle.is_none() {
                unborn.extend(
                    lines
                        .iter()
                        .filter(|line| line.base_version.unwrap_or(0) == 0)
                        .map(|line| format!("{}/{}", line.resource_type, line.id)),
                );
            }
            held.extend(lines.into_iter().map(|line| (line.resource_type, line.id)));
            if let Some(bundle) = bundle {
                batch.push(UploadEntry {
                    key: uuid(&entry.key)?,
                    bundle,
                });
            }
        }
        Ok(batch)
    }

    pub(crate) fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, key, state FROM outbox ORDER BY seq")?;
        let rows = statement.query_map([], |row| {
            Ok(Entry {
                seq: row.get(0)?,
                key: row.get(1)?,
                state: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn entry(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, key, state FROM outbox WHERE key = ?1")?;
        Ok(statement
            .query_row([key], |row| {
                Ok(Entry {
                    seq: row.get(0)?,
                    key: row.get(1)?,
                    state: row.get(2)?,
                })
            })
            .optional()?)
    }

    pub(crate) fn lines_of(&self, seq: i64) -> Result<Vec<Line>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {LINE} FROM outbox_record r JOIN outbox o USING (seq)
             WHERE r.seq = ?1 ORDER BY r.line"
        ))?;
        let rows = statement.query_map([seq], line_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The changes of one record, oldest first.
    pub(crate) fn lines_for(&self, resource_type: &str, id: &str) -> Result<Vec<Line>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {LINE} FROM outbox_record r JOIN outbox o USING (seq)
             WHERE r.id = ?1 AND r.type = ?2 ORDER BY r.seq, r.line"
        ))?;
        let rows = statement.query_map([id, resource_type], line_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

pub(crate) fn uuid(text: &str) -> Result<Uuid, StoreError> {
    // Written by this crate: anything else is a damaged page.
    text.parse().map_err(|_| StoreError::Corrupt(None))
}

/// The transaction Bundle of an entry, or none if it refers to a record that is not born yet.
fn bundle_of(lines: &[Line], unborn: impl Fn(&str) -> bool) -> Result<Option<Value>, StoreError> {
    let mut entries = Vec::with_capacity(lines.len());
    for line in lines {
        let version = line.base_version.unwrap_or(0);
        let mut request = json!({ "url": format!("{}/{}", line.resource_type, line.id) });
        if version == 0 {
            request["ifNoneMatch"] = json!("*");
        } else {
            request["ifMatch"] = json!(format!("W/\"{version}\""));
        }
        match parse(line.mine.as_deref())? {
            Some(resource) => {
                let mut waits = false;
                reference::each_reference(&resource, |_, target| waits |= unborn(target));
                if waits {
                    return Ok(None);
                }
                request["method"] = json!("PUT");
                entries.push(json!({ "resource": resource, "request": request }));
            }
            None => {
                request["method"] = json!("DELETE");
                entries.push(json!({ "request": request }));
            }
        }
    }
    Ok(Some(
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries }),
    ))
}

impl Writing<'_> {
    /// Makes a change: the records as they now are, the entry that will be sent, and the audit
    /// link that `seal` signs. Answers the entry's key.
    pub fn change(
        &mut self,
        change: &Change,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<Uuid, StoreError> {
        let key = self.enqueue(change)?;
        self.record(seal)?;
        Ok(key)
    }

    /// Notes that entries are about to be handed to the network. Must be committed before.
    pub fn mark_sent(&mut self, keys: &[Uuid]) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET state = 2, tries = tries + 1 WHERE key = ?1 AND state IN (1, 2)",
        )?;
        for key in keys {
            statement.execute([key.to_string()])?;
        }
        Ok(())
    }

    pub(crate) fn enqueue(&mut self, change: &Change) -> Result<Uuid, StoreError> {
        let key = (self.ids)();
        self.connection
            .prepare_cached(
                "INSERT INTO outbox (key, made, state, tries, label) VALUES (?1, ?2, 1, 0, ?3)",
            )?
            .execute(params![
                key.to_string(),
                change.at.as_millisecond(),
                change.label
            ])?;
        let seq = self.connection.last_insert_rowid();
        for (line, write) in change.writes.iter().enumerate() {
            self.enqueue_line(seq, line as i64, write, change.at)?;
        }
        Ok(key)
    }

    pub(crate) fn enqueue_line(
        &mut self,
        seq: i64,
        line: i64,
        write: &Write,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (resource_type, id, mine, seen) = match write {
            Write::Put { resource, base } => {
                let resource_type = resource::resource_type(resource)
                    .ok_or(StoreError::Unfit("it has no resource type"))?;
                let id = resource::id(resource).ok_or(StoreError::Unfit("it has no id"))?;
                (resource_type, id, Some(resource), base.as_ref())
            }
            Write::Delete { resource_type, id } => {
                (resource_type.as_str(), id.as_str(), None, None)
            }
        };
        if !resource::valid_id(id) {
            return Err(StoreError::Unfit("its id is not a FHIR id"));
        }
        let stored = self.record_text(resource_type, id)?;
        if mine.is_none() && stored.is_none() {
            return Err(StoreError::Missing { what: "record" });
        }
        // The version that the server will compare with; unknown while an earlier change of the
        // same record is on its way.
        let pending = !self.lines_for(resource_type, id)?.is_empty();
        let version = stored.as_ref().map_or(0, |(version, _)| *version);
        let base_version = (!pending).then_some(version as i64);
        let stored_json = stored.map(|(_, json)| json);
        let merges = seen.is_some();
        let base = match seen {
            Some(seen) => Some(seen.to_string()),
            None => stored_json.clone(),
        };
        let mine_text = mine.map(Value::to_string);
        self.connection
            .prepare_cached(
                "INSERT INTO outbox_record (seq, line, type, id, base_version, base, mine)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                seq,
                line,
                resource_type,
                id,
                base_version,
                base,
                mine_text
            ])?;
        if resource_type == "Patient" && base_version == Some(0) {
            self.chart_is_own(id)?;
        }
        match (mine, &mine_text) {
            (Some(resource), Some(json)) => self.put(&Incoming {
                resource_type,
                id,
                version,
                last_updated: at,
                patient: compartment::patient_of(resource).as_deref(),
                json,
            })?,
            _ => self.remove(resource_type, id)?,
        }
        if merges && parse(stored_json.as_deref())?.as_ref() != seen {
            // The person looked at an older state: what is stored now counts as theirs.
            let theirs = Theirs {
                json: stored_json,
                version: base_version,
                updated: None,
            };
            let added = self
                .lines_of(seq)?
                .into_iter()
                .filter(|added| added.line == line);
            let rest: Vec<Line> = added.collect();
            self.rebase(resource_type, id, rest, theirs, at)?;
        }
        Ok(())
    }
}
