//! A patient's chart.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::Standing;
use super::note::NoteLine;
use super::patient::PatientRow;
use super::same_person::EarlierRecord;

/// Everything the chart's screen shows when it opens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ChartView {
    /// Who.
    pub patient: PatientRow,
    /// Address in one line.
    pub address: Option<String>,
    /// Preferred language and the like, in words.
    pub flags: Vec<String>,
    /// Allergies, active first.
    pub allergies: Vec<ClinicalItem>,
    /// Problems, active first.
    pub problems: Vec<ClinicalItem>,
    /// Medications, active first.
    pub medications: Vec<ClinicalItem>,
    /// Immunisations, newest first.
    pub immunizations: Vec<ClinicalItem>,
    /// Encounters, newest first.
    pub encounters: Vec<EncounterLine>,
    /// Procedures, care plans, goals and reports, newest first.
    pub others: Vec<OtherLine>,
    /// Vital signs as series, oldest value first.
    pub vitals: Vec<Series>,
    /// Laboratory values as series, oldest value first.
    pub labs: Vec<Series>,
    /// Observations whose value is not a number, newest first.
    pub findings: Vec<Finding>,
    /// Signed notes, newest first.
    pub notes: Vec<NoteLine>,
    /// An unsigned draft of the user's for this patient, if there is one.
    pub draft: Option<String>,
    /// The access for a while that opened this chart; none where a relationship did.
    pub access: Option<super::access::AccessView>,
    /// Other records of this person that were merged into this one.
    pub earlier: Vec<EarlierRecord>,
}

/// A line in problems, medications, allergies, immunisations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ClinicalItem {
    /// `Type/id`.
    pub reference: String,
    /// What, in words.
    pub text: String,
    /// Code with its system's short name, `SNOMED 44054006`.
    pub code: Option<String>,
    /// Dose, reaction, criticality and the like.
    pub detail: Option<String>,
    /// Whether it counts now.
    pub active: bool,
    /// Clinical status in words.
    pub status: String,
    /// Since or when, a date.
    pub since: Option<String>,
    /// Who recorded it, where known.
    pub by: Option<String>,
    /// Where the record stands.
    pub standing: Standing,
}

/// An encounter on the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EncounterLine {
    /// `Encounter/id`.
    pub reference: String,
    /// Start.
    pub start: Option<String>,
    /// End.
    pub end: Option<String>,
    /// Kind, in words.
    pub text: String,
    /// Reason, in words.
    pub reason: Option<String>,
    /// Who.
    pub practitioner: Option<String>,
    /// Where.
    pub place: Option<String>,
    /// Status.
    pub status: String,
    /// Where the record stands.
    pub standing: Standing,
}

/// Another record on the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OtherLine {
    /// `Type/id`.
    pub reference: String,
    /// Kind of record: `Procedure`, `CarePlan`, `Goal`, `DiagnosticReport`, …
    pub kind: String,
    /// When.
    pub when: Option<String>,
    /// What, in words.
    pub text: String,
    /// Status.
    pub status: Option<String>,
    /// Where the record stands.
    pub standing: Standing,
}

/// Values of one kind over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// LOINC or other code; stable key.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// UCUM unit, as shown.
    pub unit: String,
    /// Lower bound of the reference range.
    pub low: Option<f64>,
    /// Upper bound of the reference range.
    pub high: Option<f64>,
    /// Values, oldest first.
    pub points: Vec<Point>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// `Observation/id`.
    pub reference: String,
    /// When it was measured, RFC 3339.
    pub at: String,
    /// The value.
    pub value: f64,
    /// `low`, `high` or none.
    pub mark: Option<String>,
    /// Where the record stands.
    pub standing: Standing,
}

/// An observation that is not a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `Observation/id`.
    pub reference: String,
    /// When.
    pub when: Option<String>,
    /// Name.
    pub name: String,
    /// Value in words.
    pub value: String,
    /// Where the record stands.
    pub standing: Standing,
}

/// A set of vital signs. Absent values are not recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VitalsForm {
    /// Patient's logical id.
    pub patient: String,
    /// mm[Hg]
    pub systolic: Option<f64>,
    /// mm[Hg]
    pub diastolic: Option<f64>,
    /// /min
    pub heart_rate: Option<f64>,
    /// /min
    pub respiratory_rate: Option<f64>,
    /// Cel
    pub temperature: Option<f64>,
    /// %
    pub oxygen_saturation: Option<f64>,
    /// kg
    pub weight: Option<f64>,
    /// cm
    pub height: Option<f64>,
}

/// A new problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ProblemForm {
    /// Patient's logical id.
    pub patient: String,
    /// What, in words.
    pub text: String,
    /// SNOMED CT code, if one was picked.
    pub snomed: Option<String>,
    /// ICD-10-CM code, if one was picked.
    pub icd10: Option<String>,
    /// Onset, `YYYY-MM-DD`; may be absent.
    pub onset: Option<String>,
}

/// A term offered while a problem is typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ProblemTerm {
    /// What, in words.
    pub text: String,
    /// SNOMED CT code.
    pub snomed: String,
    /// ICD-10-CM code.
    pub icd10: String,
}
