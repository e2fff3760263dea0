//! A server that was restored from a backup: what it lost is offered to it again.
//!
//! Two signs prove it. Its feed, begun again because a cursor counted no more, names another life
//! of the database than the one that was read here. Or it holds less of this device's audit chain
//! than it acknowledged before, as a receipt or any page tells: then the feed is begun again from
//! here, whether anybody has said that there was a restore or not. While the feed is read again, records that it brings in an
//! older version than the one known here are offered as changes of that version. Records that it
//! does not bring at all are offered only with a proof, and of those only what it lost: a chart
//! that it does not name has left the scope of this user if it knows the patient, and what lies in
//! it is sealed to the organisation instead. At the end it is asked again for what it refused
//! because it did not have something.

use jiff::Timestamp;
use protocol::sync::SyncEntry;
use rusqlite::params;
use serde_json::Value;

use crate::error::StoreError;
use crate::merging::{Arrival, Theirs, UNCONFIRMED, parse, same};
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

impl Reading<'_> {
    /// Whether the feed was begun again since the server acknowledged a link, last.
    pub(crate) fn begun_since_acknowledged(&self) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT (f.restarted = 1 OR f.cursor IS NOT NULL) AND f.begun_at = c.acknowledged
             FROM feed f, chain c WHERE f.one = 1 AND c.one = 1",
        )?;
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

    /// The server holds less of the chain than it acknowledged, and the feed was begun again
    /// since: that is the restored server's feed.
    pub(crate) fn known_to_be_restored(&mut self, at: Timestamp) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT restarted, EXISTS (SELECT 1 FROM feed_seen) FROM feed WHERE one = 1",
        )?;
        let (reading, unoffered): (bool, bool) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        drop(statement);
        if reading {
            self.lost()?;
        } else if unoffered {
            // It was read to its end before this was known.
            self.offer_unseen(at)?;
        }
        Ok(())
    }

    /// The server holds less of the chain than it acknowledged, and its feed went on as if
    /// nothing had happened: whoever restored it has not said so. Its cursors say nothing.
    pub(crate) fn restored_unsaid(&mut self) -> Result<(), StoreError> {
        self.start_over()?;
        self.lost()
    }

    /// A page says how much of the chain the server holds. Answers whether the position was
    /// forgotten for that: the server was restored since the page before this one.
    pub(crate) fn page_of_restored(&mut self, held: u64) -> Result<bool, StoreError> {
        if held >= self.acknowledged()? {
            // Whatever a receipt says of the chain after this, the feed is of before.
            self.connection
                .prepare_cached("UPDATE feed SET begun_at = -1 WHERE one = 1 AND begun_at <> -1")?
                .execute([])?;
            return Ok(false);
        }
        let beginning: bool = self
            .connection
            .prepare_cached("SELECT restarted = 1 AND cursor IS NULL FROM feed WHERE one = 1")?
            .query_row([], |row| row.get(0))?;
        self.connection
            .prepare_cached("UPDATE chain SET acknowledged = ?1 WHERE one = 1")?
            .execute([held])?;
        if beginning {
            self.lost()?;
        } else {
            self.restored_unsaid()?;
        }
        Ok(!beginning)
    }

    /// A page names the life of the database that it is of.
    pub(crate) fn note_life(&mut self, life: &str, restarted: bool) -> Result<(), StoreError> {
        let known = self.life()?;
        if known.as_deref() == Some(life) {
            return Ok(());
        }
        if restarted && known.is_some() {
            self.lost()?;
        }
        self.connection
            .prepare_cached("UPDATE feed SET life = ?1 WHERE one = 1")?
            .execute([life])?;
        Ok(())
    }

    /// The server is known to be restored.
    fn lost(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute("UPDATE feed SET lost = 1 WHERE one = 1", [])?;
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
    pub(crate) fn read_to_the_end(
        &mut self,
        restarted: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if restarted && self.holds_back()? {
            self.offer_unseen(at)?;
        }
        Ok(())
    }

    /// Offers what the server had once and its feed did not bring again.
    fn offer_unseen(&mut self, at: Timestamp) -> Result<(), StoreError> {
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
                Some(first) if waits_beside(first) => {
                    self.offer_before(first, 0, None, at)?;
                }
                Some(first) => {
                    self.stand_on(first, 0, None)?;
                    // A person was asked about a deletion, which is lost: the change creates the
                    // record.
                    self.close_conflict(first)?;
                }
                None => self.offer(&resource_type, &id, None, millis(updated))?,
            }
        }
        self.forget_deletions_of_the_lost(at)?;
        self.connection.execute("DELETE FROM feed_seen", [])?;
        self.connection
            .execute("UPDATE feed SET lost = 0 WHERE one = 1", [])?;
        self.hand_over_again()?;
        self.ask_again(at)
    }

    /// What was to be deleted and the server has lost is gone already.
    fn forget_deletions_of_the_lost(&mut self, at: Timestamp) -> Result<(), StoreError> {
        let unseen: Vec<(String, String)> = {
            let mut statement = self.connection.prepare_cached(
                "SELECT DISTINCT type, id FROM outbox_record r
                 WHERE mine IS NULL AND base_version > 0
                 AND NOT EXISTS (SELECT 1 FROM feed_seen s WHERE s.id = r.id AND s.type = r.type)",
            )?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        for (resource_type, id) in unseen {
            let chain = self.lines_for(&resource_type, &id)?;
            let Some(first) = chain.first() else { continue };
            if first.mine.is_some() || self.line_has_left(first)? {
                continue;
            }
            let nothing = Theirs {
                json: None,
                version: Some(0),
                updated: None,
            };
            self.rebase(&resource_type, &id, chain, nothing, at)?;
        }
        Ok(())
    }

    /// What the server refused because it did not have something, it may have lost: once it has
    /// been told what it lost, it is asked again. What else it refuses, it refuses again.
    fn ask_again(&mut self, at: Timestamp) -> Result<(), StoreError> {
        let refused = self.refused()?.into_iter().filter(|line| {
            let code = line.refusal.as_ref().map(|refusal| refusal.code.as_str());
            matches!(code, Some("conflict" | "not-found"))
        });
        for line in refused {
            self.retry(line.key, at)?;
        }
        Ok(())
    }

    /// Offers the record as it is here as a change of the server's version; none creates it.
    fn offer(
        &mut self,
        resource_type: &str,
        id: &str,
        on: Option<(u64, Option<&Value>)>,
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
            let (version, base) = on.unwrap_or((0, None));
            self.stand_on(line, version, base)?;
        }
        Ok(())
    }

    /// A version that waits beside a change made here was lost, and this may be the only computer
    /// that has it: it is offered again on the version that the server has, 0 for none, before the
    /// change, which is made again on it or goes on waiting for a person.
    fn offer_before(
        &mut self,
        first: &Line,
        version: u64,
        base: Option<&str>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = (self.ids)().to_string();
        // Before everything: what it refers to and is lost, too, goes first all the same.
        self.connection
            .prepare_cached(
                "INSERT INTO outbox (seq, key, made, state, tries, label)
                 SELECT min(0, coalesce(min(seq), 0)) - 1, ?1, ?2, 1, 0, ?3 FROM outbox",
            )?
            .execute(params![key, at.as_millisecond(), LABEL])?;
        let seq = self.connection.last_insert_rowid();
        self.connection
            .prepare_cached(
                "INSERT INTO outbox_record (seq, line, type, id, base_version, base, mine)
                 VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                seq,
                first.resource_type,
                first.id,
                version as i64,
                base,
                first.theirs
            ])?;
        self.connection
            .prepare_cached(
                "UPDATE outbox_record SET base_version = NULL, theirs_version = ?3
                 WHERE seq = ?1 AND line = ?2",
            )?
            .execute([first.seq, first.line, UNCONFIRMED])?;
        self.new_key_if_sent(first)?;
        if first.state == OutboxState::Conflict {
            return Ok(());
        }
        let mut chain = self.lines_for(&first.resource_type, &first.id)?;
        chain.retain(|line| line.seq != seq);
        let under = Theirs {
            json: first.theirs.clone(),
            version: None,
            updated: None,
        };
        self.rebase(&first.resource_type, &first.id, chain, under, at)?;
        Ok(())
    }

    /// What was sent before belongs to the life that is gone.
    fn new_key_if_sent(&mut self, line: &Line) -> Result<(), StoreError> {
        if line.state == OutboxState::Sent {
            let key = (self.ids)().to_string();
            self.connection
                .prepare_cached("UPDATE outbox SET state = 1, key = ?2 WHERE seq = ?1")?
                .execute(params![line.seq, key])?;
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
        self.new_key_if_sent(line)
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
        let on = base.map(|base| (record.version, Some(base)));
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
        if held.is_some_and(|held| version < held) && waits_beside(first) {
            let lost = parse(first.theirs.as_deref())?;
            if !same(lost.as_ref(), theirs.as_ref()) {
                // The server has an ancestor of what waits here beside the change, and lost that.
                self.offer_before(first, record.version, json, at)?;
                return Ok(Some(Arrival::Merged));
            }
        }
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

/// Whether a version of the server waits beside a change: one that is no deletion.
fn waits_beside(line: &Line) -> bool {
    line.theirs.is_some() && line.theirs_version.is_some_and(|version| version > 0)
}
