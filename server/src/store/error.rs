//! What can go wrong between this program and its database.

use tokio_postgres::error::SqlState;
use vault::OpenError;

/// Code of what was sealed with keys that were destroyed.
pub const RECORD_DESTROYED: &str = "record-destroyed";

/// What the database says when a closed record is written to.
pub const CLOSED: &str = "RD410";

/// A failure of the store. No variant holds content of records.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had.
    #[error("no database connection")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The database refused a statement.
    #[error("the database refused a statement{}", code_suffix(.0))]
    Database(#[source] tokio_postgres::Error),
    /// A value did not open.
    #[error("a sealed value did not open")]
    Open(#[from] OpenError),
    /// The service that keeps the master key does not wrap or open.
    #[error("the key management service does not wrap or open a data key")]
    Kms(#[from] crate::kms::KmsError),
    /// A value could not be sealed.
    #[error("a value could not be sealed")]
    Seal(#[from] vault::sealed::SealError),
    /// The operating system gave no randomness.
    #[error("no randomness")]
    Random(#[from] vault::NoRandomness),
    /// The operating system gave no random bytes.
    #[error("no randomness")]
    NoRandomBytes(#[source] getrandom::Error),
    /// A sealed value opened, but is not the JSON it should be.
    #[error("{table} of row {row} is not what this program writes")]
    Content {
        /// Table and column.
        table: &'static str,
        /// Row key.
        row: String,
    },
    /// A row that was needed does not open.
    #[error("a stored value does not open")]
    Bad(#[from] crate::store::rows::BadRow),
    /// A data key that a row names does not exist.
    #[error("data key {0} does not exist")]
    KeyMissing(uuid::Uuid),
    /// The keys of the record were destroyed.
    #[error("the keys of this record were destroyed")]
    RecordDestroyed,
    /// What was asked of the database together with others was refused, to all of them.
    #[error("the database refused it to all who asked together")]
    Together(#[source] std::sync::Arc<StoreError>),
    /// Too many wait for their turn at the database.
    #[error("too many wait for the database")]
    Overloaded,
    /// Migrations did not run.
    #[error("a migration did not run")]
    Migrate(#[source] Box<refinery::Error>),
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.code().is_some_and(|state| state.code() == CLOSED) {
            return Self::RecordDestroyed;
        }
        Self::Database(error)
    }
}

impl StoreError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pool(_) => "database-unreachable",
            Self::Database(_) => "database-refused",
            Self::Open(error) => error.code(),
            Self::Kms(error) => error.code(),
            Self::Seal(_) => "seal-failed",
            Self::Random(_) | Self::NoRandomBytes(_) => "no-randomness",
            Self::Content { .. } => "content-unreadable",
            Self::Bad(row) => row.code,
            Self::KeyMissing(_) => "data-key-missing",
            Self::RecordDestroyed => RECORD_DESTROYED,
            Self::Together(cause) => cause.code(),
            Self::Overloaded => "database-overloaded",
            Self::Migrate(_) => "migration-failed",
        }
    }

    /// The database's code, if the database refused.
    pub fn sql_state(&self) -> Option<&SqlState> {
        match self {
            Self::Database(error) => error.code(),
            _ => None,
        }
    }

    /// Whether the same transaction, run again, may succeed: it lost against another one.
    pub fn is_race(&self) -> bool {
        self.sql_state().is_some_and(|state| {
            *state == SqlState::T_R_SERIALIZATION_FAILURE
                || *state == SqlState::T_R_DEADLOCK_DETECTED
                || *state == SqlState::UNIQUE_VIOLATION
        })
    }
}

/// The five characters of the database's code, never its message: that may quote values.
fn code_suffix(error: &tokio_postgres::Error) -> String {
    match error.code() {
        Some(state) => format!(" ({})", state.code()),
        None => String::new(),
    }
}
