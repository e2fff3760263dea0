//! Wiping a profile: what is unsent is saved for the organisation, then the keys and the records
//! are erased, then the server is told. A journal beside the slots says how far it came, so that
//! a program that was killed goes on when it is started again.
//!
//! While a profile is locked nobody here can read what is unsent. Then the keychain's secret and
//! the daily slot go, and the sealed cache stays with its recovery slot: only the organisation's
//! recovery secret opens it. Nothing is ever lost, and nobody at this computer opens it again.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cache::Unsent;
use ledger::checkpoint::VerifierKey;
use protocol::device::{Orders, WipeOrder};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vault::recovery::{self, RecoveryPublic};
use zeroize::Zeroizing;

use crate::port::Ports;
use crate::port::keychain::KeychainError;
use crate::profile::slots::Slots;
use crate::profile::{Profile, ProfileError, disk};

/// Name of the journal.
pub(crate) const JOURNAL: &str = "wipe.json";
/// Name of the sealed work, until the server has it.
const ESCROW: &str = "escrow.sealed";
/// Name of what is left of the slots where the cache stays.
const RECOVERY: &str = "recovery.json";
/// How much of a sealed file is overwritten before it is removed: its salt lies at the start.
const OVERWRITTEN: u64 = 64 * 1024;

/// How far a wipe came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journal {
    format: u32,
    /// Who ordered it; none when the program is being removed.
    pub server: Option<String>,
    /// Number of the order.
    pub number: u64,
    /// What was done.
    pub step: Step,
    /// Whether sealed work is left here.
    pub kept: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Nothing yet.
    Ordered,
    /// What is unsent is sealed to the organisation.
    Saved,
    /// Keys and records are gone.
    Erased,
}

impl Journal {
    /// Begins a wipe: from here on it goes on, whatever happens.
    pub(crate) fn begin(
        profile: &Profile,
        server: Option<String>,
        number: u64,
    ) -> Result<Self, ProfileError> {
        if let Some(begun) = Self::read(profile) {
            return Ok(begun);
        }
        let journal = Self {
            format: 1,
            server,
            number,
            step: Step::Ordered,
            kept: false,
        };
        journal.write(profile)?;
        Ok(journal)
    }

    /// The wipe that goes on in a profile, if one does.
    pub(crate) fn read(profile: &Profile) -> Option<Self> {
        let bytes = std::fs::read(profile.folder.join(JOURNAL)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn write(&self, profile: &Profile) -> Result<(), ProfileError> {
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        Ok(disk::replace(&profile.folder.join(JOURNAL), &bytes)?)
    }
}

/// The number of an order that is signed by the server for this device and this question.
pub(crate) fn number_of(orders: &Orders, device: Uuid, nonce: Uuid, verifier: &str) -> Option<u64> {
    let signed = orders.wipe.as_ref()?;
    let key = VerifierKey::parse(verifier).ok()?;
    let order: Result<WipeOrder, _> = signed.open(key.key());
    match order {
        Ok(order) if order.device == device && order.nonce == nonce => Some(order.number),
        _ => {
            tracing::error!("an order to wipe this computer is not the server's");
            None
        }
    }
}

/// Seals unsent work to the organisation; `info` is what the seal is bound to.
pub(crate) fn seal(info: &[u8], unsent: &Unsent, public: &str) -> io::Result<Vec<u8>> {
    let plain = Zeroizing::new(serde_json::to_vec(unsent).map_err(io::Error::other)?);
    RecoveryPublic::parse(public)
        .and_then(|public| recovery::seal(&public, info, &plain))
        .map_err(io::Error::other)
}

/// Saves what an open cache holds: sealed to the organisation, for the server.
pub(crate) fn save_open(
    profile: &Profile,
    journal: &mut Journal,
    unsent: &Unsent,
    public: &str,
) -> Result<(), ProfileError> {
    if !unsent.is_empty() {
        let sealed = seal(&profile.recovery_info(), unsent, public)?;
        disk::replace(&profile.folder.join(ESCROW), &sealed)?;
        journal.kept = true;
    }
    journal.step = Step::Saved;
    journal.write(profile)
}

/// Leaves a cache that nobody here can open with its recovery slot alone.
pub(crate) fn save_closed(profile: &Profile, journal: &mut Journal) -> Result<(), ProfileError> {
    if profile.cache().exists() {
        match Slots::read(&profile.slots()) {
            Ok(slots) => {
                let bytes = slots.recovery_alone()?;
                disk::replace(&profile.folder.join(RECOVERY), &bytes)?;
            }
            // Damaged: whoever has the recovery secret may yet make something of it.
            Err(_) if profile.slots().exists() => {
                disk::move_aside(&profile.slots(), "wiped")?;
            }
            Err(_) => {}
        }
        journal.kept = true;
    }
    journal.step = Step::Saved;
    journal.write(profile)
}

/// The sealed work that the server does not have yet.
pub(crate) fn escrow(profile: &Profile) -> Option<Vec<u8>> {
    std::fs::read(profile.folder.join(ESCROW)).ok()
}

/// The server has it.
pub(crate) fn handed_over(profile: &Profile, journal: &mut Journal) -> Result<(), ProfileError> {
    remove(&profile.folder.join(ESCROW))?;
    journal.kept = profile.folder.join(RECOVERY).exists();
    journal.write(profile)
}

/// Erases keys and records. What was saved stays.
pub(crate) fn erase(
    ports: &Ports,
    profile: &Profile,
    journal: &mut Journal,
) -> Result<(), ProfileError> {
    if let Err(error) = ports.keychain.delete(&profile.secret_account()) {
        // Without the slot it opens nothing; it is tried again at the end.
        tracing::warn!(%error, "the keychain's secret is still there");
    }
    shred(&profile.slots())?;
    shred(&crate::lease::path(profile))?;
    if !profile.folder.join(RECOVERY).exists() {
        for path in files_of(&profile.cache()) {
            shred(&path)?;
        }
    }
    remove(&profile.folder.join(crate::opening::DAMAGED))?;
    disk::sync_folder(&profile.folder)?;
    journal.step = Step::Erased;
    journal.write(profile)
}

/// Nobody waits for this profile any more: its last key and the journal go.
pub(crate) fn forget(ports: &Ports, profile: &Profile) -> Result<(), KeychainError> {
    ports.keychain.delete(&profile.secret_account())?;
    ports.keychain.delete(&profile.device_account())?;
    let gone =
        remove(&profile.folder.join(JOURNAL)).and_then(|()| remove(&profile.folder.join("in-use")));
    if gone.is_err() {
        tracing::warn!("the journal of a wipe that is done was not removed");
    }
    // Stays where sealed work is left in it.
    let _ = std::fs::remove_dir(&profile.folder);
    Ok(())
}

fn files_of(cache: &Path) -> Vec<PathBuf> {
    ["", "-wal", "-shm"]
        .into_iter()
        .map(|suffix| {
            let mut name = cache.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        })
        .collect()
}

/// Overwrites the start of a file, then removes it. The content is sealed anyway.
fn shred(path: &Path) -> io::Result<()> {
    let mut file = match std::fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len().min(OVERWRITTEN);
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.flush()?;
    file.sync_all()?;
    remove(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
