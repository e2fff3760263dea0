//! Whether the file is whole.

use crate::error::StoreError;
use crate::store::Cache;

/// Result of a check of the whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity {
    /// What SQLCipher found wrong with page tags; names pages, never content.
    pub cipher: Vec<String>,
    /// What SQLite found wrong with the structure; names tables and pages, never content.
    pub structure: Vec<String>,
}

impl Integrity {
    /// Whether nothing was found.
    pub fn is_whole(&self) -> bool {
        self.cipher.is_empty() && self.structure.is_empty()
    }
}

impl Cache {
    /// Reads every page and checks tags and structure. Takes seconds on a large cache.
    pub fn check(&self) -> Result<Integrity, StoreError> {
        // Tags are checked in the main file: the log is carried over first.
        self.checkpoint()?;
        self.read(|cache| {
            let lines = |sql: &str| -> Result<Vec<String>, StoreError> {
                let mut statement = cache.connection.prepare(sql)?;
                let rows = statement.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            };
            let cipher = lines("PRAGMA cipher_integrity_check")?;
            let mut structure = lines("PRAGMA integrity_check")?;
            structure.retain(|line| line != "ok");
            Ok(Integrity { cipher, structure })
        })
    }
}
