//! The state of sync, and the orders a person may give it.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::Workstation;
use crate::fault;
use crate::runner::Poke;
use crate::view::fault::Fault;
use crate::view::session::{Connection, SyncView};

/// How often a script looks whether a run has ended.
const LOOK: Duration = Duration::from_millis(50);

impl Workstation {
    /// The truth about connection and what waits.
    ///
    /// # Errors
    /// [`Fault`] `locked` when no profile is open.
    pub async fn sync_view(&self) -> Result<SyncView, Fault> {
        match self.opened().as_ref() {
            Some(open) => {
                let mut view = open.runner.view();
                // The runner's is of its last report.
                let zone = TimeZone::get(&open.user.time_zone).unwrap_or(TimeZone::UTC);
                view.rehearsal = self.0.rehearsal.view(&zone);
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

    /// Lets a run of sync begin and waits until it has ended, well or not; for scripts.
    ///
    /// # Errors
    /// [`Fault`] `locked` when the profile is locked, before or meanwhile.
    pub async fn settled(&self, patience: Duration) -> Result<SyncView, Fault> {
        let runs = match self.opened().as_ref() {
            Some(open) => open.runner.runs(),
            None => return Err(fault::of("locked")),
        };
        let before = *runs.borrow();
        self.poke(Poke::Pushed);
        // Without a session no run begins.
        let ended = async {
            loop {
                let so_far = *runs.borrow();
                let view = self.sync_view().await?;
                if so_far > before || view.connection == Connection::SignInNeeded {
                    return Ok::<_, Fault>(view);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(patience, ended).await {
            Ok(ended) => ended,
            Err(_) => self.sync_view().await,
        }
    }
}
