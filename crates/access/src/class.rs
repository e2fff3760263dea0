//! Classes of FHIR resource types: what a role alone can decide about.

use serde::{Deserialize, Serialize};

/// A class of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceClass {
    /// Who a patient is.
    Demographic,
    /// When somebody comes.
    Scheduling,
    /// Practitioners, places, devices.
    Directory,
    /// By whom a patient is insured.
    Coverage,
    /// What was billed, and for what.
    Financial,
    /// Who the patient wants to see the record.
    Consent,
    /// Who looked.
    Audit,
    /// The workstation itself, as its administrator sees it. No record is of this class.
    Workstation,
    /// All else, of which the least may be shown.
    Clinical,
}

impl ResourceClass {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Demographic,
        Self::Scheduling,
        Self::Directory,
        Self::Coverage,
        Self::Financial,
        Self::Consent,
        Self::Audit,
        Self::Workstation,
        Self::Clinical,
    ];

    /// The class of a FHIR resource type. A type that is not known is clinical: the class
    /// that is guarded most.
    pub fn of(resource_type: &str) -> Self {
        match resource_type {
            "Patient" | "RelatedPerson" => Self::Demographic,
            "Appointment" | "Schedule" | "Slot" => Self::Scheduling,
            "Practitioner" | "PractitionerRole" | "Organization" | "Location" | "Device" => {
                Self::Directory
            }
            "Coverage" => Self::Coverage,
            "Claim" | "ExplanationOfBenefit" => Self::Financial,
            "Consent" => Self::Consent,
            "AuditEvent" => Self::Audit,
            _ => Self::Clinical,
        }
    }

    /// The class of one record. What belongs to a patient is never mere directory: an implant is
    /// a Device, too.
    pub fn of_record(resource_type: &str, of_a_patient: bool) -> Self {
        match Self::of(resource_type) {
            Self::Directory if of_a_patient => Self::Clinical,
            class => class,
        }
    }

    /// The class with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// The name in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Demographic => "demographic",
            Self::Scheduling => "scheduling",
            Self::Directory => "directory",
            Self::Coverage => "coverage",
            Self::Financial => "financial",
            Self::Consent => "consent",
            Self::Audit => "audit",
            Self::Workstation => "workstation",
            Self::Clinical => "clinical",
        }
    }

    /// The records of the class, as the object of a sentence.
    pub(crate) fn records(self) -> &'static str {
        match self {
            Self::Demographic => "demographics",
            Self::Scheduling => "the schedule",
            Self::Directory => "the directory of practitioners, places and devices",
            Self::Coverage => "insurance coverage",
            Self::Financial => "claims",
            Self::Consent => "patients' consents",
            Self::Audit => "the audit",
            Self::Workstation => "how this workstation is run",
            Self::Clinical => "clinical records",
        }
    }
}
