//! A sealed value: `version byte ‖ key id (16) ‖ IV (12) ‖ ciphertext ‖ tag (16)`.

use uuid::Uuid;
use zeroize::Zeroizing;

pub use crate::gcm::SealError;
use crate::gcm::{IV, Refusal, TAG};
use crate::keys::{DataKey, KeyId};
use crate::place::{Place, PlaceName};

/// First byte of every sealed value.
pub const FORMAT: u8 = 1;

const HEADER: usize = 1 + 16;

/// Bytes that sealing adds to a value.
pub const OVERHEAD: usize = HEADER + IV + TAG;

/// Why a value did not open. Names the place, never the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short to be a sealed value.
    #[error("{at} is truncated")]
    Truncated {
        /// Where.
        at: PlaceName,
    },
    /// The first byte is none that this version writes.
    #[error("{at} has unknown format {format}")]
    UnknownFormat {
        /// Where.
        at: PlaceName,
        /// The byte found.
        format: u8,
    },
    /// Sealed under another key than the one given.
    #[error("{at} is sealed under key {found}, not {given}")]
    OtherKey {
        /// Where.
        at: PlaceName,
        /// Key named in the value.
        found: KeyId,
        /// Key that was tried.
        given: KeyId,
    },
    /// No master key with this id is configured.
    #[error("{at} is wrapped under master key `{master}`, which is not configured")]
    UnknownMaster {
        /// Where.
        at: PlaceName,
        /// Id found.
        master: String,
    },
    /// Changed, moved from another place, or sealed under a key that only claims this id.
    #[error("{at} does not fit its seal: changed, moved or sealed under another key")]
    Tampered {
        /// Where.
        at: PlaceName,
    },
}

impl OpenError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "sealed-truncated",
            Self::UnknownFormat { .. } => "sealed-unknown-format",
            Self::OtherKey { .. } => "sealed-other-key",
            Self::UnknownMaster { .. } => "sealed-unknown-master",
            Self::Tampered { .. } => "sealed-tampered",
        }
    }

    /// Where the value is.
    pub fn at(&self) -> &PlaceName {
        match self {
            Self::Truncated { at }
            | Self::UnknownFormat { at, .. }
            | Self::OtherKey { at, .. }
            | Self::UnknownMaster { at, .. }
            | Self::Tampered { at } => at,
        }
    }

    pub(crate) fn refused(refusal: Refusal, place: &Place<'_>) -> Self {
        let at = place.name();
        match refusal {
            Refusal::Truncated => Self::Truncated { at },
            Refusal::Tampered => Self::Tampered { at },
        }
    }
}

impl DataKey {
    /// Only for [`crate::SealingKey`], which counts.
    pub(crate) fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut header = [FORMAT; HEADER];
        header[1..].copy_from_slice(self.id().as_bytes());
        self.gcm().seal(&header, &place.associated_data(), plain)
    }

    /// Opens what a [`crate::SealingKey`] sealed with this key for the same place.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and where.
    pub fn open(&self, place: &Place<'_>, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (found, body) = split(place, blob)?;
        if found != self.id() {
            return Err(OpenError::OtherKey {
                at: place.name(),
                found,
                given: self.id(),
            });
        }
        self.gcm()
            .open(&place.associated_data(), body)
            .map_err(|refusal| OpenError::refused(refusal, place))
    }
}

/// The key that a sealed value names. Not authenticated: use it only to choose the key.
///
/// # Errors
/// When the value is too short or of an unknown format.
pub fn key_id_of(place: &Place<'_>, blob: &[u8]) -> Result<KeyId, OpenError> {
    split(place, blob).map(|(id, _)| id)
}

fn split<'b>(place: &Place<'_>, blob: &'b [u8]) -> Result<(KeyId, &'b [u8]), OpenError> {
    let truncated = || OpenError::Truncated { at: place.name() };
    let (&format, rest) = blob.split_first().ok_or_else(truncated)?;
    if format != FORMAT {
        return Err(OpenError::UnknownFormat {
            at: place.name(),
            format,
        });
    }
    let (id, body) = rest.split_first_chunk::<16>().ok_or_else(truncated)?;
    if body.len() < IV + TAG {
        return Err(truncated());
    }
    Ok((Uuid::from_bytes(*id), body))
}
