//! The pool of connections.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::NoTls;

use crate::config::{Config, ConfigError};

/// A pool as the application's role. Nothing connects yet.
///
/// # Errors
/// When the URL cannot be read.
pub fn pool(config: &Config) -> Result<Pool, crate::app::StartError> {
    let settings: tokio_postgres::Config = config.database_url.expose().parse().map_err(|_| {
        ConfigError::Malformed("ROUNDS_DATABASE_URL", "a PostgreSQL URL expected".into())
    })?;
    let manager = Manager::from_config(
        settings,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(config.connections)
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .wait_timeout(Some(std::time::Duration::from_secs(10)))
        .build()
        .map_err(|_| {
            ConfigError::Malformed("ROUNDS_DATABASE_CONNECTIONS", "no pool can be made".into())
                .into()
        })
}
