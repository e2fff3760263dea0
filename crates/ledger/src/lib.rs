//! What is recorded about every access, and the proof that the record is whole.
//!
//! [`event`] builds AuditEvents as IHE's Basic Audit Log Patterns (BALP) shape them;
//! [`action`] is the list of things that are recorded; [`chain`] links the events of one
//! workstation by hash and signature; [`tree`] is the Merkle tree over all events, [`proof`]
//! checks proofs from it, [`checkpoint`] signs its root.
//!
//! Never: IO, clocks, random ids (they are passed in), SQL; never a value of a record in an
//! event, only references to it, except the query that a person typed.

pub mod action;
pub mod chain;
pub mod checkpoint;
pub mod event;
pub mod glance;
pub mod proof;
mod render;
pub mod told;
pub mod tree;
mod writing;

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use action::Action;
pub use event::AccessEvent;

/// The canonical bytes of a JSON value (RFC 8785): what is hashed and signed.
///
/// Numbers become IEEE doubles, as the RFC asks; AuditEvents hold none.
pub fn canonical(value: &Value) -> Vec<u8> {
    // The serializer refuses NaN, infinities, maps with keys that are not text and maps with
    // a key twice; `Value` can hold none of them, and writing to a `Vec` does not fail.
    #[allow(clippy::expect_used)]
    serde_json_canonicalizer::to_vec(value).expect("every JSON value has a canonical form")
}

/// Leaf of the audit tree: SHA-256(0x00 ‖ canonical event), as RFC 6962 prefixes leaves.
pub fn leaf_hash(event: &Value) -> tree::Hash {
    leaf_hash_of(&canonical(event))
}

/// [`leaf_hash`] of an event that is in canonical form already.
pub fn leaf_hash_of(canonical: &[u8]) -> tree::Hash {
    Sha256::new()
        .chain_update([0x00])
        .chain_update(canonical)
        .finalize()
        .into()
}
