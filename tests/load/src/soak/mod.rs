//! The platform under mixed load for minutes, its server killed in the middle.
//!
//! What must hold: no answer but the intended ones, nothing lost that was acknowledged, memory
//! that does not grow, a ledger that verifies.

mod check;
mod mix;
mod report;
mod shared;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use testbed::{Platform, PlatformOptions};

use crate::LoadError;
use crate::client::Target;
use crate::usage;

pub use report::{Kinds, Report, Share, section};
use shared::{Done, Shared};

/// People with records in the clinic before the load begins.
const BEFORE: usize = 200;
/// After a restart, connections that broke with the old server may still be found.
const SETTLING: Duration = Duration::from_secs(2);

/// How the platform is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Soak {
    /// How long.
    pub length: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Whether the server is killed in the middle.
    pub kill: bool,
}

/// Loads a platform of its own and checks it afterwards. `tell` hears what is being done.
///
/// # Errors
/// [`LoadError::Broken`] or [`LoadError::Refused`] when something does not hold; otherwise what
/// could not be set up.
pub fn run(soak: &Soak, tell: &dyn Fn(&str)) -> Result<Report, LoadError> {
    tell("starting a platform");
    let mut platform = Platform::start(PlatformOptions::default())?;
    let token = platform.token()?;
    let target = Target::new(platform.state().port, platform.ca(), &token)?;
    tell("filling it");
    let shared = Shared::new(target, mix::fill(&mut platform, &token, BEFORE)?);
    let postgres = platform.cluster().id();

    let begun = Instant::now();
    let ends = begun + soak.length;
    let mut memory = Vec::new();
    let mut restarted = None;
    let mut busy = Busy::begin(&mut platform, postgres);
    let outcomes: Vec<Result<Done, LoadError>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..soak.connections)
            .map(|_| scope.spawn(|| mix::work(&shared)))
            .collect();
        let watched = watch(
            soak,
            &mut platform,
            &shared,
            (begun, ends),
            &mut memory,
            &mut restarted,
            &mut busy,
            tell,
        );
        shared.stop.store(true, Ordering::Relaxed);
        let mut outcomes: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                worker.join().unwrap_or_else(|_| {
                    Err(LoadError::Broken("a connection's thread panicked".into()))
                })
            })
            .collect();
        if let Err(error) = watched {
            outcomes.push(Err(error));
        }
        outcomes
    });
    let took = begun.elapsed();
    busy.end(&mut platform);
    let mut done = Done::default();
    for outcome in outcomes {
        done.add(outcome?);
    }
    tell("looking for what was acknowledged");
    let checked = check::nothing_is_lost(&platform, &shared.target, &done, restarted)?;
    tell("checking memory");
    let growth = check::memory_is_flat(&memory, restarted.map_or(0.0, |at| at.1.as_secs_f64()))?;
    tell("verifying the ledger");
    let ledger = platform.operator(&["ledger", "verify"], None)?;
    Ok(Report {
        seconds: took.as_secs_f64(),
        connections: soak.connections,
        kinds: report::kinds(&mut done, took),
        refusals: done.refusals,
        cuts: done.cuts,
        outage_seconds: restarted.map(|(from, until)| (until - from).as_secs_f64()),
        acknowledged: done.written.len(),
        compared: checked,
        shares: busy.shares(took),
        memory,
        growth,
        ledger: ledger.trim().to_owned(),
    })
}

/// Looks after the platform while the connections work: memory each second, and the kill.
#[expect(clippy::too_many_arguments, reason = "one caller, in one place")]
fn watch(
    soak: &Soak,
    platform: &mut Platform,
    shared: &Shared,
    (begun, ends): (Instant, Instant),
    memory: &mut Vec<(f64, u64)>,
    restarted: &mut Option<(Duration, Duration)>,
    busy: &mut Busy,
    tell: &dyn Fn(&str),
) -> Result<(), LoadError> {
    let middle = begun + soak.length / 2;
    let mut settled = None;
    while Instant::now() < ends && !shared.stop.load(Ordering::Relaxed) {
        std::thread::sleep(
            Duration::from_secs(1).min(ends.saturating_duration_since(Instant::now())),
        );
        if let Some(id) = platform.server_id()
            && let Some(bytes) = usage::resident(id)
        {
            memory.push((begun.elapsed().as_secs_f64(), bytes));
        } else if restarted.is_none() {
            return Err(LoadError::Broken("the server ended by itself".into()));
        }
        tell(&format!(
            "{} answers in {} s",
            shared.answers.load(Ordering::Relaxed),
            begun.elapsed().as_secs()
        ));
        if soak.kill && restarted.is_none() && Instant::now() >= middle {
            busy.server_ends(platform);
            shared.outage.store(true, Ordering::SeqCst);
            let from = begun.elapsed();
            platform.kill_server();
            platform.start_server()?;
            *restarted = Some((from, begun.elapsed()));
            busy.server_begins(platform);
            settled = Some(Instant::now() + SETTLING);
        }
        if settled.is_some_and(|at| Instant::now() >= at) {
            shared.outage.store(false, Ordering::SeqCst);
            settled = None;
        }
    }
    Ok(())
}

/// Processor time of the three sides.
struct Busy {
    postgres: u32,
    database: Duration,
    server: Duration,
    server_from: Duration,
    own: Duration,
}

impl Busy {
    fn begin(platform: &mut Platform, postgres: u32) -> Self {
        let mut busy = Self {
            postgres,
            database: usage::processor(&usage::family(postgres)),
            server: Duration::ZERO,
            server_from: Duration::ZERO,
            own: usage::processor(&[std::process::id()]),
        };
        busy.server_begins(platform);
        busy
    }

    fn server_begins(&mut self, platform: &mut Platform) {
        self.server_from = platform
            .server_id()
            .map_or(Duration::ZERO, |id| usage::processor(&[id]));
    }

    fn server_ends(&mut self, platform: &mut Platform) {
        if let Some(id) = platform.server_id() {
            self.server += usage::processor(&[id]).saturating_sub(self.server_from);
        }
    }

    fn end(&mut self, platform: &mut Platform) {
        self.server_ends(platform);
        let all = usage::processor(&usage::family(self.postgres));
        self.database = all.saturating_sub(self.database);
        // Ended children are counted by whoever waited for them: among them is the killed server.
        self.own = usage::processor(&[std::process::id()]).saturating_sub(self.own);
    }

    fn shares(&self, took: Duration) -> Vec<Share> {
        [
            ("server", self.server),
            ("PostgreSQL", self.database),
            ("this program", self.own),
        ]
        .map(|(who, used)| Share {
            who,
            cores: used.as_secs_f64() / took.as_secs_f64(),
        })
        .into()
    }
}
