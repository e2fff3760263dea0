//! Where master keys come from.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use protocol::secret::Secret;
use vault::MasterKeys;
use vault::keys::MasterKeysError;
use zeroize::Zeroizing;

/// Where master keys come from. A key management service would be another variant: it wraps and
/// unwraps where the others do it here.
#[derive(Debug, Clone)]
pub enum MasterSource {
    /// The environment: `id:base64,…`; the first wraps, all unwrap.
    Text(Secret),
    /// A file that nobody but its owner may read: entries on lines of their own.
    File(PathBuf),
}

/// Why there are no master keys. Names files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum MastersError {
    /// The list is malformed.
    #[error("the list of master keys cannot be read")]
    List(#[from] MasterKeysError),
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others than the owner may read or change the file.
    #[error("{path} is open to others than its owner (mode {mode:04o}): chmod 600")]
    Loose {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl MasterSource {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`MastersError`].
    pub fn load(&self) -> Result<MasterKeys, MastersError> {
        let path = match self {
            Self::Text(text) => return Ok(MasterKeys::parse(text.expose())?),
            Self::File(path) => path,
        };
        let failed = |source| MastersError::File {
            path: path.clone(),
            source,
        };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        // Asked of the open file: the name could lead to another one by now.
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MastersError::Loose {
                path: path.clone(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(failed)?;
        Ok(MasterKeys::parse_file(&text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("masters");
        let entry = MasterKeys::generate_entry("m1").unwrap();
        std::fs::write(&path, format!("# ours\n{}\n", entry.as_str())).unwrap();
        let source = MasterSource::File(path.clone());
        for (mode, open) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match source.load() {
                Ok(keys) => {
                    assert!(open, "{mode:o}");
                    assert_eq!(keys.current_id(), "m1");
                }
                Err(MastersError::Loose { mode: found, .. }) => {
                    assert!(!open, "{mode:o}");
                    assert_eq!(found, mode);
                }
                Err(error) => panic!("{error}"),
            }
        }
        let missing = MasterSource::File(folder.path().join("none"));
        assert!(matches!(missing.load(), Err(MastersError::File { .. })));
        // Neither the list nor an error shows a key.
        let shown = format!("{:?}", MasterSource::Text(Secret::new(entry.to_string())));
        assert!(!shown.contains(entry.as_str()));
    }
}
