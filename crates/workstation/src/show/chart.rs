//! A chart, record by record.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::series::Values;
use super::{items, notes, people, timeline};
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

/// A chart in the making.
#[derive(Default)]
pub struct Chart {
    patient: Option<Value>,
    allergies: Vec<ClinicalItem>,
    problems: Vec<ClinicalItem>,
    medications: Vec<(Value, Standing)>,
    immunizations: Vec<ClinicalItem>,
    encounters: Vec<(Value, Standing)>,
    others: Vec<OtherLine>,
    values: Values,
    notes: Vec<(Value, Standing)>,
}

/// What a chart needs of other records, looked up after its own were read.
pub struct Lookup<'a> {
    /// Names behind `Type/id` references.
    pub name: &'a dyn Fn(&str) -> Option<String>,
    /// Medications behind references.
    pub medication: &'a dyn Fn(&str) -> Option<Value>,
}

impl Chart {
    /// Takes a record in.
    pub fn add(
        &mut self,
        resource_type: &str,
        resource: Value,
        standing: Standing,
        zone: &TimeZone,
    ) {
        match resource_type {
            "Patient" => self.patient = Some(resource),
            "AllergyIntolerance" => self
                .allergies
                .push(items::allergy(&resource, standing, zone)),
            "Condition" => self
                .problems
                .push(items::problem(&resource, standing, zone)),
            "MedicationRequest" => self.medications.push((resource, standing)),
            "Immunization" => self
                .immunizations
                .push(items::immunization(&resource, standing, zone)),
            "Encounter" => self.encounters.push((resource, standing)),
            "Observation" => self.values.add(&resource, standing, zone),
            "DocumentReference" => self.notes.push((resource, standing)),
            _ => self.others.push(timeline::other(&resource, zone)),
        }
    }

    /// References to other records whose names the chart shows.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        let mut wanted = HashMap::new();
        let all = self
            .encounters
            .iter()
            .chain(&self.notes)
            .chain(&self.medications);
        for (resource, _) in all {
            fhir::reference::each_reference(resource, |_, reference| {
                let kind = reference.split('/').next().unwrap_or_default();
                if matches!(
                    kind,
                    "Practitioner" | "Location" | "Organization" | "Medication"
                ) {
                    wanted.insert(reference.to_owned(), ());
                }
            });
        }
        wanted.into_keys().collect()
    }

    /// The view. `row` is the patient as lists show one.
    #[must_use]
    pub fn finish(
        self,
        row: PatientRow,
        adult: bool,
        draft: Option<String>,
        zone: &TimeZone,
        lookup: &Lookup<'_>,
    ) -> ChartView {
        let patient = self.patient.unwrap_or(Value::Null);
        let (vitals, labs, findings) = self.values.finish(adult);
        let medications = self
            .medications
            .iter()
            .map(|(resource, standing)| {
                items::medication(resource, *standing, zone, lookup.medication)
            })
            .collect();
        let mut encounters: Vec<EncounterLine> = self
            .encounters
            .iter()
            .map(|(resource, standing)| timeline::encounter(resource, *standing, zone, lookup.name))
            .collect();
        encounters.sort_by(|a, b| b.start.cmp(&a.start));
        let mut notes: Vec<NoteLine> = self
            .notes
            .iter()
            .map(|(resource, standing)| notes::line(resource, *standing, zone, lookup.name))
            .collect();
        notes.sort_by(|a, b| b.signed_at.cmp(&a.signed_at));
        let mut others = self.others;
        others.sort_by(|a, b| b.when.cmp(&a.when));
        ChartView {
            address: people::address(&patient),
            flags: people::flags(&patient),
            patient: row,
            allergies: items::sorted(self.allergies),
            problems: items::sorted(self.problems),
            medications: items::sorted(medications),
            immunizations: items::sorted(self.immunizations),
            encounters,
            others,
            vitals,
            labs,
            findings,
            notes,
            draft,
        }
    }
}
