//! The workstation as its windows and commands use it.

mod access;
mod chart;
mod day;
mod idle;
mod lease;
mod locking;
mod organisation;
mod oversight;
mod password;
mod place;
mod rehearsal;
mod session;
mod status;
mod visits;
mod wiping;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, mpsc, watch};
use vault::slot::ArgonCost;

use crate::adapter::rehearsed::Rehearsed;
use crate::door::Door;
use crate::error::WorkError;
use crate::lease::LeaseKeeper;
use crate::notice::{Notice, Notices};
use crate::port::Ports;
use crate::profile::config::Config;
use crate::profile::{Places, Profile};
use crate::rehearsal::Rehearsal;
use crate::runner::{Poke, Runner};
use crate::view::fault::Fault;
use crate::view::session::UserView;
use crate::visiting::Visiting;

use idle::Idle;

/// The workstation. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Workstation(Arc<Inner>);

struct Inner {
    places: Places,
    config: Config,
    ports: Ports,
    cost: ArgonCost,
    rehearsal: Rehearsal,
    door: Door,
    notices: Notices,
    /// Held while a profile is opened, and by what must not meet that. May wait for the network
    /// and the keychain, so locking does not wait for it.
    turn: tokio::sync::Mutex<()>,
    /// Held while a profile goes behind the door or is taken from there; waits for the disk at
    /// most. Taken after the turn, where both are.
    closing: tokio::sync::Mutex<()>,
    /// How many times it was locked, by whomever.
    locks: watch::Sender<u64>,
    open: Mutex<Option<Open>>,
    /// Why it is locked, where that was not the user's doing.
    notice: Mutex<Option<Fault>>,
    /// Where the user of each profile was, by the profile's id.
    left: Mutex<HashMap<String, String>>,
    /// Whether the system's browser is waited for.
    browsing: watch::Sender<bool>,
}

/// What goes with an open profile.
struct Open {
    profile: Profile,
    user: UserView,
    server: String,
    runner: Runner,
    visiting: Visiting,
    line: crate::runner::Line,
    lease: LeaseKeeper,
    pokes: mpsc::UnboundedSender<Poke>,
    idle: Idle,
    watchman: tokio::task::JoinHandle<()>,
}

impl Workstation {
    /// A workstation whose profiles lie in `places`. Nothing is opened yet.
    #[must_use]
    pub fn new(places: Places, config: Config, ports: Ports) -> Self {
        Self::with_cost(places, config, ports, ArgonCost::SLOT)
    }

    /// The same with another cost of the password, for tests that open many profiles.
    #[must_use]
    pub fn with_cost(places: Places, config: Config, ports: Ports, cost: ArgonCost) -> Self {
        let rehearsal = Rehearsal::new(
            config.rehearsal.clone(),
            ports.clock.clone(),
            places.config.clone(),
        );
        let server = Arc::new(Rehearsed::new(ports.server.clone(), rehearsal.clone()));
        let ports = Ports { server, ..ports };
        Self(Arc::new(Inner {
            places,
            config,
            ports,
            cost,
            rehearsal,
            door: Door::default(),
            notices: Notices::default(),
            turn: tokio::sync::Mutex::default(),
            closing: tokio::sync::Mutex::default(),
            locks: watch::Sender::default(),
            open: Mutex::new(None),
            notice: Mutex::default(),
            left: Mutex::default(),
            browsing: watch::Sender::new(false),
        }))
    }

    /// Notices from now on.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.listen()
    }

    /// The door to the open profile, for scripts and measurements.
    #[must_use]
    pub fn door(&self) -> &Door {
        &self.0.door
    }

    fn opened(&self) -> MutexGuard<'_, Option<Open>> {
        // Nothing that can panic runs under this lock.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poke(&self, poke: Poke) {
        if let Some(open) = self.opened().as_ref() {
            open.runner.poke(poke);
        }
    }

    /// Runs a use case, notes that somebody is there, and sends its audit links in time.
    async fn work<T: Send + 'static>(
        &self,
        case: impl FnOnce(&crate::desk::Desk) -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, Fault> {
        let done = self.0.door.work(case).await;
        self.poke(Poke::Recorded);
        match done {
            Ok(value) => Ok(value),
            Err(error) => {
                tracing::debug!(code = error.code(), "a use case failed");
                Err(self.fault_of(error).await)
            }
        }
    }
}
