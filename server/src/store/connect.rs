//! The pools of connections.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use protocol::secret::Secret;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::config::{Config, ConfigError};

/// A pool to the records as the application's role that has not said which clinic it is of: it
/// sees the clinics' names and nothing else. Nothing connects yet.
///
/// # Errors
/// When the URL cannot be read.
pub fn pool(config: &Config) -> Result<Pool, ConfigError> {
    to(
        "ROUNDS_DATABASE_URL",
        &config.database_url,
        config.connections,
    )
}

/// How the database plans what is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plans {
    /// As its own estimates say, for each value anew where that looks cheaper: for searches and
    /// reports, whose best plan hangs on what is asked for.
    PerValue,
    /// Once, and kept: for reads by name and for writes, whose best plan is always the same. Left
    /// to itself the database plans those that take lists anew each time, which costs several
    /// times the work itself.
    Kept,
}

/// How plans that are kept are made: for any values, hence along the indexes, row by row and in their
/// order. Left to averages the database gathers and sorts all that one condition lets through.
const KEPT: &str = "-c plan_cache_mode=force_generic_plan -c enable_bitmapscan=off \
                    -c enable_hashjoin=off -c enable_mergejoin=off -c enable_material=off";

/// A pool to the records whose connections belong to one clinic, as the wall between clinics asks
/// (`connected_tenant()` in the database).
///
/// # Errors
/// When the URL cannot be read.
pub fn pool_of(config: &Config, tenant: Uuid, plans: Plans) -> Result<Pool, ConfigError> {
    let mut settings = settings("ROUNDS_DATABASE_URL", &config.database_url)?;
    let own = match plans {
        Plans::PerValue => format!("-c rounds.tenant={tenant}"),
        Plans::Kept => format!("-c rounds.tenant={tenant} {KEPT}"),
    };
    let options = match settings.get_options() {
        Some(others) => format!("{others} {own}"),
        None => own,
    };
    settings.options(options);
    made(settings, config.connections)
}

/// A pool to the key store as the application's role there. Most requests need none of it.
///
/// # Errors
/// When the URL cannot be read.
pub fn keys_pool(config: &Config) -> Result<Pool, ConfigError> {
    to(
        "ROUNDS_KEYS_DATABASE_URL",
        &config.keys_database_url,
        config.connections.min(4),
    )
}

/// A pool to the URL that the variable `name` holds.
///
/// # Errors
/// When the URL cannot be read.
pub fn to(name: &'static str, url: &Secret, connections: usize) -> Result<Pool, ConfigError> {
    made(settings(name, url)?, connections)
}

fn settings(name: &'static str, url: &Secret) -> Result<tokio_postgres::Config, ConfigError> {
    url.expose()
        .parse()
        .map_err(|_| ConfigError::Malformed(name, "a PostgreSQL URL expected".into()))
}

fn made(settings: tokio_postgres::Config, connections: usize) -> Result<Pool, ConfigError> {
    let manager = Manager::from_config(
        settings,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(connections)
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .wait_timeout(Some(std::time::Duration::from_secs(10)))
        .build()
        .map_err(|_| {
            ConfigError::Malformed("ROUNDS_DATABASE_CONNECTIONS", "no pool can be made".into())
        })
}
