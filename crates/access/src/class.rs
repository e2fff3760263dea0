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
    /// Who pays.
    Financial,
    /// Who looked.
    Audit,
    /// All else, of which the least may be shown.
    Clinical,
}

impl ResourceClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Demographic,
        Self::Scheduling,
        Self::Directory,
        Self::Financial,
        Self::Audit,
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
            "Coverage" | "Claim" | "ExplanationOfBenefit" => Self::Financial,
            "AuditEvent" => Self::Audit,
            _ => Self::Clinical,
        }
    }

    /// The name in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Demographic => "demographic",
            Self::Scheduling => "scheduling",
            Self::Directory => "directory",
            Self::Financial => "financial",
            Self::Audit => "audit",
            Self::Clinical => "clinical",
        }
    }

    /// The records of the class, as the object of a sentence.
    pub(crate) fn records(self) -> &'static str {
        match self {
            Self::Demographic => "demographics",
            Self::Scheduling => "the schedule",
            Self::Directory => "the directory of practitioners, places and devices",
            Self::Financial => "coverage and claims",
            Self::Audit => "the audit",
            Self::Clinical => "clinical records",
        }
    }
}
