//! What needs a person.

use serde::{Deserialize, Serialize};
use specta::Type;

/// The inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InboxView {
    /// Two versions of one record.
    pub conflicts: Vec<ConflictView>,
    /// Changes that the server refused.
    pub refused: Vec<RefusedView>,
}

/// Two versions of one record that touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ConflictView {
    /// Conflict id.
    pub id: String,
    /// `Type/id`.
    pub reference: String,
    /// What it is, in words: `Patient · Ada Okafor`.
    pub title: String,
    /// When mine was written.
    pub mine_at: String,
    /// When theirs was written.
    pub theirs_at: String,
    /// Every element that differs, side by side.
    pub fields: Vec<ConflictField>,
}

/// One element of both versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ConflictField {
    /// FHIR path.
    pub path: String,
    /// Before both edits.
    pub base: Option<String>,
    /// As changed here.
    pub mine: Option<String>,
    /// As changed elsewhere.
    pub theirs: Option<String>,
    /// Whether both changed it.
    pub touching: bool,
}

/// How a person settles a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// My version replaces theirs where they touch; the rest is merged.
    KeepMine,
    /// Their version stays where they touch; the rest is merged.
    KeepTheirs,
}

/// A change that the server refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RefusedView {
    /// Outbox entry id.
    pub id: String,
    /// `Type/id`.
    pub reference: String,
    /// What it is, in words.
    pub title: String,
    /// Stable code: `invalid`, `forbidden`, `time-taken`, `not-found`.
    pub code: String,
    /// The server's reason, in words.
    pub reason: String,
    /// When it was written here.
    pub made_at: String,
}
