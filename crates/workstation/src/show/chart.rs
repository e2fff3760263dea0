//! A chart, record by record.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::items::Coded;
use super::series::Values;
use super::{items, notes, people, timeline, tree};
use crate::view::Standing;
use crate::view::chart::{ChartView, ClinicalItem, EncounterLine, OtherLine};
use crate::view::note::NoteLine;
use crate::view::patient::PatientRow;

/// The record types that a chart shows.
pub const TYPES: &[&str] = &[
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "MedicationRequest",
    "Observation",
    "Patient",
    "Procedure",
];

/// Those of them that are not the Patient: what a record that was merged into another adds.
pub const CLINICAL: &[&str] = &[
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "MedicationRequest",
    "Observation",
    "Procedure",
];

/// What a chart needs of other records: asked for while its own are read.
pub struct Lookup<'a> {
    /// Names behind `Type/id` references.
    pub name: &'a dyn Fn(&str) -> Option<String>,
    /// Medications behind references.
    pub medication: &'a dyn Fn(&str) -> Option<Coded>,
}

/// A chart in the making.
pub struct Chart<'a> {
    zone: &'a TimeZone,
    lookup: Lookup<'a>,
    patient: Option<Value>,
    allergies: Vec<ClinicalItem>,
    problems: Vec<ClinicalItem>,
    medications: Vec<ClinicalItem>,
    immunizations: Vec<ClinicalItem>,
    encounters: Vec<EncounterLine>,
    others: Vec<OtherLine>,
    values: Values,
    notes: Vec<NoteLine>,
}

impl<'a> Chart<'a> {
    /// An empty chart.
    #[must_use]
    pub fn new(zone: &'a TimeZone, lookup: Lookup<'a>) -> Self {
        Self {
            zone,
            lookup,
            patient: None,
            allergies: Vec::new(),
            problems: Vec::new(),
            medications: Vec::new(),
            immunizations: Vec::new(),
            encounters: Vec::new(),
            others: Vec::new(),
            values: Values::default(),
            notes: Vec::new(),
        }
    }

    /// Takes a record in.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn add(
        &mut self,
        resource_type: &str,
        json: &str,
        standing: Standing,
    ) -> Result<(), serde_json::Error> {
        let zone = self.zone;
        if resource_type == "Patient" {
            self.patient = Some(serde_json::from_str(json)?);
            return Ok(());
        }
        let resource = &tree::read(json)?;
        match resource_type {
            "AllergyIntolerance" => self
                .allergies
                .push(items::allergy(resource, standing, zone)),
            "Condition" => self.problems.push(items::problem(resource, standing, zone)),
            "MedicationRequest" => self.medications.push(items::medication(
                resource,
                standing,
                zone,
                self.lookup.medication,
            )),
            "Immunization" => {
                self.immunizations
                    .push(items::immunization(resource, standing, zone));
            }
            "Encounter" => self.encounters.push(timeline::encounter(
                resource,
                standing,
                zone,
                self.lookup.name,
            )),
            "Observation" => self.values.add(resource, standing, zone),
            "DocumentReference" => {
                self.notes
                    .push(notes::line(resource, standing, zone, self.lookup.name));
            }
            _ => self.others.push(timeline::other(resource, zone, standing)),
        }
        Ok(())
    }

    /// The view. `row` is the patient as lists show one.
    #[must_use]
    pub fn finish(mut self, row: PatientRow, adult: bool, draft: Option<String>) -> ChartView {
        let patient = self.patient.unwrap_or(Value::Null);
        let (vitals, labs, findings) = self.values.finish(adult);
        self.encounters.sort_by(|a, b| b.start.cmp(&a.start));
        self.notes.sort_by(|a, b| b.signed_at.cmp(&a.signed_at));
        self.others.sort_by(|a, b| b.when.cmp(&a.when));
        ChartView {
            address: people::address(&patient),
            flags: people::flags(&patient),
            patient: row,
            allergies: items::sorted(self.allergies),
            problems: items::sorted(self.problems),
            medications: items::sorted(self.medications),
            immunizations: items::sorted(self.immunizations),
            encounters: self.encounters,
            others: self.others,
            vitals,
            labs,
            findings,
            notes: self.notes,
            draft,
            access: None,
            earlier: Vec::new(),
        }
    }
}
