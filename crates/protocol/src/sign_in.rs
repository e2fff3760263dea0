//! Enrolment of a device, sign-in, and what a session carries.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secret::Secret;
use crate::statement::Signed;

/// First contact of a device for one user: password and one-time code together.
/// The request carries a DPoP proof made with the key in `device`, without `ath`.
#[derive(Debug, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// Sign-in name, compared without regard to case.
    pub username: String,
    /// The user's password.
    pub password: Secret,
    /// Six digits of RFC 6238.
    pub totp: Secret,
    /// The device that asks.
    pub device: DeviceCard,
}

/// What a device says of itself.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct DeviceCard {
    /// Chosen by the device, kept for its life.
    pub id: Uuid,
    /// Shown to administrators, at most 100 characters.
    pub name: String,
    /// Operating system family: `linux`, `windows`, `macos`.
    pub platform: String,
    /// Ed25519 public key, base64url without padding.
    pub public_key: String,
}

/// Sign-in on an enrolled device. The request carries a DPoP proof, without `ath`;
/// its key names the device.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignInRequest {
    /// Sign-in name.
    pub username: String,
    /// The user's password.
    pub password: Secret,
}

/// A new password, on line. The request carries the session's token and proof.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordChange {
    /// The password as it is.
    pub current: Secret,
    /// As it shall be.
    pub next: Secret,
}

/// A session: a token bound to the device key, and what the workstation must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionGrant {
    /// Opaque access token, sent as `Authorization: DPoP <token>`.
    pub token: Secret,
    /// When it ends, RFC 3339.
    pub expires_at: jiff::Timestamp,
    /// Who signed in.
    pub user: UserCard,
    /// Whose records these are.
    pub organisation: OrganisationCard,
    /// Rules that the workstation follows.
    pub policy: Policy,
    /// How long the user may work on this device without the server: a signed
    /// [`crate::statement::Lease`]. None from a server that gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Signed>,
}

/// A user, as other parts of the system name one.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct UserCard {
    /// Stable id.
    pub id: Uuid,
    /// Sign-in name.
    pub username: String,
    /// Name for people.
    pub display_name: String,
    /// What the user is here.
    pub role: Role,
    /// Logical id of the user's Practitioner, if the user is one.
    pub practitioner: Option<String>,
}

/// The roles of row P1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees and writes clinical records.
    Clinician,
    /// Sees and writes clinical records; does not sign.
    Nurse,
    /// Demographics and appointments only.
    FrontDesk,
    /// Watches and responds; reads the audit.
    SecurityOfficer,
    /// Users, roles, devices; no clinical records.
    Administrator,
    /// Reads the audit.
    Auditor,
    /// A program with a bearer token; full clinical access.
    Integration,
}

impl Role {
    /// The name used on the wire, in policies and in the database.
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

    /// The role with this wire name.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Clinician,
            Self::Nurse,
            Self::FrontDesk,
            Self::SecurityOfficer,
            Self::Administrator,
            Self::Auditor,
            Self::Integration,
        ]
        .into_iter()
        .find(|role| role.as_str() == name)
    }
}

/// The clinic.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct OrganisationCard {
    /// Tenant id.
    pub tenant: Uuid,
    /// Name for people.
    pub name: String,
    /// IANA name; "today" is the clinic's.
    pub time_zone: String,
    /// HPKE (X25519-HKDF-SHA256) public key for the recovery slot, base64url without padding.
    pub recovery_public_key: String,
    /// Key that the ledger's checkpoints are signed with: a verifier key of a signed note
    /// (`name+hash+key`). Empty in what was kept before there was one.
    #[serde(default)]
    pub ledger_key: String,
}

/// Rules set by the organisation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct Policy {
    /// Lock after this long without input.
    pub idle_lock_seconds: u32,
    /// Emergency accesses that may be taken off line until the next sign-in with the server.
    #[serde(default)]
    pub emergency_quota: u32,
    /// Megabytes that a workstation's records may take; above that, charts that were opened least
    /// lately and are nobody's here for good make room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_megabytes: Option<u32>,
}
