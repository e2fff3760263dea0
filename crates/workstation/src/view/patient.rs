//! Finding, registering and editing patients.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::Standing;

/// A patient in a list: what tells people apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PatientRow {
    /// Logical id.
    pub id: String,
    /// Name for people, in its own script.
    pub name: String,
    /// Birth date, `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub birth_date: Option<String>,
    /// Age as clinicians say it: `3 w`, `14 mo`, `7 y`; `died 2019` after death.
    pub age: Option<String>,
    /// `female`, `male`, `other`, `unknown`.
    pub sex: Option<String>,
    /// Medical record number.
    pub mrn: Option<String>,
    /// First telephone number.
    pub phone: Option<String>,
    /// Date of the last encounter.
    pub last_seen: Option<String>,
    /// The record that stands for this person since this one was merged into it.
    pub replaced_by: Option<Survivor>,
    /// Where the Patient record stands.
    pub standing: Standing,
}

/// The record that others of the same person were merged into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Survivor {
    /// Logical id.
    pub id: String,
    /// Name for people.
    pub name: String,
}

/// Hits of a search, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PatientPage {
    /// The rows asked for.
    pub rows: Vec<PatientRow>,
    /// Whether there are more.
    pub more: bool,
}

/// Demographics as the form holds them. `id` absent: a new patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PatientForm {
    /// Logical id of the patient to edit.
    pub id: Option<String>,
    /// Version the form was filled from; a save over another version merges or conflicts.
    pub version: Option<u32>,
    /// Given names, separated by spaces.
    pub given: String,
    /// Family name.
    pub family: String,
    /// `YYYY-MM-DD`.
    pub birth_date: String,
    /// `female`, `male`, `other`, `unknown`.
    pub sex: String,
    /// Medical record number.
    pub mrn: String,
    /// Social security number; may be empty.
    pub ssn: String,
    /// Telephone; may be empty.
    pub phone: String,
    /// E-mail; may be empty.
    pub email: String,
    /// Street and house number; may be empty.
    pub street: String,
    /// Town; may be empty.
    pub city: String,
    /// State; may be empty.
    pub state: String,
    /// Postal code; may be empty.
    pub postal_code: String,
}
