//! Random IVs, drawn from the operating system by the handful.
//!
//! Asking the system for twelve bytes costs as much as sealing a field. Each thread asks for
//! several IVs at once and hands each out once. An IV is no secret; what counts is that none
//! comes twice under one key: a thread that ends takes its rest with it, and no two threads
//! share any. A virtual machine that is copied while it runs would hand out the rest of a
//! handful twice, so the handful is small and the count of seals per key leaves room for none of
//! it: run copies of a machine from a stopped server.

use std::cell::RefCell;

use crate::NoRandomness;
use crate::gcm::IV;

/// IVs of one handful.
const HANDFUL: usize = 64;

struct Handful {
    bytes: [u8; HANDFUL * IV],
    /// First byte that was not handed out.
    next: usize,
}

thread_local! {
    static DRAWN: RefCell<Handful> = const {
        RefCell::new(Handful { bytes: [0; HANDFUL * IV], next: HANDFUL * IV })
    };
}

/// A random IV that no other call gets.
///
/// # Errors
/// When the operating system gives no randomness.
pub(crate) fn draw() -> Result<[u8; IV], NoRandomness> {
    DRAWN.with_borrow_mut(|handful| {
        if handful.next == handful.bytes.len() {
            getrandom::fill(&mut handful.bytes).map_err(NoRandomness)?;
            handful.next = 0;
        }
        let mut iv = [0; IV];
        iv.copy_from_slice(&handful.bytes[handful.next..handful.next + IV]);
        handful.next += IV;
        Ok(iv)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn v1_no_iv_comes_twice_over_threads() {
        let mut seen = HashSet::new();
        let drawn: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..1_000).map(|_| draw().unwrap()).collect::<Vec<_>>()))
            .collect();
        for thread in drawn {
            for iv in thread.join().unwrap() {
                assert_ne!(iv, [0; IV]);
                assert!(seen.insert(iv), "an IV came twice");
            }
        }
        assert_eq!(seen.len(), 4_000);
    }
}
