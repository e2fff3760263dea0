//! An error as it crosses to the UI: a stable code and words for a person.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Says what happened, what is safe, what to do. The UI picks texts by `code` and never
/// matches on the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Stable code such as `keychain-locked`, `password-wrong`, `time-taken`.
    pub code: String,
    /// What happened.
    pub what: String,
    /// What is safe.
    pub safe: String,
    /// What to do.
    pub act: String,
    /// The input it is about, by its name in the request, if it is about one.
    pub field: Option<String>,
}
