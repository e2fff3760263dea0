//! Finding, registering and editing patients.

use access::{Action as Verb, Part, ResourceClass};
use cache::Write;
use jiff::civil::Date;
use ledger::Action;
use serde_json::{Value, json};

use super::Desk;
use crate::desk::Asked;
use crate::error::WorkError;
use crate::show::people;
use crate::view::Saved;
use crate::view::patient::{PatientForm, PatientPage};

/// Rows that one search may give.
const MOST: u32 = 200;
/// Longest query that is looked at.
const LONGEST: usize = 200;
/// What a demographic field may hold.
const FIELD: usize = 200;

impl Desk {
    /// Patients by any part of name, birth date, record number or telephone.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn find_patients(&self, query: &str, limit: u32) -> Result<PatientPage, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::PatientsSearched,
            verb: Verb::Search,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        })?;
        let query: String = query.chars().take(LONGEST).collect();
        let limit = limit.clamp(1, MOST) as usize;
        let hits = self.read(|cache| cache.find_patients(&query, limit))?;
        let mut event = self.permitted(&permit)?.asking(query);
        for card in &hits.cards {
            event = event.about(card.id.clone());
        }
        self.record(event)?;
        let today = self.today();
        Ok(PatientPage {
            rows: hits
                .cards
                .iter()
                .map(|card| people::row(card, today, &self.identity.zone))
                .collect(),
            more: hits.more,
        })
    }

    /// Demographics to edit.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn patient_form(&self, patient: &str) -> Result<PatientForm, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::PatientFormOpened,
            verb: Verb::Read,
            classes: &[ResourceClass::Demographic],
            patient: Some(patient),
            part: Part::Whole,
        })?;
        let record = self
            .read(|cache| cache.record("Patient", patient))?
            .ok_or(WorkError::Missing)?;
        let value = record.value()?;
        let form = people::form(&value, record.version);
        self.forms.remember(patient, record.version, value);
        let event = self
            .permitted(&permit)?
            .about(patient)
            .touching(format!("Patient/{patient}"));
        self.record(event)?;
        Ok(form)
    }

    /// Registers or changes a patient.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn save_patient(&self, form: &PatientForm) -> Result<Saved, WorkError> {
        let (action, verb) = match form.id {
            Some(_) => (Action::PatientChanged, Verb::Update),
            None => (Action::PatientRegistered, Verb::Create),
        };
        let permit = self.permit(&Asked {
            action,
            verb,
            classes: &[ResourceClass::Demographic],
            patient: form.id.as_deref(),
            part: Part::Whole,
        })?;
        let form = self.checked(form)?;
        let (write, id) = match &form.id {
            Some(id) => (self.changed(id, &form)?, id.clone()),
            None => {
                let id = self.fresh_id()?;
                let mut patient = json!({"resourceType": "Patient", "id": id, "active": true});
                people::write_form(&mut patient, &form);
                self.take_on(&mut patient);
                (
                    Write::Put {
                        resource: patient,
                        base: None,
                    },
                    id,
                )
            }
        };
        self.save(
            "patient",
            vec![write],
            self.permitted(&permit)?.about(id),
            |_| Ok(()),
        )
    }

    /// A clinician who registers somebody is about to treat them: nothing else would relate the
    /// two before the first appointment is booked.
    fn take_on(&self, patient: &mut Value) {
        let user = &self.identity.user;
        if self.identity.role == access::Role::Clinician
            && let Some(practitioner) = &user.practitioner
        {
            patient["generalPractitioner"] = json!([{
                "reference": format!("Practitioner/{practitioner}"),
                "display": user.display_name,
            }]);
        }
    }

    /// The patient with the form written over what the form was filled from: an edit that came in
    /// while it was open is merged with, or both are kept, and neither is lost.
    fn changed(&self, id: &str, form: &PatientForm) -> Result<Write, WorkError> {
        let record = self
            .read(|cache| cache.record("Patient", id))?
            .ok_or(WorkError::Missing)?;
        let version = form.version.map(u64::from);
        let base: Value = match version.and_then(|version| self.forms.recall(id, version)) {
            Some(base) => base,
            None if version == Some(record.version) => record.value()?,
            None => {
                return Err(WorkError::invalid(
                    "version",
                    "This record changed since the form was opened. Open the form again.",
                ));
            }
        };
        let mut patient = base.clone();
        people::write_form(&mut patient, form);
        Ok(Write::Put {
            resource: patient,
            base: Some(base),
        })
    }

    fn checked(&self, form: &PatientForm) -> Result<PatientForm, WorkError> {
        let mut form = form.clone();
        for (field, text) in [
            ("given", &mut form.given),
            ("family", &mut form.family),
            ("birthDate", &mut form.birth_date),
            ("sex", &mut form.sex),
            ("mrn", &mut form.mrn),
            ("ssn", &mut form.ssn),
            ("phone", &mut form.phone),
            ("email", &mut form.email),
            ("street", &mut form.street),
            ("city", &mut form.city),
            ("state", &mut form.state),
            ("postalCode", &mut form.postal_code),
        ] {
            *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.chars().count() > FIELD {
                return Err(WorkError::invalid(field, "This is too long."));
            }
        }
        if form.family.is_empty() && form.given.is_empty() {
            return Err(WorkError::invalid("family", "A patient needs a name."));
        }
        if form.birth_date.is_empty() {
            if form.id.is_none() {
                return Err(WorkError::invalid(
                    "birthDate",
                    "A patient needs a birth date.",
                ));
            }
        } else {
            self.check_birth(&form.birth_date)?;
        }
        if !form.sex.is_empty()
            && !matches!(form.sex.as_str(), "female" | "male" | "other" | "unknown")
        {
            return Err(WorkError::invalid(
                "sex",
                "Choose female, male, other or unknown.",
            ));
        }
        form.ssn = social_security(&form.ssn)?;
        if !form.email.is_empty() && !form.email.contains('@') {
            return Err(WorkError::invalid(
                "email",
                "This is not an e-mail address.",
            ));
        }
        Ok(form)
    }

    fn check_birth(&self, birth: &str) -> Result<(), WorkError> {
        // FHIR allows a year or a month alone, and records from elsewhere have that.
        let full = match birth.len() {
            4 => format!("{birth}-01-01"),
            7 => format!("{birth}-01"),
            _ => birth.to_owned(),
        };
        let date: Date = full
            .parse()
            .map_err(|_| WorkError::invalid("birthDate", "This is not a date: YYYY-MM-DD."))?;
        if date > self.today() {
            return Err(WorkError::invalid(
                "birthDate",
                "This date has not come yet.",
            ));
        }
        if date.year() < 1850 {
            return Err(WorkError::invalid("birthDate", "Nobody is that old."));
        }
        Ok(())
    }
}

/// `999-99-9999`, however it was typed. What another system wrote otherwise is left alone.
fn social_security(text: &str) -> Result<String, WorkError> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let only = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '-' | ' '));
    match (text.is_empty(), only, digits.len()) {
        (true, ..) => Ok(String::new()),
        (_, true, 9) => Ok(format!(
            "{}-{}-{}",
            &digits[..3],
            &digits[3..5],
            &digits[5..]
        )),
        _ => Err(WorkError::invalid(
            "ssn",
            "A social security number has nine digits.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn social_security_numbers_as_people_type_them() {
        for typed in ["999112222", "999-11-2222", "999 11 2222"] {
            assert_eq!(social_security(typed).unwrap(), "999-11-2222");
        }
        assert_eq!(social_security("").unwrap(), "");
        for wrong in ["12", "99911222x", "9991122223"] {
            assert!(social_security(wrong).is_err(), "{wrong}");
        }
    }
}
