//! What went wrong in a course of events.

use std::collections::BTreeMap;

/// Everything that is expected to happen at least now and then.
const EXPECTED: &[&str] = &[
    "answers doubled",
    "answers lost",
    "answers by somebody in between",
    "changes acknowledged",
    "changes refused",
    "changes retried",
    "changes given up",
    "charts granted",
    "charts revoked",
    "charts shown",
    "clocks set",
    "conflicts combined by a person",
    "conflicts found by the server",
    "conflicts settled by a person",
    "crashes after a commit",
    "crashes before a commit",
    "crashes between steps",
    "disks full",
    "drafts sealed",
    "forms saved on an older state",
    "networks cut",
    "pages stored slowly",
    "patients registered",
    "permissions changed",
    "records offered again",
    "requests delayed beyond their time",
    "requests doubled",
    "requests lost",
    "restores found by a page",
    "restores found by the chain",
    "restores said later",
    "sealed work handed over",
    "servers restored",
    "sessions ended",
    "uploads of a lost life",
    "uploads repeated",
    "writes failed",
];

/// What went wrong, counted by what it was.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub fn count(&mut self, what: &'static str) {
        self.more(what, 1);
    }

    pub fn more(&mut self, what: &'static str, times: u64) {
        debug_assert!(EXPECTED.contains(&what), "{what}");
        *self.0.entry(what).or_default() += times;
    }

    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    pub fn counted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        EXPECTED
            .iter()
            .map(|what| (*what, self.0.get(what).copied().unwrap_or(0)))
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, count) in self.counted() {
            writeln!(f, "{count:>9}  {what}")?;
        }
        Ok(())
    }
}
