//! What can be wrong with a ledger, and where.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The event of a position is gone.
    EventDeleted,
    /// An event is not the one that was recorded, or cannot be opened.
    EventEdited,
    /// A column that the event is found by says something else than the event.
    ColumnEdited,
    /// The event is hidden from reports about its patient, or shown in another's.
    PatientEdited,
    /// A position is missing.
    PositionDeleted,
    /// Positions at the end are missing.
    CutOff,
    /// Another event stands at this position than the one that was placed there.
    Reordered,
    /// An event that should have a position has none.
    Unplaced,
    /// The leaves do not lead to the root that was signed.
    Root,
    /// A checkpoint was changed, or not signed by the ledger's key.
    Checkpoint,
    /// A stored node is not what its leaves make it.
    Node,
    /// The checkpoint kept outside the database does not fit.
    Outside,
    /// A device's chain has a hole.
    Chain,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub fault: Fault,
    /// Position in the ledger, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The event, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Uuid>,
    /// In words. Names columns and ids, never content.
    pub words: String,
}

impl Finding {
    /// A finding of which nothing is known yet.
    pub fn of(fault: Fault) -> Self {
        Self {
            fault,
            position: None,
            event: None,
            words: String::new(),
        }
    }

    /// At this position.
    #[must_use]
    pub fn at(mut self, position: u64) -> Self {
        self.position = Some(position);
        self
    }

    /// About this event.
    #[must_use]
    pub fn about(mut self, event: Uuid) -> Self {
        self.event = Some(event);
        self
    }

    /// In these words.
    #[must_use]
    pub fn saying(mut self, words: impl Into<String>) -> Self {
        self.words = words.into();
        self
    }
}
