//! Incoming entries that could not be read: kept with the reason, seen by a person, replaced
//! when a readable version comes.

use jiff::Timestamp;
use ledger::chain::{ChainError, Head, Link};
use protocol::sync::SyncEntry;
use rusqlite::params;

use crate::error::StoreError;
use crate::records::millis;
use crate::store::{Reading, Writing};

/// An entry that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Resource type as the feed gave it.
    pub resource_type: String,
    /// Logical id as the feed gave it.
    pub id: String,
    /// Version.
    pub version: u64,
    /// Stable reason code: `unreadable`, `unfit`.
    pub reason: String,
    /// When it came.
    pub arrived: Timestamp,
    /// What came.
    pub json: Option<String>,
}

/// The reason code of an entry's own fault; a fault of the store is passed on.
pub(crate) fn reason(error: StoreError) -> Result<&'static str, StoreError> {
    match error {
        StoreError::Unreadable { .. } => Ok("unreadable"),
        StoreError::Unfit(_) => Ok("unfit"),
        other => Err(other),
    }
}

impl Reading<'_> {
    /// Everything in quarantine, oldest first.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT type, id, version, reason, arrived, json FROM quarantine ORDER BY arrived, id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Quarantined {
                resource_type: row.get(0)?,
                id: row.get(1)?,
                version: row.get::<_, i64>(2)? as u64,
                reason: row.get(3)?,
                arrived: millis(row.get(4)?),
                json: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn has_quarantine(&self) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .query_row("SELECT EXISTS (SELECT 1 FROM quarantine)", [], |row| {
                row.get(0)
            })?)
    }
}

impl Writing<'_> {
    /// Takes in a version that was asked for by itself, because the one that came with the feed
    /// could not be read. Answers whether this one could: if not, it takes the other's place.
    /// The feed's cursor stays where it is; `seal` makes the audit link.
    pub fn take_again(
        &mut self,
        entry: &SyncEntry,
        at: Timestamp,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<bool, StoreError> {
        let readable = match self.take_entry(entry, at) {
            Ok(_) => {
                self.release(&entry.resource_type, &entry.id)?;
                true
            }
            Err(error) => {
                let reason = reason(error)?;
                self.quarantine(entry, reason, at)?;
                false
            }
        };
        self.record(seal)?;
        Ok(readable)
    }

    /// Forgets an entry that could not be read: the server has no such record any more, or not
    /// for this user.
    pub fn forget_unreadable(
        &mut self,
        resource_type: &str,
        id: &str,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<(), StoreError> {
        self.release(resource_type, id)?;
        self.record(seal)?;
        Ok(())
    }

    pub(crate) fn quarantine(
        &mut self,
        entry: &SyncEntry,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO quarantine (id, type, version, reason, arrived, json)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                entry.id,
                entry.resource_type,
                entry.version as i64,
                reason,
                at.as_millisecond(),
                entry.resource.as_ref().map(|raw| raw.get())
            ])?;
        Ok(())
    }

    pub(crate) fn release(&mut self, resource_type: &str, id: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM quarantine WHERE id = ?1 AND type = ?2")?
            .execute([id, resource_type])?;
        Ok(())
    }
}
