//! Everything that exists only here, for escrow and for a person's own eyes.

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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unsent {
    /// Changes that the server has not confirmed, oldest first; conflicts are among them.
    pub changes: Vec<UnsentChange>,
    /// Drafts.
    pub drafts: Vec<UnsentDraft>,
    /// Audit links that the server does not have.
    pub audit: Vec<Link>,
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
    /// Changes that the server has not confirmed, oldest first.
    pub fn unsent_changes(&self) -> Result<Vec<UnsentChange>, StoreError> {
        let mut changes = Vec::new();
        for (entry, line) in self.entries()?.into_iter().zip(self.outbox()?) {
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

    /// Everything that exists only here.
    pub fn unsent(&self) -> Result<Unsent, StoreError> {
        let drafts = self
            .drafts()?
            .into_iter()
            .map(|draft| UnsentDraft {
                id: draft.id,
                patient: draft.patient,
                body: draft.body,
                changed: draft.changed,
            })
            .collect();
        Ok(Unsent {
            changes: self.unsent_changes()?,
            drafts,
            audit: self.links_to_send(usize::MAX >> 1)?,
        })
    }
}
