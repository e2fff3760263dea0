//! A rehearsed downtime: beginning it, ending it, and looking at the clock meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::Workstation;
use crate::rehearsal::Tick;
use crate::runner::Poke;
use crate::view::fault::Fault;
use crate::view::rehearsal::RehearsalReport;
use crate::view::session::SyncView;

/// How often the watch looks at the clock.
const WATCH: Duration = Duration::from_secs(1);

impl Workstation {
    /// Cuts this computer off from the server for some minutes, for whoever works at it.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn start_rehearsal(&self, minutes: u32) -> Result<SyncView, Fault> {
        let rehearsal = self.0.rehearsal.clone();
        self.work(move |desk| desk.start_rehearsal(&rehearsal, minutes))
            .await?;
        self.watch_rehearsal();
        // The line is found to be cut at once, not at the next occasion.
        self.poke(Poke::Clock);
        self.poke(Poke::Pushed);
        self.sync_view().await
    }

    /// Ends it before its time.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `not-found` when there never was one.
    pub async fn stop_rehearsal(&self) -> Result<RehearsalReport, Fault> {
        let rehearsal = self.0.rehearsal.clone();
        let report = self
            .work(move |desk| desk.stop_rehearsal(&rehearsal))
            .await?;
        self.poke(Poke::Clock);
        self.poke(Poke::Pushed);
        Ok(report)
    }

    /// What the last or the running one showed.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn rehearsal_report(&self) -> Result<Option<RehearsalReport>, Fault> {
        let rehearsal = self.0.rehearsal.clone();
        self.work(move |desk| desk.rehearsal_report(&rehearsal))
            .await
    }

    /// Looks at the clock for as long as a rehearsal runs: tells each minute that passes, and
    /// ends it. Nothing happens where none runs or somebody looks already.
    pub(super) fn watch_rehearsal(&self) {
        if self.0.rehearsal.tick() == Tick::Rests || !self.0.rehearsal.begin_watch() {
            return;
        }
        let this = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(WATCH);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(inner) = this.upgrade() else { return };
                let this = Workstation(inner);
                match this.0.rehearsal.tick() {
                    // The view is told only where a minute has passed: nothing else changed.
                    Tick::Runs => this.poke(Poke::Clock),
                    Tick::Over => this.end_rehearsal().await,
                    Tick::Rests => {
                        this.0.rehearsal.end_watch();
                        return;
                    }
                }
            }
        });
    }

    async fn end_rehearsal(&self) {
        let rehearsal = self.0.rehearsal.clone();
        // The file is written: where blocking is allowed.
        if tokio::task::spawn_blocking(move || rehearsal.stop())
            .await
            .is_err()
        {
            tracing::error!("the end of the rehearsal was not kept");
        }
        let recorded = self.0.door.work(|desk| desk.rehearsal_over()).await;
        match recorded {
            Ok(()) | Err(crate::error::WorkError::Locked) => {}
            Err(error) => {
                tracing::warn!(
                    code = error.code(),
                    "the end of the rehearsal was not recorded"
                );
            }
        }
        self.poke(Poke::Clock);
        self.poke(Poke::Pushed);
    }
}
