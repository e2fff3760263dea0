//! The state of sync, and the orders a person may give it.

use std::time::Duration;

use super::Workstation;
use crate::fault;
use crate::runner::Poke;
use crate::view::fault::Fault;
use crate::view::session::{Connection, SyncView};

impl Workstation {
    /// The truth about connection and what waits.
    ///
    /// # Errors
    /// [`Fault`] `locked` when no profile is open.
    pub async fn sync_view(&self) -> Result<SyncView, Fault> {
        match self.opened().as_ref() {
            Some(open) => {
                let mut view = open.runner.view();
                view.fault = view.fault.or_else(|| open.notice.clone());
                Ok(view)
            }
            None => Err(fault::of("locked")),
        }
    }

    /// Tries the server now.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn sync_now(&self) -> Result<(), Fault> {
        self.poke(Poke::Pushed);
        Ok(())
    }

    /// Stops the first filling; what came stays.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn stop_first_sync(&self) -> Result<(), Fault> {
        self.poke(Poke::StopFill);
        Ok(())
    }

    /// Takes the first filling up where it stopped.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn resume_first_sync(&self) -> Result<(), Fault> {
        self.poke(Poke::ResumeFill);
        Ok(())
    }

    /// Waits until sync has nothing to do, needs a person, or cannot go on; for scripts.
    ///
    /// # Errors
    /// [`Fault`] `locked` when the profile is locked meanwhile.
    pub async fn settled(&self, patience: Duration) -> Result<SyncView, Fault> {
        let mut view = match self.opened().as_ref() {
            Some(open) => open.runner.watch(),
            None => return Err(fault::of("locked")),
        };
        let waited = tokio::time::timeout(patience, async {
            view.wait_for(|view| {
                let stuck = matches!(
                    view.connection,
                    Connection::Offline | Connection::SignInNeeded
                );
                let done = view.connection == Connection::Online
                    && view.first.as_ref().is_none_or(|first| first.stopped)
                    && view.to_send == 0
                    && view.audit_to_send == 0;
                stuck || done || view.fault.is_some()
            })
            .await
            .map(|view| view.clone())
        })
        .await;
        match waited {
            Ok(Ok(view)) => Ok(view),
            Ok(Err(_)) => Err(fault::of("locked")),
            Err(_) => self.sync_view().await,
        }
    }
}
