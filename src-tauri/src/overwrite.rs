//! What the web engine's half in this process has freed is written over.
//!
//! Every answer to the page passes through the engine's own buffers here before it goes to the page's
//! process. The engine frees them to an allocator of its own, which wipes nothing: pieces of records
//! were found there after a lock. The allocator gives freed places out again first, so as many strings
//! as could lie there are made in every size, and freed.

use std::ffi::{CString, c_char, c_void};

#[allow(unsafe_code)]
unsafe extern "C" {
    // JavaScriptCore's C interface (JSStringRef.h); webkit2gtk links the library.
    fn JSStringCreateWithUTF8CString(string: *const c_char) -> *mut c_void;
    fn JSStringRelease(string: *mut c_void);
}

/// Strings of one size, all together: more than pages of that size are ever half full.
const OF_ONE_SIZE: usize = 1 << 18;
/// Answers to the page are kilobytes; what is larger than this is not looked after.
const LARGEST: usize = 1 << 20;

/// Writes over what lies freed.
pub fn freed() {
    let mut size = 16;
    while size <= LARGEST {
        fill(size);
        // The allocator has a place for each multiple of 16, and then eight between two powers.
        size += if size < 256 { 16 } else { size / 8 };
    }
}

#[allow(unsafe_code)]
fn fill(size: usize) {
    let Ok(text) = CString::new(vec![b' '; size]) else {
        return;
    };
    let count = (OF_ONE_SIZE / size).max(2);
    // SAFETY: the text ends with a zero and outlives the calls, which copy it; what is made is
    // released once and used for nothing else.
    unsafe {
        let made: Vec<*mut c_void> = (0..count)
            .map(|_| JSStringCreateWithUTF8CString(text.as_ptr()))
            .collect();
        for string in made {
            JSStringRelease(string);
        }
    }
}
