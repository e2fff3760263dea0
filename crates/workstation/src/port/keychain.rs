//! The keychain of the desktop.

use zeroize::Zeroizing;

/// Why the keychain did not do as asked. None of these ever leads to a cache being deleted.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// It is there and locked, and was not unlocked when the user was asked.
    #[error("the keychain is locked")]
    Locked,
    /// No keychain service runs.
    #[error("there is no keychain service")]
    Absent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answers, and has no such entry.
    #[error("the keychain has no such entry")]
    NoEntry,
    /// It has the entry, and what it holds is not what was stored.
    #[error("the keychain entry is not what was stored")]
    Malformed,
    /// It did not answer in time, as when it waits for somebody to unlock it.
    #[error("the keychain does not answer")]
    Silent,
    /// Anything else.
    #[error("the keychain failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Secrets by account. Blocking: called where waiting is allowed.
pub trait Keychain: Send + Sync {
    /// Its name for the Settings screen.
    fn name(&self) -> String;
    /// The secret of an account.
    ///
    /// # Errors
    /// [`KeychainError`].
    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError>;
    /// Stores or replaces a secret.
    ///
    /// # Errors
    /// [`KeychainError`].
    fn set(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError>;
    /// Removes a secret; removing what is not there is no error.
    ///
    /// # Errors
    /// [`KeychainError`].
    fn delete(&self, account: &str) -> Result<(), KeychainError>;
}
