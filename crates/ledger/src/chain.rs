//! One workstation's events, linked by hash and signed with the device key.
//!
//! Hash of a link = SHA-256(0x01 ‖ number, 8 bytes big-endian ‖ previous hash ‖ canonical event);
//! the signature (Ed25519) is over that hash. Dropping, reordering, replaying or changing an
//! event breaks the chain at a number that the error tells.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::canonical;

/// One event in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Position, from 1.
    pub number: u64,
    /// Hash of the link before, or of the genesis head, hex.
    pub previous: String,
    /// The AuditEvent.
    pub event: Value,
    /// Hash of this link, hex.
    pub hash: String,
    /// Device's signature over the hash, hex.
    pub signature: String,
}

impl Link {
    /// The head of the chain once this link is in it.
    pub fn head(&self) -> Head {
        Head {
            number: self.number,
            hash: self.hash.clone(),
        }
    }
}

/// Where a chain stands: number and hash of its last link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last link, 0 before the first.
    pub number: u64,
    /// Hash of the last link, or of the device id before the first, hex.
    pub hash: String,
}

impl Head {
    /// The head of a chain without links: bound to the device, so that no chain can pass
    /// for another device's.
    pub fn genesis(device: Uuid) -> Self {
        let hash = Sha256::new()
            .chain_update(b"rounds/device-chain/1\0")
            .chain_update(device.as_bytes())
            .finalize();
        Self {
            number: 0,
            hash: hex::encode(hash),
        }
    }
}

/// How a chain is broken, at which link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Links are missing in front of this one.
    #[error("link {found} came where link {expected} was due: links are missing")]
    Gap {
        /// Number that was due.
        expected: u64,
        /// Number that came.
        found: u64,
    },
    /// This link, or one with its number, was there before.
    #[error("link {found} came where link {expected} was due: it was there before")]
    Replay {
        /// Number that was due.
        expected: u64,
        /// Number that came.
        found: u64,
    },
    /// The link does not continue the one before it: rolled back, reordered or wiped.
    #[error("link {number} does not continue the one before it")]
    NotContinuing {
        /// Which.
        number: u64,
    },
    /// The event is not the one that was hashed.
    #[error("the event of link {number} was changed")]
    EventChanged {
        /// Which.
        number: u64,
    },
    /// A hash or signature is not hex of its length.
    #[error("link {number} is malformed")]
    Malformed {
        /// Which.
        number: u64,
    },
    /// Not signed by the device key.
    #[error("the signature of link {number} is not the device's")]
    SignatureWrong {
        /// Which.
        number: u64,
    },
    /// The head was not countersigned by the ledger's key.
    #[error("the countersignature of link {number} is not the ledger's")]
    CountersignatureWrong {
        /// Number of the head.
        number: u64,
    },
    /// The chain has 2^64 links.
    #[error("the chain is full")]
    Full,
}

impl ChainError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "chain-gap",
            Self::Replay { .. } => "chain-replay",
            Self::NotContinuing { .. } => "chain-not-continuing",
            Self::EventChanged { .. } => "chain-event-changed",
            Self::Malformed { .. } => "chain-malformed",
            Self::SignatureWrong { .. } => "chain-signature-wrong",
            Self::CountersignatureWrong { .. } => "chain-countersignature-wrong",
            Self::Full => "chain-full",
        }
    }
}

/// Makes the next link.
///
/// # Errors
/// [`ChainError::Malformed`] when `head` does not hold a hash, [`ChainError::Full`] at the end
/// of numbers.
pub fn append(head: &Head, event: Value, key: &SigningKey) -> Result<Link, ChainError> {
    let number = head.number.checked_add(1).ok_or(ChainError::Full)?;
    let previous = decode::<32>(&head.hash).ok_or(ChainError::Malformed {
        number: head.number,
    })?;
    let hash = link_hash(number, &previous, &event);
    let signature = key.sign(&hash);
    Ok(Link {
        number,
        previous: head.hash.clone(),
        event,
        hash: hex::encode(hash),
        signature: hex::encode(signature.to_bytes()),
    })
}

/// Checks that `links` continue `head` without gap or change, all signed by `key`.
/// Gives the new head.
///
/// # Errors
/// [`ChainError`] of the first link that is wrong; nothing after it was looked at.
pub fn verify(head: &Head, links: &[Link], key: &VerifyingKey) -> Result<Head, ChainError> {
    let mut head = head.clone();
    for link in links {
        head = verify_one(&head, link, key)?;
    }
    Ok(head)
}

fn verify_one(head: &Head, link: &Link, key: &VerifyingKey) -> Result<Head, ChainError> {
    let number = link.number;
    let expected = head.number.checked_add(1).ok_or(ChainError::Full)?;
    if number > expected {
        return Err(ChainError::Gap {
            expected,
            found: number,
        });
    }
    if number < expected {
        return Err(ChainError::Replay {
            expected,
            found: number,
        });
    }
    let malformed = || ChainError::Malformed { number };
    let before = decode::<32>(&head.hash).ok_or(ChainError::Malformed {
        number: head.number,
    })?;
    let previous = decode::<32>(&link.previous).ok_or_else(malformed)?;
    if previous != before {
        return Err(ChainError::NotContinuing { number });
    }
    let claimed = decode::<32>(&link.hash).ok_or_else(malformed)?;
    if link_hash(number, &previous, &link.event) != claimed {
        return Err(ChainError::EventChanged { number });
    }
    let signature = decode::<64>(&link.signature).ok_or_else(malformed)?;
    key.verify_strict(&claimed, &Signature::from_bytes(&signature))
        .map_err(|_| ChainError::SignatureWrong { number })?;
    Ok(link.head())
}

/// The server's receipt for a head: its ledger key signs device, number and hash, hex. With it a
/// workstation can show what the server held, whatever becomes of the server's memory.
///
/// # Errors
/// [`ChainError::Malformed`] when `head` does not hold a hash.
pub fn countersign(device: Uuid, head: &Head, key: &SigningKey) -> Result<String, ChainError> {
    let signature = key.sign(&head_message(device, head)?);
    Ok(hex::encode(signature.to_bytes()))
}

/// Checks a countersignature.
///
/// # Errors
/// [`ChainError::Malformed`] or [`ChainError::CountersignatureWrong`].
pub fn verify_countersignature(
    device: Uuid,
    head: &Head,
    countersignature: &str,
    key: &VerifyingKey,
) -> Result<(), ChainError> {
    let number = head.number;
    let signature =
        decode::<64>(countersignature).ok_or(ChainError::CountersignatureWrong { number })?;
    key.verify_strict(
        &head_message(device, head)?,
        &Signature::from_bytes(&signature),
    )
    .map_err(|_| ChainError::CountersignatureWrong { number })
}

/// Begins with words of its own, so that it can be taken neither for a link nor for a checkpoint.
fn head_message(device: Uuid, head: &Head) -> Result<Vec<u8>, ChainError> {
    let hash = decode::<32>(&head.hash).ok_or(ChainError::Malformed {
        number: head.number,
    })?;
    let mut message = b"rounds/chain-head/1\0".to_vec();
    message.extend_from_slice(device.as_bytes());
    message.extend_from_slice(&head.number.to_be_bytes());
    message.extend_from_slice(&hash);
    Ok(message)
}

fn link_hash(number: u64, previous: &[u8; 32], event: &Value) -> [u8; 32] {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(number.to_be_bytes())
        .chain_update(previous)
        .chain_update(canonical(event))
        .finalize()
        .into()
}

/// Lower-case hex only: one hash has one spelling, so that heads compare as text.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0u8; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
