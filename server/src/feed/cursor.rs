//! A position in the feed, sealed: nobody but the server can read or make one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use vault::Place;

use crate::app::App;
use crate::audit::append::tenant_key;
use crate::store::error::StoreError;
use crate::store::keys::KeyFault;

const FORMAT: u8 = 1;
/// Bytes before the type.
const FIXED: usize = 1 + 16 + 8 + 8 + 8 + 8;
/// Longest cursor that is looked at.
const LONGEST: usize = 1024;

/// After which row the next page begins. Rows are ordered by the transaction that wrote them,
/// then by type and id. Only transactions that ended are ever passed, so no row can come to lie
/// before a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Life of the database.
    pub epoch: Uuid,
    /// Scope that the pages before were made in.
    pub scope: [u8; 8],
    /// Horizon of the first page: below it, the reader has nothing that a deletion could remove.
    pub first_horizon: u64,
    /// Transaction of the last row.
    pub transaction: u64,
    /// Entries that were still to come, as counted at the beginning of this run of pages.
    pub remaining: u64,
    /// Type of the last row.
    pub resource_type: String,
    /// Id of the last row.
    pub id: String,
}

/// Why a cursor is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// Not a cursor, or not this user's.
    #[error("the cursor cannot be read")]
    Unreadable,
    /// Of an earlier life or another scope: begin again.
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
    pub async fn open(
        app: &App,
        user: Uuid,
        scope: [u8; 8],
        text: &str,
    ) -> Result<Self, CursorError> {
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
        let cursor = Self::from_bytes(&bytes).ok_or(CursorError::Unreadable)?;
        if cursor.epoch != app.tenant.epoch || cursor.scope != scope {
            return Err(CursorError::Gone);
        }
        Ok(cursor)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + self.resource_type.len() + 1 + self.id.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(self.epoch.as_bytes());
        bytes.extend_from_slice(&self.scope);
        bytes.extend_from_slice(&self.first_horizon.to_be_bytes());
        bytes.extend_from_slice(&self.transaction.to_be_bytes());
        bytes.extend_from_slice(&self.remaining.to_be_bytes());
        bytes.extend_from_slice(self.resource_type.as_bytes());
        bytes.push(b'/');
        bytes.extend_from_slice(self.id.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let (epoch, rest) = rest.split_first_chunk::<16>()?;
        let (scope, rest) = rest.split_first_chunk::<8>()?;
        let (first_horizon, rest) = rest.split_first_chunk::<8>()?;
        let (transaction, rest) = rest.split_first_chunk::<8>()?;
        let (remaining, rest) = rest.split_first_chunk::<8>()?;
        let (resource_type, id) = std::str::from_utf8(rest).ok()?.split_once('/')?;
        Some(Self {
            epoch: Uuid::from_bytes(*epoch),
            scope: *scope,
            first_horizon: u64::from_be_bytes(*first_horizon),
            transaction: u64::from_be_bytes(*transaction),
            remaining: u64::from_be_bytes(*remaining),
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
        })
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
        let cursor = Cursor {
            epoch: Uuid::from_u128(7),
            scope: [3; 8],
            first_horizon: 12,
            transaction: u64::MAX,
            remaining: 5,
            resource_type: "Patient".to_owned(),
            id: "a-b.c".to_owned(),
        };
        assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Some(cursor.clone()));
        let bytes = cursor.to_bytes();
        for end in 0..FIXED {
            assert_eq!(Cursor::from_bytes(&bytes[..end]), None);
        }
    }
}
