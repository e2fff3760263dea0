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
        place.with_associated_data(|aad| self.gcm().seal(&header, aad, plain))
    }

    /// Opens what a [`crate::SealingKey`] sealed with this key for the same place.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and where.
    pub fn open(&self, place: &Place<'_>, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.open_in_place(place, blob.to_vec())
    }

    /// [`DataKey::open`] of a value that nobody needs sealed any more: opened where it lies.
    ///
    /// # Errors
    /// As [`DataKey::open`].
    pub fn open_in_place(
        &self,
        place: &Place<'_>,
        mut blob: Vec<u8>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (found, _) = split(place, &blob)?;
        if found != self.id() {
            return Err(OpenError::OtherKey {
                at: place.name(),
                found,
                given: self.id(),
            });
        }
        let opened = place.with_associated_data(|aad| {
            // `split` made sure that there is more than a header.
            self.gcm().open_in_place(aad, &mut blob[HEADER..])
        });
        let length = opened
            .map_err(|refusal| OpenError::refused(refusal, place))?
            .len();
        let mut plain = Zeroizing::new(blob);
        plain.copy_within(HEADER + IV..HEADER + IV + length, 0);
        // What is cut off holds the end of the text once more; it is wiped with the rest.
        plain.truncate(length);
        Ok(plain)
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
