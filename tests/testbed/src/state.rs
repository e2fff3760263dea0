//! What a platform keeps between two starts on the same folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TestbedError;
use crate::authority::write;

/// Secrets and choices of one development platform; the file has mode 0600.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Where the database files are.
    pub cluster: PathBuf,
    /// Password of PostgreSQL's superuser.
    pub superuser_password: String,
    /// Password of the role that owns the schema.
    pub owner_password: String,
    /// Password of the role that the server uses.
    pub application_password: String,
    /// Password of the role that owns the key store.
    #[serde(default)]
    pub keys_owner_password: String,
    /// Password of the role that the server uses in the key store.
    #[serde(default)]
    pub keys_application_password: String,
    /// `ROUNDS_MASTER_KEYS`.
    pub master_keys: String,
    /// The port that the server listens on.
    pub port: u16,
    /// Whether `rounds-server init` has run.
    pub initialised: bool,
    /// What `rounds-server init` printed: the recovery secret among other things.
    #[serde(default)]
    pub init_report: serde_json::Value,
    /// The integration client's bearer token.
    #[serde(default)]
    pub token: Option<String>,
    /// Users made through the platform.
    #[serde(default)]
    pub users: Vec<UserRecord>,
    /// Free notes of the caller: which clinic was filled in, with which seed.
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
}

/// A user that somebody may sign in as.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct UserRecord {
    /// Sign-in name.
    pub username: String,
    /// Wire name of the role.
    pub role: String,
    /// The password.
    pub password: String,
    /// Base32 secret for one-time codes.
    pub totp_secret: String,
}

impl State {
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, TestbedError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TestbedError::file(path)(error)),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|source| TestbedError::State {
                path: path.to_owned(),
                source,
            })
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), TestbedError> {
        let text = serde_json::to_string_pretty(self).map_err(|source| TestbedError::State {
            path: path.to_owned(),
            source,
        })?;
        write(path, &text, 0o600)
    }
}
