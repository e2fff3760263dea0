//! Data keys under a master key that never leaves a key management service: what the service is
//! asked, and what is made of its answers. Asking it is somebody else's work.
//!
//! A wrapped key is `version byte ‖ length of master id ‖ master id ‖ key id (16) ‖ what the
//! service answered`. The service is asked to bind its answer to the *binding*: a hash of the
//! place and of all that stands in front. It gives the service nothing of patients, even where
//! their ids could be guessed, for it covers the random id of the key too, which stays here.

use sha2::{Digest as _, Sha256};

use crate::keys::{DataKey, KeyId, SERVICE_FORMAT, Wrapped, wrap_associated_data, wrap_header};
use crate::place::Place;
use crate::sealed::OpenError;
use crate::secret::Secret256;

/// One data key at one place under one master key of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    id: KeyId,
    header: Vec<u8>,
    binding: [u8; 32],
}

/// A wrapped data key that a service must open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed<'b> {
    /// Id of the master key. Not authenticated.
    pub master: &'b str,
    /// What the service is to check.
    pub envelope: Envelope,
    /// What the service answered when it wrapped.
    pub answer: &'b [u8],
}

impl Envelope {
    /// For wrapping `key` under the master key `master`.
    pub fn new(master: &str, key: &DataKey, place: &Place<'_>) -> Self {
        Self::of(
            wrap_header(SERVICE_FORMAT, master, key.id()),
            key.id(),
            place,
        )
    }

    fn of(header: Vec<u8>, id: KeyId, place: &Place<'_>) -> Self {
        let binding = Sha256::digest(wrap_associated_data(&header, place)).into();
        Self {
            id,
            header,
            binding,
        }
    }

    /// What the service must authenticate along with the key.
    pub fn binding(&self) -> &[u8; 32] {
        &self.binding
    }

    /// The wrapped key as it is stored.
    pub fn close(&self, answer: &[u8]) -> Vec<u8> {
        [self.header.as_slice(), answer].concat()
    }

    /// The key that the service opened.
    ///
    /// # Errors
    /// When what it opened is no key.
    pub fn opened(&self, place: &Place<'_>, secret: &[u8]) -> Result<DataKey, OpenError> {
        let secret: &[u8; 32] = secret
            .try_into()
            .map_err(|_| OpenError::Tampered { at: place.name() })?;
        Ok(DataKey::assemble(self.id, Secret256::copied(secret)))
    }
}

impl DataKey {
    /// The key itself, for the service that wraps it and nobody else.
    pub fn for_service(&self) -> &[u8; 32] {
        self.secret()
    }
}

/// Takes a wrapped key apart that a service must open; none if it was wrapped here.
///
/// # Errors
/// When it is truncated or of an unknown format.
pub fn split<'b>(place: &Place<'_>, wrapped: &'b [u8]) -> Result<Option<Sealed<'b>>, OpenError> {
    let parts = Wrapped::split(place, wrapped)?;
    Ok((parts.format == SERVICE_FORMAT).then(|| Sealed {
        master: parts.master,
        envelope: Envelope::of(parts.header.to_vec(), parts.id, place),
        answer: parts.body,
    }))
}
