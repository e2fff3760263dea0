//! The ledger, as workstations witness it: checkpoints, proofs and what to say when one fails.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::statement::{Signed, Statement};

/// The newest checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Checkpoint {
    /// A signed note (C2SP `tlog-checkpoint`): origin, size, root hash, signature.
    pub note: String,
}

/// What the ledger shows of itself: the newest checkpoint, and each time that it was taken up
/// again after a restore.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct LedgerHead {
    /// As in [`Checkpoint`].
    pub note: String,
    /// Each a [`LedgerRestore`], oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restores: Vec<Signed>,
}

/// Size and root of a tree.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// Root, hex.
    pub root: String,
}

/// The operator's word that the records were restored from a backup, so that the ledger begins
/// again from an older tree: signed with the ledger's key, and recorded as an event in what goes
/// on from there. Without it a ledger that went back is a broken one.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct LedgerRestore {
    /// Its name; a workstation is told by it once.
    pub id: Uuid,
    /// The clinic.
    pub tenant: Uuid,
    /// When it was said.
    pub made_at: Timestamp,
    /// Why, in the operator's words.
    pub reason: String,
    /// The tree that was restored: what comes after continues it.
    pub base: TreeHead,
    /// The newest tree that is known to be lost; none where nothing outside the database says.
    pub lost: Option<TreeHead>,
}

impl Statement for LedgerRestore {
    const KIND: &'static [u8] = b"rounds/ledger-restore/1\0";
}

/// That the tree of `to` leaves continues the tree of `from` leaves (RFC 6962, 2.1.2).
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Leaves of the older tree.
    pub from: u64,
    /// Leaves of the newer tree.
    pub to: u64,
    /// Hashes, hex, in the order of the standard.
    pub hashes: Vec<String>,
}

/// That an event is in the tree of `size` leaves (RFC 6962, 2.1.1).
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct InclusionProof {
    /// Leaves of the tree.
    pub size: u64,
    /// Position of the event's leaf, from 0.
    pub index: u64,
    /// Hashes, hex, from the leaf to the root.
    pub hashes: Vec<String>,
}

/// A workstation found that the ledger does not continue what it witnessed. The server keeps it
/// as a review item for the security officer.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct LedgerAlarm {
    /// The checkpoint that the workstation had kept.
    pub kept: Checkpoint,
    /// What it was shown instead; none when there was no answer that could be read.
    pub seen: Option<Checkpoint>,
    /// What is wrong.
    pub reason: LedgerFault,
}

/// What can be wrong with a ledger.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerFault {
    /// The checkpoint is not signed by the clinic's ledger key.
    Signature,
    /// The tree is smaller than one that was witnessed.
    Shrunk,
    /// The tree does not continue the one that was witnessed.
    Inconsistent,
    /// The checkpoint or the proof cannot be read.
    Unreadable,
    /// The ledger begins again from an older tree, as its operator said and signed. The kept
    /// checkpoint is evidence of what was lost.
    Restored,
}
