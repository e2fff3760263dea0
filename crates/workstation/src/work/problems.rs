//! Adding a problem.

use access::{Action as Verb, Part, ResourceClass};
use cache::Write;
use jiff::civil::Date;
use ledger::Action;
use serde_json::{Value, json};

use super::Desk;
use super::terms;
use crate::desk::Asked;
use crate::error::WorkError;
use crate::view::Saved;
use crate::view::chart::{ProblemForm, ProblemTerm};

/// Longest name of a problem.
const LONGEST: usize = 300;

impl Desk {
    /// Terms while a problem is typed. A list of the program, no patient data.
    #[must_use]
    pub fn problem_terms(&self, query: &str) -> Vec<ProblemTerm> {
        terms::find(query)
    }

    /// Adds a problem to a patient's list.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn add_problem(&self, form: &ProblemForm) -> Result<Saved, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::ProblemRecorded,
            verb: Verb::Create,
            classes: &[ResourceClass::Clinical],
            patient: Some(&form.patient),
            part: Part::Type("Condition"),
        })?;
        let text = form.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Err(WorkError::invalid("text", "What is the problem?"));
        }
        if text.chars().count() > LONGEST {
            return Err(WorkError::invalid("text", "This is too long."));
        }
        let onset = form
            .onset
            .as_deref()
            .map(str::trim)
            .filter(|onset| !onset.is_empty());
        if let Some(onset) = onset {
            let date: Date = onset
                .parse()
                .map_err(|_| WorkError::invalid("onset", "This is not a date: YYYY-MM-DD."))?;
            if date > self.today() {
                return Err(WorkError::invalid("onset", "This date has not come yet."));
            }
        }
        let card = self
            .read(|cache| cache.patient_card(&form.patient))?
            .ok_or(WorkError::Missing)?;
        if let (Some(onset), Some(birth)) = (onset, card.birth.as_deref())
            && onset.get(..4) < birth.get(..4)
        {
            return Err(WorkError::invalid(
                "onset",
                "This is before the patient was born.",
            ));
        }
        let resource = self.condition(form, &text, onset)?;
        let event = self.permitted(&permit)?.about(form.patient.clone());
        self.save(
            "problem",
            vec![Write::Put {
                resource,
                base: None,
            }],
            event,
            |_| Ok(()),
        )
    }

    fn condition(
        &self,
        form: &ProblemForm,
        text: &str,
        onset: Option<&str>,
    ) -> Result<Value, WorkError> {
        let mut codings = Vec::new();
        for (system, code) in [
            ("http://snomed.info/sct", &form.snomed),
            ("http://hl7.org/fhir/sid/icd-10-cm", &form.icd10),
        ] {
            if let Some(code) = code
                .as_deref()
                .map(str::trim)
                .filter(|code| !code.is_empty())
            {
                codings.push(json!({"system": system, "code": code, "display": text}));
            }
        }
        let mut code = json!({"text": text});
        if !codings.is_empty() {
            code["coding"] = codings.into();
        }
        let status = |system: &str, code: &str| {
            json!({"coding": [{
                "system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code
            }]})
        };
        let mut condition = json!({
            "resourceType": "Condition",
            "id": self.fresh_id()?,
            "clinicalStatus": status("condition-clinical", "active"),
            "verificationStatus": status("condition-ver-status", "confirmed"),
            "category": [{"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/condition-category",
                "code": "problem-list-item", "display": "Problem List Item"
            }]}],
            "code": code,
            "subject": {"reference": format!("Patient/{}", form.patient)},
            "recordedDate": self.wall(self.now())
        });
        if let Some(onset) = onset {
            condition["onsetDateTime"] = onset.into();
        }
        let user = &self.identity.user;
        if let Some(practitioner) = &user.practitioner {
            condition["recorder"] = json!({
                "reference": format!("Practitioner/{practitioner}"), "display": user.display_name
            });
        }
        Ok(condition)
    }
}
