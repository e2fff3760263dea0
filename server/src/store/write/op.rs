//! What is asked of the write path, and what it answers.

use std::sync::Arc;

use fhir::outcome::Issue;
use jiff::Timestamp;
use ledger::event::AccessEvent;
use protocol::upload::StoredVersion;
use serde_json::Value;
use uuid::Uuid;

use crate::access::sight::{Sight, worded};
use crate::app::App;
use crate::store::error::StoreError;

/// Who writes, when, and where it is recorded.
pub struct WriteContext<'a> {
    /// The server.
    pub app: &'a App,
    /// The user or integration client.
    pub author: Uuid,
    /// The workstation, if the caller is one.
    pub device: Option<Uuid>,
    /// `meta.lastUpdated` of all versions of this call: [`App::now`].
    pub now: Timestamp,
    /// Where the audit event of this change is.
    pub recording: Recording<'a>,
    /// What policies say of each record; none for the operator, who imports.
    pub gate: Option<Gate<'a>>,
}

/// The caller's view, where a caller writes.
#[derive(Clone, Copy)]
pub struct Gate<'a> {
    /// What the caller may see and write.
    pub sight: &'a Sight<'a>,
    /// Whether the caller chooses the ids of new records: workstations do, off line. Others
    /// cannot make what they could not see afterwards.
    pub chooses_ids: bool,
}

/// Where the audit event of a change is.
#[derive(Clone, Copy)]
pub enum Recording<'a> {
    /// Append the event this makes (split so that each is about one patient), in the same
    /// transaction.
    Here(&'a (dyn Fn(&Touched) -> AccessEvent + Sync)),
    /// The caller appends to the same transaction by itself, or the workstation's signed chain
    /// holds the event of this change already.
    Elsewhere,
}

/// What a call touched, for its audit event.
#[derive(Debug, Default, Clone)]
pub struct Touched {
    /// Logical ids of patients, each once.
    pub patients: Vec<String>,
    /// `Type/id/_history/version`, in the order of the ops.
    pub entities: Vec<String>,
}

impl Touched {
    /// Of these answers.
    pub fn of(written: &[Written]) -> Self {
        let mut touched = Self::default();
        for one in written {
            for patient in one.patient.iter().chain(&one.left) {
                if !touched.patients.contains(patient) {
                    touched.patients.push(patient.clone());
                }
            }
            let stored = &one.stored;
            touched.entities.push(format!(
                "{}/{}/_history/{}",
                stored.resource_type, stored.id, stored.version
            ));
        }
        touched
    }
}

/// One change to one resource.
#[derive(Debug, Clone)]
pub enum WriteOp {
    /// A new resource under an id that the server drew ([`App::new_id`]); an id or meta.versionId
    /// in the body is replaced.
    Create {
        /// The fresh id.
        id: String,
        /// The body.
        resource: Value,
    },
    /// The resource with the id it has: created or updated, as `expect` allows.
    Put {
        /// The body, with its id.
        resource: Value,
        /// The condition.
        expect: Expect,
    },
    /// A JSON Patch of the current version.
    Patch {
        /// Type.
        resource_type: String,
        /// Logical id.
        id: String,
        /// RFC 6902 document.
        patch: Value,
        /// The condition; [`Expect::Absent`] is refused always.
        expect: Expect,
    },
    /// A soft delete: history stays. Deleting what is deleted already changes nothing.
    Delete {
        /// Type.
        resource_type: String,
        /// Logical id.
        id: String,
        /// The condition.
        expect: Expect,
    },
}

/// What must be so for an op to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// No condition.
    Anything,
    /// `If-Match`: this is the current version, and it is not a deletion.
    Version(u64),
    /// `If-None-Match: *`: there is none, or it is deleted.
    Absent,
}

/// What an op did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was none (or a deleted one) before.
    Created,
    /// There was an earlier version.
    Updated,
    /// It is deleted now.
    Deleted,
    /// It was deleted already, or never there: nothing was written.
    Nothing,
}

/// One op's answer.
#[derive(Debug, Clone)]
pub struct Written {
    /// The version it made (for [`Change::Nothing`], the one that was there; 0 if none).
    pub stored: StoredVersion,
    /// What it did.
    pub change: Change,
    /// The patient whose compartment it is in.
    pub patient: Option<String>,
    /// The patient whose compartment it was in before, if that was another one.
    pub left: Option<String>,
    /// The resource as stored, JSON; none for a deletion.
    pub body: Option<Arc<[u8]>>,
}

/// A refusal and the op that it is about.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
pub struct WriteError {
    /// Which op, counted from 0; none when it is about all of them.
    pub op: Option<usize>,
    /// Why.
    #[source]
    pub refusal: Refusal,
}

/// A resource that is not as the caller expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Which op.
    pub op: usize,
    /// Type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// The server's current version; none when it has none.
    pub current: Option<u64>,
}

/// Why a change is refused. Texts name elements and ids, never content.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body breaks the schema or the reference rules.
    #[error("the resource is not valid")]
    Invalid(Vec<Issue>),
    /// A reference points to nothing.
    #[error("a reference does not resolve")]
    Dangling(Vec<Issue>),
    /// `If-Match` is stale or the id is taken; all clashes of the call.
    #[error("somebody else changed it first")]
    Stale(Vec<Clash>),
    /// Patch of what is not there.
    #[error("there is no such resource")]
    NotFound {
        /// Type.
        resource_type: String,
        /// Logical id.
        id: String,
    },
    /// Patch of what was deleted.
    #[error("the resource was deleted")]
    Gone {
        /// Type.
        resource_type: String,
        /// Logical id.
        id: String,
    },
    /// Another active appointment takes a practitioner's time.
    #[error("the time is taken")]
    TimeTaken,
    /// The patch does not apply.
    #[error("the patch does not apply")]
    Patch(#[from] fhir::patch::PatchError),
    /// The keys of the record were destroyed: nothing can be added to it.
    #[error("the record is closed for good")]
    Destroyed,
    /// Two ops of the call change one resource.
    #[error("a resource is changed twice in one transaction")]
    Twice {
        /// Type.
        resource_type: String,
        /// Logical id.
        id: String,
    },
    /// Policy denies the caller this patient's records.
    #[error("policy denies it")]
    Denied(Box<access::Decision>),
    /// The database or a seal.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Refusal {
    /// Stable code, as `protocol::upload::Fate::Refused` carries it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Dangling(_) | Self::Twice { .. } | Self::Patch(_) => "invalid",
            Self::Stale(_) => "conflict",
            Self::NotFound { .. } | Self::Gone { .. } => "not-found",
            Self::TimeTaken => "time-taken",
            Self::Destroyed => crate::store::error::RECORD_DESTROYED,
            Self::Denied(decision) => match decision.verdict {
                access::Verdict::Allow | access::Verdict::Deny => "forbidden",
                needs => needs.as_str(),
            },
            Self::Store(_) => "unavailable",
        }
    }
}

impl WriteError {
    /// About one op.
    pub fn at(op: usize, refusal: impl Into<Refusal>) -> Self {
        Self {
            op: Some(op),
            refusal: refusal.into(),
        }
    }

    /// The refusal as an OperationOutcome's issues.
    pub fn issues(&self) -> Vec<Issue> {
        use fhir::outcome::IssueType;
        match &self.refusal {
            Refusal::Invalid(issues) | Refusal::Dangling(issues) => issues.clone(),
            Refusal::Stale(clashes) => clashes
                .iter()
                .map(|clash| {
                    let now = match clash.current {
                        Some(version) => format!("its current version is {version}"),
                        None => "it does not exist".to_owned(),
                    };
                    Issue::error(
                        IssueType::Conflict,
                        format!(
                            "{}/{} is not as expected: {now}",
                            clash.resource_type, clash.id
                        ),
                    )
                    .at(clash.resource_type.clone())
                })
                .collect(),
            Refusal::NotFound { resource_type, id } => {
                vec![Issue::error(
                    IssueType::NotFound,
                    format!("there is no {resource_type}/{id}"),
                )]
            }
            Refusal::Gone { resource_type, id } => {
                vec![Issue::error(
                    IssueType::Deleted,
                    format!("{resource_type}/{id} was deleted"),
                )]
            }
            Refusal::TimeTaken => vec![
                Issue::error(
                    IssueType::Conflict,
                    "time-taken: the practitioner has another active appointment at this time",
                )
                .at("Appointment.start"),
            ],
            Refusal::Destroyed => vec![Issue::error(
                IssueType::Deleted,
                "record-destroyed: the keys of this record were destroyed; nothing can be added to it",
            )],
            Refusal::Patch(error) => vec![error.issue()],
            Refusal::Denied(decision) => {
                vec![Issue::error(IssueType::Forbidden, worded(decision))]
            }
            Refusal::Twice { resource_type, id } => vec![Issue::error(
                IssueType::Invalid,
                format!("{resource_type}/{id} is changed more than once in this transaction"),
            )],
            Refusal::Store(error) => {
                vec![Issue::error(
                    IssueType::Transient,
                    format!("the store failed: {}", error.code()),
                )]
            }
        }
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self {
            op: None,
            refusal: match error {
                StoreError::RecordDestroyed => Refusal::Destroyed,
                error => Refusal::Store(error),
            },
        }
    }
}

impl From<tokio_postgres::Error> for WriteError {
    fn from(error: tokio_postgres::Error) -> Self {
        StoreError::from(error).into()
    }
}
