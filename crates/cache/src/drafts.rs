//! What was typed and not signed yet. The only copy in the world.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::outbox::uuid;
use crate::records::millis;
use crate::store::{Reading, Writing};

/// A draft.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Draft id.
    pub id: Uuid,
    /// Logical id of the patient.
    pub patient: String,
    /// Its content.
    pub body: Value,
    /// When it was first kept.
    pub begun: Timestamp,
    /// When it was last kept.
    pub changed: Timestamp,
}

const DRAFT: &str = "SELECT id, patient, body, begun, changed FROM draft";

fn draft_of(row: &Row<'_>) -> Result<Draft, StoreError> {
    Ok(Draft {
        id: uuid(row.get_ref(0)?.as_str().unwrap_or_default())?,
        patient: row.get(1)?,
        body: serde_json::from_str(row.get_ref(2)?.as_str().unwrap_or_default())
            .map_err(StoreError::unreadable("draft"))?,
        begun: millis(row.get(3)?),
        changed: millis(row.get(4)?),
    })
}

impl Reading<'_> {
    /// One draft.
    pub fn draft(&self, id: Uuid) -> Result<Option<Draft>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{DRAFT} WHERE id = ?1"))?;
        let found = statement
            .query_row([id.to_string()], |row| Ok(draft_of(row)))
            .optional()?;
        found.transpose()
    }

    /// The patient's draft that was changed last.
    pub fn draft_of(&self, patient: &str) -> Result<Option<Draft>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{DRAFT} WHERE patient = ?1 ORDER BY changed DESC, id LIMIT 1"
        ))?;
        let found = statement
            .query_row([patient], |row| Ok(draft_of(row)))
            .optional()?;
        found.transpose()
    }

    /// All drafts, changed last first.
    pub fn drafts(&self) -> Result<Vec<Draft>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{DRAFT} ORDER BY changed DESC, id"))?;
        let rows = statement.query_map([], |row| Ok(draft_of(row)))?;
        rows.map(|row| row?).collect()
    }
}

impl Writing<'_> {
    /// Keeps a draft; the time of its beginning stays what it was.
    pub fn keep_draft(&mut self, draft: &Draft) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO draft (id, patient, body, begun, changed) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET patient = excluded.patient, body = excluded.body,
                   changed = excluded.changed",
            )?
            .execute(params![
                draft.id.to_string(),
                draft.patient,
                draft.body.to_string(),
                draft.begun.as_millisecond(),
                draft.changed.as_millisecond()
            ])?;
        Ok(())
    }

    /// Throws a draft away; nothing happens if there is none.
    pub fn discard_draft(&mut self, id: Uuid) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM draft WHERE id = ?1")?
            .execute([id.to_string()])?;
        Ok(())
    }
}
