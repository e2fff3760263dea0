//! Where things lie: one folder for each user of each server, and the program's configuration.

pub mod config;
pub mod disk;
pub mod lock_file;
pub mod slots;

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use url::Url;

use slots::{Slots, SlotsError};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No room on the disk.
    #[error("the disk is full")]
    DiskFull,
    /// The folder cannot be read or written.
    #[error("the profile folder cannot be used")]
    Io(#[source] io::Error),
    /// Another process works in this profile.
    #[error("the profile is in use by another process")]
    InUse,
    /// There is no profile for this user and server.
    #[error("there is no such profile")]
    Missing,
    /// Its slots cannot be read.
    #[error("the profile's slots cannot be read")]
    Slots(#[source] SlotsError),
    /// There is no home folder to put profiles in.
    #[error("there is no folder for profiles")]
    NoHome,
}

impl From<io::Error> for ProfileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io(error),
        }
    }
}

impl From<SlotsError> for ProfileError {
    fn from(error: SlotsError) -> Self {
        match error {
            SlotsError::Io(source) => source.into(),
            other => Self::Slots(other),
        }
    }
}

/// The two roots.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folder of all profiles.
    pub profiles: PathBuf,
    /// Folder of the program's configuration. Holds no patient data.
    pub config: PathBuf,
}

impl Places {
    /// From `ROUNDS_PROFILE_DIR` and `ROUNDS_CONFIG_DIR`, or the folders that the desktop
    /// prescribes.
    ///
    /// # Errors
    /// [`ProfileError::NoHome`] when neither is known.
    pub fn from_environment() -> Result<Self, ProfileError> {
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || {
            named("HOME")
                .or_else(|| named("USERPROFILE"))
                .map(PathBuf::from)
        };
        let under = |own: &str, xdg: &str, below_home: &str, rest: &str| {
            named(own).map(PathBuf::from).or_else(|| {
                named(xdg)
                    .map(PathBuf::from)
                    .or_else(|| home().map(|home| home.join(below_home)))
                    .map(|base| base.join(rest))
            })
        };
        let profiles = under(
            "ROUNDS_PROFILE_DIR",
            "XDG_DATA_HOME",
            ".local/share",
            "rounds/profiles",
        );
        let config = under("ROUNDS_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "rounds");
        match (profiles, config) {
            (Some(profiles), Some(config)) => Ok(Self { profiles, config }),
            _ => Err(ProfileError::NoHome),
        }
    }

    /// The profile of a user on a server, whether it exists or not.
    #[must_use]
    pub fn profile(&self, server: &Url, username: &str) -> Profile {
        let id = profile_id(server, username);
        Profile {
            folder: self.profiles.join(&id),
            id,
        }
    }

    /// The profiles that exist and can be read, last used first.
    #[must_use]
    pub fn existing(&self) -> Vec<(Profile, Slots)> {
        let Ok(folders) = std::fs::read_dir(&self.profiles) else {
            return Vec::new();
        };
        let mut found: Vec<(Profile, Slots)> = folders
            .flatten()
            .filter_map(|entry| {
                let profile = Profile {
                    id: entry.file_name().into_string().ok()?,
                    folder: entry.path(),
                };
                let slots = Slots::read(&profile.slots()).ok()?;
                Some((profile, slots))
            })
            .collect();
        found.sort_by_key(|(_, slots)| std::cmp::Reverse(slots.used_at));
        found
    }
}

impl Places {
    /// The profiles that are being wiped.
    pub(crate) fn wiping(&self) -> Vec<Profile> {
        let Ok(folders) = std::fs::read_dir(&self.profiles) else {
            return Vec::new();
        };
        folders
            .flatten()
            .filter_map(|entry| {
                Some(Profile {
                    id: entry.file_name().into_string().ok()?,
                    folder: entry.path(),
                })
            })
            .filter(|profile| profile.folder.join(crate::wipe::JOURNAL).exists())
            .collect()
    }
}

fn profile_id(server: &Url, username: &str) -> String {
    let origin = server.origin().ascii_serialization();
    let hash = Sha256::new()
        .chain_update(b"rounds/profile/1\0")
        .chain_update(origin.as_bytes())
        .chain_update(b"\0")
        .chain_update(username.trim().to_lowercase().as_bytes())
        .finalize();
    hex::encode(&hash[..16])
}

/// One user's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Name of the folder; also what the slots are bound to.
    pub id: String,
    /// The folder.
    pub folder: PathBuf,
}

impl Profile {
    /// The cache.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache.db")
    }

    /// The sealed key.
    #[must_use]
    pub fn slots(&self) -> PathBuf {
        self.folder.join("slots.json")
    }

    /// Keychain account of the secret that goes into the daily key.
    #[must_use]
    pub fn secret_account(&self) -> String {
        format!("{}/secret", self.id)
    }

    /// Keychain account of the device's signing key.
    #[must_use]
    pub fn device_account(&self) -> String {
        format!("{}/device-key", self.id)
    }

    /// What the recovery slot is bound to.
    #[must_use]
    pub fn recovery_info(&self) -> Vec<u8> {
        format!("rounds/slot/recovery/1\0{}", self.id).into_bytes()
    }

    /// Caches of this profile that were moved aside, oldest first.
    #[must_use]
    pub fn aside(&self) -> Vec<PathBuf> {
        let Ok(files) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut found: Vec<PathBuf> = files
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_cache_aside(path))
            .collect();
        found.sort();
        found
    }
}

fn is_cache_aside(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| {
            name.starts_with("cache.db.aside-")
                && !name.ends_with("-wal")
                && !name.ends_with("-shm")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_the_user_and_the_server_however_they_are_written() {
        let places = Places {
            profiles: "/p".into(),
            config: "/c".into(),
        };
        let of = |server: &str, user: &str| places.profile(&server.parse().unwrap(), user).id;
        assert_eq!(
            of("https://a.example", "ada"),
            of("https://A.example:443/", " Ada ")
        );
        assert_ne!(
            of("https://a.example", "ada"),
            of("https://b.example", "ada")
        );
        assert_ne!(
            of("https://a.example", "ada"),
            of("https://a.example", "bob")
        );
    }
}
