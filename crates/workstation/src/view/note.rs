//! Notes and their drafts.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::Standing;

/// A signed note in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NoteLine {
    /// `DocumentReference/id`.
    pub reference: String,
    /// Kind, in words.
    pub title: String,
    /// Signed at.
    pub signed_at: Option<String>,
    /// Author.
    pub author: Option<String>,
    /// First words.
    pub preview: String,
    /// Where the record stands.
    pub standing: Standing,
}

/// A signed note, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NoteView {
    /// Its line.
    pub line: NoteLine,
    /// The text as sections; a note from elsewhere is one section without a title.
    pub sections: Vec<NoteSection>,
}

/// A titled piece of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NoteSection {
    /// Title; may be empty.
    pub title: String,
    /// Plain text.
    pub text: String,
}

/// A SOAP note while it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DraftView {
    /// Draft id.
    pub id: String,
    /// Patient's logical id.
    pub patient: String,
    /// Subjective.
    pub subjective: String,
    /// Objective.
    pub objective: String,
    /// Assessment.
    pub assessment: String,
    /// Plan.
    pub plan: String,
    /// Last kept at, clinic time.
    pub kept_at: String,
}

/// The text to keep. Sent at every pause of typing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DraftForm {
    /// Draft id; absent for the first keeping.
    pub id: Option<String>,
    /// Patient's logical id.
    pub patient: String,
    /// Subjective.
    pub subjective: String,
    /// Objective.
    pub objective: String,
    /// Assessment.
    pub assessment: String,
    /// Plan.
    pub plan: String,
}
