//! A ledger that can be honest or not.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::chain::{self, Head};
use ledger::checkpoint::{Checkpoint, VerifierKey};
use ledger::tree::{Frontier, Hash, Plan, fold};
use protocol::fault::{Code, Problem};
use protocol::ledger::{ConsistencyProof, LedgerAlarm, LedgerHead, LedgerRestore, TreeHead};
use protocol::statement::Signed;
use uuid::Uuid;
use workstation::port::server::ServerError;

const NAME: &str = "clinic.example/ledger";

pub struct MockLedger {
    pub leaves: Vec<Hash>,
    pub secret: SigningKey,
    /// Alarms that were taken.
    pub alarms: Vec<LedgerAlarm>,
    pub takes_alarms: bool,
    /// Whether there is a ledger at all.
    pub shown: bool,
    /// What was said of restores.
    pub restores: Vec<Signed>,
}

impl Default for MockLedger {
    fn default() -> Self {
        Self {
            leaves: Vec::new(),
            secret: SigningKey::from_bytes(&[5; 32]),
            alarms: Vec::new(),
            takes_alarms: true,
            shown: true,
            restores: Vec::new(),
        }
    }
}

impl MockLedger {
    pub fn key(&self) -> String {
        VerifierKey::new(NAME, self.secret.verifying_key())
            .unwrap()
            .to_text()
    }

    pub fn grow(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
    }

    pub fn countersign(&self, device: Uuid, head: &Head) -> String {
        chain::countersign(device, head, &self.secret).unwrap()
    }

    /// What it shows of itself.
    pub fn head(&self) -> Result<LedgerHead, ServerError> {
        Ok(LedgerHead {
            note: self.checkpoint()?,
            restores: self.restores.clone(),
        })
    }

    fn tree(&self) -> Frontier {
        let mut tree = Frontier::new();
        for leaf in &self.leaves {
            tree.push(*leaf, |_, _| {});
        }
        tree
    }

    /// Falls back to its first leaves, and somebody says why.
    pub fn restore(&mut self, size: usize, reason: &str) {
        self.leaves.truncate(size);
        let tree = self.tree();
        let said = LedgerRestore {
            id: Uuid::from_u128(100 + self.restores.len() as u128),
            tenant: Uuid::nil(),
            made_at: Timestamp::UNIX_EPOCH,
            reason: reason.to_owned(),
            base: TreeHead {
                size: tree.size(),
                root: hex::encode(tree.root()),
            },
            lost: None,
        };
        let signed = Signed::sign(&said, &self.secret).unwrap();
        self.restores.push(signed);
    }

    pub fn checkpoint(&self) -> Result<String, ServerError> {
        if !self.shown {
            return Err(ServerError::from_problem(problem(Code::Other, 404)));
        }
        let tree = self.tree();
        let checkpoint = Checkpoint {
            origin: NAME.to_owned(),
            size: tree.size(),
            root: tree.root(),
        };
        Ok(checkpoint.sign(&self.secret).unwrap())
    }

    pub fn consistency(&self, from: u64, to: u64) -> ConsistencyProof {
        let leaves = |from: u64, to: u64| &self.leaves[from as usize..to as usize];
        let hashes = Plan::consistency(from, to)
            .and_then(|plan| {
                plan.assemble(|node| {
                    let (from, width) = (node.index << node.level, 1 << node.level);
                    fold(leaves(from, from + width))
                })
            })
            .unwrap_or_default();
        ConsistencyProof {
            from,
            to,
            hashes: hashes.iter().map(hex::encode).collect(),
        }
    }

    pub fn alarm(&mut self, alarm: &LedgerAlarm) -> Result<(), ServerError> {
        if !self.takes_alarms {
            return Err(ServerError::from_problem(problem(Code::Unavailable, 503)));
        }
        self.alarms.push(alarm.clone());
        Ok(())
    }
}

pub(crate) fn problem(code: Code, status: u16) -> Problem {
    Problem {
        code,
        status,
        title: "no".into(),
        detail: None,
        retry_after: None,
    }
}
