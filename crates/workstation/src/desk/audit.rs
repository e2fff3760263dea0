//! Decide, then record: what every use case does before it acts.

use std::collections::BTreeSet;

use access::{Decision, Request, ResourceClass};
use cache::{StoreError, Writing};
use ledger::chain::{self, ChainError, Head, Link};
use ledger::event::{Actor, Cause, Client, Observer, Outcome, Purpose};
use ledger::{AccessEvent, Action};

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
}

/// That it may be done, and why. There is none but through [`Desk::permit`].
pub(crate) struct Permit {
    action: Action,
    purpose: Purpose,
    explanation: String,
    policies: Vec<String>,
}

impl Desk {
    /// Decides by the policies. A refusal is recorded before it is told.
    pub(crate) fn permit(&self, asked: &Asked<'_>) -> Result<Permit, WorkError> {
        let mut explanations = BTreeSet::new();
        let mut policies = BTreeSet::new();
        let purpose = purpose(asked.classes);
        for class in asked.classes {
            let decision = access::decide(&Request::new(self.identity.role, asked.verb, *class));
            let allow = decision.allow();
            let Decision {
                explanation,
                policies: decided,
                ..
            } = decision;
            if !allow {
                let mut event = self
                    .event(asked.action)?
                    .serving(purpose)
                    .ending(Outcome::Refused)
                    .because(explanation.clone(), decided);
                if let Some(patient) = asked.patient {
                    event = event.about(patient);
                }
                self.record(event)?;
                return Err(WorkError::Denied { explanation });
            }
            explanations.insert(explanation);
            policies.extend(decided);
        }
        Ok(Permit {
            action: asked.action,
            purpose,
            explanation: explanations.into_iter().collect::<Vec<_>>().join(" "),
            policies: policies.into_iter().collect(),
        })
    }

    /// The event of something permitted.
    pub(crate) fn permitted(&self, permit: &Permit) -> Result<AccessEvent, WorkError> {
        Ok(self
            .event(permit.action)?
            .serving(permit.purpose)
            .because(permit.explanation.clone(), permit.policies.iter().cloned()))
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
        move |head| chain::append(head, event.to_fhir(), &self.key)
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
}

fn purpose(classes: &[ResourceClass]) -> Purpose {
    if classes.contains(&ResourceClass::Audit) {
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
