//! SQLite's memory is wiped before it goes back to the system.
//!
//! Decrypted pages, statements and results lie in memory that SQLite allocates. What it gives
//! back keeps its content until somebody else writes over it, so that the memory of a locked
//! program would still tell of patients. SQLCipher can wipe (`cipher_memory_security`), and pins
//! every block in memory besides, with two system calls each: that is what makes it slow. Here
//! blocks are wiped and not pinned. Decision 0021 has the measurements.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use rusqlite::ffi;

/// SQLite's own ways, as they were before ours.
struct Plain {
    allocate: unsafe extern "C" fn(c_int) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    size: unsafe extern "C" fn(*mut c_void) -> c_int,
}

/// None: SQLite refused, because somebody in this process had used it before us.
static PLAIN: OnceLock<Option<Plain>> = OnceLock::new();

/// Wipes from now on. To be called before the first connection; later calls do nothing.
pub(crate) fn begin() {
    if PLAIN.get_or_init(install).is_none() {
        tracing::warn!("memory of the cache is not wiped: SQLite was in use before");
    }
}

#[allow(
    unsafe_code,
    reason = "SQLite takes its allocator through its C interface alone"
)]
fn install() -> Option<Plain> {
    // SAFETY: a structure of pointers to functions, each of which may be null.
    let mut methods: ffi::sqlite3_mem_methods = unsafe { std::mem::zeroed() };
    // SAFETY: this operation writes one `sqlite3_mem_methods`; the cell around us lets one thread
    // in, and SQLite answers MISUSE once it is initialised.
    let read = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut methods) };
    let plain = Plain {
        allocate: methods.xMalloc?,
        free: methods.xFree?,
        size: methods.xSize?,
    };
    methods.xFree = Some(free);
    methods.xRealloc = Some(reallocate);
    if read != ffi::SQLITE_OK {
        return None;
    }
    // SAFETY: this operation copies one `sqlite3_mem_methods`. Ours call what it held before, and
    // wait for the cell if SQLite is used before it is filled.
    let set = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods) };
    (set == ffi::SQLITE_OK).then_some(plain)
}

fn plain() -> Option<&'static Plain> {
    PLAIN.wait().as_ref()
}

/// # Safety
/// As `free`: a block of SQLite's, or null.
#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn free(block: *mut c_void) {
    let Some(plain) = plain() else { return };
    if block.is_null() {
        return;
    }
    // SAFETY: the block is live and of this size until the last line. The compiler cannot leave
    // the writes out: what `plain.free` does with the block it does not know.
    unsafe {
        let size = (plain.size)(block);
        block
            .cast::<u8>()
            .write_bytes(0, usize::try_from(size).unwrap_or(0));
        (plain.free)(block);
    }
}

/// # Safety
/// As `realloc`: a live block of SQLite's and a size above zero.
#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn reallocate(block: *mut c_void, wanted: c_int) -> *mut c_void {
    let Some(plain) = plain() else {
        return std::ptr::null_mut();
    };
    // SAFETY: the old block is live and of its size; a new one is at least as large as the old,
    // and no other has a part of it.
    unsafe {
        let size = (plain.size)(block);
        if wanted <= size {
            return block;
        }
        let new = (plain.allocate)(wanted);
        if !new.is_null() {
            let size = usize::try_from(size).unwrap_or(0);
            std::ptr::copy_nonoverlapping(block.cast::<u8>(), new.cast::<u8>(), size);
            free(block);
        }
        new
    }
}
