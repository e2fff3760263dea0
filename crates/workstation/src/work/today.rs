//! My day.

use access::{Action as Verb, Part, ResourceClass};
use cache::StoreError;
use ledger::Action;

use super::Desk;
use super::schedule::about_all;
use crate::desk::{Asked, cause};
use crate::error::WorkError;
use crate::view::Cause;
use crate::view::today::{TodayView, UnsignedNote};

impl Desk {
    /// Today's appointments of the user, or of the whole clinic for who sees no patients, and
    /// the notes that were begun.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn my_day(&self, why: Cause) -> Result<TodayView, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::TodayViewed,
            verb: Verb::Read,
            classes: &[ResourceClass::Scheduling],
            patient: None,
            part: Part::Whole,
        })?;
        let today = self.today();
        let (start, end) = self.window(today, 1)?;
        let practitioner = self.identity.user.practitioner.as_deref();
        let (appointments, unsigned) = self.cache.read(|cache| {
            let appointments = self.appointments(cache, start, end, practitioner)?;
            let mut unsigned = Vec::new();
            for draft in cache.drafts()? {
                let name = cache.patient_card(&draft.patient)?.map(|card| card.name);
                unsigned.push(UnsignedNote {
                    draft: draft.id.to_string(),
                    patient_name: name.unwrap_or_else(|| "Unnamed patient".to_owned()),
                    patient: draft.patient,
                    changed_at: self.wall(draft.changed),
                });
            }
            Ok::<_, StoreError>((appointments, unsigned))
        })?;
        let mut event = self
            .permitted(&permit)?
            .asking(format!("Appointment?date={today}"))
            .caused_by(cause(why));
        event = about_all(event, &appointments);
        for note in &unsigned {
            event = event.about(note.patient.clone());
        }
        self.record(event)?;
        Ok(TodayView {
            date: today.to_string(),
            now: self.wall(self.now()),
            whose: match practitioner {
                Some(_) => self.identity.user.display_name.clone(),
                None => self.identity.organisation.name.clone(),
            },
            appointments,
            unsigned,
        })
    }
}
