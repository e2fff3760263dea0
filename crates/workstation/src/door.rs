//! The door to the open profile: whoever works holds it open, locking waits for them and shuts it.

use std::sync::Arc;

use cache::StoreError;
use tokio::sync::RwLock;

use crate::desk::Desk;
use crate::error::WorkError;
use crate::opening;

/// Shared by commands and the runner.
#[derive(Clone, Default)]
pub struct Door(Arc<RwLock<Option<Desk>>>);

impl Door {
    /// Runs a use case where blocking is allowed, if a profile is open.
    ///
    /// # Errors
    /// [`WorkError::Locked`] when none is, or the use case's own.
    pub async fn work<T: Send + 'static>(
        &self,
        case: impl FnOnce(&Desk) -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, WorkError> {
        let held = self.0.clone().read_owned().await;
        tokio::task::spawn_blocking(move || match held.as_ref() {
            Some(desk) => {
                let done = case(desk);
                if let Err(WorkError::Store(StoreError::Corrupt(_))) = &done {
                    opening::note_damage(&desk.profile);
                }
                done
            }
            None => Err(WorkError::Locked),
        })
        .await
        .map_err(|_| WorkError::Interrupted)?
    }

    /// Whether a profile is open.
    pub async fn is_open(&self) -> bool {
        self.0.read().await.is_some()
    }

    /// Puts a profile in.
    pub(crate) async fn open(&self, desk: Desk) {
        *self.0.write().await = Some(desk);
    }

    /// Changes the open profile, if one is.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Desk)) {
        if let Some(desk) = self.0.write().await.as_mut() {
            change(desk);
        }
    }

    /// Takes the profile out, once nobody works with it any more, and closes it.
    pub(crate) async fn shut(&self) {
        let desk = self.0.write().await.take();
        if let Some(desk) = desk {
            // Closing a database may wait for the disk.
            let closed = tokio::task::spawn_blocking(move || drop(desk)).await;
            if closed.is_err() {
                tracing::error!("closing the profile failed");
            }
        }
    }
}
