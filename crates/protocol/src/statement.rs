//! Signed words of the server that a workstation keeps or obeys: leases and orders to wipe.
//!
//! They are signed with the ledger's key, which every workstation knows. Each kind begins with
//! words of its own, which end in a zero byte: neither a checkpoint nor the head of a device's
//! chain nor another kind can be taken for it.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest text that is looked at.
const LONGEST: usize = 4096;

/// Something that the server signs.
pub trait Statement: Serialize + DeserializeOwned {
    /// What the signed bytes begin with; ends in a zero byte.
    const KIND: &'static [u8];
}

/// How long a user may work on a device without the server.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Lease {
    /// The clinic.
    pub tenant: Uuid,
    /// The user.
    pub user: Uuid,
    /// The device.
    pub device: Uuid,
    /// The server that gave it, `https://host:port`.
    pub server: String,
    /// The server's time when it was given.
    pub issued_at: Timestamp,
    /// Until when it counts, excluded.
    pub until: Timestamp,
}

impl Statement for Lease {
    const KIND: &'static [u8] = b"rounds/lease/1\0";
}

/// A statement's text as it was signed, and the signature.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Signed {
    /// JSON of the statement; these very bytes are signed.
    pub text: String,
    /// Ed25519 over the kind and the text, hex.
    pub signature: String,
}

/// Why a statement is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is not signed by the key, or was changed.
    #[error("the statement is not signed by the server's key")]
    Signature,
    /// It is signed and cannot be read.
    #[error("the statement cannot be read")]
    Unreadable,
}

impl Signed {
    /// Signs a statement.
    ///
    /// # Errors
    /// [`StatementError::Unreadable`] for a statement that is longer than any that is read.
    pub fn sign<T: Statement>(statement: &T, key: &SigningKey) -> Result<Self, StatementError> {
        let text = serde_json::to_string(statement).map_err(|_| StatementError::Unreadable)?;
        if text.len() > LONGEST {
            return Err(StatementError::Unreadable);
        }
        let signature = key.sign(&message::<T>(&text));
        Ok(Self {
            signature: signature
                .to_bytes()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            text,
        })
    }

    /// The statement, if it is signed by `key`.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn open<T: Statement>(&self, key: &VerifyingKey) -> Result<T, StatementError> {
        if self.text.len() > LONGEST {
            return Err(StatementError::Unreadable);
        }
        let signature = bytes(&self.signature).ok_or(StatementError::Signature)?;
        key.verify_strict(
            &message::<T>(&self.text),
            &Signature::from_bytes(&signature),
        )
        .map_err(|_| StatementError::Signature)?;
        serde_json::from_str(&self.text).map_err(|_| StatementError::Unreadable)
    }
}

fn message<T: Statement>(text: &str) -> Vec<u8> {
    [T::KIND, text.as_bytes()].concat()
}

fn bytes(hex: &str) -> Option<[u8; 64]> {
    let mut bytes = [0; 64];
    if hex.len() != 128 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The answer to a request for a lease.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct LeaseGrant {
    /// A [`Lease`].
    pub lease: Signed,
}
