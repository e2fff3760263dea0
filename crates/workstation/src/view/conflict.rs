//! What needs a person.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::same_person::{MergedView, PairView};

/// The inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InboxView {
    /// Two versions of one record.
    pub conflicts: Vec<ConflictView>,
    /// Changes that the server refused.
    pub refused: Vec<RefusedView>,
    /// What came from the server and could not be read.
    pub unreadable: Vec<UnreadableView>,
    /// Records that are likely one person's, for who may merge them.
    pub pairs: Vec<PairView>,
    /// Records that were merged, for who may undo it; the latest first.
    pub merges: Vec<MergedView>,
    /// Work that was not sent when its chart left this computer.
    pub set_aside: Vec<SetAsideView>,
}

/// Work that was not sent when its chart left this computer: sealed to the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SetAsideView {
    /// Its name; the security officer finds the review by it.
    pub id: String,
    /// Logical id of the patient, where it is of one.
    pub patient: Option<String>,
    /// Name of the patient, where it is known here.
    pub name: Option<String>,
    /// Changes in it.
    pub changes: u32,
    /// Drafts in it.
    pub drafts: u32,
    /// Records in it that a restored server may have lost.
    pub records: u32,
    /// When it was set aside.
    pub made_at: String,
    /// Whether the server has it.
    pub handed: bool,
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
    /// Who wrote mine.
    pub mine_by: Option<String>,
    /// Who wrote theirs, where the server said so.
    pub theirs_by: Option<String>,
    /// Whether mine deletes the record.
    pub mine_deleted: bool,
    /// Whether theirs deleted it.
    pub theirs_deleted: bool,
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

/// A side for each element that both changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CombineForm {
    /// Conflict id.
    pub id: String,
    /// One for each touching element.
    pub fields: Vec<ChosenField>,
}

/// Which side one element is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ChosenField {
    /// [`ConflictField::path`].
    pub path: String,
    /// The side.
    pub side: ConflictSide,
}

/// A side of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictSide {
    /// What was written here.
    Mine,
    /// What the server has.
    Theirs,
}

/// Something that came from the server and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct UnreadableView {
    /// `Type/id`.
    pub reference: String,
    /// What it is, in words.
    pub title: String,
    /// Stable code: `unreadable`, `unfit`.
    pub code: String,
    /// What is wrong with it and what is safe, in words.
    pub reason: String,
    /// When it came.
    pub arrived_at: String,
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
