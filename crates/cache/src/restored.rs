//! A server that was restored from a backup: what it lost is offered to it again.
//!
//! Two signs tell of it. Its feed begins again, because cursors of its earlier life count no more.
//! And it holds less of this device's audit chain than it acknowledged before: that is proof. While
//! the feed is read again, records that it brings in an older version than the one known here are
//! offered as changes of that version. Records that it does not bring at all are offered only with
//! the proof, and of those only what it lost: a chart that it does not name has left the scope of
//! this user if it knows the patient, and what lies in it is sealed to the organisation instead.

use jiff::Timestamp;
use protocol::sync::SyncEntry;
use rusqlite::params;
use serde_json::Value;

use crate::error::StoreError;
use crate::merging::{Arrival, Theirs, parse, same};
use crate::outbox::{Change, Line, OutboxState, Write};
use crate::records::{Incoming, millis};
use crate::store::{Reading, Writing};

/// What kind of change it is that offers a lost record again.
const LABEL: &str = "offered-again";

impl Reading<'_> {
    /// Whether the server is known to be restored and its feed was not read again yet. Until
    /// then versions cannot be compared with its own: the numbers may mean other contents.
    pub(crate) fn holds_back(&self) -> Result<bool, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT lost FROM feed WHERE one = 1")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }
}

impl Writing<'_> {
    /// Forgets the position: the server's cursor is gone, so its feed is read from the
    /// beginning. Nothing else is forgotten; where this cache knows a newer version than the
    /// server, the server was restored from a backup and the version is offered again.
    pub fn start_over(&mut self) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM feed_seen", [])?;
        self.charts_to_be_named()?;
        self.connection.execute(
            "UPDATE feed SET cursor = NULL, stored = 0, remaining = 0, restarted = 1,
               begun_at = (SELECT acknowledged FROM chain WHERE one = 1) WHERE one = 1",
            [],
        )?;
        Ok(())
    }

    /// The server holds less of the chain than it acknowledged: it was restored.
    pub(crate) fn server_holds_less(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute("UPDATE feed SET lost = 1 WHERE one = 1", [])?;
        let mut statement = self.connection.prepare_cached(
            "SELECT f.cursor IS NOT NULL AND f.restarted = 0 AND f.begun_at = c.acknowledged
               AND EXISTS (SELECT 1 FROM feed_seen)
             FROM feed f, chain c WHERE f.one = 1 AND c.one = 1",
        )?;
        // Nothing was acknowledged since the feed was begun again: it is the restored server's,
        // and it was read to its end before this was known.
        let read_already: bool = statement.query_row([], |row| row.get(0))?;
        drop(statement);
        if read_already {
            self.offer_unseen()?;
        }
        Ok(())
    }

    pub(crate) fn note_brought(&mut self, entry: &SyncEntry) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO feed_seen (id, type) VALUES (?1, ?2)")?
            .execute(params![entry.id, entry.resource_type])?;
        Ok(())
    }

    /// A page without another one after it was stored. `restarted`: it ends a feed that was
    /// begun again.
    pub(crate) fn read_to_the_end(&mut self, restarted: bool) -> Result<(), StoreError> {
        if !self.holds_back()? {
            return Ok(());
        }
        if restarted {
            return self.offer_unseen();
        }
        // The server took a cursor that it had given: it is in the same life.
        self.connection
            .execute("UPDATE feed SET lost = 0 WHERE one = 1", [])?;
        Ok(())
    }

    /// Offers what the server had once and its feed did not bring again.
    fn offer_unseen(&mut self) -> Result<(), StoreError> {
        let lost: Vec<(String, String, i64)> = {
            let mut statement = self.connection.prepare_cached(
                "SELECT type, id, updated FROM resource r WHERE version > 0
                 AND NOT EXISTS (SELECT 1 FROM feed_seen s WHERE s.id = r.id AND s.type = r.type)
                 ORDER BY updated, type, id",
            )?;
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        self.part_lost_from_left()?;
        for (resource_type, id, updated) in lost {
            if self.has_left(&resource_type, &id)? {
                continue;
            }
            let pending = self.lines_for(&resource_type, &id)?;
            match pending.first() {
                // A person decides between two versions first.
                Some(first) if first.state == OutboxState::Conflict => {}
                Some(first) => self.stand_on(first, 0, None)?,
                None => self.offer(&resource_type, &id, None, millis(updated))?,
            }
        }
        self.connection.execute("DELETE FROM feed_seen", [])?;
        self.connection
            .execute("UPDATE feed SET lost = 0 WHERE one = 1", [])?;
        Ok(())
    }

    /// Offers the record as it is here as a change of the server's version; none creates it.
    fn offer(
        &mut self,
        resource_type: &str,
        id: &str,
        on: Option<(u64, &Value)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((_, ours)) = self.record_text(resource_type, id)? else {
            return Ok(());
        };
        let change = Change {
            label: LABEL.to_owned(),
            writes: vec![Write::Put {
                resource: parse(Some(&ours))?.unwrap_or_default(),
                base: None,
            }],
            at,
        };
        self.enqueue(&change)?;
        if let Some(line) = self.lines_for(resource_type, id)?.last() {
            let (version, base) = on.map_or((0, None), |(version, base)| (version, Some(base)));
            self.stand_on(line, version, base)?;
        }
        Ok(())
    }

    /// Makes a change stand on a version of the restored server as it is, without merging.
    fn stand_on(
        &mut self,
        line: &Line,
        version: u64,
        base: Option<&Value>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE outbox_record SET base_version = ?3, base = ?4, theirs_version = NULL,
                   theirs_updated = NULL, theirs = NULL WHERE seq = ?1 AND line = ?2",
            )?
            .execute(params![
                line.seq,
                line.line,
                version as i64,
                base.map(ToString::to_string)
            ])?;
        if line.state == OutboxState::Sent {
            // What was sent before belongs to the life that is gone.
            let key = (self.ids)().to_string();
            self.connection
                .prepare_cached("UPDATE outbox SET state = 1, key = ?2 WHERE seq = ?1")?
                .execute(params![line.seq, key])?;
        }
        Ok(())
    }

    /// After a restore the server may know less of a record than this cache does. What it lost
    /// is offered again as a change on what it has. `None`: it is an arrival like others.
    pub(crate) fn offer_again(
        &mut self,
        record: &Incoming<'_>,
        json: Option<&str>,
        at: Timestamp,
    ) -> Result<Option<Arrival>, StoreError> {
        let (resource_type, id) = (record.resource_type, record.id);
        let Some((version, ours)) = self.record_text(resource_type, id)? else {
            return Ok(None);
        };
        let theirs = parse(json)?;
        if version < record.version {
            return Ok(None);
        }
        if same(parse(Some(&ours))?.as_ref(), theirs.as_ref()) {
            // Somebody offered the same. Under our number there may come another content.
            self.put(record)?;
            return Ok(Some(Arrival::Stored));
        }
        // An older version is what ours was made on. The same number with other content is
        // another history: nothing in common is known, so every difference is a touching one.
        let base = theirs.as_ref().filter(|_| version > record.version);
        let on = base.map(|base| (record.version, base));
        self.offer(resource_type, id, on, at)?;
        Ok(base.map(|_| Arrival::Merged))
    }

    /// The same for a record that has changes made here: the first of them stood on a version
    /// that the server has lost. `None`: it is an arrival like others.
    pub(crate) fn arrive_restored(
        &mut self,
        record: &Incoming<'_>,
        json: Option<&str>,
        at: Timestamp,
    ) -> Result<Option<Arrival>, StoreError> {
        let lines = self.lines_for(record.resource_type, record.id)?;
        let Some(first) = lines.first() else {
            return Ok(None);
        };
        let version = record.version as i64;
        let base_version = first.base_version.unwrap_or(0);
        let held = first
            .theirs_version
            .filter(|held| *held >= base_version.max(1));
        let known = held.unwrap_or(base_version);
        if version > known || known == 0 {
            return Ok(None);
        }
        let theirs = parse(json)?;
        let of_known = if held.is_some() {
            &first.theirs
        } else {
            &first.base
        };
        if version == known && same(parse(of_known.as_deref())?.as_ref(), theirs.as_ref()) {
            // The same content, but stored at another time.
            if held.is_none() {
                self.connection
                    .prepare_cached(
                        "UPDATE outbox_record SET base = ?3 WHERE seq = ?1 AND line = ?2",
                    )?
                    .execute(params![first.seq, first.line, json])?;
            } else {
                let again = Theirs {
                    json: json.map(str::to_owned),
                    version: Some(version),
                    updated: Some(record.last_updated),
                };
                self.set_theirs(first, &again)?;
            }
            return Ok(None);
        }
        // As for a record without changes: the whole content is offered on an older version,
        // and against another history everything is compared.
        let base = theirs
            .as_ref()
            .filter(|_| version < known && held.is_none());
        self.stand_on(first, record.version, base)?;
        if first.state == OutboxState::Refused {
            return Ok(Some(Arrival::Held));
        }
        let chain = self.lines_for(record.resource_type, record.id)?;
        let under = Theirs {
            json: json.map(str::to_owned),
            version: Some(version),
            updated: Some(record.last_updated),
        };
        let clean = self.rebase(record.resource_type, record.id, chain, under, at)?;
        Ok(Some(if clean {
            Arrival::Merged
        } else {
            Arrival::Conflict
        }))
    }
}
