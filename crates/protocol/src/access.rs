//! Access that has to be asked for: with a reason, or in an emergency.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secret::Secret;

/// A user gives a reason for needing a patient's record without a relationship to the patient.
#[derive(Debug, Serialize, Deserialize)]
pub struct JustifyRequest {
    /// Logical id of the Patient.
    pub patient: String,
    /// In the user's words, 3 to 500 characters.
    pub reason: String,
}

/// Emergency access to one patient's record. The password is asked for again.
#[derive(Debug, Serialize, Deserialize)]
pub struct EmergencyRequest {
    /// Logical id of the Patient.
    pub patient: String,
    /// In the user's words, 3 to 500 characters.
    pub reason: String,
    /// The user's password.
    pub password: Secret,
}

/// Access for a while, on somebody's own word.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct AccessGrant {
    /// Id; that of the audit event that records it.
    pub id: Uuid,
    /// Logical id of the Patient.
    pub patient: String,
    /// What it was given for.
    pub kind: GrantKind,
    /// The user's words.
    pub reason: String,
    /// From when.
    pub from: Timestamp,
    /// Until when, excluded.
    pub until: Timestamp,
}

/// On what ground access was given.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// A reason, where there is no relationship.
    Justified,
    /// An emergency: reviewed afterwards in every case.
    Emergency,
}
