//! The clinician's end of the call.

pub mod adapt;
mod arrivals;
mod assembly;
pub mod call;
pub mod choice;
mod codec;
pub mod device;
pub mod frames;
mod gallery;
mod participants;
pub mod pattern;
pub mod picture;
mod reports;
pub mod screen;
mod sound;
pub mod studio;
mod voice;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use picture::Picture;
pub use studio::Studio;

/// Samples of sound a second, everywhere in this crate.
pub const RATE: usize = 48_000;
/// Samples in the 20 ms that travel in one packet.
pub const FRAME: usize = RATE / 50;

/// What a thread left behind is used on: our critical sections only move values in and out.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
