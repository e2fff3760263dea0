//! Files that only this user may read, replaced whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes a folder and those above it, each readable by this user alone where it is new.
///
/// # Errors
/// When the system refuses.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A folder that was there before may be open to others.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Replaces a file: a reader sees the old content or the new, also after a power cut.
///
/// # Errors
/// When the system refuses; the old content stays.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let beside = beside(path);
    let result = write_new(&beside, content)
        .and_then(|()| std::fs::rename(&beside, path))
        .and_then(|()| sync_folder(folder));
    if result.is_err() {
        // What is left of the attempt is of no use; failing to remove it changes nothing.
        let _ = std::fs::remove_file(&beside);
    }
    result
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows makes renames durable itself and cannot open folders.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Moves a file out of the way, keeping it, and gives its new name. What SQLite keeps beside a
/// database moves along. `None` when there was no such file.
///
/// # Errors
/// When the system refuses.
pub fn move_aside(path: &Path, stamp: &str) -> io::Result<Option<PathBuf>> {
    if !path.exists() {
        return Ok(None);
    }
    let named = |suffix: &str, extra: &str| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(extra);
        name.push(suffix);
        path.with_file_name(name)
    };
    let mut target = named("", &format!(".aside-{stamp}"));
    let mut number = 1;
    while target.exists() {
        number += 1;
        target = named("", &format!(".aside-{stamp}-{number}"));
    }
    for suffix in ["-wal", "-shm"] {
        let from = named(suffix, "");
        if from.exists() {
            let mut name = target.as_os_str().to_owned();
            name.push(suffix);
            std::fs::rename(from, name)?;
        }
    }
    std::fs::rename(path, &target)?;
    if let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[cfg(unix)]
    #[test]
    fn only_this_user_may_read() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        folder(&inner).unwrap();
        replace(&inner.join("f"), b"x").unwrap();
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(&root.path().join("a")), 0o700);
        assert_eq!(mode(&inner.join("f")), 0o600);
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_content() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("f");
        replace(&file, b"old").unwrap();
        // The place of the attempt is taken by a folder: writing fails.
        std::fs::create_dir(root.path().join("f.new")).unwrap();
        assert!(replace(&file, b"new").is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
    }

    #[test]
    fn moved_aside_is_kept_under_a_name_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("cache.db");
        for content in ["one", "two"] {
            std::fs::write(&file, content).unwrap();
            std::fs::write(root.path().join("cache.db-wal"), content).unwrap();
            let moved = move_aside(&file, "20260101").unwrap().unwrap();
            assert_eq!(std::fs::read_to_string(&moved).unwrap(), content);
            let wal = format!("{}-wal", moved.display());
            assert_eq!(std::fs::read_to_string(wal).unwrap(), content);
            assert!(!file.exists());
        }
        assert!(move_aside(&file, "20260101").unwrap().is_none());
    }
}
