//! What this workstation recorded and what is still to send.

use access::{Action as Verb, Part, Request, ResourceClass};
use cache::{OutboxState, Reading, StoreError};
use ledger::Action;
use ledger::glance::Glance;

use super::Desk;
use super::inbox::title;
use crate::desk::Asked;
use crate::error::WorkError;
use crate::view::Standing;
use crate::view::activity::{ActivityView, EventLine, WaitingLine};

/// Lines that one view may have.
const MOST: u32 = 500;

impl Desk {
    /// The Activity screen. Everybody may see what they did here themselves.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn activity(&self, limit: u32) -> Result<ActivityView, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::ActivityViewed,
            verb: Verb::Read,
            classes: &[self.everyday()],
            patient: None,
            part: Part::Whole,
        })?;
        let limit = limit.clamp(1, MOST) as usize;
        let view = self.cache.read(|cache| {
            let mut waiting = Vec::new();
            for line in cache.outbox()? {
                let (kind, id) = line.records.first().cloned().unwrap_or_default();
                waiting.push(WaitingLine {
                    id: line.key.to_string(),
                    title: title(cache, &kind, &id)?,
                    made_at: self.wall(line.made),
                    standing: match line.state {
                        OutboxState::Waiting => Standing::Saved,
                        OutboxState::Sent => Standing::Sent,
                        OutboxState::Conflict => Standing::NeedsYou,
                        OutboxState::Refused => Standing::Refused,
                    },
                    tries: line.tries,
                });
            }
            let mut log = cache.audit_log(None, limit + 1)?;
            let more = log.len() > limit;
            log.truncate(limit);
            let mut events = Vec::with_capacity(log.len());
            for logged in log {
                let Some(glance) = Glance::of(&logged.link.event) else {
                    continue;
                };
                events.push(EventLine {
                    number: u32::try_from(logged.link.number).unwrap_or(u32::MAX),
                    at: self.wall(glance.recorded),
                    action: glance.action.code().to_owned(),
                    patient: names(cache, &glance.patients)?,
                    sent: logged.sent,
                });
            }
            Ok::<_, StoreError>(ActivityView {
                waiting,
                events,
                more,
            })
        })?;
        self.record(self.permitted(&permit)?)?;
        Ok(view)
    }

    /// The class of records that the user's role works with every day: nobody's own trace is
    /// closed to them, those who watch and those who administer included.
    fn everyday(&self) -> ResourceClass {
        use ResourceClass::{Audit, Demographic, Directory};
        let may = |class: &ResourceClass| {
            access::decide(&Request::new(self.identity.role, Verb::Read, *class)).allow()
        };
        [Demographic, Audit, Directory]
            .into_iter()
            .find(may)
            .unwrap_or(Demographic)
    }
}

fn names(cache: &Reading<'_>, patients: &[String]) -> Result<Option<String>, StoreError> {
    let Some(first) = patients.first() else {
        return Ok(None);
    };
    let name = cache.patient_card(first)?.map(|card| card.name);
    Ok(name.map(|name| match patients.len() {
        1 => name,
        2 => format!("{name} and 1 other"),
        many => format!("{name} and {} others", many - 1),
    }))
}

impl Desk {
    /// Everything that exists only on this computer; leaving it is recorded.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn export_unsent(&self) -> Result<cache::Unsent, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::ExportedUnsent,
            verb: Verb::Read,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        })?;
        let unsent = self.read(|cache| cache.unsent())?;
        self.record(self.permitted(&permit)?)?;
        Ok(unsent)
    }
}
