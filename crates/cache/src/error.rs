//! What can go wrong. Messages name tables and reasons, never values.

use std::io;

use rusqlite::{ErrorCode, ffi};

/// Opening or creating a cache failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key does not open this file.
    #[error("the key does not open this cache")]
    WrongKey,
    /// The key is right, the file is damaged.
    #[error("the cache file is damaged")]
    Corrupt(#[source] Option<rusqlite::Error>),
    /// A later version of the program wrote this file.
    #[error("the cache has schema {found}, this program knows up to {known}")]
    Newer {
        /// Schema version of the file.
        found: u32,
        /// Latest schema version this program knows.
        known: u32,
    },
    /// There is no cache at this path.
    #[error("there is no cache at this path")]
    Missing,
    /// Something is at this path already; it is not touched.
    #[error("there is a file at this path already")]
    Exists,
    /// No room on the disk.
    #[error("the disk is full")]
    DiskFull,
    /// Another process holds the file.
    #[error("the cache is in use")]
    Busy,
    /// Reading or writing the file failed.
    #[error("the cache file cannot be read or written")]
    Io(#[source] io::Error),
    /// SQLite said something else.
    #[error("the cache cannot be opened")]
    Sql(#[source] rusqlite::Error),
}

/// An operation on an open cache failed; its transaction was rolled back whole.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room on the disk. What was committed before is intact.
    #[error("the disk is full")]
    DiskFull,
    /// The file is damaged.
    #[error("the cache file is damaged")]
    Corrupt(#[source] Option<rusqlite::Error>),
    /// Another process held the file for longer than the wait allowed.
    #[error("the cache is in use")]
    Busy,
    /// Reading or writing the file failed.
    #[error("the cache file cannot be read or written")]
    Io(#[source] rusqlite::Error),
    /// SQLite said something else.
    #[error("a statement on the cache failed")]
    Sql(#[source] rusqlite::Error),
    /// A stored JSON text cannot be read back.
    #[error("a stored {what} cannot be read")]
    Unreadable {
        /// The kind of row.
        what: &'static str,
        /// The decoder's words.
        #[source]
        source: serde_json::Error,
    },
    /// The named thing is not there.
    #[error("no such {what}")]
    Missing {
        /// The kind of thing.
        what: &'static str,
    },
    /// The resource cannot be stored: no known type, no valid id, or no object.
    #[error("this resource cannot be stored: {0}")]
    Unfit(&'static str),
    /// The audit link does not follow the head it was given.
    #[error("the audit link does not follow the chain")]
    ChainBroken,
    /// The audit event could not be linked.
    #[error("the audit event could not be linked")]
    Chain(#[from] ledger::chain::ChainError),
    /// Work that must not stay here could not be sealed to the organisation.
    #[error("work to be set aside could not be sealed")]
    Unsealed,
    /// The server acknowledged a chain that is not ours.
    #[error("the server's audit receipt does not match this chain")]
    ReceiptWrong,
}

impl OpenError {
    /// Stable code for the screen.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKey => "cache-wrong-key",
            Self::Corrupt(_) => "cache-corrupt",
            Self::Newer { .. } => "cache-newer",
            Self::Missing => "cache-missing",
            Self::Exists => "cache-exists",
            Self::DiskFull => "disk-full",
            Self::Busy => "cache-busy",
            Self::Io(_) => "cache-io",
            Self::Sql(_) => "cache-failed",
        }
    }
}

impl StoreError {
    /// Stable code for the screen.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DiskFull => "disk-full",
            Self::Corrupt(_) | Self::Unreadable { .. } => "cache-corrupt",
            Self::Busy => "cache-busy",
            Self::Io(_) => "cache-io",
            Self::Sql(_) => "cache-failed",
            Self::Missing { .. } => "not-found",
            Self::Unfit(_) => "unfit",
            Self::ChainBroken => "audit-chain-broken",
            Self::Chain(error) => error.code(),
            Self::Unsealed => "set-aside-failed",
            Self::ReceiptWrong => "audit-receipt-wrong",
        }
    }

    pub(crate) fn unreadable(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Unreadable { what, source }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // No room for the log's index is told as a failed read or write.
        if error
            .sqlite_error()
            .is_some_and(|e| e.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
        {
            return Self::DiskFull;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(Some(error))
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied,
            ) => Self::Io(error),
            _ => Self::Sql(error),
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Corrupt(source) => Self::Corrupt(source),
            StoreError::Busy => Self::Busy,
            StoreError::Io(source) => Self::Io(io::Error::other(source)),
            StoreError::Sql(source) => Self::Sql(source),
            // The remaining kinds come from rows; while opening, a bad row is a damaged file.
            _ => Self::Corrupt(None),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}
