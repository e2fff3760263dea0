//! A platform under the load of an integration client, beside pgbench on its cluster.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use load::LoadError;
use load::client::{Connection, Target};
use load::drive::{Driven, drive};
use load::{people, usage};
use serde_json::{Value, json};
use testbed::{Platform, PlatformOptions};

use crate::ceiling::{CONNECTIONS, Ceiling, Script};
use crate::clinic;
use crate::measure::{in_turn, median, millis};
use crate::row::{Budget, Figure, RowError};

/// People in the clinic.
pub const PATIENTS: usize = 2_000;
/// Observations of each.
const OBSERVATIONS: usize = 10;
/// How long each side works in each round.
pub const ROUND: Duration = Duration::from_secs(3);

/// Made when the first row needs it, ended with the last.
#[derive(Clone, Default)]
pub struct Ground(Rc<OnceCell<Served>>);

impl Ground {
    /// The platform.
    pub fn served(&self, tell: &dyn Fn(&str)) -> Result<&Served, RowError> {
        if self.0.get().is_none() {
            let served = Served::start(tell)?;
            // Nobody else can have set it: this is one thread.
            let _ = self.0.set(served);
        }
        self.0
            .get()
            .ok_or_else(|| RowError::Missing("no platform".into()))
    }
}

/// A running platform with people in it.
pub struct Served {
    // Before the platform, whose cluster it uses.
    ceiling: Ceiling,
    target: Target,
    server: u32,
    postgres: u32,
    platform: Platform,
}

/// What a row asks and against what.
pub struct Case {
    /// Name of the figure.
    pub name: &'static str,
    /// Unit of ours and the peer's.
    pub unit: &'static str,
    /// What pgbench does meanwhile.
    pub script: Script,
    /// The limit.
    pub budget: Budget,
    /// One request; the number is never used twice.
    pub ask: fn(&mut Connection, u64) -> Result<(), LoadError>,
}

/// One side of one round.
struct Round {
    driven: Driven,
    /// Kept busy by server, database and this program.
    cores: [f64; 3],
}

impl Served {
    fn start(tell: &dyn Fn(&str)) -> Result<Self, RowError> {
        tell("starting a platform");
        let mut platform = Platform::start(PlatformOptions::default())?;
        let token = platform.token()?;
        let target = Target::new(platform.state().port, platform.ca(), &token)?;
        let server = platform
            .server_id()
            .ok_or_else(|| RowError::Missing("the server does not run".into()))?;
        tell("filling it");
        let mut connection = target.connection();
        for first in (0..PATIENTS).step_by(20) {
            let entries: Vec<Value> = (first..first + 20).flat_map(with_observations).collect();
            let bundle =
                json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
            connection
                .post("", bundle.to_string().as_bytes())?
                .done("filling")?;
        }
        platform.cluster().sql(platform.database(), "ANALYZE")?;
        Ok(Self {
            ceiling: Ceiling::prepare(&platform)?,
            target,
            server,
            postgres: platform.cluster().id(),
            platform,
        })
    }

    /// The platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// What pgbench does in a round, a second.
    pub fn ceiling(&self, script: Script) -> Result<f64, RowError> {
        self.ceiling.rate(script, ROUND.as_secs())
    }

    /// Ours and pgbench in turn.
    pub fn measure(&self, case: &Case, tell: &dyn Fn(&str)) -> Result<Figure, RowError> {
        tell("warming up");
        self.drive(case, Duration::from_secs(1))?;
        tell("asking");
        let mut rounds: Vec<Round> = Vec::new();
        let (value, peer) = in_turn(
            |_| {
                let round = self.drive(case, ROUND)?;
                let rate = round.driven.rate;
                rounds.push(round);
                Ok(rate)
            },
            |_| self.ceiling(case.script),
        )?;
        let middle = |of: &dyn Fn(&Round) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            median(&mut values)
        };
        let note = format!(
            "p50 {:.2} ms, p95 {:.2} ms; cores kept busy: server {:.2}, PostgreSQL {:.2}, load \
             generator {:.2}",
            middle(&|round| millis(round.driven.percentile(50))),
            middle(&|round| millis(round.driven.percentile(95))),
            middle(&|round| round.cores[0]),
            middle(&|round| round.cores[1]),
            middle(&|round| round.cores[2]),
        );
        let figure = Figure::new(case.name, value, case.unit, Some(peer), case.budget);
        Ok(figure.noting(note))
    }

    /// Asks for a while; how many cores server, database and this program kept busy.
    fn drive(&self, case: &Case, length: Duration) -> Result<Round, RowError> {
        let used = || {
            [
                usage::processor(&[self.server]),
                usage::processor(&usage::family(self.postgres)),
                usage::processor(&[std::process::id()]),
            ]
        };
        let (before, begun) = (used(), Instant::now());
        let driven = drive(&self.target, CONNECTIONS, length, case.ask)?;
        let (after, took) = (used(), begun.elapsed().as_secs_f64());
        let cores = [0, 1, 2].map(|side| {
            let used: Duration = after[side];
            used.saturating_sub(before[side]).as_secs_f64() / took
        });
        Ok(Round { driven, cores })
    }
}

fn with_observations(n: usize) -> Vec<Value> {
    let patient = clinic::patient(n);
    let subject = format!("Patient/{}", clinic::id(0, n));
    let mut entries = vec![put(patient)];
    for found in 0..OBSERVATIONS {
        let number = n * OBSERVATIONS + found;
        let mut observation = people::observation(number, &subject);
        observation["id"] = json!(clinic::id(1, number));
        entries.push(put(observation));
    }
    entries
}

fn put(resource: Value) -> Value {
    let name = |part: &str| resource[part].as_str().unwrap_or_default();
    let url = format!("{}/{}", name("resourceType"), name("id"));
    json!({ "resource": resource, "request": { "method": "PUT", "url": url } })
}
