//! Access that has to be asked for: with a reason, or in an emergency.

use serde::{Deserialize, Serialize};
use specta::Type;

/// A reason for a patient's record where there is no relationship.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct JustifyForm {
    /// Patient's logical id.
    pub patient: String,
    /// In the user's words, 3 to 500 characters.
    pub reason: String,
}

/// Emergency access to one patient's record.
#[derive(Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EmergencyForm {
    /// Patient's logical id.
    pub patient: String,
    /// In the user's words, 3 to 500 characters.
    pub reason: String,
    /// The user's password.
    pub password: String,
}

/// On what ground access was given for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// A reason, where there is no relationship.
    Justified,
    /// An emergency.
    Emergency,
}

/// Access for a while, on the user's own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccessView {
    /// On what ground.
    pub kind: GrantKind,
    /// Until when, clinic time.
    pub until: String,
}
