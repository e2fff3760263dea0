//! The pools of connections.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use protocol::secret::Secret;
use tokio_postgres::NoTls;

use crate::config::{Config, ConfigError};

/// A pool to the records as the application's role. Nothing connects yet.
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
    let settings: tokio_postgres::Config = url
        .expose()
        .parse()
        .map_err(|_| ConfigError::Malformed(name, "a PostgreSQL URL expected".into()))?;
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
