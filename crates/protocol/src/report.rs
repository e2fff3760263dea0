//! Reports from the audit, and what the security officer has to look at.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a report is about. Every part that is given must fit. Sent as a query string.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct ReportQuery {
    /// Logical id of the Patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Uuid>,
    /// Recorded at or after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Recorded before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Stable code of the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Whether it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// What the rows are sorted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<ReportSort>,
    /// Ascending instead of descending.
    pub ascending: bool,
    /// Rows of a page, at most 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page begins, from the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The fields that a report can be sorted by.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum ReportSort {
    /// When it happened.
    #[default]
    Recorded,
    /// Name of the user.
    User,
    /// Role of the user.
    Role,
    /// What was done.
    Action,
    /// Whether it was done.
    Outcome,
    /// The patient's logical id.
    Patient,
    /// The workstation.
    Device,
}

/// A page of a report.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ReportPage {
    /// The rows.
    pub rows: Vec<ReportRow>,
    /// How many rows there are in all.
    pub total: u64,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// One access.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ReportRow {
    /// Logical id of the AuditEvent.
    pub id: Uuid,
    /// When it happened.
    pub recorded: Timestamp,
    /// Stable code of what was done.
    pub action: String,
    /// Whether it was done; refused or failed otherwise.
    pub success: bool,
    /// The account, where known.
    pub user: Option<Uuid>,
    /// Name of the user.
    pub user_name: Option<String>,
    /// Wire name of the role.
    pub role: Option<String>,
    /// The workstation.
    pub device: Option<Uuid>,
    /// Name of the workstation or program.
    pub device_name: Option<String>,
    /// Address that it came from.
    pub address: Option<String>,
    /// Logical id of the patient.
    pub patient: Option<String>,
    /// Name of the patient, where the reader may know it.
    pub patient_name: Option<String>,
    /// References to the resources concerned.
    pub entities: Vec<String>,
    /// Why it was granted or refused.
    pub explanation: Option<String>,
    /// The reason that the user gave.
    pub justification: Option<String>,
    /// What for (code of HL7 v3 ActReason).
    pub purpose: Option<String>,
}

/// Everybody who can stand in the audit.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct UserList {
    /// By name.
    pub users: Vec<ListedUser>,
}

/// A user or a program, as filters of the audit offer one.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ListedUser {
    /// The account.
    pub id: Uuid,
    /// Name for people.
    pub name: String,
    /// Wire name of the role.
    pub role: String,
    /// Whether the account is disabled; what it did stays.
    pub disabled: bool,
}

/// What the security officer has to look at.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ReviewPage {
    /// Newest first.
    pub items: Vec<ReviewItem>,
    /// How many are open in all.
    pub open: u64,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// One thing to look at.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ReviewItem {
    /// Id.
    pub id: Uuid,
    /// What it is.
    pub kind: ReviewKind,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The audit event behind it.
    pub event: Option<Uuid>,
    /// The account concerned.
    pub user: Option<Uuid>,
    /// Its name.
    pub user_name: Option<String>,
    /// Logical id of the patient concerned.
    pub patient: Option<String>,
    /// Name of the patient, where the reader may know it.
    pub patient_name: Option<String>,
    /// The workstation concerned.
    pub device: Option<Uuid>,
    /// Its name.
    pub device_name: Option<String>,
    /// What happened, in words for the screen; for an emergency the user's reason.
    pub words: String,
    /// How it was closed; none while it is open.
    pub closed: Option<Closing>,
}

/// What there can be to look at.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewKind {
    /// Somebody used emergency access.
    Emergency,
    /// A workstation's chain of events has a gap, was changed or was rolled back.
    ChainBroken,
    /// A workstation began its chain anew: it was wiped or copied.
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
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// Name of who closed it.
    pub by: String,
    /// What was found.
    pub finding: Finding,
    /// In words, 3 to 2,000 characters.
    pub words: String,
}

/// What was found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It was right.
    Justified,
    /// It was not right: to be followed up.
    Unjustified,
    /// It was a fault of the system.
    Technical,
}

/// Closes a review item.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct CloseReview {
    /// Which.
    pub id: Uuid,
    /// What was found.
    pub finding: Finding,
    /// In words, 3 to 2,000 characters.
    pub words: String,
}
