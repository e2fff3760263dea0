//! Who works here: kept in the cache, so that it is known off line.

use access::{Action, Request, ResourceClass};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::secret::Secret;
use protocol::sign_in::{OrganisationCard, Policy, SessionGrant, UserCard};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::view::session::{Ability, UserView};

/// Name of the setting.
pub const SETTING: &str = "identity";

/// Bounds of the idle lock, whatever the policy says.
const IDLE_SECONDS: std::ops::RangeInclusive<u32> = 30..=8 * 3600;

/// What of a grant is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The user.
    pub user: UserCard,
    /// The clinic.
    pub organisation: OrganisationCard,
    /// Its rules.
    pub policy: Policy,
    /// The user signs in with the organisation: the session is kept with the records.
    #[serde(default)]
    pub organisation_signs_in: bool,
}

impl From<&SessionGrant> for Kept {
    fn from(grant: &SessionGrant) -> Self {
        Self {
            user: grant.user.clone(),
            organisation: grant.organisation.clone(),
            policy: grant.policy,
            organisation_signs_in: false,
        }
    }
}

impl Kept {
    /// The same for a user who signs in with the organisation, or not.
    #[must_use]
    pub fn signing_in(self, organisation_signs_in: bool) -> Self {
        Self {
            organisation_signs_in,
            ..self
        }
    }
}

/// Name of the setting that keeps a session with the records.
pub const SESSION_SETTING: &str = "session";

/// A session that is kept with the records.
#[derive(Serialize, Deserialize)]
pub struct KeptSession {
    token: Secret,
    expires_at: Timestamp,
}

impl KeptSession {
    /// What of a grant is kept.
    pub fn of(grant: &SessionGrant) -> Self {
        Self {
            token: grant.token.clone(),
            expires_at: grant.expires_at,
        }
    }

    /// The token, while the session lasts.
    pub fn token(self, now: Timestamp) -> Option<Secret> {
        (self.expires_at > now).then_some(self.token)
    }
}

/// User, clinic and device of an open profile.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Server.
    pub server: Url,
    /// This device.
    pub device: Uuid,
    /// The user.
    pub user: UserCard,
    /// The clinic.
    pub organisation: OrganisationCard,
    /// Its rules.
    pub policy: Policy,
    /// The user signs in with the organisation.
    pub organisation_signs_in: bool,
    /// The user's role, as the policies know it.
    pub role: access::Role,
    /// The clinic's time zone.
    pub zone: TimeZone,
}

impl Identity {
    /// Puts an identity together; a sentence about what is wrong with the grant otherwise.
    ///
    /// # Errors
    /// When the role or the time zone is unknown.
    pub fn new(server: Url, device: Uuid, kept: Kept) -> Result<Self, &'static str> {
        let role = access::Role::parse(kept.user.role.as_str()).ok_or("its role is unknown")?;
        let zone =
            TimeZone::get(&kept.organisation.time_zone).map_err(|_| "its time zone is unknown")?;
        Ok(Self {
            server,
            device,
            user: kept.user,
            organisation: kept.organisation,
            policy: kept.policy,
            organisation_signs_in: kept.organisation_signs_in,
            role,
            zone,
        })
    }

    /// The longest that the idle lock may wait.
    #[must_use]
    pub fn idle_seconds(&self) -> u32 {
        self.policy
            .idle_lock_seconds
            .clamp(*IDLE_SECONDS.start(), *IDLE_SECONDS.end())
    }

    /// For the screen.
    #[must_use]
    pub fn view(&self) -> UserView {
        UserView {
            username: self.user.username.clone(),
            display_name: self.user.display_name.clone(),
            role: self.user.role.as_str().to_owned(),
            practitioner: self.user.practitioner.clone(),
            clinic: self.organisation.name.clone(),
            time_zone: self.organisation.time_zone.clone(),
            abilities: self.abilities(),
        }
    }

    /// Whether the user may take emergency access at all.
    pub(crate) fn may_take_emergency_access(&self) -> bool {
        crate::work::grants::may_take_emergency_access(self.role)
    }

    /// What the role may do, as the policies decide.
    fn abilities(&self) -> Vec<Ability> {
        use ResourceClass::{Audit, Clinical, Demographic, Scheduling, Workstation};
        let may = |action, class| access::decide(&Request::new(self.role, action, class)).allow();
        [
            (Ability::ReadChart, may(Action::Read, Clinical)),
            (Ability::WriteChart, may(Action::Create, Clinical)),
            (Ability::SignNotes, may(Action::Sign, Clinical)),
            (
                Ability::EditPatients,
                may(Action::Create, Demographic) && may(Action::Update, Demographic),
            ),
            (
                Ability::Book,
                may(Action::Create, Scheduling) && may(Action::Update, Scheduling),
            ),
            (Ability::ReadAudit, may(Action::Read, Audit)),
            (
                Ability::ReviewAccess,
                self.role == access::Role::SecurityOfficer,
            ),
            (Ability::EmergencyAccess, self.may_take_emergency_access()),
            (Ability::Rehearse, may(Action::Update, Workstation)),
            (Ability::MergePatients, may(Action::Merge, Demographic)),
        ]
        .into_iter()
        .filter_map(|(ability, allowed)| allowed.then_some(ability))
        .collect()
    }
}
