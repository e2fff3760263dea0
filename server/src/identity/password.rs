//! Comparing passwords: slow on purpose, so only a few at a time, off the runtime's threads.

use std::sync::Arc;
use std::time::Duration;

use protocol::secret::Secret;
use tokio::sync::Semaphore;
use vault::password::{self, ArgonCost, PasswordError};

/// The longest password taken: Argon2 would read any length.
pub const LONGEST: usize = 1024;

/// Comparisons that wait longer than this are turned away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Compares passwords, a few at a time.
#[derive(Debug)]
pub struct PasswordGate {
    places: Arc<Semaphore>,
    decoy: String,
}

/// Why a password could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Too many at once.
    #[error("too many sign-ins at once")]
    Busy,
    /// The work was cut off.
    #[error("the comparison did not finish")]
    Interrupted(#[from] tokio::task::JoinError),
    /// The hash cannot be used.
    #[error("the password cannot be compared")]
    Password(#[from] PasswordError),
}

/// What a comparison found.
#[derive(Debug, PartialEq, Eq)]
pub struct Compared {
    /// Whether the password is right.
    pub right: bool,
    /// A hash of present cost, where the stored one was made at another.
    pub rehashed: Option<String>,
}

impl PasswordGate {
    /// A gate with a place for each processor. Takes the time of one hash.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new() -> Result<Self, PasswordError> {
        let places = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            places: Arc::new(Semaphore::new(places)),
            decoy: password::hash("nobody has this password", ArgonCost::SERVER)?,
        })
    }

    /// Compares. With no stored hash (an unknown name) it takes the same time and is wrong.
    ///
    /// # Errors
    /// [`GateError`].
    pub async fn compare(
        &self,
        given: &Secret,
        stored: Option<String>,
    ) -> Result<Compared, GateError> {
        let wait = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
        let Ok(Ok(place)) = wait.await else {
            return Err(GateError::Busy);
        };
        let known = stored.is_some() && given.expose().len() <= LONGEST;
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let given = if known {
            given.clone()
        } else {
            Secret::new(String::new())
        };
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let right = password::verify(given.expose(), &stored)? && known;
            let rehashed = if right && password::outdated(&stored, ArgonCost::SERVER)? {
                Some(password::hash(given.expose(), ArgonCost::SERVER)?)
            } else {
                None
            };
            Ok(Compared { right, rehashed })
        })
        .await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn unknown_names_are_wrong_and_old_hashes_are_renewed() {
        let gate = PasswordGate::new().unwrap();
        let secret = Secret::new("correct horse".to_owned());
        let unknown = gate.compare(&secret, None).await.unwrap();
        assert_eq!(
            unknown,
            Compared {
                right: false,
                rehashed: None
            }
        );
        let decoy = Secret::new("nobody has this password".to_owned());
        assert!(!gate.compare(&decoy, None).await.unwrap().right);

        let old = password::hash("correct horse", ArgonCost::LEAST).unwrap();
        let found = gate.compare(&secret, Some(old)).await.unwrap();
        assert!(found.right);
        let renewed = found.rehashed.unwrap();
        assert!(gate.compare(&secret, Some(renewed)).await.unwrap().right);
        let long = Secret::new("x".repeat(LONGEST + 1));
        let hash = password::hash(&"x".repeat(LONGEST + 1), ArgonCost::LEAST).unwrap();
        assert!(!gate.compare(&long, Some(hash)).await.unwrap().right);
    }
}
