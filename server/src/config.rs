//! What the environment says.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::SignedDuration;
use protocol::secret::Secret;

use crate::identity::oidc::OidcSettings;
use crate::kms::KmsSettings;
use crate::store::keys::KeyLimits;
pub use crate::store::keys::MasterSource;
use crate::visits::RelaySettings;

/// Settings of the serving program and of the operator's commands.
#[derive(Debug, Clone)]
pub struct Config {
    /// `ROUNDS_DATABASE_URL`: the application's role.
    pub database_url: Secret,
    /// `ROUNDS_KEYS_DATABASE_URL`: the application's role in the key store.
    pub keys_database_url: Secret,
    /// `ROUNDS_MASTER_KEYS` or the file of `ROUNDS_MASTER_KEYS_FILE`.
    pub master_keys: MasterSource,
    /// `AWS_…`: how AWS KMS is reached, if a master key lies there.
    pub kms: KmsSettings,
    /// `ROUNDS_KEY_SEALS` and `ROUNDS_KEY_AGE_DAYS`: bounds on the use of a data key.
    pub key_limits: KeyLimits,
    /// `ROUNDS_LISTEN`.
    pub listen: SocketAddr,
    /// `ROUNDS_PUBLIC_URL`, without a slash at its end.
    pub public_url: String,
    /// `ROUNDS_TLS_CERT` and `ROUNDS_TLS_KEY`; the commands that do not serve need none.
    pub tls: Option<TlsFiles>,
    /// `ROUNDS_DATABASE_CONNECTIONS`: connections held at most in each of the two pools that
    /// requests use.
    pub connections: usize,
    /// `ROUNDS_CHECKPOINT_FILE`: where the ledger's newest checkpoint is kept outside the
    /// database.
    pub checkpoint_file: Option<PathBuf>,
    /// `ROUNDS_OIDC_…`: the identity provider, if there is single sign-on.
    pub single_sign_on: Option<OidcSettings>,
    /// `ROUNDS_PATIENT_PAGE`: the folder of the page that patients open for a video visit.
    pub patient_page: Option<PathBuf>,
    /// `ROUNDS_TURN_URLS`, divided by spaces, and `ROUNDS_TURN_SECRET`: the relay of video visits.
    pub relays: Option<RelaySettings>,
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
        let master_keys = match (
            lookup("ROUNDS_MASTER_KEYS"),
            lookup("ROUNDS_MASTER_KEYS_FILE"),
        ) {
            (Some(text), None) => MasterSource::Text(Secret::new(text)),
            (None, Some(path)) => MasterSource::File(path.into()),
            (None, None) => return Err(ConfigError::Missing("ROUNDS_MASTER_KEYS")),
            (Some(_), Some(_)) => {
                return Err(ConfigError::Malformed(
                    "ROUNDS_MASTER_KEYS_FILE",
                    "ROUNDS_MASTER_KEYS is set too: only one of them can count".into(),
                ));
            }
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
            keys_database_url: Secret::new(needed("ROUNDS_KEYS_DATABASE_URL")?),
            master_keys,
            kms: KmsSettings::read(&lookup)?,
            key_limits: key_limits(&lookup)?,
            listen,
            public_url: lookup("ROUNDS_PUBLIC_URL")
                .unwrap_or_else(|| "https://localhost:8443".to_owned())
                .trim_end_matches('/')
                .to_owned(),
            tls,
            connections,
            checkpoint_file: lookup("ROUNDS_CHECKPOINT_FILE").map(PathBuf::from),
            single_sign_on: OidcSettings::read(&lookup)?,
            patient_page: lookup("ROUNDS_PATIENT_PAGE").map(PathBuf::from),
            relays: match (lookup("ROUNDS_TURN_URLS"), lookup("ROUNDS_TURN_SECRET")) {
                (None, None) => None,
                (Some(_), None) => return Err(ConfigError::Missing("ROUNDS_TURN_SECRET")),
                (None, Some(_)) => return Err(ConfigError::Missing("ROUNDS_TURN_URLS")),
                (Some(urls), Some(secret)) => Some(RelaySettings {
                    urls: urls.split_whitespace().map(str::to_owned).collect(),
                    secret: Secret::new(secret),
                }),
            },
        })
    }
}

fn key_limits(lookup: &impl Fn(&str) -> Option<String>) -> Result<KeyLimits, ConfigError> {
    /// Half of what random IVs bear, and the longest that anybody could mean.
    const MOST_SEALS: u64 = 1 << 31;
    const MOST_DAYS: u64 = 3_660;
    let within = |name: &'static str, most: u64| match lookup(name) {
        None => Ok(None),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| (1..=most).contains(number))
            .map(Some)
            .ok_or_else(|| {
                ConfigError::Malformed(name, format!("a number from 1 to {most} expected"))
            }),
    };
    let mut limits = KeyLimits::default();
    if let Some(seals) = within("ROUNDS_KEY_SEALS", MOST_SEALS)? {
        limits.seals = seals;
    }
    if let Some(days) = within("ROUNDS_KEY_AGE_DAYS", MOST_DAYS)? {
        limits.age = SignedDuration::from_hours(24 * days.cast_signed());
    }
    Ok(limits)
}
