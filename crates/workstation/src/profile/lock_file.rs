//! One process in a profile at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::ProfileError;

/// Held while a profile is open. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct LockFile(#[allow(dead_code)] File);

impl LockFile {
    /// Takes the lock of a profile folder.
    ///
    /// # Errors
    /// [`ProfileError::InUse`] when another process has it.
    pub fn take(folder: &Path) -> Result<Self, ProfileError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(folder.join("in-use"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(ProfileError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_has_to_wait() {
        let root = tempfile::tempdir().unwrap();
        let first = LockFile::take(root.path()).unwrap();
        assert!(matches!(
            LockFile::take(root.path()),
            Err(ProfileError::InUse)
        ));
        drop(first);
        LockFile::take(root.path()).unwrap();
    }
}
