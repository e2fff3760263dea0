//! What an import did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Resources by type.
pub type Counts = BTreeMap<String, u64>;

/// The report that goes to standard output.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Stored by this run.
    pub imported: Counts,
    /// In files that an earlier run imported whole.
    pub imported_before: Counts,
    /// Files read.
    pub files: u64,
    /// What was not stored, and why.
    pub failed: Vec<Failure>,
    /// How long it took.
    pub seconds: f64,
}

/// Something that was not stored. Names files, places and elements, never content.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Failure {
    /// File name.
    pub file: String,
    /// Which entry of the bundle or line of the file, from 0; none for the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<usize>,
    /// Why.
    pub reasons: Vec<String>,
}

/// Adds `more` to `counts`.
pub fn add(counts: &mut Counts, more: &Counts) {
    for (resource_type, number) in more {
        *counts.entry(resource_type.clone()).or_default() += number;
    }
}
