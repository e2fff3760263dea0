//! The feed: what changed, in commit order, for one user and device.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One page. Apply all of it, then keep `cursor`; asking again with an old cursor is harmless.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncPage {
    /// Opaque position after this page.
    pub cursor: String,
    /// Changes, oldest commit first. A resource that changed twice appears once, as it is now.
    pub entries: Vec<SyncEntry>,
    /// Whether another page waits already.
    pub more: bool,
    /// How many entries are still to come after this page, for a progress bar; an estimate.
    pub remaining: u64,
}

/// One resource as it stands on the server.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncEntry {
    /// FHIR resource type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// `meta.versionId`, a positive integer.
    pub version: u64,
    /// `meta.lastUpdated`.
    pub last_updated: jiff::Timestamp,
    /// Logical id of the Patient whose compartment it is in, if it is in one.
    pub patient: Option<String>,
    /// The resource, or `None` when it was deleted.
    pub resource: Option<Box<RawValue>>,
    /// Name of who made this version: told where a person has to choose between it and another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}
