//! What is known of the relationship between a user and a patient.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::consent::Rule;
use crate::relation::{Kind, Party, Says, Tie};
use crate::role::Role;

/// What is known of the relationship between a user and a patient, at one moment, for one part
/// of the patient's record. Small and hashable, so that decisions about it can be remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
// Each is a fact of its own: any of them can hold beside any other.
#[allow(clippy::struct_excessive_bools)]
pub struct Facts {
    /// The patient is assigned to the user (general practitioner).
    pub assigned: bool,
    /// The user is in a care team of the patient.
    pub care_team: bool,
    /// The user has, or had lately, an appointment or a visit with the patient.
    pub appointment: bool,
    /// The patient visits the clinic today, whomever they see.
    pub visiting: bool,
    /// The patient was referred to the user: a task about them is the user's.
    pub referral: bool,
    /// The patient named the user among those who may see the record.
    pub consent_permits: bool,
    /// The patient closed the record to the user.
    pub consent_denies: bool,
    /// The user gave a reason for needing the record, and it counts still.
    pub justified: bool,
    /// The user opened the record in an emergency, and it counts still.
    pub emergency: bool,
}

impl Facts {
    /// How many facts there are.
    pub const COUNT: u32 = 9;

    /// The facts as bits, in the order of the fields, the first one lowest.
    pub fn bits(self) -> u16 {
        [
            self.assigned,
            self.care_team,
            self.appointment,
            self.visiting,
            self.referral,
            self.consent_permits,
            self.consent_denies,
            self.justified,
            self.emergency,
        ]
        .into_iter()
        .enumerate()
        .fold(0, |bits, (place, fact)| bits | (u16::from(fact) << place))
    }

    /// The facts of such bits. Bits beyond [`Self::COUNT`] say nothing.
    pub fn from_bits(bits: u16) -> Self {
        let fact = |place: u32| bits >> place & 1 == 1;
        Self {
            assigned: fact(0),
            care_team: fact(1),
            appointment: fact(2),
            visiting: fact(3),
            referral: fact(4),
            consent_permits: fact(5),
            consent_denies: fact(6),
            justified: fact(7),
            emergency: fact(8),
        }
    }

    /// Every combination of facts.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..1u16 << Self::COUNT).map(Self::from_bits)
    }

    /// What holds in the one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::from_bits(self.bits() | other.bits())
    }

    /// Gathers what ties and grants say about a user and a patient at a moment. Ties and grants
    /// of other patients and other times may be among them; `grants` are the user's own.
    pub fn gather(
        me: &Me,
        patient: &str,
        part: Part<'_>,
        ties: &[Tie],
        grants: &[Grant],
        now: Timestamp,
    ) -> Self {
        let mut facts = Self::default();
        let mut rules: HashMap<&str, Vec<&Rule>> = HashMap::new();
        for tie in ties
            .iter()
            .filter(|tie| tie.patient == patient && tie.counts_at(now))
        {
            match &tie.says {
                Says::Related { kind, party } => {
                    if me.is(party) {
                        facts.learn(*kind);
                    }
                }
                Says::Consent(rule) => rules.entry(&rule.consent).or_default().push(rule),
            }
        }
        for rules in rules.values() {
            match crate::consent::answer(rules, me, part) {
                Some(true) => facts.consent_permits = true,
                Some(false) => facts.consent_denies = true,
                None => {}
            }
        }
        for grant in grants
            .iter()
            .filter(|grant| grant.patient == patient && grant.counts_at(now))
        {
            match grant.kind {
                GrantKind::Justified => facts.justified = true,
                GrantKind::Emergency => facts.emergency = true,
            }
        }
        facts
    }

    fn learn(&mut self, kind: Kind) {
        match kind {
            Kind::Assigned => self.assigned = true,
            Kind::CareTeam => self.care_team = true,
            Kind::Appointment => self.appointment = true,
            Kind::Visit => self.visiting = true,
            Kind::Referral => self.referral = true,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// Logical id of the user's Practitioner, if the user is one.
    pub practitioner: Option<String>,
    /// The user's role.
    pub role: Role,
    /// The account.
    pub user: Uuid,
    /// What else records call the user: references to PractitionerRoles that the user fills and
    /// to the Organizations of these ([`crate::relation::also_known_as`]).
    pub also: Vec<String>,
}

impl Me {
    /// A user who is known by the Practitioner alone.
    pub fn new(practitioner: Option<String>, role: Role, user: Uuid) -> Self {
        Self {
            practitioner,
            role,
            user,
            also: Vec::new(),
        }
    }

    /// Whether `party` means this user.
    pub fn is(&self, party: &Party) -> bool {
        match party {
            Party::Anyone => true,
            Party::Role(role) => *role == self.role,
            Party::Named(reference) => {
                self.also.contains(reference)
                    || self.practitioner.as_deref().is_some_and(|id| {
                        reference
                            .strip_prefix("Practitioner/")
                            .is_some_and(|named| named == id)
                    })
            }
        }
    }

    /// Everything this user is called, as [`Party::as_text`] writes it.
    pub fn parties(&self) -> Vec<String> {
        let mut parties = vec![
            Party::Anyone.as_text().into_owned(),
            Party::Role(self.role).as_text().into_owned(),
        ];
        parties.extend(
            self.practitioner
                .iter()
                .map(|id| format!("Practitioner/{id}")),
        );
        parties.extend(self.also.iter().cloned());
        parties
    }
}

/// What of a patient's record is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Records of one FHIR type.
    Type(&'a str),
    /// The record as a whole: it is closed where any part of it is, and opened by a consent only
    /// where that opens all of it.
    Whole,
}

/// Access for a while, on the user's own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Logical id of the Patient.
    pub patient: String,
    /// On what ground.
    pub kind: GrantKind,
    /// From when.
    pub from: Timestamp,
    /// Until when, excluded.
    pub until: Timestamp,
}

impl Grant {
    /// Whether it counts at this moment.
    pub fn counts_at(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// On what ground access was given. The wire names are those of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// A reason, where there is no relationship.
    Justified,
    /// An emergency.
    Emergency,
}

impl GrantKind {
    /// How long such access lasts.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Justified => 24 * 3600,
            Self::Emergency => 2 * 3600,
        }
    }

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Justified => "justified",
            Self::Emergency => "emergency",
        }
    }

    /// A grant of this kind that begins now.
    pub fn begin(self, patient: impl Into<String>, now: Timestamp) -> Grant {
        Grant {
            patient: patient.into(),
            kind: self,
            from: now,
            until: now
                .checked_add(jiff::SignedDuration::from_secs(self.seconds()))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

/// Bounds of the reason that a user gives, in characters.
pub const REASON_LENGTH: std::ops::RangeInclusive<usize> = 3..=500;

/// The reason as it is kept: trimmed; none when it is too short or too long.
pub fn reason(text: &str) -> Option<&str> {
    let text = text.trim();
    REASON_LENGTH
        .contains(&text.chars().count())
        .then_some(text)
}
