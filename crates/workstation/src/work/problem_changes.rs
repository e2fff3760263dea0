//! Changing a problem: where it stands, since when, until when. Its name is not changed: a record
//! about another problem is another record, and the wrong one is marked as entered in error.

use access::{Action as Verb, Part, ResourceClass};
use cache::Write;
use jiff::civil::Date;
use ledger::Action;

use super::Desk;
use crate::desk::{Asked, Permit};
use crate::error::WorkError;
use crate::show::problem_form;
use crate::view::Saved;
use crate::view::problem::{ProblemChange, ProblemStatus};

impl Desk {
    /// A problem to change.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn problem_form(&self, reference: &str) -> Result<ProblemChange, WorkError> {
        let (permit, patient) =
            self.of_problem(reference, Action::ProblemFormOpened, Verb::Read)?;
        let record = self.problem(reference)?;
        let value = record.value()?;
        let form = problem_form::read(&value, &patient, record.version);
        self.forms.remember(reference, record.version, value);
        let event = self.permitted(&permit)?.about(patient).touching(reference);
        self.record(event)?;
        Ok(form)
    }

    /// Changes a problem. What somebody else changed meanwhile is never overwritten: both versions
    /// stay, and a person decides.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn change_problem(&self, form: &ProblemChange) -> Result<Saved, WorkError> {
        let reference = form.reference.as_str();
        let (permit, patient) = self.of_problem(reference, Action::ProblemChanged, Verb::Update)?;
        let onset = self.day("onset", form.onset.as_deref())?;
        let ended = self.day("ended", form.ended.as_deref())?;
        if let (Some(onset), Some(ended)) = (onset, ended)
            && ended < onset
        {
            return Err(WorkError::invalid("ended", "This is before it began."));
        }
        if ended.is_some() && form.status != ProblemStatus::Resolved {
            return Err(WorkError::invalid(
                "ended",
                "Only a resolved problem has an end.",
            ));
        }
        let record = self.problem(reference)?;
        let version = u64::from(form.version);
        let base: serde_json::Value = match self.forms.recall(reference, version) {
            Some(base) => base,
            None if version == record.version => record.value()?,
            None => {
                return Err(WorkError::invalid(
                    "version",
                    "This record changed since the form was opened. Open the form again.",
                ));
            }
        };
        let mut condition = base.clone();
        problem_form::write(&mut condition, form);
        if condition == base {
            return Err(WorkError::invalid("status", "Nothing was changed."));
        }
        let event = self.permitted(&permit)?.about(patient);
        self.save(
            "problem",
            vec![Write::Put {
                resource: condition,
                base: Some(base),
            }],
            event,
            |_| Ok(()),
        )
    }

    /// Whether this is permitted with the patient whose problem it is.
    fn of_problem(
        &self,
        reference: &str,
        action: Action,
        verb: Verb,
    ) -> Result<(Permit, String), WorkError> {
        let patient = match reference.strip_prefix("Condition/") {
            Some(id) => self.read(|cache| cache.patient_of("Condition", id))?,
            None => None,
        };
        let permit = self.permit(&Asked {
            action,
            verb,
            classes: &[ResourceClass::Clinical],
            patient: patient.as_deref(),
            part: Part::Type("Condition"),
        })?;
        Ok((permit, patient.ok_or(WorkError::Missing)?))
    }

    fn problem(&self, reference: &str) -> Result<cache::Record, WorkError> {
        let id = reference.strip_prefix("Condition/").unwrap_or_default();
        self.read(|cache| cache.record("Condition", id))?
            .ok_or(WorkError::Missing)
    }

    /// A day of a form that is not to come.
    fn day(&self, field: &'static str, text: Option<&str>) -> Result<Option<Date>, WorkError> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let date: Date = text
            .parse()
            .map_err(|_| WorkError::invalid(field, "This is not a date: YYYY-MM-DD."))?;
        if date > self.today() {
            return Err(WorkError::invalid(field, "This date has not come yet."));
        }
        Ok(Some(date))
    }
}
