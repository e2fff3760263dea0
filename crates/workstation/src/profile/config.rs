//! The program's configuration: which server, which certificate authority, which look.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::disk;
use crate::rehearsal::Kept;
use crate::view::session::Theme;

/// `config.json`. Written by an installer or by the first enrolment; holds no patient data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The organisation's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// PEM file of the organisation's certificate authority; without it, the system's count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Look of the program; also before anybody has signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// Folder that reports are written into; without it, the desktop's folder for downloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloads: Option<PathBuf>,
    /// The downtime that is rehearsed on this computer, or was last: times and counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Kept>,
}

impl Config {
    /// What the file says, with `ROUNDS_SERVER` and `ROUNDS_CA` over it. A missing file is an
    /// empty one; a damaged one is reported in the log and taken for empty, because it holds
    /// nothing that cannot be typed again.
    #[must_use]
    pub fn load(folder: &Path) -> Self {
        let mut config = Self::read(folder);
        if let Ok(server) = std::env::var("ROUNDS_SERVER")
            && !server.is_empty()
        {
            config.server = Some(server);
        }
        if let Some(ca) = std::env::var_os("ROUNDS_CA")
            && !ca.is_empty()
        {
            config.ca = Some(ca.into());
        }
        config
    }

    fn read(folder: &Path) -> Self {
        let Ok(bytes) = std::fs::read(folder.join("config.json")) else {
            return Self::default();
        };
        serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            tracing::warn!("config.json cannot be read and is ignored");
            Self::default()
        })
    }

    /// Changes the file; what the environment said is not written into it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn change(folder: &Path, change: impl FnOnce(&mut Self)) -> std::io::Result<()> {
        // One change at a time: each reads what the one before it wrote.
        static CHANGING: Mutex<()> = Mutex::new(());
        let _turn = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut config = Self::read(folder);
        change(&mut config);
        disk::folder(folder)?;
        let bytes = serde_json::to_vec_pretty(&config)?;
        disk::replace(&folder.join("config.json"), &bytes)
    }
}
