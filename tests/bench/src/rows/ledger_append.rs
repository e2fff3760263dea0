//! Events made durable one by one by eight at a time, against pgbench's rows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::event::{Actor, Client, Observer};
use ledger::{AccessEvent, Action};
use rounds_server::app::{App, SystemClock};
use rounds_server::audit::reading;
use rounds_server::config::Config;
use uuid::Uuid;

use crate::ceiling::{CONNECTIONS, Script};
use crate::clinic;
use crate::measure::in_turn;
use crate::row::{Budget, Figure, Row, RowError};
use crate::served::{Ground, ROUND, Served};

/// What the server does before it answers a read: build, seal and hash the event, store it, and
/// wait until it is on the disk. The sequencer of the running server orders them meanwhile.
pub struct LedgerAppend(pub Ground);

impl Row for LedgerAppend {
    fn name(&self) -> &'static str {
        "ledger-append"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let served = self.0.served(tell)?;
        let runtime = tokio::runtime::Runtime::new()?;
        let app = runtime.block_on(open(served))?;
        tell("appending");
        runtime.block_on(append(&app, Duration::from_secs(1)))?;
        let (value, peer) = in_turn(
            |_| runtime.block_on(append(&app, ROUND)),
            |_| served.ceiling(Script::Insert),
        )?;
        let figure = Figure::new(
            self.name(),
            value,
            "events/s",
            Some(peer),
            Budget::RatioAtLeast(0.5),
        );
        Ok(vec![figure.noting(format!(
            "{CONNECTIONS} writers, each waiting for its event before it makes the next; the \
             ledger orders and signs them at the same time"
        ))])
    }
}

/// The server's own state, beside the running server on its database.
async fn open(served: &Served) -> Result<Arc<App>, RowError> {
    let command = served.platform().command();
    let environment: HashMap<String, String> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
        .collect();
    let broken = |error: &dyn std::fmt::Display| RowError::Missing(error.to_string());
    let config =
        Config::read(|name| environment.get(name).cloned()).map_err(|error| broken(&error))?;
    App::start(config, Arc::new(SystemClock))
        .await
        .map_err(|error| broken(&error))
}

/// Events a second, over some time.
async fn append(app: &Arc<App>, length: Duration) -> Result<f64, RowError> {
    let begun = Instant::now();
    let writers: Vec<_> = (0..CONNECTIONS)
        .map(|writer| {
            let app = Arc::clone(app);
            tokio::spawn(async move {
                let mut made = 0usize;
                while begun.elapsed() < length {
                    reading::record(&app, &[event(&app, writer + made * CONNECTIONS)])
                        .await
                        .map_err(|error| RowError::Missing(error.to_string()))?;
                    made += 1;
                }
                Ok::<_, RowError>(made)
            })
        })
        .collect();
    let mut made = 0;
    for writer in writers {
        made += writer
            .await
            .map_err(|_| RowError::Missing("a writer panicked".into()))??;
    }
    Ok(made as f64 / begun.elapsed().as_secs_f64())
}

/// The event of reading a patient.
fn event(app: &App, n: usize) -> AccessEvent {
    let patient = clinic::id(0, n % 2_000);
    let client = Client {
        device: None,
        name: "rounds-load".into(),
        address: Some("127.0.0.1".into()),
    };
    let observer = Observer::Server(app.config.public_url.clone());
    let actor = Actor {
        id: Uuid::from_u128(9),
        name: "development".into(),
        role: "integration".into(),
    };
    AccessEvent::new(
        Uuid::now_v7(),
        app.now(),
        Action::FhirRead,
        client,
        observer,
    )
    .by(actor)
    .because(
        "Integration clients may read clinical records.",
        ["integration-reads".to_owned()],
    )
    .about(patient.as_str())
    .touching(format!("Patient/{patient}"))
}
