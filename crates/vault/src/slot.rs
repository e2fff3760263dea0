//! The daily slot: a workstation's cache key, sealed under keychain and password together.
//!
//! Daily key = HKDF-SHA256(keychain secret ‖ Argon2id(password)). A copied disk lacks the
//! keychain secret; a keychain lacks the password; guessing costs an Argon2id run each.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::NoRandomness;
use crate::gcm::{Gcm, Refusal, SealError};
use crate::password;
pub use crate::password::{ArgonCost, CostError};
use crate::secret::Secret256;

/// First byte of every sealed cache key.
pub const FORMAT: u8 = 1;

/// Bytes of a salt.
pub const SALT: usize = 16;

/// The key of a workstation's cache: 256 random bits.
#[derive(Clone)]
pub struct CacheKey(Secret256);

impl CacheKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, NoRandomness> {
        Secret256::generate().map(Self)
    }

    /// From bytes that a recovery blob held; the caller wipes its own.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret256::copied(bytes))
    }

    /// The bytes themselves. The name makes each use easy to find in a review.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

impl std::fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheKey(…)")
    }
}

/// What seals the cache key: made of keychain secret and password, kept only while in use.
pub struct DailyKey(Secret256);

impl std::fmt::Debug for DailyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DailyKey(…)")
    }
}

/// Why a slot could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// The stored Argon2id parameters are out of bounds.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// Argon2id could not run: the salt is too short or there is no memory.
    #[error("the password could not be stretched")]
    Stretch(#[source] argon2::Error),
    /// The operating system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Too short to be a sealed cache key.
    #[error("the slot is truncated")]
    Truncated,
    /// The first byte is none that this version writes.
    #[error("the slot has unknown format {0}")]
    UnknownFormat(u8),
    /// Wrong password, another keychain secret, another profile's slot, or changed bytes:
    /// the cipher cannot tell these apart.
    #[error("the slot does not open with this password and keychain")]
    Refused,
}

impl SlotError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cost(_) => "slot-cost-out-of-bounds",
            Self::Stretch(_) => "slot-stretch-failed",
            Self::NoRandomness(_) => NoRandomness::CODE,
            Self::Truncated => "slot-truncated",
            Self::UnknownFormat(_) => "slot-unknown-format",
            Self::Refused => "slot-refused",
        }
    }
}

/// A fresh salt, kept beside the slot.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_salt() -> Result<[u8; SALT], NoRandomness> {
    crate::random()
}

/// Makes the daily key. Slow on purpose: run it where blocking is allowed.
///
/// # Errors
/// When `cost` is out of bounds or Argon2id cannot run with it.
pub fn daily_key(
    keychain_secret: &[u8; 32],
    password: &str,
    salt: &[u8; SALT],
    cost: ArgonCost,
) -> Result<DailyKey, SlotError> {
    let stretched = Secret256::filled_by(|out| {
        password::argon2id(cost)?
            .hash_password_into(password.as_bytes(), salt, out)
            .map_err(SlotError::Stretch)
    })?;
    let mut material = Zeroizing::new([0u8; 64]);
    material[..32].copy_from_slice(keychain_secret);
    material[32..].copy_from_slice(stretched.expose());
    let key = Secret256::filled_by(|out| {
        Hkdf::<Sha256>::new(Some(b"rounds/slot/daily/1"), &material[..]).expand(salt, out)
    });
    // HKDF-SHA256 refuses only outputs over 255 * 32 bytes; 32 are asked for.
    #[allow(clippy::expect_used)]
    Ok(DailyKey(key.expect("HKDF gives 32 bytes")))
}

/// Seals the cache key for one profile: `version byte ‖ IV ‖ ciphertext ‖ tag`.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn seal_cache_key(
    daily: &DailyKey,
    profile: &str,
    cache_key: &CacheKey,
) -> Result<Vec<u8>, SlotError> {
    Gcm::new(daily.0.expose())
        .seal(&[FORMAT], &associated_data(profile), cache_key.expose())
        .map_err(|error| match error {
            SealError::NoRandomness(source) => SlotError::NoRandomness(source),
            // 32 bytes are never too long.
            SealError::TooLong | SealError::Spent | SealError::Elsewhere => SlotError::Refused,
        })
}

/// Opens what [`seal_cache_key`] sealed with the same key for the same profile.
///
/// # Errors
/// [`SlotError::Refused`] for a wrong password or keychain; others for a damaged slot.
pub fn open_cache_key(daily: &DailyKey, profile: &str, blob: &[u8]) -> Result<CacheKey, SlotError> {
    let (&format, body) = blob.split_first().ok_or(SlotError::Truncated)?;
    if format != FORMAT {
        return Err(SlotError::UnknownFormat(format));
    }
    let plain = Gcm::new(daily.0.expose())
        .open(&associated_data(profile), body)
        .map_err(|refusal| match refusal {
            Refusal::Truncated => SlotError::Truncated,
            Refusal::Tampered => SlotError::Refused,
        })?;
    let key: &[u8; 32] = plain
        .as_slice()
        .try_into()
        .map_err(|_| SlotError::Truncated)?;
    Ok(CacheKey::from_bytes(key))
}

fn associated_data(profile: &str) -> Vec<u8> {
    let mut data = b"rounds/slot/daily/1\0".to_vec();
    data.extend_from_slice(profile.as_bytes());
    data
}
