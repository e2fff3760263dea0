//! What relates the user to a patient, as far as this computer knows: read from the patient's
//! own records and from the access that the user was given for a while.

use std::borrow::Cow;
use std::sync::PoisonError;

use access::relation::{self, Tie};
use access::{Decision, Facts, Grant, Me, Part, Request, ResourceClass, Verdict};
use cache::{Reading, Standing, StoreError};
use jiff::{SignedDuration, Timestamp};
use protocol::access::{AccessGrant, GrantKind};
use serde::Deserialize;
use serde_json::Value;

use super::Desk;
use crate::error::WorkError;
use crate::show::when;
use crate::view;
use crate::view::access::AccessView;

/// Name of the setting that holds what was granted here and has not ended.
pub(crate) const GRANTS: &str = "grants";

/// After this nobody relates to a patient through a visit that ended: a day more than the
/// relation itself lasts, for dates that are days.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(24 * (relation::DAYS_AFTER + 1));

/// What is known of the user and one patient.
pub(crate) struct Known {
    /// By the patient's records.
    related: Facts,
    /// Given for a while, and not over.
    grants: Vec<AccessGrant>,
}

impl Known {
    /// Whether the patient is the user's for good: more than an appointment, a visit or the user's
    /// own word relates them.
    fn lasts(&self) -> bool {
        let related = self.related;
        related.assigned || related.care_team || related.referral || related.consent_permits
    }
}

/// A decision, and the access for a while that it stands on, if it would be another without.
pub(crate) struct Decided {
    /// The decision.
    pub decision: Decision,
    /// What it stands on.
    pub grant: Option<AccessGrant>,
}

impl Desk {
    /// Decides whether the user may do something to records of a class; about a patient, if one
    /// is known.
    pub(crate) fn decide(
        &self,
        verb: access::Action,
        class: ResourceClass,
        known: Option<&Known>,
    ) -> Decided {
        let request = Request::new(self.identity.role, verb, class);
        let Some(known) = known else {
            return Decided {
                decision: access::decide(&request),
                grant: None,
            };
        };
        let decision = access::decide(&request.concerning(known.related));
        if decision.allow() {
            return Decided {
                decision,
                grant: None,
            };
        }
        // A reason given before an emergency: the weaker ground that is enough is the one.
        for kind in [GrantKind::Justified, GrantKind::Emergency] {
            let Some(grant) = known.grants.iter().find(|grant| grant.kind == kind) else {
                continue;
            };
            let facts = known.related.or(granted(kind));
            let decision = access::decide(&request.concerning(facts));
            if decision.allow() {
                return Decided {
                    decision,
                    grant: Some(grant.clone()),
                };
            }
        }
        Decided {
            decision,
            grant: None,
        }
    }

    /// What would be decided if the user had such access.
    pub(crate) fn decide_with(&self, known: &Known, kind: GrantKind) -> Decision {
        let request = Request::new(
            self.identity.role,
            access::Action::Read,
            ResourceClass::Clinical,
        );
        access::decide(&request.concerning(known.related.or(granted(kind))))
    }

    /// What is known of the user and a patient: one reading of the patient's records that say
    /// who relates to them.
    pub(crate) fn known(&self, patient: &str, part: Part<'_>) -> Result<Known, WorkError> {
        let now = self.now();
        let me = self.me()?;
        let (ties, grants) = self.cache.read(|cache| {
            Ok::<_, StoreError>((
                self.ties(cache, patient, now)?,
                grants_of(cache, patient, now)?,
            ))
        })?;
        let no_grants: &[Grant] = &[];
        Ok(Known {
            related: Facts::gather(&me, patient, part, &ties, no_grants, now),
            grants,
        })
    }

    /// Whether the user may see a patient's clinical records, asked without recording: for
    /// lists that show less of a patient whose record is closed.
    pub(crate) fn may_see(&self, patient: &str, kind: &str) -> Result<bool, WorkError> {
        let known = self.known(patient, Part::Type(kind))?;
        let class = ResourceClass::of(kind);
        Ok(self
            .decide(access::Action::Read, class, Some(&known))
            .decision
            .allow())
    }

    /// Whether a patient's chart may make room: it can be fetched again when it is opened, and the
    /// patient is not the user's for good.
    pub(crate) fn may_make_room(&self, patient: &str) -> Result<bool, WorkError> {
        Ok(!self.known(patient, Part::Whole)?.lasts())
    }

    fn ties(
        &self,
        cache: &Reading<'_>,
        patient: &str,
        now: Timestamp,
    ) -> Result<Vec<Tie>, StoreError> {
        let zone = &self.identity.zone;
        let mut ties = Vec::new();
        cache.each_of_patient(patient, &relation::TYPES, |record| {
            // What the server refused makes nobody a relation; what it might close stays closed.
            let refused = record.standing == Standing::Refused && record.resource_type != "Consent";
            if refused || (record.resource_type == "Encounter" && is_long_over(record.json, now)) {
                return Ok(());
            }
            if let Ok(value) = serde_json::from_str::<Value>(record.json) {
                ties.extend(relation::ties(&value, zone));
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(ties)
    }

    /// The user, with what PractitionerRoles call them; read again after one of these changed.
    fn me(&self) -> Result<Me, WorkError> {
        let user = &self.identity.user;
        let mut me = Me::new(user.practitioner.clone(), self.identity.role, user.id);
        let Some(practitioner) = &user.practitioner else {
            return Ok(me);
        };
        let mut known = self.known_as.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(also) = known.as_ref() {
            me.also.clone_from(also);
            return Ok(me);
        }
        for record in self
            .cache
            .read(|cache| cache.directory("PractitionerRole"))?
        {
            let role = record
                .value()
                .ok()
                .and_then(|it| relation::also_known_as(&it));
            if let Some((whose, also)) = role
                && whose == *practitioner
            {
                me.also.extend(also);
            }
        }
        *known = Some(me.also.clone());
        Ok(me)
    }

    /// Forgets what PractitionerRoles call the user.
    pub(crate) fn forget_names(&self) {
        *self.known_as.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A grant for the screen.
    pub(crate) fn access_view(&self, grant: &AccessGrant) -> AccessView {
        AccessView {
            kind: match grant.kind {
                GrantKind::Justified => view::access::GrantKind::Justified,
                GrantKind::Emergency => view::access::GrantKind::Emergency,
            },
            until: when::moment(grant.until, &self.identity.zone),
        }
    }
}

/// The refusal that a decision means.
pub(crate) fn refusal(decision: Decision) -> WorkError {
    let explanation = decision.explanation;
    match decision.verdict {
        Verdict::NeedsJustification => WorkError::NeedsJustification { explanation },
        Verdict::NeedsEmergency => WorkError::NeedsEmergency { explanation },
        Verdict::Deny | Verdict::Allow => WorkError::Denied { explanation },
    }
}

fn granted(kind: GrantKind) -> Facts {
    Facts {
        justified: kind == GrantKind::Justified,
        emergency: kind == GrantKind::Emergency,
        ..Facts::default()
    }
}

/// What was granted here and counts still.
pub(crate) fn grants(cache: &Reading<'_>, now: Timestamp) -> Result<Vec<AccessGrant>, StoreError> {
    let mut grants: Vec<AccessGrant> = cache.setting(GRANTS)?.unwrap_or_default();
    grants.retain(|grant| now < grant.until);
    Ok(grants)
}

/// Newest first. A clock that was set back does not begin a grant anew: it has not begun.
fn grants_of(
    cache: &Reading<'_>,
    patient: &str,
    now: Timestamp,
) -> Result<Vec<AccessGrant>, StoreError> {
    let mut grants = grants(cache, now)?;
    grants.retain(|grant| grant.patient == patient && grant.from <= now);
    grants.reverse();
    Ok(grants)
}

/// The parts of an Encounter that tell whether it can still relate anybody. A long record has
/// hundreds that cannot.
#[derive(Deserialize)]
struct Visit<'a> {
    #[serde(borrow, default)]
    period: Option<Period<'a>>,
}

#[derive(Deserialize)]
struct Period<'a> {
    #[serde(borrow, default)]
    end: Option<Cow<'a, str>>,
}

fn is_long_over(json: &str, now: Timestamp) -> bool {
    let end = serde_json::from_str::<Visit<'_>>(json)
        .ok()
        .and_then(|visit| visit.period?.end?.parse::<Timestamp>().ok());
    end.is_some_and(|end| now.duration_since(end) > LONG_AGO)
}

#[cfg(test)]
#[path = "relation_tests.rs"]
pub(crate) mod tests;
