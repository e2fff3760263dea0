//! Decide, then record: what every use case does before it acts.

use std::collections::BTreeSet;

use access::{Decision, Part, ResourceClass};
use cache::{StoreError, Writing};
use ledger::chain::{self, ChainError, Head, Link};
use ledger::event::{Actor, Cause, Client, Observer, Outcome, Purpose};
use ledger::{AccessEvent, Action};
use protocol::access::{AccessGrant, GrantKind};

use super::relation::{self, Decided};
use super::{Desk, PROGRAM};
use crate::error::WorkError;
use crate::view;

/// What somebody asks for.
pub(crate) struct Asked<'a> {
    /// As it is recorded.
    pub action: Action,
    /// As the policies know it.
    pub verb: access::Action,
    /// The classes of records it needs, all of them.
    pub classes: &'a [ResourceClass],
    /// The patient it is about, where one is known before.
    pub patient: Option<&'a str>,
    /// What of the patient's record it needs.
    pub part: Part<'a>,
}

/// That it may be done, and why. There is none but through [`Desk::permit`].
pub(crate) struct Permit {
    action: Action,
    purpose: Purpose,
    explanation: String,
    policies: Vec<String>,
    grant: Option<AccessGrant>,
}

impl Permit {
    /// The access for a while that it stands on; none where a relationship or the role does.
    pub(crate) fn grant(&self) -> Option<&AccessGrant> {
        self.grant.as_ref()
    }
}

impl Desk {
    /// Decides by the policies. A refusal is recorded before it is told.
    pub(crate) fn permit(&self, asked: &Asked<'_>) -> Result<Permit, WorkError> {
        match self.judge(asked)? {
            Ok(permit) => {
                self.is_here(asked, &permit)?;
                Ok(permit)
            }
            Err(decision) => {
                let purpose = purpose(asked.classes);
                Err(self.refuse(asked.action, asked.patient, purpose, decision)?)
            }
        }
    }

    /// Decides by the policies what nobody asked for by itself: the part of a view that is left
    /// out where it is not permitted.
    pub(crate) fn judge(&self, asked: &Asked<'_>) -> Result<Result<Permit, Decision>, WorkError> {
        let mut permit = Permit {
            action: asked.action,
            purpose: purpose(asked.classes),
            explanation: String::new(),
            policies: Vec::new(),
            grant: None,
        };
        let mut explanations = BTreeSet::new();
        let mut policies = BTreeSet::new();
        let known = match asked.patient {
            Some(patient) if asked.classes.iter().any(|class| needs_relation(*class)) => {
                Some(self.known(patient, asked.part)?)
            }
            _ => None,
        };
        for class in asked.classes {
            let Decided { decision, grant } = self.decide(asked.verb, *class, known.as_ref());
            if !decision.allow() {
                return Ok(Err(decision));
            }
            explanations.insert(decision.explanation);
            policies.extend(decision.policies);
            permit.grant = permit.grant.or(grant);
        }
        permit.explanation = explanations.into_iter().collect::<Vec<_>>().join(" ");
        permit.policies = policies.into_iter().collect();
        if permit
            .grant
            .as_ref()
            .is_some_and(|grant| grant.kind == GrantKind::Emergency)
        {
            permit.purpose = Purpose::Emergency;
        }
        Ok(Ok(permit))
    }

    /// Whether the chart that is asked for is on this computer. An empty one would look like that
    /// of a patient without a history, and what is written into one would lie there alone.
    fn is_here(&self, asked: &Asked<'_>, permit: &Permit) -> Result<(), WorkError> {
        let Some(patient) = asked.patient else {
            return Ok(());
        };
        if !asked.classes.contains(&ResourceClass::Clinical) {
            return Ok(());
        }
        let elsewhere = self.cache.read(|cache| {
            Ok::<_, StoreError>(
                !cache.has_chart(patient)? && cache.patient_card(patient)?.is_some(),
            )
        })?;
        if elsewhere {
            return Err(WorkError::NotHere {
                by: permit.grant().map(|grant| grant.kind),
            });
        }
        Ok(())
    }

    /// Records a refusal and gives the error to tell. Whoever asks for a reason to look at a
    /// patient who is not here would ask in vain: that is told instead.
    pub(crate) fn refuse(
        &self,
        action: Action,
        patient: Option<&str>,
        purpose: Purpose,
        decision: Decision,
    ) -> Result<WorkError, WorkError> {
        let mut event = self
            .event(action)?
            .serving(purpose)
            .ending(Outcome::Refused)
            .because(decision.explanation.clone(), decision.policies.clone());
        if let Some(patient) = patient {
            event = event.about(patient);
        }
        self.record(event)?;
        let refusal = relation::refusal(decision);
        let asks = matches!(
            refusal,
            WorkError::NeedsJustification { .. } | WorkError::NeedsEmergency { .. }
        );
        if asks
            && let Some(patient) = patient
            && self
                .cache
                .read(|cache| cache.patient_card(patient))?
                .is_none()
        {
            return Ok(WorkError::Missing);
        }
        Ok(refusal)
    }

    /// The event of something permitted.
    pub(crate) fn permitted(&self, permit: &Permit) -> Result<AccessEvent, WorkError> {
        let event = self
            .event(permit.action)?
            .serving(permit.purpose)
            .because(permit.explanation.clone(), permit.policies.iter().cloned());
        Ok(match &permit.grant {
            Some(grant) => event.justified_by(grant.reason.clone()),
            None => event,
        })
    }

    /// An event of this user on this device, now.
    pub(crate) fn event(&self, action: Action) -> Result<AccessEvent, WorkError> {
        let client = Client {
            device: Some(self.identity.device),
            name: PROGRAM.to_owned(),
            address: None,
        };
        let user = &self.identity.user;
        Ok(AccessEvent::new(
            self.ports.entropy.uuid()?,
            self.now(),
            action,
            client,
            Observer::Workstation(self.identity.device),
        )
        .by(Actor {
            id: user.id,
            name: user.display_name.clone(),
            role: user.role.as_str().to_owned(),
        }))
    }

    /// Links and signs an event.
    pub(crate) fn seal<'a>(
        &'a self,
        event: &'a AccessEvent,
    ) -> impl FnOnce(&Head) -> Result<Link, ChainError> + 'a {
        move |head| {
            let link = chain::append(head, event.to_fhir(), &self.key)?;
            (self.on_recorded)(event);
            Ok(link)
        }
    }

    /// Records an event and returns when the disk has it.
    pub(crate) fn record(&self, event: AccessEvent) -> Result<(), WorkError> {
        self.cache.record(self.seal(&event))?;
        Ok(())
    }

    /// A write transaction that records an event with what it does.
    pub(crate) fn write_recorded<T>(
        &self,
        name: &'static str,
        event: &AccessEvent,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, StoreError>,
    ) -> Result<T, WorkError> {
        Ok(self.cache.write(name, |tx| {
            let value = work(tx)?;
            tx.record(self.seal(event))?;
            Ok::<_, StoreError>(value)
        })?)
    }

    /// The same, where what it does may turn out not to be done: then nothing is recorded, and
    /// nothing may have been written.
    pub(crate) fn write_recorded_if(
        &self,
        name: &'static str,
        event: &AccessEvent,
        work: impl FnOnce(&mut Writing<'_>) -> Result<bool, StoreError>,
    ) -> Result<bool, WorkError> {
        Ok(self.cache.write(name, |tx| {
            let done = work(tx)?;
            if done {
                tx.record(self.seal(event))?;
            }
            Ok::<_, StoreError>(done)
        })?)
    }
}

/// Whether the policies may ask how the user relates to the patient. Demographics, schedule and
/// directory go by the role.
fn needs_relation(class: ResourceClass) -> bool {
    !matches!(
        class,
        ResourceClass::Demographic
            | ResourceClass::Scheduling
            | ResourceClass::Directory
            | ResourceClass::Workstation
    )
}

fn purpose(classes: &[ResourceClass]) -> Purpose {
    if classes.contains(&ResourceClass::Workstation) {
        Purpose::SystemAdministration
    } else if classes.contains(&ResourceClass::Audit) {
        Purpose::Operations
    } else if classes.contains(&ResourceClass::Clinical) {
        Purpose::Treatment
    } else {
        Purpose::PatientAdministration
    }
}

/// The cause as the ledger names it.
pub(crate) fn cause(cause: view::Cause) -> Cause {
    match cause {
        view::Cause::Opened => Cause::Opened,
        view::Cause::Refreshed => Cause::Refreshed,
    }
}
