//! Sealing: what makes a value unreadable without its key and useless outside its place.
//!
//! Master keys wrap data keys ([`keys`]), here or where a service keeps them ([`service`]); data keys seal values bound to their [`place::Place`]
//! ([`sealed`]); [`blind`] makes searchable tokens of values nobody may read; [`recovery`] seals
//! to an organisation's public key; [`slot`] seals a workstation's cache key under keychain and
//! password together; [`password`] keeps what the server must know of a password.
//!
//! Randomness comes from the operating system, here and nowhere above: an IV or a key that a
//! caller could choose is one that a caller could repeat.
//!
//! Never: IO, clocks, logging, SQL, panics on any input; never a key or a plaintext in an error,
//! in `Debug` or in memory after drop.

pub mod blind;
mod gcm;
mod iv;
pub mod keys;
pub mod password;
pub mod place;
pub mod recovery;
pub mod sealed;
mod secret;
pub mod service;
pub mod slot;

pub use blind::{BlindKey, BlindParameter};
pub use keys::{DataKey, KeyId, MasterKeys, SealingKey};
pub use place::Place;
pub use sealed::OpenError;

/// The operating system gave no randomness: nothing can be sealed.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct NoRandomness(#[source] pub(crate) getrandom::Error);

impl NoRandomness {
    /// Stable code.
    pub const CODE: &'static str = "no-randomness";
}

/// Fills an array from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes)
}
