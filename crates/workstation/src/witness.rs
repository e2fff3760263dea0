//! What this computer witnessed of the server's ledger, and whether the ledger still continues it.
//!
//! The newest checkpoint that was verified is kept. Each further one must be signed by the
//! clinic's key and be proved to continue the kept one. Where it does not, nothing is locked: the
//! kept checkpoint stays what everything is measured against, both notes are kept as evidence,
//! and the server's security officer is told for as long as nobody took the message.
//!
//! One thing explains a ledger that went back: the word of its operator that the records were
//! restored from a backup, signed by the clinic's key and new to this computer. Then what goes on
//! from the tree that was restored is kept; the checkpoint of what was lost stays as evidence, and
//! the screens say so for a week.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ledger::checkpoint::{Checkpoint as Tree, CheckpointError, VerifierKey};
use ledger::proof;
use ledger::tree::{self, Hash};
use protocol::audit::AuditReceipt;
use protocol::ledger::{Checkpoint, ConsistencyProof, LedgerAlarm, LedgerFault};
use protocol::statement::Signed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod taken_up;

pub(crate) use taken_up::Explained;
use taken_up::{TakenUp, read_restores};

use crate::show::when;
use crate::view::session::{LedgerState, LedgerView};

/// Name of the setting.
pub(crate) const SETTING: &str = "witness";

/// A proof of a tree of 2^64 leaves has no more hashes than this.
const LONGEST_PROOF: usize = 130;

/// A server that cannot show its ledger so often in a row, and goes on with everything else,
/// hides it.
const PATIENCE: u32 = 5;

/// So long the screens say that the ledger was taken up again after a restore.
const SAID_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);

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
    /// Restores that this computer was told of: none of them explains anything any more.
    known_restores: Vec<Uuid>,
    /// Restores with which something was lost that had been witnessed here, oldest first.
    taken_up: Vec<TakenUp>,
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
        continues(kept.size, &kept.root, seen, proof)
    }

    /// The restore that may explain a tree which does not continue the kept one: the newest that
    /// was said since this computer looked last, and from before what is kept here.
    pub(crate) fn explained(&self, seen: &Tree, said: &[Signed], key: &str) -> Option<Explained> {
        let kept = self.kept.as_ref()?;
        read_restores(said, key)
            .into_iter()
            .rev()
            .find(|(_, restore)| {
                !self.known_restores.contains(&restore.id)
                    && restore.base.size < kept.size
                    && restore.base.size <= seen.size
            })
            .map(|(said, restore)| Explained { said, restore })
    }

    /// Notes what was said of restores: from now on it explains nothing.
    pub(crate) fn heard(&mut self, said: &[Signed], key: &str) {
        for (_, restore) in read_restores(said, key) {
            if !self.known_restores.contains(&restore.id) {
                self.known_restores.push(restore.id);
            }
        }
    }

    /// Takes up a ledger that goes on from what was restored. What is lost there stays here, and
    /// the server is told of it.
    pub(crate) fn took_up(
        &mut self,
        explained: Explained,
        note: &str,
        seen: &Tree,
        now: Timestamp,
    ) {
        let evidence = self.evidence(LedgerFault::Restored, Some(note));
        self.untold.push(evidence);
        if let Some(lost) = self.kept.take() {
            self.taken_up.push(TakenUp {
                said: explained.said,
                restore: explained.restore,
                lost,
                at: now,
            });
        }
        self.verified(note, seen, now);
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
            (None, Some(kept)) if self.newly_taken_up(kept).is_some() => (
                LedgerState::Restored,
                self.newly_taken_up(kept)
                    .map(|taken| self.restored(taken, zone))
                    .unwrap_or_default(),
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
            // A restore that is explained breaks nothing.
            (LedgerFault::Unreadable | LedgerFault::Restored, _) => {
                "What the server shows of the ledger cannot be read.".to_owned()
            }
        };
        format!("{what} {}", self.told_whom())
    }

    /// A restore of which the screens still say something.
    fn newly_taken_up(&self, kept: &Kept) -> Option<&TakenUp> {
        self.taken_up
            .last()
            .filter(|taken| kept.at.duration_since(taken.at) < SAID_FOR)
    }

    fn restored(&self, taken: &TakenUp, zone: &TimeZone) -> String {
        let restore = &taken.restore;
        format!(
            "The server's records were restored from a backup on {}: {}. Its ledger goes on from \
             {} entries; of those that this computer has seen, {} are lost there. Their signed \
             checkpoint is kept here. {}",
            restore.made_at.to_zoned(zone.clone()).date(),
            restore.reason.trim_end_matches('.'),
            counted(restore.base.size),
            counted(taken.lost.size.saturating_sub(restore.base.size)),
            self.told_whom()
        )
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

/// Whether a tree continues the one of this size and root.
fn continues(
    size: u64,
    root: &str,
    seen: &Tree,
    proof: &ConsistencyProof,
) -> Result<(), LedgerFault> {
    if (proof.from, proof.to) != (size, seen.size) || proof.hashes.len() > LONGEST_PROOF {
        return Err(LedgerFault::Unreadable);
    }
    let hashes: Option<Vec<Hash>> = proof.hashes.iter().map(|text| hash(text)).collect();
    let hashes = hashes.ok_or(LedgerFault::Unreadable)?;
    let older = hash(root).ok_or(LedgerFault::Unreadable)?;
    proof::consistency(size, seen.size, &older, &seen.root, &hashes)
        .map_err(|_| LedgerFault::Inconsistent)
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
mod tests;
