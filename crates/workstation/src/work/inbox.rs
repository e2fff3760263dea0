//! What needs a person: two versions of one record, changes that the server refused, what came
//! from it and could not be read, records that are likely one person's, and work that was not sent
//! when its chart left.

use std::collections::HashSet;

use access::{Action as Verb, Part, ResourceClass};
use cache::{OutboxLine, Reading, Refusal, SetAside, StoreError};
use ledger::{AccessEvent, Action};
use serde_json::Value;
use uuid::Uuid;

use super::Desk;
use super::chart::name_of;
use super::same_person::Pair;
use crate::desk::{Asked, cause};
use crate::error::WorkError;
use crate::notice::Touched;
use crate::show::texts;
use crate::view::Cause;
use crate::view::conflict::{InboxView, RefusedView, SetAsideView};

/// Longest value that is shown of one side of a field.
const SHOWN: usize = 600;

impl Desk {
    /// The inbox.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn inbox(&self, why: Cause) -> Result<InboxView, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::InboxViewed,
            verb: Verb::Read,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        })?;
        let mut event = self.permitted(&permit)?.caused_by(cause(why));
        let closed = self.closed_conflicts()?;
        let mut view = self.cache.read(|cache| {
            let mut conflicts = Vec::new();
            for conflict in cache.conflicts()? {
                event = concerning(
                    event.clone(),
                    cache,
                    &conflict.resource_type,
                    &conflict.record,
                )?;
                let mut view = self.conflict_view(cache, &conflict)?;
                if closed.contains(&conflict.id) {
                    // That there is one is the user's own doing; what others wrote is not.
                    view.fields.clear();
                }
                conflicts.push(view);
            }
            let mut refused = Vec::new();
            for line in cache.refused()? {
                for (kind, id) in &line.records {
                    event = concerning(event.clone(), cache, kind, id)?;
                }
                refused.push(self.refused_view(cache, &line)?);
            }
            let mut unreadable = Vec::new();
            for entry in cache.quarantined()? {
                event = concerning(event.clone(), cache, &entry.resource_type, &entry.id)?;
                unreadable.push(self.unreadable_view(cache, &entry)?);
            }
            let merges = self.merges(cache)?;
            for merge in &merges {
                event = event.clone().about(merge.replaced.id.clone());
            }
            let mut set_aside = Vec::new();
            for aside in cache.set_aside()? {
                if let Some(patient) = &aside.patient {
                    event = event.clone().about(patient.clone());
                }
                set_aside.push(self.set_aside_view(cache, aside)?);
            }
            Ok::<_, StoreError>(InboxView {
                conflicts,
                refused,
                unreadable,
                pairs: Vec::new(),
                merges,
                set_aside,
            })
        })?;
        let pairs = self.pairs()?;
        for id in pairs.iter().flat_map(Pair::ids) {
            event = event.about(id);
        }
        view.pairs = pairs.into_iter().map(Pair::into_view).collect();
        self.record(event)?;
        Ok(view)
    }

    /// The conflicts about patients whose records the user may not see, or not any more.
    fn closed_conflicts(&self) -> Result<HashSet<Uuid>, WorkError> {
        let conflicts = self.read(|cache| {
            cache
                .conflicts()?
                .into_iter()
                .map(|it| {
                    let patient = cache.patient_of(&it.resource_type, &it.record)?;
                    Ok((it.id, it.resource_type, patient))
                })
                .collect::<Result<Vec<_>, StoreError>>()
        })?;
        let mut closed = HashSet::new();
        for (id, kind, patient) in conflicts {
            if let Some(patient) = patient
                && !self.may_see(&patient, &kind)?
            {
                closed.insert(id);
            }
        }
        Ok(closed)
    }

    /// Takes note of work that was set aside: it leaves the inbox. Only what the server has can.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn note_set_aside(&self, id: &str) -> Result<(), WorkError> {
        let id: Uuid = id.parse().map_err(|_| WorkError::Missing)?;
        let aside = self
            .read(|cache| cache.set_aside())?
            .into_iter()
            .find(|aside| aside.id == id && aside.handed.is_some())
            .ok_or(WorkError::Missing)?;
        let permit = self.permit(&Asked {
            action: Action::SetAsideNoted,
            verb: Verb::Read,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        })?;
        let mut event = self.permitted(&permit)?;
        if let Some(patient) = aside.patient {
            event = event.about(patient);
        }
        self.write_recorded("note-set-aside", &event, |tx| tx.forget_set_aside(id))?;
        self.told(&event);
        Ok(())
    }

    fn set_aside_view(
        &self,
        cache: &Reading<'_>,
        aside: SetAside,
    ) -> Result<SetAsideView, StoreError> {
        let card = match &aside.patient {
            Some(patient) => cache.patient_card(patient)?,
            None => None,
        };
        Ok(SetAsideView {
            id: aside.id.to_string(),
            name: card.map(|card| card.name),
            patient: aside.patient,
            changes: aside.changes,
            drafts: aside.drafts,
            records: aside.records,
            made_at: self.wall(aside.made),
            handed: aside.handed.is_some(),
        })
    }

    /// Undoes a refused change on this computer. What was done and undone stays in the audit.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn give_up_refused(&self, id: &str) -> Result<(), WorkError> {
        let (key, event) = self.refused_event(id, Action::ChangeGivenUp)?;
        let now = self.now();
        self.cache
            .write("give-up", |tx| tx.give_up(key, now, self.seal(&event)))?;
        self.told(&event);
        Ok(())
    }

    /// Sends a refused change again.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn retry_refused(&self, id: &str) -> Result<(), WorkError> {
        let (key, event) = self.refused_event(id, Action::ChangeRetried)?;
        let now = self.now();
        self.write_recorded("retry", &event, |tx| tx.retry(key, now))?;
        self.told(&event);
        Ok(())
    }

    /// Tells screens of the records that an event names.
    pub(super) fn told(&self, event: &AccessEvent) {
        let kind = |reference: &String| reference.split('/').next().unwrap_or_default().to_owned();
        (self.on_touched)(Touched {
            types: event.entities.iter().map(kind).collect(),
            patients: event.patients.iter().cloned().collect(),
        });
    }

    fn refused_event(&self, id: &str, action: Action) -> Result<(Uuid, AccessEvent), WorkError> {
        let key: Uuid = id.parse().map_err(|_| WorkError::Missing)?;
        let line = self
            .read(|cache| cache.refused())?
            .into_iter()
            .find(|line| line.key == key)
            .ok_or(WorkError::Missing)?;
        let mut classes: Vec<ResourceClass> = line
            .records
            .iter()
            .map(|(kind, _)| ResourceClass::of(kind))
            .collect();
        classes.dedup();
        let patient = match line.records.first() {
            Some((kind, id)) => self.read(|cache| cache.patient_of(kind, id))?,
            None => None,
        };
        let permit = self.permit(&Asked {
            action,
            verb: Verb::Update,
            classes: &classes,
            patient: patient.as_deref(),
            part: Part::Whole,
        })?;
        let mut event = self.permitted(&permit)?;
        event = self.read(|cache| {
            let mut event = event.clone();
            for (kind, id) in &line.records {
                event = concerning(event, cache, kind, id)?;
            }
            Ok(event)
        })?;
        Ok((key, event))
    }

    fn refused_view(
        &self,
        cache: &Reading<'_>,
        line: &OutboxLine,
    ) -> Result<RefusedView, StoreError> {
        let (kind, id) = line.records.first().cloned().unwrap_or_default();
        Ok(RefusedView {
            id: line.key.to_string(),
            reference: format!("{kind}/{id}"),
            title: title(cache, &kind, &id)?,
            code: line
                .refusal
                .as_ref()
                .map_or_else(|| "invalid".to_owned(), |r| r.code.clone()),
            reason: line.refusal.as_ref().map_or_else(String::new, reason),
            made_at: self.wall(line.made),
        })
    }
}

/// Adds the patient and the record to an event.
pub(super) fn concerning(
    event: AccessEvent,
    cache: &Reading<'_>,
    kind: &str,
    id: &str,
) -> Result<AccessEvent, StoreError> {
    let event = event.touching(format!("{kind}/{id}"));
    Ok(match cache.patient_of(kind, id)? {
        Some(patient) => event.about(patient),
        None => event,
    })
}

/// A change in words: `Note · Ada Okafor`.
pub(super) fn title(cache: &Reading<'_>, kind: &str, id: &str) -> Result<String, StoreError> {
    let record = cache.record(kind, id)?;
    let value = record.as_ref().and_then(|record| record.value().ok());
    let patient = match &value {
        Some(value) => crate::show::calendar::parties(value)
            .patient
            .or(fhir::compartment::patient_of(value)),
        None => cache.patient_of(kind, id)?,
    };
    let name = match patient {
        Some(patient) => cache.patient_card(&patient)?.map(|card| card.name),
        None => value.as_ref().and_then(name_of),
    };
    let what = kind_in_words(kind, value.as_ref());
    Ok(match name {
        Some(name) if !name.is_empty() => format!("{what} · {name}"),
        _ => what,
    })
}

fn kind_in_words(kind: &str, value: Option<&Value>) -> String {
    let named = |key: &str| value.and_then(|value| texts::concept_at(value, key));
    match kind {
        "DocumentReference" => named("type").unwrap_or_else(|| "Note".to_owned()),
        "Condition" => {
            named("code").map_or_else(|| "Problem".to_owned(), |name| format!("Problem: {name}"))
        }
        "Observation" => named("code").unwrap_or_else(|| "Observation".to_owned()),
        "AllergyIntolerance" => {
            named("code").map_or_else(|| "Allergy".to_owned(), |name| format!("Allergy: {name}"))
        }
        "MedicationRequest" => "Medication".to_owned(),
        other => other.to_owned(),
    }
}

fn reason(refusal: &Refusal) -> String {
    let said = texts::each(&refusal.outcome, "issue").find_map(|issue| {
        let words = texts::concept_at(issue, "details")
            .or_else(|| texts::text(issue, "diagnostics").map(str::to_owned))?;
        Some(
            match texts::each(issue, "expression").find_map(Value::as_str) {
                Some(element) => format!("{words} ({element})"),
                None => words,
            },
        )
    });
    said.unwrap_or_else(|| crate::fault::of(&refusal.code).what)
}

/// A value as a person reads it.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Null => String::new(),
        Value::Array(parts) => parts.iter().map(shown).collect::<Vec<_>>().join("; "),
        Value::Object(parts) => texts::concept(value)
            .or_else(|| texts::quantity(value))
            .or_else(|| texts::text(value, "display").map(str::to_owned))
            .unwrap_or_else(|| {
                parts
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", shown(value)))
                    .collect::<Vec<_>>()
                    .join(", ")
            }),
    };
    texts::shortened(&text, SHOWN).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_words() {
        assert_eq!(
            shown(&json!({"system": "phone", "value": "555"})),
            "system: phone, value: 555"
        );
        assert_eq!(shown(&json!({"value": 5.0, "unit": "mg"})), "5 mg");
        assert_eq!(shown(&json!(["Ada", "Mae"])), "Ada; Mae");
        assert_eq!(shown(&json!({"coding": [{"display": "Active"}]})), "Active");
    }

    #[test]
    fn a_refusal_without_words_has_the_codes_words() {
        let silent = Refusal {
            code: "time-taken".into(),
            outcome: json!({}),
        };
        assert!(reason(&silent).contains("another appointment"));
        let said = Refusal {
            code: "invalid".into(),
            outcome: json!({"issue": [{"diagnostics": "no such value", "expression": ["Patient.gender"]}]}),
        };
        assert_eq!(reason(&said), "no such value (Patient.gender)");
    }
}
