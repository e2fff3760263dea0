//! Everything that exists only here, for escrow and for a person's own eyes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ledger::chain::Link;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::merging::parse;
use crate::outbox::{OutboxState, Refusal};
use crate::store::Reading;

/// What would be lost with this cache.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Unsent {
    /// Changes that the server has not confirmed, oldest first; conflicts are among them.
    pub changes: Vec<UnsentChange>,
    /// Drafts.
    pub drafts: Vec<UnsentDraft>,
    /// Audit links that the server does not have.
    pub audit: Vec<Link>,
    /// Records that the server had, and may have lost since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Value>,
    /// Work that was sealed by itself before, and that the server does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<UnsentSealed>,
}

impl Unsent {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.drafts.is_empty()
            && self.audit.is_empty()
            && self.records.is_empty()
            && self.set_aside.is_empty()
    }
}

/// Work that was sealed to the organisation's recovery key before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnsentSealed {
    /// Its name.
    pub id: Uuid,
    /// Logical id of the patient.
    pub patient: Option<String>,
    /// The sealed work, base64.
    pub sealed: String,
}

impl UnsentSealed {
    pub(crate) fn new(id: Uuid, patient: Option<String>, sealed: &[u8]) -> Self {
        Self {
            id,
            patient,
            sealed: STANDARD.encode(sealed),
        }
    }
}

/// A change that is not confirmed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnsentChange {
    /// Its idempotency key.
    pub key: Uuid,
    /// What kind of change.
    pub label: String,
    /// When it was made.
    pub made: Timestamp,
    /// `waiting`, `sent`, `conflict` or `refused`.
    pub state: &'static str,
    /// Stable code of a refusal.
    pub refused: Option<String>,
    /// The records.
    pub records: Vec<UnsentRecord>,
}

/// A record of a change that is not confirmed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnsentRecord {
    /// FHIR resource type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// Version it was made on; 0 creates; none: on the change before it.
    pub base_version: Option<i64>,
    /// Before the change.
    pub base: Option<Value>,
    /// After the change; none deletes.
    pub mine: Option<Value>,
    /// The server's version that it clashes with.
    pub theirs: Option<Value>,
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnsentDraft {
    /// Draft id.
    pub id: Uuid,
    /// Logical id of the patient.
    pub patient: String,
    /// Its content.
    pub body: Value,
    /// When it was last kept.
    pub changed: Timestamp,
}

impl Reading<'_> {
    /// Everything that exists only here.
    pub fn unsent(&self) -> Result<Unsent, StoreError> {
        Ok(Unsent {
            changes: self.unsent_changes()?,
            drafts: self.unsent_drafts(|_| true)?,
            audit: self.links_to_send(usize::MAX >> 1)?,
            records: Vec::new(),
            set_aside: self.sealed_unsent()?,
        })
    }

    /// Changes that the server has not confirmed, oldest first.
    pub fn unsent_changes(&self) -> Result<Vec<UnsentChange>, StoreError> {
        self.unsent_changes_of(|_| true)
    }

    /// Changes of these entries of the outbox.
    pub(crate) fn unsent_changes_of(
        &self,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<Vec<UnsentChange>, StoreError> {
        let mut changes = Vec::new();
        for (entry, line) in self.entries()?.into_iter().zip(self.outbox()?) {
            if !wanted(entry.seq) {
                continue;
            }
            let mut records = Vec::new();
            for stored in self.lines_of(entry.seq)? {
                records.push(UnsentRecord {
                    base_version: stored.base_version,
                    base: parse(stored.base.as_deref())?,
                    mine: parse(stored.mine.as_deref())?,
                    theirs: parse(stored.theirs.as_deref())?,
                    resource_type: stored.resource_type,
                    id: stored.id,
                });
            }
            changes.push(UnsentChange {
                key: line.key,
                label: line.label,
                made: line.made,
                state: match line.state {
                    OutboxState::Waiting => "waiting",
                    OutboxState::Sent => "sent",
                    OutboxState::Conflict => "conflict",
                    OutboxState::Refused => "refused",
                },
                refused: line.refusal.map(|Refusal { code, .. }| code),
                records,
            });
        }
        Ok(changes)
    }

    /// These drafts.
    pub(crate) fn unsent_drafts(
        &self,
        wanted: impl Fn(Uuid) -> bool,
    ) -> Result<Vec<UnsentDraft>, StoreError> {
        let drafts = self.drafts()?.into_iter();
        Ok(drafts
            .filter(|draft| wanted(draft.id))
            .map(|draft| UnsentDraft {
                id: draft.id,
                patient: draft.patient,
                body: draft.body,
                changed: draft.changed,
            })
            .collect())
    }
}
