//! A problem that is being changed.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Where a problem stands, as the form offers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemStatus {
    /// It counts now; also when it came back.
    Active,
    /// It does not count now and may come back.
    Inactive,
    /// It is over.
    Resolved,
    /// It never was: the record is a mistake.
    EnteredInError,
}

/// A problem's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ProblemChange {
    /// `Condition/id`.
    pub reference: String,
    /// Version that the form was filled from.
    pub version: u32,
    /// Patient's logical id.
    pub patient: String,
    /// What, in words. Shown, not changed.
    pub text: String,
    /// Where it stands.
    pub status: ProblemStatus,
    /// Onset, `YYYY-MM-DD`; absent where it is not known to the day.
    pub onset: Option<String>,
    /// When it was over, `YYYY-MM-DD`; may be absent.
    pub ended: Option<String>,
}
