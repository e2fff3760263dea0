//! Records that may be one person's, and those that are.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::patient::PatientRow;

/// A patient who may be the one that is being registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LikelyView {
    /// Who.
    pub patient: PatientRow,
    /// Whether it is likely the same person, or merely possible.
    pub is_likely: bool,
    /// What was compared.
    pub findings: Vec<FindingView>,
}

/// What one element said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FindingView {
    /// The element.
    pub element: LikeElement,
    /// How they agree in it.
    pub agreement: LikeAgreement,
}

/// What two records are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum LikeElement {
    /// Given names.
    Given,
    /// Family name.
    Family,
    /// Junior, senior, third.
    Generation,
    /// Birth date.
    BirthDate,
    /// Administrative gender.
    Sex,
    /// Telephone.
    Phone,
    /// E-mail.
    Email,
    /// Postal address.
    Address,
    /// Social security number.
    SocialSecurity,
    /// Medical record number.
    RecordNumber,
    /// Another identifier.
    Identifier,
}

/// How they agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum LikeAgreement {
    /// The same.
    Same,
    /// Nearly.
    Close,
    /// In each other's place.
    Crossed,
    /// Different.
    Apart,
}

/// Two records that are likely one person's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PairView {
    /// The record that was there first, as far as is known.
    pub one: PairSide,
    /// The other.
    pub other: PairSide,
    /// What was compared.
    pub findings: Vec<FindingView>,
    /// Every element in which they differ.
    pub fields: Vec<PairField>,
}

/// One of two records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PairSide {
    /// Who.
    pub patient: PatientRow,
    /// Version that is shown.
    pub version: u32,
    /// Its last change, clinic time.
    pub changed_at: String,
    /// Appointments, past ones too.
    pub appointments: u32,
    /// Signed notes; none where they are closed to the user.
    pub notes: Option<u32>,
    /// All other clinical records; none where they are closed to the user.
    pub clinical: Option<u32>,
}

/// One element of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PairField {
    /// Name of the element of Patient.
    pub element: String,
    /// What the one says.
    pub one: Option<String>,
    /// What the other says.
    pub other: Option<String>,
    /// Whether both may stand side by side.
    pub is_list: bool,
}

/// Merging two records of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MergeForm {
    /// The record that survives, by logical id.
    pub survivor: String,
    /// Its version that was shown.
    pub survivor_version: u32,
    /// The record that is replaced.
    pub replaced: String,
    /// Its version that was shown.
    pub replaced_version: u32,
    /// What the survivor takes over; of all else it keeps its own.
    pub taken: Vec<TakenField>,
}

/// An element that the survivor takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TakenField {
    /// [`PairField::element`].
    pub element: String,
    /// Beside its own, or in place of it.
    pub beside: bool,
}

/// Two records that were merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MergedView {
    /// The record that was replaced; it names the one that stands for it.
    pub replaced: PatientRow,
    /// When it changed last, clinic time.
    pub changed_at: String,
}

/// Another record of a chart's patient, merged into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EarlierRecord {
    /// Whose record it was.
    pub patient: PatientRow,
    /// Whether the chart shows its content; it does not where the record is closed to the user.
    pub shown: bool,
}
