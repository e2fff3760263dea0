//! Everything that this process frees is wiped first: names, notes, answers of the server, what
//! was typed. Most of it never was in a type that wipes, and cannot be: JSON, HTML and network
//! libraries hold it too. So the allocator does it, for every program that links this crate.
//! The cache does the same for SQLite's own memory. Decision 0021 has the measurements.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

/// Hands what was freed back to the operating system; the allocator of this system keeps it
/// otherwise. Takes some milliseconds.
pub(crate) fn hand_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code)]
    // SAFETY: takes no pointer, and any thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
