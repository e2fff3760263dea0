//! A ledger that begins again after a restore, as its operator signed it.

use jiff::Timestamp;
use ledger::checkpoint::{Checkpoint as Tree, VerifierKey};
use protocol::ledger::{ConsistencyProof, LedgerFault, LedgerRestore};
use protocol::statement::Signed;
use serde::{Deserialize, Serialize};

use super::{Kept, Step, continues, hash};

/// A ledger that was taken up again, with what was lost as evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TakenUp {
    /// The operator's word.
    pub said: Signed,
    /// The same, read.
    pub restore: LedgerRestore,
    /// The checkpoint that was kept before.
    pub lost: Kept,
    /// When.
    pub at: Timestamp,
}

/// A restore that explains why the ledger does not continue what is kept, if what is shown
/// continues the tree that was restored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Explained {
    pub(super) said: Signed,
    pub(super) restore: LedgerRestore,
}

impl Explained {
    /// What it takes to verify that.
    pub(crate) fn next(&self, seen: &Tree) -> Result<Step, LedgerFault> {
        let base = &self.restore.base;
        if base.size == seen.size {
            let same = hash(&base.root).is_some_and(|root| root == seen.root);
            return same.then_some(Step::Done).ok_or(LedgerFault::Inconsistent);
        }
        // Every tree continues the one without entries.
        if base.size == 0 {
            return Ok(Step::Done);
        }
        Ok(Step::Prove(base.size, seen.size))
    }

    /// Checks the proof that [`Self::next`] asked for.
    pub(crate) fn check(&self, seen: &Tree, proof: &ConsistencyProof) -> Result<(), LedgerFault> {
        let base = &self.restore.base;
        continues(base.size, &base.root, seen, proof)
    }
}

/// What was said of restores, as far as the clinic's key signed it.
pub(super) fn read_restores(said: &[Signed], key: &str) -> Vec<(Signed, LedgerRestore)> {
    let Ok(key) = VerifierKey::parse(key) else {
        return Vec::new();
    };
    said.iter()
        .filter_map(|said| Some((said.clone(), said.open::<LedgerRestore>(key.key()).ok()?)))
        .collect()
}
