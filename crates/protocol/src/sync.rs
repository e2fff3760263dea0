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
    /// Names the life of the database that this page is of. A restore begins another one, in
    /// which version numbers may mean other contents. None from a server that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<String>,
    /// How many links of this device's audit chain the server holds. Fewer than it acknowledged
    /// before say that it was restored, whoever says what. None from a server that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<u64>,
    /// What changed in what this computer may keep; none where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Box<ScopeChange>>,
}

/// What changed in what a computer may keep. Records outside charts are kept by their type; a
/// chart, the clinical records of one patient, is kept or not as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeChange {
    /// The types of records outside charts, on the first page and after the role changed. Records
    /// of types that are neither here nor in `chart` go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
    /// The types that charts are made of.
    pub chart: Vec<String>,
    /// Patients whose charts this computer may not keep any more: they go before the entries of
    /// this page are stored. Work on them that was not sent is sealed to the organisation's
    /// recovery key, kept and handed over.
    pub left: Vec<String>,
    /// Patients whose charts are here whole once the entries of this page are stored.
    pub arrived: Vec<String>,
}

/// Charts that a computer asks for and charts that it had no room for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartsRequest {
    /// Patients whose charts were opened and are not here. They come if the user may see them.
    pub wanted: Vec<String>,
    /// Patients whose charts made room. They do not come again before they are asked for, or for a
    /// week.
    pub dropped: Vec<String>,
}

/// Patients that one [`ChartsRequest`] may name.
pub const MAX_CHARTS: usize = 1_000;

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
