//! Rehearsing a downtime: who may, and that it is recorded.

use access::{Action as Verb, Part, ResourceClass};
use jiff::SignedDuration;
use ledger::Action;

use super::Desk;
use crate::desk::Asked;
use crate::error::WorkError;
use crate::rehearsal::Rehearsal;
use crate::view::rehearsal::RehearsalReport;

/// How long a rehearsal may last, in minutes: long enough to learn from, short enough that a
/// forgotten one does no harm.
const MINUTES: std::ops::RangeInclusive<u32> = 5..=240;

impl Desk {
    /// Cuts this computer off from the server for some minutes.
    ///
    /// # Errors
    /// [`WorkError`].
    pub(crate) fn start_rehearsal(
        &self,
        rehearsal: &Rehearsal,
        minutes: u32,
    ) -> Result<(), WorkError> {
        let permit = self.permit(&asked(Action::RehearsalStarted, Verb::Update))?;
        if !MINUTES.contains(&minutes) {
            return Err(WorkError::invalid(
                "minutes",
                format!(
                    "A rehearsal lasts {} to {} minutes.",
                    MINUTES.start(),
                    MINUTES.end()
                ),
            ));
        }
        let event = self
            .permitted(&permit)?
            .asking(format!("{minutes} minutes"));
        self.record(event)?;
        rehearsal
            .start(SignedDuration::from_mins(i64::from(minutes)))
            .map_err(|error| WorkError::Profile(error.into()))
    }

    /// Ends it before its time, and tells what it showed.
    ///
    /// # Errors
    /// [`WorkError::Missing`] when there never was one.
    pub(crate) fn stop_rehearsal(
        &self,
        rehearsal: &Rehearsal,
    ) -> Result<RehearsalReport, WorkError> {
        let permit = self.permit(&asked(Action::RehearsalEnded, Verb::Update))?;
        if rehearsal.runs() {
            let event = self.permitted(&permit)?;
            self.record(event)?;
            rehearsal.stop();
        }
        rehearsal
            .report(&self.identity.zone)
            .ok_or(WorkError::Missing)
    }

    /// What the last or the running one showed.
    ///
    /// # Errors
    /// [`WorkError`].
    pub(crate) fn rehearsal_report(
        &self,
        rehearsal: &Rehearsal,
    ) -> Result<Option<RehearsalReport>, WorkError> {
        self.permit(&asked(Action::RehearsalStarted, Verb::Read))?;
        Ok(rehearsal.report(&self.identity.zone))
    }

    /// Records that its time was over. Nobody decided it: whoever works here now is named.
    pub(crate) fn rehearsal_over(&self) -> Result<(), WorkError> {
        let event = self
            .event(Action::RehearsalEnded)?
            .serving(ledger::event::Purpose::SystemAdministration)
            .because("The time of the rehearsal was over.", []);
        self.record(event)
    }
}

fn asked(action: Action, verb: Verb) -> Asked<'static> {
    Asked {
        action,
        verb,
        classes: &[ResourceClass::Workstation],
        patient: None,
        part: Part::Whole,
    }
}
