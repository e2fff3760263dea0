//! The device's audit chain: appended with what it records, sent later, kept for a while.

use jiff::Timestamp;
use ledger::chain::{ChainError, Head, Link};
use protocol::audit::AuditReceipt;
use rusqlite::{OptionalExtension, params};

use crate::error::StoreError;
use crate::store::{Cache, Reading, Writing};

/// Links kept after the server acknowledged them, for the Activity screen.
const KEPT: u64 = 5_000;

/// An event that this workstation recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// The link with its event.
    pub link: Link,
    /// Whether the server has it.
    pub sent: bool,
}

impl Cache {
    /// The oldest links that the server does not have, at most `max`. Durable before they are
    /// handed out: a link that the server knows must never be missing here.
    pub fn audit_batch(&self, max: usize) -> Result<Vec<Link>, StoreError> {
        self.make_durable()?;
        self.read(|cache| cache.links_to_send(max))
    }

    /// Records one event and returns when the disk has it.
    pub fn record(
        &self,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<Link, StoreError> {
        self.write("record", |tx| tx.record(seal))
    }
}

impl Reading<'_> {
    /// Where the chain stands.
    pub fn head(&self) -> Result<Head, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, hash FROM chain WHERE one = 1")?;
        Ok(statement.query_row([], |row| {
            Ok(Head {
                number: row.get(0)?,
                hash: row.get(1)?,
            })
        })?)
    }

    /// Number of the last link that the server acknowledged.
    pub fn acknowledged(&self) -> Result<u64, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT acknowledged FROM chain WHERE one = 1")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Recorded events, newest first, below the number `before` if one is given.
    pub fn audit_log(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let acknowledged = self.acknowledged()?;
        let mut statement = self.connection.prepare_cached(
            "SELECT number, link FROM audit_queue WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
        )?;
        let mut rows =
            statement.query(params![before.map_or(i64::MAX, |n| n as i64), limit as i64])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let number: u64 = row.get(0)?;
            events.push(LoggedEvent {
                link: link_of(row.get_ref(1)?.as_str().unwrap_or_default())?,
                sent: number <= acknowledged,
            });
        }
        Ok(events)
    }

    pub(crate) fn links_to_send(&self, max: usize) -> Result<Vec<Link>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT link FROM audit_queue
             WHERE number > (SELECT acknowledged FROM chain) ORDER BY number LIMIT ?1",
        )?;
        let mut rows = statement.query([max as i64])?;
        let mut links = Vec::new();
        while let Some(row) = rows.next()? {
            links.push(link_of(row.get_ref(0)?.as_str().unwrap_or_default())?);
        }
        Ok(links)
    }
}

fn link_of(json: &str) -> Result<Link, StoreError> {
    serde_json::from_str(json).map_err(StoreError::unreadable("audit link"))
}

impl Writing<'_> {
    /// Appends an event to the chain. `seal` links and signs it; it is called once.
    pub fn record(
        &mut self,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<Link, StoreError> {
        let head = self.head()?;
        let link = seal(&head)?;
        if link.number != head.number + 1 || link.previous != head.hash {
            return Err(StoreError::ChainBroken);
        }
        let json = serde_json::to_string(&link).map_err(StoreError::unreadable("audit link"))?;
        self.connection
            .prepare_cached("INSERT INTO audit_queue (number, link) VALUES (?1, ?2)")?
            .execute(params![link.number, json])?;
        self.connection
            .prepare_cached("UPDATE chain SET number = ?1, hash = ?2 WHERE one = 1")?
            .execute(params![link.number, link.hash])?;
        Ok(link)
    }

    /// Notes what the server holds of the chain. A server that holds less than it said before
    /// was restored from a backup: what it lost is sent again, and its feed is read from the
    /// beginning. Answers whether the position in it was forgotten for that.
    pub fn acknowledge_audit(
        &mut self,
        receipt: &AuditReceipt,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let head = self.head()?;
        if receipt.through > head.number {
            return Err(StoreError::ReceiptWrong);
        }
        let held: Option<String> = self
            .connection
            .prepare_cached("SELECT link FROM audit_queue WHERE number = ?1")?
            .query_row([receipt.through], |row| row.get(0))
            .optional()?;
        match held {
            Some(json) if link_of(&json)?.hash != receipt.head => {
                return Err(StoreError::ReceiptWrong);
            }
            // Older than what is kept here: nothing to compare with, nothing to send again.
            None if receipt.through > 0 => return Ok(false),
            _ => {}
        }
        let less = receipt.through < self.acknowledged()?;
        let known = less && self.begun_since_acknowledged()?;
        self.connection
            .prepare_cached("UPDATE chain SET acknowledged = ?1 WHERE one = 1")?
            .execute([receipt.through])?;
        if known {
            self.known_to_be_restored(at)?;
        } else if less {
            self.restored_unsaid()?;
        }
        self.connection
            .prepare_cached("DELETE FROM audit_queue WHERE number <= ?1")?
            .execute([receipt.through.saturating_sub(KEPT)])?;
        Ok(less && !known)
    }

    pub(crate) fn begin_chain(&mut self, genesis: &Head) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO chain (one, number, hash, acknowledged) VALUES (1, ?1, ?2, ?1)",
            params![genesis.number, genesis.hash],
        )?;
        Ok(())
    }
}
