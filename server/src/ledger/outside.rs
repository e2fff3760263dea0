//! The newest checkpoint in a file outside the database, so that a ledger whose end was cut off
//! together with its checkpoints is found out.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ledger::checkpoint::{Checkpoint, CheckpointError, VerifierKey};

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("the checkpoint file cannot be used")]
    Io(#[from] std::io::Error),
    /// It holds no checkpoint of this ledger.
    #[error("the checkpoint file holds no checkpoint of this ledger")]
    Checkpoint(#[from] CheckpointError),
}

/// The checkpoint in the file; none if there is no file yet.
///
/// # Errors
/// [`FileError`].
pub fn read(path: &Path, key: &VerifierKey) -> Result<Option<Checkpoint>, FileError> {
    let note = match std::fs::read_to_string(path) {
        Ok(note) => note,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Checkpoint::open(&note, key)?))
}

/// Puts a note into the file: whole or not at all, and on the disk when this returns.
///
/// # Errors
/// [`FileError::Io`].
pub fn write(path: &Path, note: &str) -> Result<(), FileError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&name)?;
    file.write_all(note.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&name, path)?;
    Ok(())
}
