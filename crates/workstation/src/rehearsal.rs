//! Rehearsing a downtime: for a while the server cannot be reached from this computer, and what
//! could not be done without it is counted.
//!
//! The cut is made here, at the port: everything above meets what it would meet with the cable
//! out. It is the computer's, not a user's: it goes on whoever is signed in and over a restart,
//! and ends by itself. What is kept of it (times and counts) is in the program's configuration
//! and names nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ledger::event::{Cause, Outcome};
use ledger::{AccessEvent, Action};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::port::clock::Clock;
use crate::profile::config::Config;
use crate::show::when;
use crate::view::rehearsal::{RehearsalCount, RehearsalReport, RehearsalView};

/// A rehearsal as the computer keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// When it began.
    pub from: Timestamp,
    /// When it ends, or ended.
    pub until: Timestamp,
    /// Whether it is over.
    pub over: bool,
    /// What was done meanwhile: how often, by the code of its audit event.
    #[serde(default)]
    pub worked: BTreeMap<String, u32>,
    /// What the missing server prevented, likewise.
    #[serde(default)]
    pub blocked: BTreeMap<String, u32>,
}

impl Kept {
    fn runs(&self, now: Timestamp) -> bool {
        // A clock that was set back behind the beginning must not keep the server away.
        !self.over && self.from <= now && now < self.until
    }
}

/// What has become of a rehearsal since it was looked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tick {
    /// There is none.
    Rests,
    /// It runs.
    Runs,
    /// Its time is over, and nobody has been told yet.
    Over,
}

/// The computer's rehearsal. All clones are the same.
#[derive(Clone)]
pub(crate) struct Rehearsal(Arc<Inner>);

struct Inner {
    kept: Mutex<Option<Kept>>,
    cut: watch::Sender<bool>,
    watched: AtomicBool,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
}

impl Rehearsal {
    /// As the configuration in `folder` says.
    pub(crate) fn new(kept: Option<Kept>, clock: Arc<dyn Clock>, folder: PathBuf) -> Self {
        let runs = kept.as_ref().is_some_and(|kept| kept.runs(clock.now()));
        Self(Arc::new(Inner {
            kept: Mutex::new(kept),
            cut: watch::Sender::new(runs),
            watched: AtomicBool::new(false),
            clock,
            folder,
        }))
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server is cut off now.
    pub(crate) fn runs(&self) -> bool {
        let now = self.0.clock.now();
        self.kept().as_ref().is_some_and(|kept| kept.runs(now))
    }

    /// Waits until the server is cut off.
    pub(crate) fn cut(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut cut = self.0.cut.subscribe();
        async move {
            if cut.wait_for(|cut| *cut).await.is_err() {
                // Nobody is left who could begin one.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Begins one, in place of whatever was kept of the last.
    ///
    /// # Errors
    /// When the configuration cannot be written; then none begins.
    pub(crate) fn start(&self, time: SignedDuration) -> std::io::Result<()> {
        let from = self.0.clock.now();
        let kept = Kept {
            from,
            until: from.checked_add(time).unwrap_or(from),
            over: false,
            worked: BTreeMap::new(),
            blocked: BTreeMap::new(),
        };
        self.save(Some(kept.clone()))?;
        *self.kept() = Some(kept);
        self.0.cut.send_replace(true);
        Ok(())
    }

    /// Ends it, if it runs. What is kept of it stays for the report.
    pub(crate) fn stop(&self) {
        let now = self.0.clock.now();
        {
            let mut kept = self.kept();
            if let Some(kept) = kept.as_mut().filter(|kept| !kept.over) {
                kept.until = kept.until.min(now.max(kept.from));
                kept.over = true;
            }
        }
        self.0.cut.send_replace(false);
        self.save_counts();
    }

    /// Looks at the clock.
    pub(crate) fn tick(&self) -> Tick {
        let now = self.0.clock.now();
        match self.kept().as_ref() {
            Some(kept) if kept.runs(now) => Tick::Runs,
            Some(kept) if !kept.over => Tick::Over,
            _ => Tick::Rests,
        }
    }

    /// Whether the caller is the one who now watches the clock.
    pub(crate) fn begin_watch(&self) -> bool {
        !self.0.watched.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn end_watch(&self) {
        self.0.watched.store(false, Ordering::SeqCst);
    }

    /// Something was recorded: if a person did it while the rehearsal ran, it worked without the
    /// server.
    pub(crate) fn recorded(&self, event: &AccessEvent) {
        let by_person = event.outcome == Outcome::Success
            && event.cause != Some(Cause::Refreshed)
            && !matches!(
                event.action,
                Action::Synchronised
                    | Action::Uploaded
                    | Action::Locked
                    | Action::SignedOut
                    | Action::RehearsalStarted
                    | Action::RehearsalEnded
            );
        if by_person {
            self.count(event.action, |kept| &mut kept.worked);
        }
    }

    /// Something could not be done because the server could not be reached.
    pub(crate) fn blocked(&self, action: Action) {
        if self.count(action, |kept| &mut kept.blocked) {
            // Rare, and the one thing the rehearsal is for: kept over a crash.
            let this = self.clone();
            tokio::task::spawn_blocking(move || this.save_counts());
        }
    }

    fn count(
        &self,
        action: Action,
        of: impl FnOnce(&mut Kept) -> &mut BTreeMap<String, u32>,
    ) -> bool {
        let now = self.0.clock.now();
        let mut kept = self.kept();
        let Some(kept) = kept.as_mut().filter(|kept| kept.runs(now)) else {
            return false;
        };
        let times = of(kept).entry(action.code().to_owned()).or_default();
        *times = times.saturating_add(1);
        true
    }

    /// Writes the counts where they survive the program.
    pub(crate) fn save_counts(&self) {
        let kept = self.kept().clone();
        if kept.is_some() && self.save(kept).is_err() {
            tracing::warn!("the counts of the rehearsal were not kept");
        }
    }

    fn save(&self, kept: Option<Kept>) -> std::io::Result<()> {
        Config::change(&self.0.folder, |config| config.rehearsal = kept)
    }

    /// For the frame of everybody who works here, while it runs.
    pub(crate) fn view(&self, zone: &TimeZone) -> Option<RehearsalView> {
        let now = self.0.clock.now();
        let kept = self.kept();
        let kept = kept.as_ref().filter(|kept| kept.runs(now))?;
        let left = kept.until.duration_since(now).as_secs().max(0);
        // The last minute counts until it is over.
        let minutes_left = left.saturating_add(59) / 60;
        Some(RehearsalView {
            until: when::moment(kept.until, zone),
            minutes_left: u32::try_from(minutes_left).unwrap_or(u32::MAX),
        })
    }

    /// What the last or the running one showed; none if there was none.
    pub(crate) fn report(&self, zone: &TimeZone) -> Option<RehearsalReport> {
        let now = self.0.clock.now();
        let kept = self.kept();
        let kept = kept.as_ref()?;
        let counts = |of: &BTreeMap<String, u32>| {
            let mut counts: Vec<RehearsalCount> = of
                .iter()
                .map(|(what, times)| RehearsalCount {
                    what: what.clone(),
                    times: *times,
                })
                .collect();
            counts.sort_by_key(|count| std::cmp::Reverse(count.times));
            counts
        };
        Some(RehearsalReport {
            from: when::moment(kept.from, zone),
            until: when::moment(kept.until, zone),
            running: kept.runs(now),
            done: kept
                .worked
                .values()
                .fold(0, |sum: u32, times| sum.saturating_add(*times)),
            worked: counts(&kept.worked),
            blocked: counts(&kept.blocked),
        })
    }
}
