//! What only the server knows: who looked, and what is to be reviewed. It records these readings
//! itself; here is recorded what leaves for a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ledger::Action;
use protocol::report::ReportQuery;

use super::Workstation;
use super::locking::while_open;
use crate::fault;
use crate::port::server::{ReportForm as WrittenAs, Server, ServerError, Session};
use crate::runner::Poke;
use crate::show::report;
use crate::view::fault::Fault;
use crate::view::report::{
    AccessPage, CloseForm, ExportFormat, Exported, ReportForm, ReviewView, ReviewsView,
};
use crate::view::session::Connection;

/// How long a question waits for a connection that is being made.
const CONNECTING: Duration = Duration::from_secs(10);

impl Workstation {
    /// Who looked at a patient's record, newest first.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn who_looked(
        &self,
        patient: String,
        cursor: Option<String>,
    ) -> Result<AccessPage, Fault> {
        let page = self
            .ask(Action::WhoLookedViewed, |server, session| async move {
                server
                    .who_looked(&session, &patient, cursor.as_deref())
                    .await
            })
            .await?;
        self.work(move |desk| Ok(report::page(page, &desk.identity.zone)))
            .await
    }

    /// A page of accesses.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn access_report(&self, form: ReportForm) -> Result<AccessPage, Fault> {
        let query = report::query(&form)?;
        let page = self
            .ask(Action::ReportViewed, |server, session| async move {
                server.report(&session, &query).await
            })
            .await?;
        self.work(move |desk| Ok(report::page(page, &desk.identity.zone)))
            .await
    }

    /// Writes a report into the user's folder for downloads, for this user's eyes alone.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn export_report(
        &self,
        form: ReportForm,
        format: ExportFormat,
    ) -> Result<Exported, Fault> {
        let folder = self
            .0
            .config
            .downloads
            .clone()
            .or_else(downloads)
            .ok_or_else(|| fault::of("export-failed"))?;
        // A file holds the whole report, whichever page was on the screen.
        let query = ReportQuery {
            limit: None,
            cursor: None,
            ..report::query(&form)?
        };
        let asked = query.clone();
        let content = self
            .ask(Action::ReportExported, |server, session| async move {
                let form = match format {
                    ExportFormat::Csv => WrittenAs::Csv,
                    ExportFormat::Fhir => WrittenAs::Fhir,
                };
                server.report_file(&session, &asked, form).await
            })
            .await?;
        self.work(move |desk| desk.keep_report(&folder, &query, format, &content))
            .await
    }

    /// What is to be reviewed, or was.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn reviews(
        &self,
        closed: bool,
        cursor: Option<String>,
    ) -> Result<ReviewsView, Fault> {
        let page = self
            .ask(Action::ReviewsViewed, |server, session| async move {
                server.reviews(&session, closed, cursor.as_deref()).await
            })
            .await?;
        self.work(move |desk| Ok(report::reviews(page, &desk.identity.zone)))
            .await
    }

    /// Closes a review with what was found.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn close_review(&self, form: CloseForm) -> Result<ReviewView, Fault> {
        let closing = report::close(&form)?;
        let item = self
            .ask(Action::ReviewClosed, |server, session| async move {
                server.close_review(&session, &closing).await
            })
            .await?;
        self.work(move |desk| Ok(report::review(item, &desk.identity.zone)))
            .await
    }

    /// Asks the server something that nothing here can answer. `action` names it where a
    /// rehearsed downtime counts what could not be done.
    pub(super) async fn ask<T, F>(
        &self,
        action: Action,
        request: impl FnOnce(Arc<dyn Server>, Session) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, ServerError>>,
    {
        let (line, mut views) = match self.opened().as_ref() {
            Some(open) => (open.line.clone(), open.runner.views()),
            None => return Err(fault::of("locked")),
        };
        // Right after unlocking, the runner is about to get a session.
        let _ = tokio::time::timeout(
            CONNECTING,
            views.wait_for(|view| view.connection != Connection::Connecting),
        )
        .await;
        let Some(session) = line.current() else {
            let connection = views.borrow().connection;
            return Err(fault::of(match connection {
                Connection::SignInNeeded => "session-ended",
                _ => {
                    self.0.rehearsal.blocked(action);
                    "offline"
                }
            }));
        };
        let answer = request(self.0.ports.server.clone(), session);
        let answer = while_open(views, answer).await?;
        answer.map_err(|error| {
            if matches!(error, ServerError::Offline(_) | ServerError::SessionEnded) {
                // The next request of the runner finds out for good and says so.
                self.poke(Poke::Pushed);
            }
            match error {
                ServerError::Offline(_) => {
                    self.0.rehearsal.blocked(action);
                    fault::of("offline")
                }
                other => Fault::from(&other),
            }
        })
    }
}

/// The folder for downloads of this desktop's user: what the desktop says
/// (`user-dirs.dirs`), or the usual one.
fn downloads() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = PathBuf::from(named("HOME").or_else(|| named("USERPROFILE"))?);
    let config = named("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let said = std::fs::read_to_string(config.join("user-dirs.dirs")).unwrap_or_default();
    let folder = said.lines().find_map(|line| {
        let value = line.trim().strip_prefix("XDG_DOWNLOAD_DIR=")?;
        let value = value.trim_matches('"');
        match value.strip_prefix("$HOME/") {
            Some(rest) => Some(home.join(rest)),
            None => Some(PathBuf::from(value)).filter(|path| path.is_absolute()),
        }
    });
    Some(folder.unwrap_or_else(|| home.join("Downloads")))
}
