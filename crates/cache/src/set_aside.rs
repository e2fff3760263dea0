//! Work that was sealed because the chart it belongs to left: kept, and handed over to the server.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use crate::error::StoreError;
use crate::outbox::uuid;
use crate::records::millis;
use crate::store::{Reading, Writing};
use crate::unsent::UnsentSealed;

/// How long sealed work stays here after the server had it and the user took note: as long as a
/// clinic may need to find out that its server must be restored from a backup.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Work that was sealed because the chart it belongs to left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its name.
    pub id: Uuid,
    /// Logical id of the patient; none where it is of several or none.
    pub patient: Option<String>,
    /// Changes in it.
    pub changes: u32,
    /// Drafts in it.
    pub drafts: u32,
    /// Records in it that a restored server may have lost.
    pub records: u32,
    /// When it was set aside.
    pub made: Timestamp,
    /// When the server had it.
    pub handed: Option<Timestamp>,
}

impl Reading<'_> {
    /// All work that was set aside and of which the user has not taken note, oldest first.
    pub fn set_aside(&self) -> Result<Vec<SetAside>, StoreError> {
        self.set_aside_where("noted = 0")
    }

    /// Work that was set aside and that the server does not have, oldest first.
    pub fn to_hand_over(&self) -> Result<Vec<SetAside>, StoreError> {
        self.set_aside_where("handed IS NULL")
    }

    fn set_aside_where(&self, so: &str) -> Result<Vec<SetAside>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, patient, changes, drafts, records, made, handed FROM set_aside
             WHERE {so} ORDER BY made, id"
        ))?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(SetAside {
                id: uuid(row.get_ref(0)?.as_str().unwrap_or_default())?,
                patient: row.get(1)?,
                changes: row.get(2)?,
                drafts: row.get(3)?,
                records: row.get(4)?,
                made: millis(row.get(5)?),
                handed: row.get::<_, Option<i64>>(6)?.map(millis),
            });
        }
        Ok(found)
    }

    /// All sealed work that is here, oldest first: also what the server was handed and may lose.
    pub fn kept_aside(&self) -> Result<Vec<SetAside>, StoreError> {
        self.set_aside_where("sealed IS NOT NULL")
    }

    /// The sealed work of this name, while it is here.
    pub fn sealed_work(&self, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT sealed FROM set_aside WHERE id = ?1")?;
        let sealed: Option<Option<Vec<u8>>> = statement
            .query_row([id.to_string()], |row| row.get(0))
            .optional()?;
        Ok(sealed.flatten())
    }

    /// Sealed work that the server does not have.
    pub(crate) fn sealed_unsent(&self) -> Result<Vec<UnsentSealed>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, patient, sealed FROM set_aside
             WHERE sealed IS NOT NULL AND handed IS NULL ORDER BY made, id",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(UnsentSealed::new(
                uuid(row.get_ref(0)?.as_str().unwrap_or_default())?,
                row.get(1)?,
                row.get_ref(2)?.as_blob().unwrap_or_default(),
            ));
        }
        Ok(found)
    }
}

impl Writing<'_> {
    /// The server has sealed work. It stays here as well for as long as it may be lost there.
    pub fn handed_over(&mut self, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE set_aside SET handed = coalesce(handed, ?2) WHERE id = ?1")?
            .execute(params![id.to_string(), at.as_millisecond()])?;
        let old = at.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        self.connection
            .prepare_cached("DELETE FROM set_aside WHERE noted = 1 AND handed < ?1")?
            .execute([old.as_millisecond()])?;
        Ok(())
    }

    /// A restored server may have lost what it was handed: it is handed over once more.
    pub(crate) fn hand_over_again(&mut self) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE set_aside SET handed = NULL WHERE sealed IS NOT NULL",
            [],
        )?;
        Ok(())
    }

    /// The user took note that work was set aside: nothing is said of it any more. Only what the
    /// server has can be forgotten.
    pub fn forget_set_aside(&mut self, id: Uuid) -> Result<(), StoreError> {
        let forgotten = self
            .connection
            .prepare_cached("UPDATE set_aside SET noted = 1 WHERE id = ?1 AND handed IS NOT NULL")?
            .execute([id.to_string()])?;
        if forgotten == 0 {
            return Err(StoreError::Missing {
                what: "work that was handed over",
            });
        }
        Ok(())
    }
}
