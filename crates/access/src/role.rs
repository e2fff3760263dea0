//! The roles that policies name.

use serde::{Deserialize, Serialize};

/// What somebody is here. The wire names are those of the protocol and the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Treats and signs.
    Clinician,
    /// Treats.
    Nurse,
    /// Registers and books.
    FrontDesk,
    /// Watches and responds.
    SecurityOfficer,
    /// Keeps users, rooms and devices.
    Administrator,
    /// Reads the audit.
    Auditor,
    /// A program.
    Integration,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Clinician,
        Self::Nurse,
        Self::FrontDesk,
        Self::SecurityOfficer,
        Self::Administrator,
        Self::Auditor,
        Self::Integration,
    ];

    /// The name in policies, on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clinician => "clinician",
            Self::Nurse => "nurse",
            Self::FrontDesk => "front-desk",
            Self::SecurityOfficer => "security-officer",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
            Self::Integration => "integration",
        }
    }

    /// The role with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// The holders of the role, as the subject of a sentence.
    pub(crate) fn people(self) -> &'static str {
        match self {
            Self::Clinician => "Clinicians",
            Self::Nurse => "Nurses",
            Self::FrontDesk => "Front-desk staff",
            Self::SecurityOfficer => "Security officers",
            Self::Administrator => "Administrators",
            Self::Auditor => "Auditors",
            Self::Integration => "Integration clients",
        }
    }
}
