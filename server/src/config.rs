//! What the environment says.

use std::net::SocketAddr;
use std::path::PathBuf;

use protocol::secret::Secret;

/// Settings of the serving program and of the operator's commands.
#[derive(Debug, Clone)]
pub struct Config {
    /// `ROUNDS_DATABASE_URL`: the application's role.
    pub database_url: Secret,
    /// `ROUNDS_MASTER_KEYS`: `id:base64,…`; the first seals, all open.
    pub master_keys: Secret,
    /// `ROUNDS_LISTEN`.
    pub listen: SocketAddr,
    /// `ROUNDS_PUBLIC_URL`, without a slash at its end.
    pub public_url: String,
    /// `ROUNDS_TLS_CERT` and `ROUNDS_TLS_KEY`; the commands that do not serve need none.
    pub tls: Option<TlsFiles>,
    /// `ROUNDS_DATABASE_CONNECTIONS`: connections held at most.
    pub connections: usize,
}

/// Certificate chain and private key, PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Why the settings cannot be used. Names the variable, never its value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable that is needed is not set.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable is set to something that cannot be read.
    #[error("{0} cannot be read: {1}")]
    Malformed(&'static str, String),
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads settings from `lookup`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let needed = |name: &'static str| lookup(name).ok_or(ConfigError::Missing(name));
        let listen = lookup("ROUNDS_LISTEN").unwrap_or_else(|| "127.0.0.1:8443".to_owned());
        let listen = listen
            .parse()
            .map_err(|_| ConfigError::Malformed("ROUNDS_LISTEN", "address:port expected".into()))?;
        let connections = match lookup("ROUNDS_DATABASE_CONNECTIONS") {
            None => 16,
            Some(text) => text.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                ConfigError::Malformed(
                    "ROUNDS_DATABASE_CONNECTIONS",
                    "a number above 0 expected".into(),
                )
            })?,
        };
        let tls = match (lookup("ROUNDS_TLS_CERT"), lookup("ROUNDS_TLS_KEY")) {
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate: certificate.into(),
                key: key.into(),
            }),
            (None, None) => None,
            (Some(_), None) => return Err(ConfigError::Missing("ROUNDS_TLS_KEY")),
            (None, Some(_)) => return Err(ConfigError::Missing("ROUNDS_TLS_CERT")),
        };
        Ok(Self {
            database_url: Secret::new(needed("ROUNDS_DATABASE_URL")?),
            master_keys: Secret::new(needed("ROUNDS_MASTER_KEYS")?),
            listen,
            public_url: lookup("ROUNDS_PUBLIC_URL")
                .unwrap_or_else(|| "https://localhost:8443".to_owned())
                .trim_end_matches('/')
                .to_owned(),
            tls,
            connections,
        })
    }
}
