//! What single FHIR resources say about who relates to which patient.

use std::borrow::Cow;

use fhir::date::DateRange;
use fhir::reference;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::Value;

use crate::consent::{self, Rule};
use crate::role::Role;

/// Days before an appointment from which on the practitioner may prepare for it.
pub const DAYS_BEFORE: i64 = 7;
/// Days after an appointment for which the practitioner may follow it up.
pub const DAYS_AFTER: i64 = 30;
/// Hours after which a visit counts as over that nobody closed, unless the patient stays.
pub const OPEN_VISIT_HOURS: i64 = 24;

/// What one resource says about one patient, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// Logical id of the Patient.
    pub patient: String,
    /// From when; always, where none is given.
    pub from: Option<Timestamp>,
    /// Until when, excluded; for good, where none is given.
    pub until: Option<Timestamp>,
    /// What it says.
    pub says: Says,
}

impl Tie {
    /// Whether it counts at this moment.
    pub fn counts_at(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// What a resource says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Somebody relates to the patient.
    Related {
        /// How.
        kind: Kind,
        /// Who.
        party: Party,
    },
    /// The patient permits or denies.
    Consent(Rule),
}

/// How somebody relates to a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// General practitioner.
    Assigned,
    /// Member of a care team.
    CareTeam,
    /// Appointment or visit with the patient, from a week before to a month after.
    Appointment,
    /// The patient comes to the clinic, on that day.
    Visit,
    /// A task about the patient is theirs.
    Referral,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Assigned,
        Self::CareTeam,
        Self::Appointment,
        Self::Visit,
        Self::Referral,
    ];

    /// The name in stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::CareTeam => "care-team",
            Self::Appointment => "appointment",
            Self::Visit => "visit",
            Self::Referral => "referral",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Whom a resource means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// Everybody here.
    Anyone,
    /// Everybody in a role.
    Role(Role),
    /// Whoever a reference names: a Practitioner, a PractitionerRole, an Organization.
    Named(String),
}

impl Party {
    /// The text that stores keep: `*`, `role:nurse`, `Practitioner/1`.
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Self::Anyone => Cow::Borrowed("*"),
            Self::Role(role) => Cow::Owned(format!("role:{}", role.as_str())),
            Self::Named(reference) => Cow::Borrowed(reference),
        }
    }

    /// Reads such a text; none when the role is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        match (text, text.strip_prefix("role:")) {
            ("*", _) => Some(Self::Anyone),
            (_, Some(role)) => Role::parse(role).map(Self::Role),
            _ => Some(Self::Named(text.to_owned())),
        }
    }
}

/// FHIR types that [`ties`] reads.
pub const TYPES: [&str; 6] = [
    "Appointment",
    "CareTeam",
    "Consent",
    "Encounter",
    "Patient",
    "Task",
];

/// What a resource says about who relates to which patient. Dates without a zone, and days, are
/// the clinic's (`zone`).
pub fn ties(resource: &Value, zone: &TimeZone) -> Vec<Tie> {
    match fhir::resource::resource_type(resource) {
        Some("Patient") => assigned(resource),
        Some("CareTeam") => care_team(resource, zone),
        Some("Appointment") => appointment(resource, zone),
        Some("Encounter") => encounter(resource, zone),
        Some("Task") => referral(resource, zone),
        Some("Consent") => consent::ties(resource, zone),
        _ => Vec::new(),
    }
}

/// Whose other names a PractitionerRole tells: the logical id of the Practitioner, and the
/// references that mean them too.
pub fn also_known_as(resource: &Value) -> Option<(String, Vec<String>)> {
    if fhir::resource::resource_type(resource) != Some("PractitionerRole")
        || resource.get("active").and_then(Value::as_bool) == Some(false)
    {
        return None;
    }
    let practitioner = reference::literal(resource.get("practitioner")?)
        .filter(|named| named.resource_type == "Practitioner")?;
    let mut also = vec![format!(
        "PractitionerRole/{}",
        fhir::resource::id(resource)?
    )];
    also.extend(
        resource
            .get("organization")
            .and_then(reference::literal)
            .filter(|named| named.resource_type == "Organization")
            .map(|named| named.to_string()),
    );
    Some((practitioner.id, also))
}

fn assigned(patient: &Value) -> Vec<Tie> {
    let Some(id) = fhir::resource::id(patient) else {
        return Vec::new();
    };
    list(patient, "generalPractitioner")
        .filter_map(person)
        .map(|party| related(id, Kind::Assigned, party, None, None))
        .collect()
}

fn care_team(team: &Value, zone: &TimeZone) -> Vec<Tie> {
    // A team without a status is one in use: R4 leaves the element out freely.
    if !matches!(status(team), None | Some("active")) {
        return Vec::new();
    }
    let Some(patient) = team.get("subject").and_then(patient_id) else {
        return Vec::new();
    };
    let whole = bounds(team.get("period"), zone);
    list(team, "participant")
        .filter_map(|participant| {
            let party = participant.get("member").and_then(person)?;
            let (from, until) = within(whole, bounds(participant.get("period"), zone));
            Some(related(&patient, Kind::CareTeam, party, from, until))
        })
        .collect()
}

fn appointment(appointment: &Value, zone: &TimeZone) -> Vec<Tie> {
    let stands = |allowed: &[&str]| status(appointment).is_some_and(|it| allowed.contains(&it));
    // A no-show counts: somebody has to write down that nobody came.
    if !stands(&[
        "proposed",
        "pending",
        "booked",
        "arrived",
        "fulfilled",
        "noshow",
        "checked-in",
        "waitlist",
    ]) {
        return Vec::new();
    }
    let Some(time) = moments(appointment.get("start"), appointment.get("end"), zone) else {
        return Vec::new();
    };
    let actors: Vec<&Value> = list(appointment, "participant")
        .filter(|participant| status(participant) != Some("declined"))
        .filter_map(|participant| participant.get("actor"))
        .collect();
    let mut found = Vec::new();
    for patient in actors.iter().copied().filter_map(patient_id) {
        for party in actors.iter().copied().filter_map(person) {
            found.push(window(&patient, party, time));
        }
        if stands(&["booked", "arrived", "fulfilled", "checked-in"]) {
            found.push(visit(&patient, time, zone));
        }
    }
    found
}

fn encounter(encounter: &Value, zone: &TimeZone) -> Vec<Tie> {
    let here = matches!(
        status(encounter),
        Some("arrived" | "triaged" | "in-progress" | "onleave")
    );
    if !here && !matches!(status(encounter), Some("planned" | "finished")) {
        return Vec::new();
    }
    let (Some(patient), Some(period)) = (
        encounter.get("subject").and_then(patient_id),
        encounter.get("period"),
    ) else {
        return Vec::new();
    };
    let Some(mut time) = moments(period.get("start"), period.get("end"), zone) else {
        return Vec::new();
    };
    if here && period.get("end").is_none() {
        let stays = encounter
            .get("class")
            .and_then(|class| class.get("code"))
            .and_then(Value::as_str)
            .is_some_and(|code| ["IMP", "ACUTE", "NONAC", "OBSENC"].contains(&code));
        time.hi = if stays {
            Timestamp::MAX
        } else {
            later(time.lo, OPEN_VISIT_HOURS)
        };
    }
    let mut found: Vec<Tie> = list(encounter, "participant")
        .filter_map(|participant| participant.get("individual").and_then(person))
        .map(|party| window(&patient, party, time))
        .collect();
    if here {
        found.push(visit(&patient, time, zone));
    }
    found
}

fn referral(task: &Value, zone: &TimeZone) -> Vec<Tie> {
    let open = matches!(
        status(task),
        Some("requested" | "received" | "accepted" | "ready" | "in-progress" | "on-hold")
    );
    let (true, Some(patient), Some(owner)) = (
        open,
        task.get("for").and_then(patient_id),
        task.get("owner").and_then(person_or_organisation),
    ) else {
        return Vec::new();
    };
    let (from, until) = bounds(
        task.get("restriction")
            .and_then(|limits| limits.get("period")),
        zone,
    );
    vec![related(&patient, Kind::Referral, owner, from, until)]
}

fn related(
    patient: &str,
    kind: Kind,
    party: Party,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Tie {
    Tie {
        patient: patient.to_owned(),
        from,
        until,
        says: Says::Related { kind, party },
    }
}

/// Who meets a patient may prepare and follow up.
fn window(patient: &str, party: Party, time: DateRange) -> Tie {
    related(
        patient,
        Kind::Appointment,
        party,
        Some(later(time.lo, -24 * DAYS_BEFORE)),
        open_ended(later(time.hi, 24 * DAYS_AFTER)),
    )
}

/// The whole days, at the clinic, that a visit touches.
fn visit(patient: &str, time: DateRange, zone: &TimeZone) -> Tie {
    let midnight = |at: Timestamp| at.to_zoned(zone.clone()).start_of_day().ok();
    let last = time.hi.checked_sub(1.nanosecond()).unwrap_or(time.hi);
    let from = midnight(time.lo).map(|day| day.timestamp());
    let until = midnight(last)
        .and_then(|day| day.tomorrow().ok())
        .map(|day| day.timestamp());
    related(
        patient,
        Kind::Visit,
        Party::Anyone,
        from,
        until.and_then(open_ended),
    )
}

/// From one date to another; where the second is missing, to the end of the first.
fn moments(start: Option<&Value>, end: Option<&Value>, zone: &TimeZone) -> Option<DateRange> {
    let start = DateRange::of(start?, zone)?;
    let end = end.and_then(|end| DateRange::of(end, zone));
    Some(DateRange {
        lo: start.lo,
        hi: end.map_or(start.hi, |end| end.hi.max(start.hi)),
    })
}

fn later(at: Timestamp, hours: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(hours))
        .unwrap_or(at)
}

/// No end is told from the end of all time.
fn open_ended(until: Timestamp) -> Option<Timestamp> {
    (until < Timestamp::MAX).then_some(until)
}

/// The bounds of a Period; a missing end is open.
pub(crate) fn bounds(
    period: Option<&Value>,
    zone: &TimeZone,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let read = |end: &str| {
        period
            .and_then(|period| period.get(end))
            .and_then(|date| DateRange::of(date, zone))
    };
    (
        read("start").map(|range| range.lo),
        read("end").map(|range| range.hi),
    )
}

/// The time that two share.
pub(crate) fn within(
    (from, until): (Option<Timestamp>, Option<Timestamp>),
    (other_from, other_until): (Option<Timestamp>, Option<Timestamp>),
) -> (Option<Timestamp>, Option<Timestamp>) {
    (
        from.max(other_from),
        match (until, other_until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        },
    )
}

pub(crate) fn list<'a>(value: &'a Value, element: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(element)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn status(value: &Value) -> Option<&str> {
    value.get("status").and_then(Value::as_str)
}

pub(crate) fn patient_id(reference: &Value) -> Option<String> {
    reference::literal(reference)
        .filter(|named| named.resource_type == "Patient")
        .map(|named| named.id)
}

/// Somebody in person. An organisation is nobody: a patient of a clinic is not a patient of all
/// who work there.
fn person(reference: &Value) -> Option<Party> {
    named(reference, &["Practitioner", "PractitionerRole"])
}

fn person_or_organisation(reference: &Value) -> Option<Party> {
    named(
        reference,
        &["Practitioner", "PractitionerRole", "Organization"],
    )
}

fn named(reference: &Value, types: &[&str]) -> Option<Party> {
    reference::literal(reference)
        .filter(|named| types.contains(&named.resource_type.as_str()))
        .map(|named| Party::Named(named.to_string()))
}
