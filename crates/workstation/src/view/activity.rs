//! What this workstation recorded and what is still to send.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::Standing;

/// The Activity screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActivityView {
    /// Changes that wait, oldest first.
    pub waiting: Vec<WaitingLine>,
    /// Audit events recorded here, newest first.
    pub events: Vec<EventLine>,
    /// Whether older events exist.
    pub more: bool,
}

/// A change on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct WaitingLine {
    /// Outbox entry id.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// When it was made.
    pub made_at: String,
    /// Where it stands.
    pub standing: Standing,
    /// Tries so far.
    pub tries: u32,
}

/// An audit event in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EventLine {
    /// Number in this device's chain.
    pub number: u32,
    /// When.
    pub at: String,
    /// Stable action code, such as `chart-opened`.
    pub action: String,
    /// The patient's name, where it is about one.
    pub patient: Option<String>,
    /// Whether the server has it.
    pub sent: bool,
}
