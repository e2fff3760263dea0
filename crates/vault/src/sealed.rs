//! A sealed value: `version byte ‖ key id (16) ‖ IV (12) ‖ ciphertext ‖ tag (16)`.

use uuid::Uuid;
use zeroize::Zeroizing;

pub use crate::gcm::SealError;
use crate::gcm::{IV, Refusal, TAG};
use crate::keys::{DataKey, KeyId};
use crate::place::{Form, Place, PlaceName};

/// First byte of every value that is sealed now.
pub const FORMAT: u8 = 2;

/// First byte of values whose place was not padded. They open for ever.
const UNPADDED: u8 = 1;

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
        place.with_associated_data(Form::Padded(FORMAT), |aad| {
            self.gcm().seal(&header, aad, plain)
        })
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
        let (form, found) = split(place, &blob)?;
        if found != self.id() {
            return Err(OpenError::OtherKey {
                at: place.name(),
                found,
                given: self.id(),
            });
        }
        let opened = place.with_associated_data(form, |aad| {
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
    split(place, blob).map(|(_, id)| id)
}

fn split(place: &Place<'_>, blob: &[u8]) -> Result<(Form, KeyId), OpenError> {
    let truncated = || OpenError::Truncated { at: place.name() };
    let (&format, rest) = blob.split_first().ok_or_else(truncated)?;
    let form = match format {
        FORMAT => Form::Padded(FORMAT),
        UNPADDED => Form::Bare,
        _ => {
            return Err(OpenError::UnknownFormat {
                at: place.name(),
                format,
            });
        }
    };
    let (id, body) = rest.split_first_chunk::<16>().ok_or_else(truncated)?;
    if body.len() < IV + TAG {
        return Err(truncated());
    }
    Ok((form, Uuid::from_bytes(*id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: &str) -> Place<'_> {
        Place {
            tenant: Uuid::from_u128(5),
            table: "patient_identity",
            row,
            column: "name",
            version: 9,
        }
    }

    /// Rows whose bare associated data end before, at and after a step of the padding.
    fn rows() -> impl Iterator<Item = String> {
        (30..48).map(|letters| "r".repeat(letters))
    }

    fn sealed_in_format_1(key: &DataKey, place: &Place<'_>, plain: &[u8]) -> Vec<u8> {
        let mut header = [UNPADDED; HEADER];
        header[1..].copy_from_slice(key.id().as_bytes());
        let aad = place.associated_data();
        key.gcm().seal(&header, &aad, plain).unwrap()
    }

    #[test]
    fn v1_what_was_sealed_in_format_1_opens_for_ever() {
        let key = DataKey::generate().unwrap();
        for row in rows() {
            let place = place(&row);
            let blob = sealed_in_format_1(&key, &place, b"Okafor");
            assert_eq!(key.open(&place, &blob).unwrap()[..], b"Okafor"[..]);
            assert_eq!(key_id_of(&place, &blob).unwrap(), key.id());
        }
    }

    /// The format is not in the clear alone: what is sealed in one is not taken for the other.
    #[test]
    fn v5_a_seal_of_one_format_is_none_of_the_other() {
        let key = DataKey::generate().unwrap();
        for row in rows() {
            let place = place(&row);
            let mut old = sealed_in_format_1(&key, &place, b"Okafor");
            old[0] = FORMAT;
            let mut new = key.seal(&place, b"Okafor").unwrap();
            assert_eq!(new[0], FORMAT);
            new[0] = UNPADDED;
            for blob in [old, new] {
                let error = key.open(&place, &blob).unwrap_err();
                assert_eq!(error.code(), "sealed-tampered");
            }
        }
    }
}
