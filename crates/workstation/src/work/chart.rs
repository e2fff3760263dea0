//! Opening a chart.

use std::collections::HashMap;

use access::{Action as Verb, ResourceClass};
use cache::{Reading, StoreError};
use fhir::person;
use ledger::Action;
use serde_json::Value;

use super::Desk;
use crate::desk::{Asked, cause};
use crate::error::WorkError;
use crate::show::chart::{Chart, Lookup, TYPES};
use crate::show::{people, standing, texts};
use crate::view::Cause;
use crate::view::chart::ChartView;

impl Desk {
    /// A patient's chart.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn open_chart(&self, patient: &str, why: Cause) -> Result<ChartView, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::ChartOpened,
            verb: Verb::Read,
            classes: &[ResourceClass::Clinical, ResourceClass::Demographic],
            patient: Some(patient),
        })?;
        let view = self.cache.read(|cache| self.chart(cache, patient))?;
        let event = self
            .permitted(&permit)?
            .about(patient)
            .touching(format!("Patient/{patient}"))
            .caused_by(cause(why));
        let now = self.now();
        self.write_recorded("open-chart", &event, |tx| tx.note_opened(patient, now))?;
        Ok(view)
    }

    fn chart(&self, cache: &Reading<'_>, patient: &str) -> Result<ChartView, WorkError> {
        let zone = &self.identity.zone;
        let card = cache.patient_card(patient)?.ok_or(WorkError::Missing)?;
        let mut chart = Chart::default();
        cache.each_of_patient(patient, TYPES, |record| {
            // A record that cannot be read was quarantined on arrival; one that breaks later
            // must not hide the rest of the chart.
            if let Ok(value) = serde_json::from_str::<Value>(record.json) {
                chart.add(record.resource_type, value, standing(record.standing), zone);
            }
            Ok::<_, StoreError>(())
        })?;
        let others = looked_up(cache, chart.wanted())?;
        let today = self.today();
        let row = people::row(&card, today, zone);
        let adult = people::is_adult(card.birth.as_deref(), today);
        let draft = cache.draft_of(patient)?.map(|draft| draft.id.to_string());
        let lookup = Lookup {
            name: &|reference| others.get(reference).and_then(name_of),
            medication: &|reference| others.get(reference).cloned(),
        };
        Ok(chart.finish(row, adult, draft, zone, &lookup))
    }
}

/// The records behind references, those of them that are here.
pub(crate) fn looked_up(
    cache: &Reading<'_>,
    references: Vec<String>,
) -> Result<HashMap<String, Value>, StoreError> {
    let mut found = HashMap::new();
    for text in references {
        let Some(reference) = fhir::reference::parse(&text) else {
            continue;
        };
        if let Some(record) = cache.record(&reference.resource_type, &reference.id)?
            && let Ok(value) = record.value()
        {
            found.insert(text, value);
        }
    }
    Ok(found)
}

/// The name of a person, a place or an organisation.
pub(crate) fn name_of(resource: &Value) -> Option<String> {
    let name = match resource.get("name") {
        Some(Value::String(name)) => name.clone(),
        Some(_) => person::display_name(resource),
        None => String::new(),
    };
    if name.is_empty() {
        texts::concept_at(resource, "code")
    } else {
        Some(name)
    }
}
