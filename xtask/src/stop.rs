//! Ctrl-C and SIGTERM: noticed at once, answered in order.
//!
//! The step at hand is told to stop; what was started before is dropped by its owner on the way
//! out.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

static ASKED: AtomicBool = AtomicBool::new(false);
static CURRENT: Mutex<Option<i32>> = Mutex::new(None);
static BELL: Condvar = Condvar::new();

fn current() -> MutexGuard<'static, Option<i32>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to listen.
pub(crate) fn listen() -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Failure::file("signals"))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if ASKED.swap(true, Ordering::SeqCst) {
                // Asked twice: now. The watchers of the children clean up.
                std::process::exit(130);
            }
            // The terminal may be gone; that is no reason not to stop.
            let _ = writeln!(std::io::stderr(), "\nstopping …");
            let group = current();
            if let Some(id) = *group {
                // Gone already is as good.
                let _ = killpg(Pid::from_raw(id), Signal::SIGTERM);
            }
            BELL.notify_all();
        }
    });
    Ok(())
}

/// Whether the user wants to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Waits so long or until the user wants to stop, and tells whether that is so.
pub(crate) fn wait(time: Duration) -> bool {
    let guard = current();
    if !asked() {
        // A poisoned lock still rings the bell.
        let _ = BELL.wait_timeout(guard, time);
    }
    asked()
}

/// Marks a process group as the step at hand, until dropped.
pub(crate) struct AtHand;

impl AtHand {
    pub(crate) fn new(group: u32) -> Self {
        let id = i32::try_from(group).ok();
        *current() = id;
        if let (true, Some(id)) = (asked(), id) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGTERM);
        }
        Self
    }
}

impl Drop for AtHand {
    fn drop(&mut self) {
        *current() = None;
    }
}
