//! What waits, in numbers.

use crate::error::StoreError;
use crate::store::Reading;

/// For the status bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Changes that wait to be sent or confirmed.
    pub to_send: u32,
    /// Audit events that the server does not have.
    pub audit_to_send: u32,
    /// Conflicts that wait for a person.
    pub conflicts: u32,
    /// Changes that the server refused.
    pub refused: u32,
    /// Incoming entries that could not be read.
    pub quarantined: u32,
    /// Work that was set aside because its chart left.
    pub set_aside: u32,
}

impl Counts {
    /// What waits for a person.
    pub fn needs_you(&self) -> u32 {
        self.conflicts + self.refused + self.quarantined + self.set_aside
    }
}

impl Reading<'_> {
    /// What waits.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT (SELECT count(*) FROM outbox WHERE state IN (1, 2)),
                    (SELECT number - acknowledged FROM chain),
                    (SELECT count(*) FROM conflict),
                    (SELECT count(*) FROM outbox WHERE state = 4),
                    (SELECT count(*) FROM quarantine),
                    (SELECT count(*) FROM set_aside WHERE noted = 0)",
        )?;
        Ok(statement.query_row([], |row| {
            Ok(Counts {
                to_send: row.get(0)?,
                audit_to_send: row.get(1)?,
                conflicts: row.get(2)?,
                refused: row.get(3)?,
                quarantined: row.get(4)?,
                set_aside: row.get(5)?,
            })
        })?)
    }
}
