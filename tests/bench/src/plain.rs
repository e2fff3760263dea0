//! The peer: plain SQLite with the same schema, rows and pragmas.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::row::RowError;

/// The pragmas of the cache's connections, without those of the cipher.
const PRAGMAS: &str = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
    PRAGMA mmap_size = 0; PRAGMA cache_size = -65536; PRAGMA secure_delete = ON;
    PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;";

/// Opens a plain file as the cache opens its own.
pub fn open(path: &Path) -> Result<Connection, RowError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.execute_batch(PRAGMAS)?;
    Ok(connection)
}

/// Copies an encrypted cache into a plain file: schema, rows and indexes as they are.
/// The cache must be closed.
pub fn copy(encrypted: &Path, plain: &Path) -> Result<(), RowError> {
    let notation: String = crate::clinic::key()
        .expose()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let source = Connection::open(encrypted)?;
    source.execute_batch(&format!(
        "PRAGMA key = \"x'{notation}'\";
         PRAGMA cipher_hmac_algorithm = HMAC_SHA256;
         PRAGMA cipher_kdf_algorithm = PBKDF2_HMAC_SHA256;"
    ))?;
    source.execute(
        "ATTACH DATABASE ?1 AS plain KEY ''",
        [plain.to_string_lossy()],
    )?;
    source.query_row("SELECT sqlcipher_export('plain')", [], |_| Ok(()))?;
    let version: u32 = source.pragma_query_value(None, "user_version", |row| row.get(0))?;
    source.execute_batch(&format!(
        "PRAGMA plain.user_version = {version}; DETACH DATABASE plain;"
    ))?;
    drop(source);
    open(plain)?.pragma_update(None, "journal_mode", "WAL")?;
    Ok(())
}
