//! What a patient permits and denies: FHIR Consent, made into rules.
//!
//! A Consent holds a base rule and, within it, exceptions that hold exceptions in turn. Each
//! becomes a [`Rule`] with its depth; of the rules of one Consent that fit an access, the deepest
//! decide. Where several Consents answer differently, policies see both, and denial wins there.
//!
//! What cannot be judged here (codes, labels, the period of the data) narrows nothing that is
//! denied, and makes a permission void: in doubt the record stays closed.

use fhir::reference;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::facts::{Me, Part};
use crate::relation::{self, Party, Says, Tie, list, patient_id, within};
use crate::role::Role;

/// Exceptions within exceptions are read to this depth; what lies deeper does not count.
pub const DEPTH: u8 = 8;

/// System of the identifiers by which a Consent names a role of Rounds as an actor.
pub const ROLE_SYSTEM: &str = "urn:rounds:role";

/// One rule of a Consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Logical id of the Consent.
    pub consent: String,
    /// 0 for the base rule, 1 for an exception to it, and so on.
    pub depth: u8,
    /// Whether it permits; it denies otherwise.
    pub permits: bool,
    /// Whom it is about.
    pub parties: Vec<Party>,
    /// FHIR types that it is about; all, where none is named.
    pub types: Vec<String>,
}

impl Rule {
    fn fits(&self, me: &Me, part: Part<'_>) -> bool {
        let about = match part {
            Part::Type(name) => self.types.is_empty() || self.types.iter().any(|it| it == name),
            // A part that is closed closes the whole; a part that is open does not open it.
            Part::Whole => self.types.is_empty() || !self.permits,
        };
        about && self.parties.iter().any(|party| me.is(party))
    }

    /// Whether it opens a record: only to those that it names. A consent to everybody ("I agree
    /// that the clinic keeps my data") is no reason to look into the record.
    fn names_somebody(&self) -> bool {
        !self.parties.contains(&Party::Anyone)
    }
}

/// What one Consent answers: permitted, denied, or nothing.
pub(crate) fn answer(rules: &[&Rule], me: &Me, part: Part<'_>) -> Option<bool> {
    let fitting = || rules.iter().filter(|rule| rule.fits(me, part));
    let depth = fitting().map(|rule| rule.depth).max()?;
    let mut deepest = fitting().filter(|rule| rule.depth == depth);
    if deepest.clone().any(|rule| !rule.permits) {
        return Some(false);
    }
    deepest.any(|rule| rule.names_somebody()).then_some(true)
}

/// The rules of a Consent, each for its time.
pub(crate) fn ties(consent: &Value, zone: &TimeZone) -> Vec<Tie> {
    let mut found = Vec::new();
    if consent.get("status").and_then(Value::as_str) != Some("active") || !is_privacy(consent) {
        return found;
    }
    let (Some(id), Some(patient), Some(base)) = (
        fhir::resource::id(consent),
        consent.get("patient").and_then(patient_id),
        consent.get("provision"),
    ) else {
        return found;
    };
    let mut open = vec![(base, 0u8, Bounds::default())];
    while let Some((provision, depth, outer)) = open.pop() {
        let inner = outer.narrowed(provision, zone);
        // A base rule that permits everybody opens nothing, and there is nothing beneath it.
        let rule = inner
            .rule(id, depth, provision)
            .filter(|rule| depth > 0 || !rule.permits || rule.names_somebody());
        if let Some(rule) = rule {
            found.push(Tie {
                patient: patient.clone(),
                from: inner.time.0,
                until: inner.time.1,
                says: Says::Consent(rule),
            });
        }
        if depth < DEPTH {
            open.extend(list(provision, "provision").map(|it| (it, depth + 1, inner.clone())));
        }
    }
    found
}

/// A consent to a treatment or to research says nothing about who may see the record. One whose
/// scope cannot be read is taken as being about privacy.
fn is_privacy(consent: &Value) -> bool {
    let codes: Vec<&str> = consent
        .get("scope")
        .map(|scope| list(scope, "coding").filter_map(code).collect())
        .unwrap_or_default();
    codes.is_empty() || codes.contains(&"patient-privacy")
}

fn code(coding: &Value) -> Option<&str> {
    coding.get("code").and_then(Value::as_str)
}

/// What a provision is limited to, those around it included.
#[derive(Clone, Default)]
struct Bounds {
    time: (Option<Timestamp>, Option<Timestamp>),
    /// None where everybody is meant.
    actors: Option<Vec<Actor>>,
    types: Vec<String>,
    /// Something here cannot be judged.
    doubtful: bool,
    /// It is about passing data on to others, not about looking.
    disclosure: bool,
    /// It is about purposes that no access here serves.
    elsewhere: bool,
}

impl Bounds {
    fn narrowed(&self, provision: &Value, zone: &TimeZone) -> Self {
        let mut bounds = self.clone();
        bounds.time = within(self.time, relation::bounds(provision.get("period"), zone));
        let actors: Vec<Actor> = list(provision, "actor").map(Actor::of).collect();
        if !actors.is_empty() {
            // Actors of an exception take the place of those around it.
            bounds.actors = Some(actors);
        }
        let mut types: Vec<String> = list(provision, "class")
            .filter_map(code)
            .map(str::to_owned)
            .collect();
        for data in list(provision, "data") {
            bounds.doubtful = true;
            types.extend(
                data.get("reference")
                    .and_then(reference::literal)
                    .map(|named| named.resource_type),
            );
        }
        if !types.is_empty() {
            bounds.types = types;
        }
        for narrowing in ["code", "securityLabel"] {
            bounds.doubtful |= list(provision, narrowing).next().is_some();
        }
        bounds.doubtful |= provision.get("dataPeriod").is_some();
        let actions: Vec<&str> = list(provision, "action")
            .flat_map(|action| list(action, "coding"))
            .filter_map(code)
            .collect();
        if !actions.is_empty() {
            bounds.disclosure = actions.iter().all(|action| *action == "disclose");
        }
        let purposes: Vec<&str> = list(provision, "purpose").filter_map(code).collect();
        if !purposes.is_empty() {
            bounds.elsewhere = !purposes
                .iter()
                .any(|purpose| ["TREAT", "ETREAT", "CAREMGT"].contains(purpose));
        }
        bounds
    }

    fn rule(&self, consent: &str, depth: u8, provision: &Value) -> Option<Rule> {
        let permits = match provision.get("type").and_then(Value::as_str) {
            Some("permit") => true,
            Some("deny") => false,
            _ => return None,
        };
        if self.elsewhere || permits && (self.doubtful || self.disclosure) {
            return None;
        }
        let mut parties: Vec<Party> = match &self.actors {
            None => vec![Party::Anyone],
            Some(actors) => actors
                .iter()
                .filter_map(|actor| match actor {
                    Actor::Known(party) => Some(party.clone()),
                    Actor::Unknown => (!permits).then_some(Party::Anyone),
                    Actor::Outside => None,
                })
                .collect(),
        };
        if self.disclosure && !parties.is_empty() {
            // What programs take leaves the clinic; what staff look at does not.
            parties = vec![Party::Role(Role::Integration)];
        }
        if parties.is_empty() {
            return None;
        }
        Some(Rule {
            consent: consent.to_owned(),
            depth,
            permits,
            parties,
            types: self.types.clone(),
        })
    }
}

/// Whom a provision names.
#[derive(Clone)]
enum Actor {
    /// Somebody who can be told from others here.
    Known(Party),
    /// Nobody who works here: relatives, devices, the patient.
    Outside,
    /// Somebody who cannot be told: a denial is taken to mean everybody.
    Unknown,
}

impl Actor {
    /// By literal reference, or a role of Rounds by identifier.
    fn of(actor: &Value) -> Self {
        let Some(target) = actor.get("reference") else {
            return Self::Unknown;
        };
        if let Some(named) = reference::literal(target) {
            return match named.resource_type.as_str() {
                "Practitioner" | "PractitionerRole" | "Organization" => {
                    Self::Known(Party::Named(named.to_string()))
                }
                "Patient" | "RelatedPerson" | "Device" => Self::Outside,
                _ => Self::Unknown,
            };
        }
        target
            .get("identifier")
            .filter(|it| it.get("system").and_then(Value::as_str) == Some(ROLE_SYSTEM))
            .and_then(|it| it.get("value")?.as_str())
            .and_then(Role::parse)
            .map_or(Self::Unknown, |role| Self::Known(Party::Role(role)))
    }
}
