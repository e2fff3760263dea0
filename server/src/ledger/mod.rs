//! The ledger: every stored audit event in one order, under a Merkle tree with signed
//! checkpoints.
//!
//! Events are stored in the transaction of what they record, without waiting for anybody. The
//! sequencer ([`sequence`]) gives those that were committed the next positions and signs a
//! checkpoint; one at a time over all servers. [`prove`] answers workstations that witness it,
//! [`outside`] keeps the newest checkpoint beside the database, [`verify`] reads everything again,
//! [`restore`] is what an operator says of a ledger that begins again from a backup.
//!
//! Never: a position given twice or left out, a checkpoint signed over a tree that does not
//! continue the last one, a change to a row.

pub mod key;
pub mod nodes;
pub mod outside;
pub mod prove;
pub mod restore;
pub mod routes;
pub mod sequence;
pub mod verify;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::SigningKey;
use ledger::chain::{self, ChainError, Head};
use ledger::checkpoint::{Checkpoint, CheckpointError, VerifierKey};
use ledger::tree::{Frontier, Hash};
use protocol::statement::{Signed, Statement, StatementError};
use tokio::sync::Notify;
use uuid::Uuid;
use vault::BlindKey;

use crate::store::error::StoreError;

/// Length of the keyed hash of a leaf's row.
pub const MARK: usize = 16;

/// What the serving program holds of the ledger.
pub struct Ledger {
    signing: SigningKey,
    verifier: VerifierKey,
    marks: BlindKey,
    wake: Arc<Notify>,
    /// The right edge after the last run of this process, and whether the tree was found broken.
    edge: Mutex<Edge>,
    file: Option<PathBuf>,
}

#[derive(Default)]
struct Edge {
    frontier: Option<Frontier>,
    broken: bool,
}

/// Why the ledger cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The stored tree does not lead to the root that was signed, or is smaller than one that was.
    #[error("the ledger does not continue its checkpoint of {size} events: {reason}")]
    Broken {
        /// Size of the checkpoint.
        size: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// A checkpoint cannot be signed or read.
    #[error("a checkpoint cannot be used")]
    Checkpoint(#[from] CheckpointError),
    /// A statement cannot be signed.
    #[error("a statement cannot be signed")]
    Statement(#[from] StatementError),
    /// The database.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
}

impl LedgerError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "ledger-broken",
            Self::Checkpoint(error) => error.code(),
            Self::Statement(_) => "statement-unsigned",
            Self::Store(error) => error.code(),
        }
    }
}

impl From<tokio_postgres::Error> for LedgerError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Ledger {
    /// With the key that `seed` holds. `file` keeps the newest checkpoint outside the database.
    ///
    /// # Errors
    /// When the name of the key cannot be one.
    pub fn new(
        tenant: Uuid,
        seed: &[u8; 32],
        file: Option<PathBuf>,
    ) -> Result<Self, CheckpointError> {
        let signing = SigningKey::from_bytes(seed);
        Ok(Self {
            verifier: VerifierKey::new(key::name(tenant), signing.verifying_key())?,
            marks: BlindKey::derive(seed, "ledger mark 1"),
            signing,
            wake: Arc::new(Notify::new()),
            edge: Mutex::default(),
            file,
        })
    }

    /// What workstations verify checkpoints with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// An event was stored: the sequencer may look.
    pub fn appended(&self) {
        self.wake.notify_one();
    }

    /// The server's receipt for the head of a device's chain.
    ///
    /// # Errors
    /// When the head holds no hash.
    pub fn countersign(&self, device: Uuid, head: &Head) -> Result<String, ChainError> {
        chain::countersign(device, head, &self.signing)
    }

    /// Signs a word of the server that workstations keep or obey.
    ///
    /// # Errors
    /// For a statement that is longer than any that is read.
    pub fn state<T: Statement>(&self, statement: &T) -> Result<Signed, StatementError> {
        Signed::sign(statement, &self.signing)
    }

    /// The signed note of a tree.
    fn sign(&self, size: u64, root: Hash) -> Result<String, CheckpointError> {
        let origin = self.verifier.name().to_owned();
        Checkpoint { origin, size, root }.sign(&self.signing)
    }

    /// Keyed hash of a leaf's row: who holds no key cannot make one.
    fn mark(&self, tenant: Uuid, position: u64, event: Uuid, leaf: &Hash) -> [u8; MARK] {
        let text = format!("{position} {event} {}", hex::encode(leaf));
        self.marks.token(tenant, "ledger_leaf", &text)
    }

    /// Keyed hash of how far a verification came.
    pub fn mark_of_state(&self, tenant: Uuid, state: &str) -> String {
        hex::encode(self.marks.token(tenant, "verification", state))
    }

    fn edge(&self) -> std::sync::MutexGuard<'_, Edge> {
        self.edge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers of the ledger as the database counts them: no clinic comes near 2^63 events.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A hash as it was stored; a superuser may have left anything.
fn hash_of(bytes: &[u8]) -> Option<Hash> {
    bytes.try_into().ok()
}
