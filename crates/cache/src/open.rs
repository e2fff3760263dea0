//! Opening the file: key, settings, and telling a wrong key from a damaged file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::key::CacheKey;
use crate::tags;
use crate::wiping;

/// SQLCipher's page size, its default; part of the file's format.
const PAGE: usize = 4096;
const SALT: usize = 16;
const IV: usize = 16;
const TAG: usize = 32;

/// Kibibytes of decrypted pages that a connection may keep.
const CACHE_KIB: i64 = 64 * 1024;

/// Opens an existing file and reads from it once, so that a wrong key shows here.
pub(crate) fn connect(path: &Path, key: &CacheKey) -> Result<Connection, OpenError> {
    wiping::begin();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // Wait for another process, but not for ever.
    connection.busy_timeout(Duration::from_secs(5))?;
    tags::prepare(&connection);
    give_key(&connection, key)?;
    // The cipher's settings are not stored in the file: they must be the same at every open.
    // HMAC_SHA256 costs less per page than the default SHA512 where the processor has SHA
    // instructions. SQLCipher's own wiping also pins memory, block by block; ours does not.
    connection.execute_batch(
        "PRAGMA cipher_log_level = NONE;
         PRAGMA cipher_memory_security = OFF;
         PRAGMA cipher_hmac_algorithm = HMAC_SHA256;
         PRAGMA cipher_kdf_algorithm = PBKDF2_HMAC_SHA256;",
    )?;
    let first = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    });
    if let Err(error) = first {
        return Err(match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) if !key_fits(path, key) => OpenError::WrongKey,
            Some(ErrorCode::NotADatabase) => OpenError::Corrupt(Some(error)),
            _ => error.into(),
        });
    }
    settle(&connection)?;
    Ok(connection)
}

/// Settings that every connection needs and the file does not keep.
fn settle(connection: &Connection) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(128);
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;
         PRAGMA cache_size = -{CACHE_KIB};
         PRAGMA secure_delete = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    ))?;
    Ok(())
}

/// Hands the key over as a blob and not in a statement: a statement's text is copied by the
/// parser into memory that nobody wipes, while SQLCipher wipes its own copy.
#[allow(unsafe_code)]
fn give_key(connection: &Connection, key: &CacheKey) -> Result<(), OpenError> {
    let notation = key.raw_notation();
    // SAFETY: the handle belongs to `connection`, which outlives the call and is used by this
    // thread alone; pointer and length name a live buffer that SQLCipher copies.
    let code = unsafe {
        ffi::sqlite3_key(
            connection.handle(),
            notation.as_ptr().cast(),
            notation.len() as std::ffi::c_int,
        )
    };
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into())
    }
}

/// Whether any page of the file carries a tag made with this key. SQLite says "not a database"
/// for a wrong key and for a damaged first page alike; a person must be told which it is.
fn key_fits(path: &Path, key: &CacheKey) -> bool {
    let Ok(mut file) = File::open(path) else {
        return false;
    };
    let mut page = vec![0u8; PAGE];
    let mut tag_key = Zeroizing::new([0u8; 32]);
    let mut number = 0u32;
    while file.read_exact(&mut page).is_ok() {
        number += 1;
        if number == 1 {
            *tag_key = derive_tag_key(key, &page[..SALT]);
        }
        let body = if number == 1 { SALT } else { 0 }..PAGE - TAG;
        debug_assert!(body.len() > IV);
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(tag_key.as_slice()) else {
            return false;
        };
        mac.update(&page[body]);
        mac.update(&number.to_le_bytes());
        if mac.verify_slice(&page[PAGE - TAG..]).is_ok() {
            return true;
        }
        // A wrong key would otherwise read the whole file; a damaged one has a whole page soon.
        if number == 4096 {
            return false;
        }
    }
    false
}

/// SQLCipher's key for page tags: PBKDF2-HMAC-SHA256 of the raw key, two rounds, over the salt
/// with every byte changed by 0x3a. One block of output, so the loop is written out.
fn derive_tag_key(key: &CacheKey, salt: &[u8]) -> [u8; 32] {
    let round = |message: &[&[u8]]| -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose()) else {
            // HMAC takes a key of any length.
            return [0; 32];
        };
        for part in message {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    let masked: Vec<u8> = salt.iter().map(|byte| byte ^ 0x3a).collect();
    let first = round(&[&masked, &1u32.to_be_bytes()]);
    let second = round(&[&first]);
    std::array::from_fn(|index| first[index] ^ second[index])
}
