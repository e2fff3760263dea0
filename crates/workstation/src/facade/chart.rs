//! Opening a chart, which may have to come from the server first.

use std::time::Duration;

use ledger::Action;
use protocol::access::GrantKind;
use protocol::sync::ChartsRequest;

use super::Workstation;
use crate::error::WorkError;
use crate::fault;
use crate::runner::Poke;
use crate::view::Cause;
use crate::view::chart::ChartView;
use crate::view::fault::Fault;
use crate::view::session::Connection;

/// How long a chart is waited for, and a connection that is being made.
const PATIENCE: Duration = Duration::from_secs(30);
/// Runs of sync in which a chart comes if the server gives it: one may have looked before it was
/// asked for, and one may have been on its way.
const RUNS: usize = 3;

impl Workstation {
    /// A patient's chart. One that the user may see and that is not on this computer is fetched:
    /// what the server knows of the user's reason makes it part of what this computer may keep.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `chart-not-here` without the server, `chart-not-given` when
    /// the server does not give it, `chart-on-its-way` when that takes long.
    pub async fn open_chart(&self, patient: String, cause: Cause) -> Result<ChartView, Fault> {
        let by = match self.try_chart(&patient, cause).await {
            Err(WorkError::NotHere { by }) => by,
            Err(
                error @ (WorkError::NeedsJustification { .. } | WorkError::NeedsEmergency { .. }),
            ) => {
                // A reason would be given in vain.
                if !self.is_on_line() && !self.has_chart(&patient).await? {
                    return Err(fault::of("chart-not-here"));
                }
                return self.told(error).await;
            }
            Err(error) => return self.told(error).await,
            Ok(view) => return Ok(view),
        };
        self.fetch_chart(&patient, by).await?;
        match self.try_chart(&patient, cause).await {
            Ok(view) => Ok(view),
            Err(error) => self.told(error).await,
        }
    }

    async fn try_chart(&self, patient: &str, cause: Cause) -> Result<ChartView, WorkError> {
        let patient = patient.to_owned();
        let tried = self
            .0
            .door
            .work(move |desk| desk.open_chart(&patient, cause))
            .await;
        self.poke(Poke::Recorded);
        tried
    }

    async fn told<T>(&self, error: WorkError) -> Result<T, Fault> {
        tracing::debug!(code = error.code(), "a chart was not opened");
        Err(self.fault_of(error).await)
    }

    async fn has_chart(&self, patient: &str) -> Result<bool, Fault> {
        let patient = patient.to_owned();
        Ok(self
            .0
            .door
            .work(move |desk| desk.has_chart(&patient))
            .await?)
    }

    /// Lets sync run until a chart is here. `by`: the access for a while that it is asked for by.
    async fn fetch_chart(&self, patient: &str, by: Option<GrantKind>) -> Result<(), Fault> {
        let (mut runs, mut views) = match self.opened().as_ref() {
            Some(open) => (open.runner.runs(), open.runner.views()),
            None => return Err(fault::of("locked")),
        };
        let request = ChartsRequest {
            wanted: vec![patient.to_owned()],
            dropped: Vec::new(),
        };
        let fetched = async {
            // The chart may lie outside the clinic's window, or have made room here.
            let asked = self.ask(Action::ChartOpened, |server, session| async move {
                server.charts(&session, &request).await
            });
            if asked.await.is_err() && !self.is_on_line() {
                return Err(fault::of("chart-not-here"));
            }
            for _ in 0..RUNS {
                runs.mark_unchanged();
                // What was recorded goes up before anything comes down: it is why the chart comes.
                self.poke(Poke::Written);
                tokio::select! {
                    ended = runs.changed() => ended.map_err(|_| fault::of("locked"))?,
                    _ = views.wait_for(|view| view.connection != Connection::Online) => {}
                }
                if self.has_chart(patient).await? {
                    return Ok(());
                }
                if !self.is_on_line() {
                    return Err(fault::of("chart-not-here"));
                }
            }
            Err(match by {
                // A reason is enough for every chart but one that its patient closed.
                Some(GrantKind::Justified) => fault::of("needs-emergency"),
                _ => fault::of("chart-not-given"),
            })
        };
        tokio::time::timeout(PATIENCE, fetched)
            .await
            .unwrap_or_else(|_| Err(fault::of("chart-on-its-way")))
    }
}
