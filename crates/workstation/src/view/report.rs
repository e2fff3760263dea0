//! Reports of accesses, and what the security officer has to look at.

use serde::{Deserialize, Serialize};
use specta::Type;

/// What a report is about. Every part that is given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReportForm {
    /// Patient's logical id.
    pub patient: Option<String>,
    /// The account's id.
    pub user: Option<String>,
    /// At or after this, RFC 3339.
    pub from: Option<String>,
    /// Before this, RFC 3339.
    pub until: Option<String>,
    /// Stable code of the action.
    pub action: Option<String>,
    /// Whether it was done.
    pub success: Option<bool>,
    /// What the rows are sorted by.
    pub sort: ReportSort,
    /// Ascending instead of descending.
    pub ascending: bool,
    /// Where the page begins, from the page before.
    pub cursor: Option<String>,
}

/// The fields that a report can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // The names say it; docs on each would break the type over many lines.
pub enum ReportSort {
    Recorded,
    User,
    Role,
    Action,
    Outcome,
    Patient,
    Device,
}

/// A page of accesses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccessPage {
    /// The rows.
    pub rows: Vec<AccessRow>,
    /// How many there are in all.
    pub total: u32,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// One access, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccessRow {
    /// Logical id of the AuditEvent.
    pub id: String,
    /// When, clinic time.
    pub at: String,
    /// Stable code of what was done.
    pub action_code: String,
    /// What was done, in words.
    pub what: String,
    /// Whether it was done; refused or failed otherwise.
    pub success: bool,
    /// The account's id, where known: what a report is filtered by.
    pub user: Option<String>,
    /// Name of the user.
    pub user_name: Option<String>,
    /// Wire name of the role.
    pub role: Option<String>,
    /// Name of the workstation or program.
    pub device_name: Option<String>,
    /// Address that it came from.
    pub address: Option<String>,
    /// Patient's logical id.
    pub patient: Option<String>,
    /// Patient's name, where the reader may know it.
    pub patient_name: Option<String>,
    /// Why it was granted or refused.
    pub explanation: Option<String>,
    /// The reason that the user gave.
    pub justification: Option<String>,
    /// What for (code of HL7 v3 ActReason).
    pub purpose: Option<String>,
}

/// In what form a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// A table.
    Csv,
    /// A Bundle of AuditEvents.
    Fhir,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// Where it is.
    pub path: String,
}

/// What is to be reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReviewsView {
    /// Newest first.
    pub items: Vec<ReviewView>,
    /// How many are open in all.
    pub open: u32,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// One thing to review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReviewView {
    /// Id.
    pub id: String,
    /// What it is.
    pub kind: ReviewKind,
    /// When it was opened, clinic time.
    pub opened_at: String,
    /// The audit event behind it.
    pub event: Option<String>,
    /// The account concerned.
    pub user: Option<String>,
    /// Its name.
    pub user_name: Option<String>,
    /// Patient's logical id.
    pub patient: Option<String>,
    /// Patient's name, where the reader may know it.
    pub patient_name: Option<String>,
    /// Name of the workstation concerned.
    pub device_name: Option<String>,
    /// What happened, in words; for an emergency the user's reason.
    pub words: String,
    /// How it was closed; none while it is open.
    pub closed: Option<ClosingView>,
}

/// What there can be to review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewKind {
    /// Somebody used emergency access.
    Emergency,
    /// A workstation's chain of events has a gap, was changed or was rolled back.
    ChainBroken,
    /// A workstation began its chain anew.
    DeviceReset,
    /// A workstation witnessed a ledger that does not continue.
    LedgerBroken,
    /// A token was used without its device's key.
    ProofRefused,
    /// The certificates of a video call were not those that were signed.
    CallForged,
    /// Unsent work on a chart that left a user's scope was sealed and handed over.
    WorkSetAside,
}

/// How a review ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ClosingView {
    /// When, clinic time.
    pub at: String,
    /// Name of who closed it.
    pub by: String,
    /// What was found.
    pub finding: ReviewFinding,
    /// In words.
    pub words: String,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewFinding {
    /// It was right.
    Justified,
    /// It was not right: to be followed up.
    Unjustified,
    /// It was a fault of the system.
    Technical,
}

/// Closes a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CloseForm {
    /// Which.
    pub id: String,
    /// What was found.
    pub finding: ReviewFinding,
    /// In words, 3 to 2,000 characters.
    pub words: String,
}
