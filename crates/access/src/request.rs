//! What somebody wants to do.

use crate::class::ResourceClass;
use crate::facts::Facts;
use crate::role::Role;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read a record by its id.
    Read,
    /// Find records.
    Search,
    /// Make a record.
    Create,
    /// Change a record.
    Update,
    /// Delete a record.
    Delete,
    /// Keep a copy on a workstation.
    Sync,
    /// Put one's name under a note.
    Sign,
    /// Merge two records of one person, undo that, or keep two apart.
    Merge,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Search,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Sync,
        Self::Sign,
        Self::Merge,
    ];

    /// The name in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Sync => "sync",
            Self::Sign => "sign",
            Self::Merge => "merge",
        }
    }

    /// The action with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// The verb of a refusal.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Read => "see",
            Self::Search => "search",
            Self::Create => "add to",
            Self::Update => "change",
            Self::Delete => "delete from",
            Self::Sync => "keep copies of",
            Self::Sign => "sign",
            Self::Merge => "merge",
        }
    }
}

/// One access that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    pub(crate) role: Role,
    pub(crate) action: Action,
    pub(crate) class: ResourceClass,
    pub(crate) facts: Option<Facts>,
}

impl Request {
    /// Somebody with `role` wants to do `action` to records of `class`. No patient is known:
    /// what is decided is whether the role does such a thing at all.
    pub fn new(role: Role, action: Action, class: ResourceClass) -> Self {
        Self {
            role,
            action,
            class,
            facts: None,
        }
    }

    /// The same about one patient.
    #[must_use]
    pub fn concerning(self, facts: Facts) -> Self {
        Self {
            facts: Some(facts),
            ..self
        }
    }
}
