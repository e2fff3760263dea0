//! The tags of pages, made without looking HMAC up for each of them.
//!
//! SQLCipher asks libcrypto anew for each page what HMAC and SHA-256 are, which takes a third of
//! the time that the tag takes, and the tag is most of what a page costs. Here HMAC-SHA256 is
//! made by the implementation that this crate has anyway; the same tag comes of it, so files are
//! the same. Ciphers, random bytes and key derivation stay libcrypto's.
//!
//! SQLCipher's list of functions has no version of its own: in a release that this was not
//! looked at with, nothing is put in and pages cost what they did.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{Connection, ffi};
use sha2::Sha256;

/// The releases whose list of functions begins as [`Functions`] says.
const KNOWN: &str = "4.19.";

/// `SQLCIPHER_HMAC_SHA256`.
const HMAC_SHA256: c_int = 1;

type MakeTag = unsafe extern "C" fn(
    context: *mut c_void,
    algorithm: c_int,
    key: *const u8,
    key_length: c_int,
    first: *const u8,
    first_length: c_int,
    second: *const u8,
    second_length: c_int,
    tag: *mut u8,
) -> c_int;

/// The beginning of `struct sqlcipher_provider`.
#[repr(C)]
struct Functions {
    init: *mut c_void,
    shutdown: *mut c_void,
    get_provider_name: *mut c_void,
    add_random: *mut c_void,
    random: *mut c_void,
    hmac: Option<MakeTag>,
}

#[allow(unsafe_code)]
unsafe extern "C" {
    /// SQLCipher's way for programs to make changes to the functions in use.
    fn sqlcipher_get_provider() -> *mut Functions;
}

/// What made tags before, and makes those of other algorithms; none where nothing was put in.
static LIBCRYPTO: OnceLock<Option<MakeTag>> = OnceLock::new();

/// Puts the function in, once in a process and before a connection of it has its key.
pub(crate) fn prepare(connection: &Connection) {
    LIBCRYPTO.get_or_init(|| {
        let release =
            connection.pragma_query_value(None, "cipher_version", |row| row.get::<_, String>(0));
        release
            .is_ok_and(|release| release.starts_with(KNOWN))
            .then(put_in)
            .flatten()
    });
}

#[allow(unsafe_code)]
fn put_in() -> Option<MakeTag> {
    // SAFETY: SQLCipher is initialised, because there is a connection, and keeps the list until
    // the process ends. This runs once, before the cache gave a key to any connection: nobody
    // makes a tag meanwhile.
    unsafe {
        let functions = sqlcipher_get_provider().as_mut()?;
        functions.hmac.replace(make_tag)
    }
}

/// [`tag_of`], as SQLCipher calls it.
#[allow(unsafe_code)]
unsafe extern "C" fn make_tag(
    context: *mut c_void,
    algorithm: c_int,
    key: *const u8,
    key_length: c_int,
    first: *const u8,
    first_length: c_int,
    second: *const u8,
    second_length: c_int,
    tag: *mut u8,
) -> c_int {
    if algorithm == HMAC_SHA256 {
        // SAFETY: SQLCipher hands over live buffers of these lengths that nobody else uses
        // during the call; the tag has room for 32 bytes, and is written when nothing is read
        // any more.
        unsafe {
            let made = tag_of(
                bytes(key, key_length),
                bytes(first, first_length),
                bytes(second, second_length),
            );
            tag.copy_from_nonoverlapping(made.as_ptr(), made.len());
        }
        return ffi::SQLITE_OK;
    }
    match LIBCRYPTO.get() {
        // SAFETY: the arguments are passed on as they came.
        Some(Some(libcrypto)) => unsafe {
            libcrypto(
                context,
                algorithm,
                key,
                key_length,
                first,
                first_length,
                second,
                second_length,
                tag,
            )
        },
        _ => ffi::SQLITE_ERROR,
    }
}

/// A buffer that SQLCipher hands over; none is an empty one.
#[allow(unsafe_code)]
unsafe fn bytes<'a>(start: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        // SAFETY: the caller's promise.
        Ok(length) if !start.is_null() => unsafe { std::slice::from_raw_parts(start, length) },
        _ => &[],
    }
}

/// HMAC-SHA256 of two parts.
pub(crate) fn tag_of(key: &[u8], first: &[u8], second: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // HMAC takes a key of any length.
        return [0; 32];
    };
    mac.update(first);
    mac.update(second);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn libcrypto() -> MakeTag {
        let connection = Connection::open_in_memory().unwrap();
        prepare(&connection);
        // A new release of SQLCipher: compare `struct sqlcipher_provider`, then say so in KNOWN.
        LIBCRYPTO.get().unwrap().unwrap()
    }

    #[allow(unsafe_code)]
    fn made_by(function: MakeTag, algorithm: c_int, parts: [&[u8]; 3]) -> Vec<u8> {
        let mut tag = vec![0; 64];
        let [key, first, second] = parts;
        // SAFETY: live buffers with their lengths, and room for the longest tag.
        let code = unsafe {
            function(
                std::ptr::null_mut(),
                algorithm,
                key.as_ptr(),
                key.len() as c_int,
                first.as_ptr(),
                first.len() as c_int,
                second.as_ptr(),
                second.len() as c_int,
                tag.as_mut_ptr(),
            )
        };
        assert_eq!(code, ffi::SQLITE_OK);
        tag
    }

    proptest! {
        #[test]
        fn w1_tags_are_those_of_libcrypto(
            key in prop::collection::vec(any::<u8>(), 32),
            page in prop::collection::vec(any::<u8>(), 1..4200),
            number in any::<[u8; 4]>(),
            algorithm in 0..3,
        ) {
            let libcrypto = libcrypto();
            let parts = [&key[..], &page, &number];
            prop_assert_eq!(
                made_by(make_tag, algorithm, parts),
                made_by(libcrypto, algorithm, parts)
            );
        }
    }
}
