//! Giving back the memory of pages while nobody works.

use std::sync::{PoisonError, TryLockError};

use rusqlite::Connection;
use rusqlite::ffi::{SQLITE_DBSTATUS_CACHE_USED, SQLITE_OK, sqlite3_db_status};

use crate::error::StoreError;
use crate::store::Cache;

impl Cache {
    /// Gives back the pages of all connections that nobody uses just now, and closes the readers
    /// beyond the first. What is read next is decrypted anew. Waits for nobody. Gives the bytes
    /// that were freed.
    ///
    /// # Errors
    /// [`StoreError`] when a connection refuses; the others have rested.
    pub fn rest(&self) -> Result<u64, StoreError> {
        let idle = self.spare_readers();
        let mut freed: u64 = idle.iter().map(held).sum();
        // Dropping a connection frees its pages.
        drop(idle);
        let reader = self.read(|reading| shrink(reading.connection));
        let writer = match self.writer.try_lock() {
            Ok(writer) => writer.connection.as_ref().map_or(Ok(0), shrink),
            Err(TryLockError::Poisoned(poisoned)) => {
                let writer = PoisonError::into_inner(poisoned);
                writer.connection.as_ref().map_or(Ok(0), shrink)
            }
            Err(TryLockError::WouldBlock) => Ok(0),
        };
        freed += reader? + writer?;
        Ok(freed)
    }
}

fn shrink(connection: &Connection) -> Result<u64, StoreError> {
    let before = held(connection);
    connection.execute_batch("PRAGMA shrink_memory")?;
    Ok(before.saturating_sub(held(connection)))
}

/// Bytes that the pages of a connection take.
#[allow(unsafe_code)]
pub(crate) fn held(connection: &Connection) -> u64 {
    let (mut now, mut most) = (0, 0);
    // SAFETY: the connection is borrowed and open, and both numbers outlive the call.
    let done = unsafe {
        sqlite3_db_status(
            connection.handle(),
            SQLITE_DBSTATUS_CACHE_USED,
            &raw mut now,
            &raw mut most,
            0,
        )
    };
    if done == SQLITE_OK {
        u64::try_from(now).unwrap_or(0)
    } else {
        0
    }
}
