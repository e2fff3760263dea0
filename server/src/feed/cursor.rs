//! A position in the feed, sealed: nobody but the server can read or make one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vault::Place;

use crate::app::App;
use crate::audit::append::tenant_key;
use crate::store::error::StoreError;
use crate::store::keys::KeyFault;

const FORMAT: u8 = 2;
/// Longest cursor that is looked at.
const LONGEST: usize = 2048;

/// A record by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
}

/// What is still to be sent whole before changes are followed, and how far that came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Before {
    /// Nothing: changes are followed.
    #[default]
    Nothing,
    /// Records of the types that come whole; after this one.
    Open(Name),
    /// Records that belong to no patient; after this one.
    Loose(Name),
    /// Charts that entered; after this record of this patient.
    Charts {
        /// Logical id of the patient.
        patient: String,
        /// The record.
        after: Name,
    },
}

/// Where the next page begins. Changes are ordered by the transaction that wrote them, then by type
/// and id. Only transactions that ended are ever passed, so no row can come to lie before a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Life of the database.
    pub epoch: Uuid,
    /// What the role may keep, as the reader was told it last.
    pub mark: [u8; 8],
    /// Number of the reader's charts ([`crate::feed::charts`]); 0 for a reader who keeps none.
    pub charts: i64,
    /// When the charts were looked at last, in milliseconds; 0: they are to be looked at.
    pub looked_at: i64,
    /// Horizon of the first page: below it, the reader has nothing that a deletion could remove.
    pub first_horizon: u64,
    /// Entries that were still to come, as counted at the beginning of this run of pages.
    pub remaining: u64,
    /// What comes before changes are followed.
    pub before: Before,
    /// Transaction of the last change.
    pub transaction: u64,
    /// The last change.
    pub last: Name,
}

/// Why a cursor is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// Not a cursor, or not this user's.
    #[error("the cursor cannot be read")]
    Unreadable,
    /// Of an earlier life: begin again.
    #[error("the cursor does not count any more")]
    Gone,
    /// The database or a seal.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Cursor {
    /// Seals the cursor for one user.
    ///
    /// # Errors
    /// When the database refuses or there is no randomness.
    pub async fn seal(&self, app: &App, user: Uuid) -> Result<String, StoreError> {
        let key = tenant_key(app, 1).await?;
        let sealed = key.seal(&place(app.tenant.id, &user.to_string()), &self.to_bytes())?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a cursor of this user.
    ///
    /// # Errors
    /// [`CursorError`].
    pub async fn open(app: &App, user: Uuid, text: &str) -> Result<Self, CursorError> {
        if text.len() > LONGEST {
            return Err(CursorError::Unreadable);
        }
        let sealed = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| CursorError::Unreadable)?;
        let row = user.to_string();
        let place = place(app.tenant.id, &row);
        let id = vault::sealed::key_id_of(&place, &sealed).map_err(|_| CursorError::Unreadable)?;
        let keys = app.keys.by_id([id]).await?;
        let bytes = match keys.key(&id) {
            Ok(key) => key
                .open(&place, &sealed)
                .map_err(|_| CursorError::Unreadable)?,
            // Sealed in a life of the clinic that this one does not remember.
            Err(KeyFault::Missing | KeyFault::Destroyed) => return Err(CursorError::Gone),
            Err(_) => return Err(CursorError::Unreadable),
        };
        // One of an earlier form is this user's, but does not say enough.
        let cursor = Self::from_bytes(&bytes).ok_or(CursorError::Gone)?;
        if cursor.epoch != app.tenant.epoch {
            return Err(CursorError::Gone);
        }
        Ok(cursor)
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Numbers, names and ids alone: there is nothing in it that JSON could not hold.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = Vec::with_capacity(json.len() + 1);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&json);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        if *format != FORMAT {
            return None;
        }
        serde_json::from_slice(rest).ok()
    }
}

fn place(tenant: Uuid, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "feed",
        row,
        column: "cursor",
        version: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        let name = |id: &str| Name {
            resource_type: "Patient".to_owned(),
            id: id.to_owned(),
        };
        let cursor = Cursor {
            epoch: Uuid::from_u128(7),
            mark: [3; 8],
            charts: 12,
            looked_at: 1_700_000_000_000,
            first_horizon: 12,
            remaining: 5,
            before: Before::Charts {
                patient: "p".to_owned(),
                after: name("b"),
            },
            transaction: u64::MAX,
            last: name("a-b.c"),
        };
        let bytes = cursor.to_bytes();
        assert_eq!(Cursor::from_bytes(&bytes), Some(cursor));
        for end in 0..bytes.len() {
            assert_eq!(Cursor::from_bytes(&bytes[..end]), None);
        }
    }
}
