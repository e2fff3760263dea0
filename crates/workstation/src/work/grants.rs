//! Access that has to be asked for: with a reason where there is no relationship, or in an
//! emergency.
//!
//! It is decided here, on line or off. The audit link that records it takes it to the server,
//! which decides by it as well and, for an emergency, opens a review.

use access::{Action as Verb, GrantKind as Ground, Part, Request, ResourceClass};
use cache::StoreError;
use ledger::Action;
use ledger::event::{Outcome, Purpose};
use protocol::access::{AccessGrant, GrantKind};

use super::Desk;
use crate::desk::relation::{GRANTS, grants};
use crate::error::WorkError;
use crate::view::access::AccessView;

/// Name of the setting that counts emergencies since the server was last signed in to.
pub(crate) const EMERGENCIES: &str = "emergencies-off-line";

/// Explanation of a refused password, as it is recorded.
const WRONG_PASSWORD: &str = "The password that was typed again is not right.";
const QUOTA_SPENT: &str = "The emergency accesses that may be taken off line are used up.";

impl Desk {
    /// Takes a reason for a patient's record where there is no relationship.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn justify_access(&self, patient: &str, reason: &str) -> Result<AccessView, WorkError> {
        self.grant(patient, reason, GrantKind::Justified, true)
    }

    /// Takes emergency access to one patient's record. Whoever calls has seen the user's
    /// password. `on_line` is the truth about the connection: off line a quota counts.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn emergency_access(
        &self,
        patient: &str,
        reason: &str,
        on_line: bool,
    ) -> Result<AccessView, WorkError> {
        self.grant(patient, reason, GrantKind::Emergency, on_line)
    }

    /// Records that somebody tried emergency access without knowing the password.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn emergency_refused(&self, patient: &str) -> Result<(), WorkError> {
        self.record(
            self.event(Action::EmergencyAccess)?
                .serving(Purpose::Emergency)
                .ending(Outcome::Refused)
                .because(WRONG_PASSWORD, [])
                .about(patient),
        )
    }

    /// Emergency accesses that may still be taken off line; none for who may take none at all.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn emergencies_left(&self) -> Result<Option<u32>, WorkError> {
        if !self.identity.may_take_emergency_access() {
            return Ok(None);
        }
        let used: Option<u32> = self.read(|cache| cache.setting(EMERGENCIES))?;
        let quota = self.identity.policy.emergency_quota;
        Ok(Some(quota.saturating_sub(used.unwrap_or(0))))
    }

    fn grant(
        &self,
        patient: &str,
        reason: &str,
        kind: GrantKind,
        on_line: bool,
    ) -> Result<AccessView, WorkError> {
        let (action, purpose, ground) = match kind {
            GrantKind::Justified => (
                Action::AccessJustified,
                Purpose::Treatment,
                Ground::Justified,
            ),
            GrantKind::Emergency => (
                Action::EmergencyAccess,
                Purpose::Emergency,
                Ground::Emergency,
            ),
        };
        let reason = access::facts::reason(reason).ok_or_else(|| {
            WorkError::invalid(
                "reason",
                "Say in 3 to 500 characters why you need the record.",
            )
        })?;
        let known = self.known(patient, Part::Whole)?;
        let decision = self.decide_with(&known, kind);
        if !decision.allow() {
            return Err(self.refuse(action, Some(patient), purpose, decision)?);
        }
        self.read(|cache| cache.patient_card(patient))?
            .ok_or(WorkError::Missing)?;
        let event = self
            .event(action)?
            .serving(purpose)
            .because(decision.explanation, decision.policies)
            .justified_by(reason)
            .about(patient)
            .touching(format!("Patient/{patient}"));
        let now = event.recorded;
        let begun = ground.begin(patient, now);
        let grant = AccessGrant {
            id: event.id,
            patient: begun.patient,
            kind,
            reason: reason.to_owned(),
            from: begun.from,
            until: begun.until,
        };
        let quota = self.identity.policy.emergency_quota;
        let counts = kind == GrantKind::Emergency && !on_line;
        let kept = self.write_recorded_if("grant", &event, |tx| {
            if counts {
                let used: u32 = tx.setting(EMERGENCIES)?.unwrap_or(0);
                if used >= quota {
                    return Ok(false);
                }
                tx.set(EMERGENCIES, &(used + 1))?;
            }
            let mut all = grants(tx, now)?;
            all.push(grant.clone());
            tx.set(GRANTS, &all)?;
            Ok::<_, StoreError>(true)
        })?;
        if kept {
            return Ok(self.access_view(&grant));
        }
        self.record(
            self.event(action)?
                .serving(purpose)
                .ending(Outcome::Refused)
                .because(QUOTA_SPENT, [])
                .justified_by(reason)
                .about(patient),
        )?;
        Err(WorkError::QuotaSpent)
    }
}

/// Whether a role may take emergency access: whether an emergency opens what is closed without.
pub(crate) fn may_take_emergency_access(role: access::Role) -> bool {
    let decide = |facts| {
        access::decide(&Request::new(role, Verb::Read, ResourceClass::Clinical).concerning(facts))
            .allow()
    };
    let closed = access::Facts {
        consent_denies: true,
        ..access::Facts::default()
    };
    let emergency = access::Facts {
        emergency: true,
        ..closed
    };
    decide(emergency) && !decide(closed)
}
