//! What this computer witnessed of the server's ledger, and whether the ledger still continues it.
//!
//! The newest checkpoint that was verified is kept. Each further one must be signed by the
//! clinic's key and be proved to continue the kept one. Where it does not, nothing is locked: the
//! kept checkpoint stays what everything is measured against, both notes are kept as evidence,
//! and the server's security officer is told for as long as nobody took the message.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::checkpoint::{Checkpoint as Tree, CheckpointError, VerifierKey};
use ledger::proof;
use ledger::tree::{self, Hash};
use protocol::audit::AuditReceipt;
use protocol::ledger::{Checkpoint, ConsistencyProof, LedgerAlarm, LedgerFault};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::show::when;
use crate::view::session::{LedgerState, LedgerView};

/// Name of the setting.
pub(crate) const SETTING: &str = "witness";

/// A proof of a tree of 2^64 leaves has no more hashes than this.
const LONGEST_PROOF: usize = 130;

/// A server that cannot show its ledger so often in a row, and goes on with everything else,
/// hides it.
const PATIENCE: u32 = 5;

/// Everything that is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Witness {
    /// The newest checkpoint that was verified.
    kept: Option<Kept>,
    /// What is wrong, while something is.
    broken: Option<Broken>,
    /// What the server has not taken yet, oldest first.
    untold: Vec<LedgerAlarm>,
    /// The newest receipt for this computer's own chain that the server signed.
    receipt: Option<AuditReceipt>,
    /// Whether the last receipt was signed, and not by the ledger's key.
    forged: bool,
    /// How often in a row the server answered that it cannot show its ledger now.
    silent: u32,
}

/// A checkpoint that was verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// The signed note.
    note: String,
    /// Entries.
    size: u64,
    /// Root, hex.
    root: String,
    /// When it was verified.
    at: Timestamp,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Broken {
    /// The kept checkpoint and what came instead.
    evidence: LedgerAlarm,
    /// Entries that the other one claims.
    size: Option<u64>,
    /// Since when.
    since: Timestamp,
}

/// What it takes to verify a checkpoint that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: it says what is known, or nothing was known.
    Done,
    /// The proof that the second size continues the first.
    Prove(u64, u64),
}

impl Witness {
    /// Reads a note and checks that the clinic's key signed it. `None` where the clinic has no
    /// such key, and never had one here.
    pub(crate) fn read(&self, note: &str, key: &str) -> Result<Option<Tree>, LedgerFault> {
        if key.is_empty() && self.kept.is_none() {
            return Ok(None);
        }
        let key = VerifierKey::parse(key).map_err(|_| LedgerFault::Signature)?;
        match Tree::open(note, &key) {
            Ok(tree) => Ok(Some(tree)),
            Err(CheckpointError::Unreadable) => Err(LedgerFault::Unreadable),
            Err(CheckpointError::Signature | CheckpointError::Key) => Err(LedgerFault::Signature),
        }
    }

    /// Whether anything was witnessed yet.
    pub(crate) fn has_seen(&self) -> bool {
        self.kept.is_some()
    }

    /// Whether something is wrong.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some() || self.forged
    }

    /// What it takes to verify a tree.
    pub(crate) fn next(&self, seen: &Tree) -> Result<Step, LedgerFault> {
        let Some(kept) = &self.kept else {
            return Ok(Step::Done);
        };
        if seen.size < kept.size {
            return Err(LedgerFault::Shrunk);
        }
        if seen.size == kept.size {
            let same = hash(&kept.root).is_some_and(|root| root == seen.root);
            return if same {
                Ok(Step::Done)
            } else {
                Err(LedgerFault::Inconsistent)
            };
        }
        // Every tree continues the one without entries.
        if kept.size == 0 {
            return Ok(Step::Done);
        }
        Ok(Step::Prove(kept.size, seen.size))
    }

    /// Checks the proof that [`Self::next`] asked for.
    pub(crate) fn check(&self, seen: &Tree, proof: &ConsistencyProof) -> Result<(), LedgerFault> {
        let kept = self.kept.as_ref().ok_or(LedgerFault::Unreadable)?;
        if (proof.from, proof.to) != (kept.size, seen.size) || proof.hashes.len() > LONGEST_PROOF {
            return Err(LedgerFault::Unreadable);
        }
        let hashes: Option<Vec<Hash>> = proof.hashes.iter().map(|text| hash(text)).collect();
        let hashes = hashes.ok_or(LedgerFault::Unreadable)?;
        let older = hash(&kept.root).ok_or(LedgerFault::Unreadable)?;
        proof::consistency(kept.size, seen.size, &older, &seen.root, &hashes)
            .map_err(|_| LedgerFault::Inconsistent)
    }

    /// Keeps a tree that was verified. What was wrong is so no longer.
    pub(crate) fn verified(&mut self, note: &str, seen: &Tree, now: Timestamp) {
        self.kept = Some(Kept {
            note: note.to_owned(),
            size: seen.size,
            root: hex::encode(seen.root),
            at: now,
        });
        self.broken = None;
        self.silent = 0;
    }

    /// Notes that the server cannot show its ledger now; whether it said so too often.
    pub(crate) fn was_put_off(&mut self) -> bool {
        self.silent = self.silent.saturating_add(1);
        self.has_seen() && self.silent >= PATIENCE
    }

    /// Notes that something is wrong; whether it was not known yet. The kept checkpoint stays.
    pub(crate) fn broke(&mut self, fault: LedgerFault, seen: Option<&str>, now: Timestamp) -> bool {
        // A broken ledger goes on growing: each of its states is not news.
        if self
            .broken
            .as_ref()
            .is_some_and(|known| known.evidence.reason == fault)
        {
            return false;
        }
        let evidence = self.evidence(fault, seen);
        self.untold.push(evidence.clone());
        self.broken = Some(Broken {
            evidence,
            size: seen.and_then(claimed_size),
            since: now,
        });
        true
    }

    /// What the server is to be told.
    pub(crate) fn untold(&self) -> &[LedgerAlarm] {
        &self.untold
    }

    /// The server took an alarm.
    pub(crate) fn told(&mut self, alarm: &LedgerAlarm) {
        self.untold.retain(|waiting| waiting != alarm);
    }

    /// Takes a receipt for this computer's own chain. One that is signed is checked and kept; one
    /// that is signed wrongly counts as a broken ledger until a good one comes.
    pub(crate) fn receive(&mut self, device: Uuid, receipt: &AuditReceipt, key: &str) {
        if receipt.countersignature.is_empty() {
            return;
        }
        let head = ledger::chain::Head {
            number: receipt.through,
            hash: receipt.head.clone(),
        };
        let good = VerifierKey::parse(key).is_ok_and(|key| {
            ledger::chain::verify_countersignature(
                device,
                &head,
                &receipt.countersignature,
                key.key(),
            )
            .is_ok()
        });
        if good {
            self.receipt = Some(receipt.clone());
            self.forged = false;
        } else if !self.forged {
            self.forged = true;
            let evidence = self.evidence(LedgerFault::Signature, None);
            self.untold.push(evidence);
        }
    }

    fn evidence(&self, fault: LedgerFault, seen: Option<&str>) -> LedgerAlarm {
        let note = |note: &str| Checkpoint {
            note: note.to_owned(),
        };
        LedgerAlarm {
            kept: note(self.kept.as_ref().map_or("", |kept| &kept.note)),
            seen: seen.map(note),
            reason: fault,
        }
    }

    /// For the screen.
    pub(crate) fn view(&self, zone: &TimeZone) -> LedgerView {
        let (state, words) = match (&self.broken, &self.kept) {
            (Some(broken), _) => (LedgerState::Broken, self.wrong(broken)),
            (None, _) if self.forged => (
                LedgerState::Broken,
                format!(
                    "The server's receipt for this computer's own records of access is not \
                     signed by the clinic's key. {}",
                    self.told_whom()
                ),
            ),
            (None, Some(_)) => (
                LedgerState::Verified,
                "The ledger continues everything this computer has witnessed.".to_owned(),
            ),
            (None, None) => (LedgerState::Unknown, "Not checked yet.".to_owned()),
        };
        LedgerView {
            state,
            size: self
                .kept
                .as_ref()
                .map(|kept| u32::try_from(kept.size).unwrap_or(u32::MAX)),
            at: self.kept.as_ref().map(|kept| when::moment(kept.at, zone)),
            words,
        }
    }

    fn wrong(&self, broken: &Broken) -> String {
        let known = self.kept.as_ref().map_or(0, |kept| kept.size);
        let what = match (broken.evidence.reason, broken.size) {
            (LedgerFault::Shrunk, Some(size)) => format!(
                "The ledger shows {} entries; this computer has seen {}.",
                counted(size),
                counted(known)
            ),
            (LedgerFault::Shrunk, None) => {
                "The ledger shows fewer entries than this computer has seen.".to_owned()
            }
            (LedgerFault::Inconsistent, _) => format!(
                "The ledger does not continue the {} entries that this computer has seen.",
                counted(known)
            ),
            (LedgerFault::Signature, _) => {
                "What the server shows of the ledger is not signed by the clinic's key.".to_owned()
            }
            (LedgerFault::Unreadable, _) => {
                "What the server shows of the ledger cannot be read.".to_owned()
            }
        };
        format!("{what} {}", self.told_whom())
    }

    fn told_whom(&self) -> &'static str {
        if self.untold.is_empty() {
            "The security officer was told."
        } else {
            "The security officer is told as soon as the server takes the message."
        }
    }
}

/// The size that a note claims, whoever signed it.
fn claimed_size(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

fn hash(text: &str) -> Option<Hash> {
    let mut bytes = tree::empty_root();
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// `184,212`.
fn counted(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    const NAME: &str = "clinic.example/ledger";

    fn secret() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn public() -> String {
        VerifierKey::new(NAME, secret().verifying_key())
            .unwrap()
            .to_text()
    }

    fn tree(size: u64, filling: u8) -> (Tree, String) {
        let mut grown = tree::Frontier::new();
        for n in 0..size {
            grown.push([filling.wrapping_add(n as u8); 32], |_, _| {});
        }
        let tree = Tree {
            origin: NAME.to_owned(),
            size,
            root: grown.root(),
        };
        let note = tree.sign(&secret()).unwrap();
        (tree, note)
    }

    fn witness(size: u64) -> Witness {
        let (seen, note) = tree(size, 0);
        let mut witness = Witness::default();
        witness.verified(&note, &seen, Timestamp::UNIX_EPOCH);
        witness
    }

    #[test]
    fn a2_what_is_signed_by_another_key_is_not_taken() {
        let witness = witness(3);
        let (_, note) = tree(4, 0);
        assert!(witness.read(&note, &public()).unwrap().is_some());
        let other = VerifierKey::new(NAME, SigningKey::from_bytes(&[8; 32]).verifying_key())
            .unwrap()
            .to_text();
        assert_eq!(witness.read(&note, &other), Err(LedgerFault::Signature));
        // A server that suddenly has no key is no better.
        assert_eq!(witness.read(&note, ""), Err(LedgerFault::Signature));
        assert_eq!(
            witness.read("what?", &public()),
            Err(LedgerFault::Unreadable)
        );
        // One that never had any is not checked.
        assert_eq!(Witness::default().read(&note, ""), Ok(None));
    }

    #[test]
    fn a2_a_tree_that_shrinks_or_changes_is_found_without_a_proof() {
        let witness = witness(3);
        assert_eq!(witness.next(&tree(3, 0).0), Ok(Step::Done));
        assert_eq!(witness.next(&tree(5, 0).0), Ok(Step::Prove(3, 5)));
        assert_eq!(witness.next(&tree(2, 0).0), Err(LedgerFault::Shrunk));
        assert_eq!(witness.next(&tree(3, 1).0), Err(LedgerFault::Inconsistent));
        assert_eq!(Witness::default().next(&tree(3, 0).0), Ok(Step::Done));
    }

    #[test]
    fn a2_only_the_proof_that_was_asked_for_counts() {
        let witness = witness(1);
        let leaf = |n: u8| [n; 32];
        let (seen, _) = tree(2, 0);
        let proof = |from, to, hashes: Vec<String>| ConsistencyProof { from, to, hashes };
        let right = proof(1, 2, vec![hex::encode(leaf(1))]);
        assert_eq!(witness.check(&seen, &right), Ok(()));
        for (wrong, fault) in [
            (proof(1, 3, right.hashes.clone()), LedgerFault::Unreadable),
            (proof(1, 2, vec!["x".into()]), LedgerFault::Unreadable),
            (
                proof(1, 2, vec![right.hashes[0].clone(); 200]),
                LedgerFault::Unreadable,
            ),
            (proof(1, 2, Vec::new()), LedgerFault::Inconsistent),
            (
                proof(1, 2, vec![hex::encode(leaf(2))]),
                LedgerFault::Inconsistent,
            ),
        ] {
            assert_eq!(witness.check(&seen, &wrong), Err(fault), "{wrong:?}");
        }
    }

    #[test]
    fn a2_a_break_keeps_both_notes_is_told_once_and_ends_with_the_kept_tree() {
        let mut witness = witness(1_234);
        let kept = witness.kept.clone().unwrap();
        let (_, other) = tree(7, 9);
        let now = Timestamp::UNIX_EPOCH;
        assert!(witness.broke(LedgerFault::Shrunk, Some(&other), now));
        assert!(!witness.broke(LedgerFault::Shrunk, Some("later"), now));
        assert_eq!(witness.kept.as_ref(), Some(&kept));
        let alarm = witness.untold()[0].clone();
        assert_eq!(alarm.kept.note, kept.note);
        assert_eq!(alarm.seen.as_ref().unwrap().note, other);
        let view = witness.view(&TimeZone::UTC);
        assert_eq!((view.state, view.size), (LedgerState::Broken, Some(1_234)));
        assert!(
            view.words
                .starts_with("The ledger shows 7 entries; this computer has seen 1,234."),
            "{}",
            view.words
        );
        witness.told(&alarm);
        assert!(witness.untold().is_empty());
        let (seen, note) = tree(1_234, 0);
        assert_eq!(witness.next(&seen), Ok(Step::Done));
        witness.verified(&note, &seen, now);
        assert_eq!(witness.view(&TimeZone::UTC).state, LedgerState::Verified);
    }

    #[test]
    fn a3_a_receipt_is_kept_only_with_the_ledgers_signature() {
        let device = Uuid::from_u128(3);
        let head = ledger::chain::Head::genesis(device);
        let receipt = |countersignature: String| AuditReceipt {
            through: head.number,
            head: head.hash.clone(),
            countersignature,
        };
        let mut witness = Witness::default();
        witness.receive(device, &receipt(String::new()), &public());
        assert_eq!(witness, Witness::default());
        let signed = ledger::chain::countersign(device, &head, &secret()).unwrap();
        let good = receipt(signed.clone());
        witness.receive(device, &good, &public());
        assert!(!witness.is_broken());
        assert_eq!(witness.receipt.as_ref(), Some(&good));
        let other = SigningKey::from_bytes(&[9; 32]);
        let forged = ledger::chain::countersign(device, &head, &other).unwrap();
        for _ in 0..2 {
            witness.receive(device, &receipt(forged.clone()), &public());
        }
        assert_eq!(witness.view(&TimeZone::UTC).state, LedgerState::Broken);
        assert_eq!(witness.untold().len(), 1);
        assert_eq!(witness.receipt.as_ref(), Some(&good));
        witness.receive(device, &good, &public());
        assert!(!witness.is_broken());
    }

    #[test]
    fn a2_a_ledger_that_is_never_shown_again_is_hidden() {
        let mut witness = witness(3);
        for _ in 1..PATIENCE {
            assert!(!witness.was_put_off());
        }
        assert!(witness.was_put_off());
        let (seen, note) = tree(3, 0);
        witness.verified(&note, &seen, Timestamp::UNIX_EPOCH);
        assert!(!witness.was_put_off());
        let mut fresh = Witness::default();
        assert!((0..2 * PATIENCE).all(|_| !fresh.was_put_off()));
    }

    #[test]
    fn numbers_are_easy_to_read() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (184_212, "184,212"),
        ] {
            assert_eq!(counted(number), text);
        }
    }
}
