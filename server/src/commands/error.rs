//! Why a command fails.

use std::path::PathBuf;

/// Why a command fails. Names variables, files and codes, never secrets or patients.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The environment.
    #[error("a setting cannot be used")]
    Config(#[from] crate::config::ConfigError),
    /// The server does not start.
    #[error("the platform cannot be used")]
    Start(#[from] crate::app::StartError),
    /// The server does not serve.
    #[error("the server stopped")]
    Serve(#[from] crate::http::serve::ServeError),
    /// The database.
    #[error("the database cannot be used")]
    Store(#[from] crate::store::error::StoreError),
    /// The clinic is there already.
    #[error("this database holds a clinic already")]
    Initialised,
    /// The time zone is none.
    #[error("there is no time zone of this name")]
    TimeZone(#[source] jiff::Error),
    /// A URL does not say who the application is.
    #[error("{0} needs a user and a password")]
    ApplicationRole(&'static str),
    /// Another operator is at it.
    #[error("another `keys` command is at work on this clinic: wait for it")]
    KeysBusy,
    /// The patient was never there.
    #[error("there is no patient of this id, nor ever was")]
    UnknownPatient,
    /// Some values could not be opened; the others were done.
    #[error("{0} values do not open and stay as they are: see the report")]
    Unopened(u64),
    /// The recovery key.
    #[error("the recovery key cannot be made")]
    Recovery(#[from] vault::recovery::RecoveryError),
    /// A recovered cache does not open.
    #[error("the records of the profile cannot be opened")]
    Cache(#[from] cache::OpenError),
    /// A recovered cache opens and cannot be read.
    #[error("the records of the profile cannot be read")]
    Unsent(#[from] cache::StoreError),
    /// The ledger.
    #[error("the ledger cannot be read")]
    Ledger(#[from] crate::ledger::LedgerError),
    /// A verification found something.
    #[error("the ledger was tampered with: see the findings")]
    LedgerBroken,
    /// No such user.
    #[error("there is no user of this name")]
    UnknownUser,
    /// No such program.
    #[error("there is no program of this client id")]
    UnknownClient,
    /// No key of AWS KMS is named.
    #[error("--kms names no key that can be used")]
    KmsKey(#[from] crate::kms::UriError),
    /// AWS KMS refuses.
    #[error("the key of AWS KMS cannot be used")]
    Kms(#[from] crate::kms::KmsError),
    /// No client for AWS KMS.
    #[error("a client for AWS KMS cannot be made")]
    KmsClient(#[from] reqwest::Error),
    /// A file of keys cannot be used.
    #[error("the keys cannot be used")]
    Keys(#[from] crate::identity::jose::KeysError),
    /// The name is taken.
    #[error("there is a user or program of this name already")]
    NameTaken,
    /// An argument cannot be used.
    #[error("{0}")]
    Argument(&'static str),
    /// The password cannot be hashed.
    #[error("the password cannot be hashed")]
    Password(#[from] vault::password::PasswordError),
    /// Standard input.
    #[error("standard input cannot be read")]
    Input(#[source] std::io::Error),
    /// Standard output.
    #[error("standard output cannot be written")]
    Output(#[source] std::io::Error),
    /// A result is not JSON.
    #[error("the result cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A file of an import.
    #[error("{path} cannot be read")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The records cannot be changed.
    #[error("the records cannot be changed")]
    Write(#[from] crate::store::write::WriteError),
    /// Work was cut off.
    #[error("the work was cut off")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl crate::store::transaction::Retryable for CommandError {
    fn store(&self) -> Option<&crate::store::error::StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Write(error) => error.store(),
            _ => None,
        }
    }
}
