//! Opening a chart.

use std::cell::RefCell;
use std::collections::HashMap;

use access::{Action as Verb, Part, ResourceClass};
use cache::{PatientCard, Reading, StoreError};
use fhir::person;
use ledger::{AccessEvent, Action};
use serde_json::Value;

use super::Desk;
use crate::desk::{Asked, Permit, cause};
use crate::error::WorkError;
use crate::show::chart::{CLINICAL, Chart, Lookup, TYPES};
use crate::show::items::Coded;
use crate::show::{people, standing, texts};
use crate::view::Cause;
use crate::view::chart::ChartView;
use crate::view::same_person::EarlierRecord;

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
            part: Part::Whole,
        })?;
        // Nobody's chart is opened in vain: who is not here is told before anything is recorded.
        if self
            .cache
            .read(|cache| cache.patient_card(patient))?
            .is_none()
        {
            return Err(WorkError::Missing);
        }
        let mut events = vec![self.chart_opened(&permit, patient, why)?];
        let earlier = self.earlier(patient)?;
        for (card, permit) in &earlier {
            if let Some(permit) = permit {
                events.push(self.chart_opened(permit, &card.id, why)?);
            }
        }
        let now = self.now();
        let record = || {
            self.cache.write("open-chart", |tx| {
                tx.note_opened(patient, now)?;
                for event in &events {
                    tx.record(self.seal(event))?;
                }
                Ok::<_, StoreError>(())
            })
        };
        // The disk takes the record in while the chart is read. The view leaves here when both
        // are done; a chart that cannot be read after all was an access nevertheless.
        let (recorded, view) = std::thread::scope(|scope| {
            let recorded = scope.spawn(record);
            let view = self
                .cache
                .read(|cache| self.chart(cache, patient, &earlier));
            (recorded.join(), view)
        });
        recorded.map_err(|_| WorkError::Interrupted)??;
        let mut view = view?;
        view.access = permit.grant().map(|grant| self.access_view(grant));
        Ok(view)
    }

    fn chart_opened(
        &self,
        permit: &Permit,
        patient: &str,
        why: Cause,
    ) -> Result<AccessEvent, WorkError> {
        Ok(self
            .permitted(permit)?
            .about(patient)
            .touching(format!("Patient/{patient}"))
            .caused_by(cause(why)))
    }

    /// The records that were merged into this one. Each is guarded as it was before: a merge, which
    /// the front desk may make, opens no clinical record to anybody.
    fn earlier(&self, patient: &str) -> Result<Vec<(PatientCard, Option<Permit>)>, WorkError> {
        let mut earlier = Vec::new();
        for card in self.read(|cache| cache.replaced(patient))? {
            let permit = self.judge(&Asked {
                action: Action::ChartOpened,
                verb: Verb::Read,
                classes: &[ResourceClass::Clinical, ResourceClass::Demographic],
                patient: Some(&card.id),
                part: Part::Whole,
            })?;
            // One that is not on this computer is named and not shown, like one that is closed.
            let here = self.has_chart(&card.id)?;
            earlier.push((card, permit.ok().filter(|_| here)));
        }
        Ok(earlier)
    }

    /// Whether a patient's chart is on this computer.
    pub(crate) fn has_chart(&self, patient: &str) -> Result<bool, WorkError> {
        self.read(|cache| cache.has_chart(patient))
    }

    fn chart(
        &self,
        cache: &Reading<'_>,
        patient: &str,
        earlier: &[(PatientCard, Option<Permit>)],
    ) -> Result<ChartView, WorkError> {
        let zone = &self.identity.zone;
        let card = cache.patient_card(patient)?.ok_or(WorkError::Missing)?;
        let others = Others::new(cache);
        let name = |reference: &str| others.name(reference);
        let medication = |reference: &str| others.medication(reference);
        let mut chart = Chart::new(
            zone,
            Lookup {
                name: &name,
                medication: &medication,
            },
        );
        cache.each_of_patient(patient, TYPES, |record| {
            // A record that cannot be read was quarantined on arrival; one that breaks later
            // must not hide the rest of the chart.
            let _ = chart.add(record.resource_type, record.json, standing(record.standing));
            Ok::<_, StoreError>(())
        })?;
        for (card, permit) in earlier {
            if permit.is_none() {
                continue;
            }
            cache.each_of_patient(&card.id, CLINICAL, |record| {
                let _ = chart.add(record.resource_type, record.json, standing(record.standing));
                Ok::<_, StoreError>(())
            })?;
        }
        others.sound()?;
        let today = self.today();
        let row = people::row(&card, today, zone);
        let adult = people::is_adult(card.birth.as_deref(), today);
        let draft = cache.draft_of(patient)?.map(|draft| draft.id.to_string());
        let mut view = chart.finish(row, adult, draft);
        view.earlier = earlier
            .iter()
            .map(|(card, permit)| EarlierRecord {
                patient: people::row(card, today, zone),
                shown: permit.is_some(),
            })
            .collect();
        Ok(view)
    }
}

/// Records that a chart only refers to, each looked up once.
struct Others<'a, 'b> {
    cache: &'a Reading<'b>,
    names: RefCell<HashMap<String, Option<String>>>,
    medications: RefCell<HashMap<String, Option<Coded>>>,
    /// A look-up that failed: the chart fails with it, once it is read.
    failed: RefCell<Option<StoreError>>,
}

impl<'a, 'b> Others<'a, 'b> {
    fn new(cache: &'a Reading<'b>) -> Self {
        Self {
            cache,
            names: RefCell::default(),
            medications: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    fn name(&self, reference: &str) -> Option<String> {
        if let Some(known) = self.names.borrow().get(reference) {
            return known.clone();
        }
        let found = self.record(reference).and_then(|record| name_of(&record));
        self.names
            .borrow_mut()
            .insert(reference.to_owned(), found.clone());
        found
    }

    fn medication(&self, reference: &str) -> Option<Coded> {
        if let Some(known) = self.medications.borrow().get(reference) {
            return known.clone();
        }
        let found = self
            .record(reference)
            .and_then(|record| record.get("code").map(Coded::of));
        self.medications
            .borrow_mut()
            .insert(reference.to_owned(), found.clone());
        found
    }

    /// The record behind a reference, if it is here and of a type that has a name to show.
    fn record(&self, reference: &str) -> Option<Value> {
        let kind = reference.split('/').next().unwrap_or_default();
        if !matches!(
            kind,
            "Practitioner" | "Location" | "Organization" | "Medication"
        ) {
            return None;
        }
        let parsed = fhir::reference::parse(reference)?;
        match self.cache.record(&parsed.resource_type, &parsed.id) {
            Ok(record) => record?.value().ok(),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    fn sound(&self) -> Result<(), StoreError> {
        self.failed.borrow_mut().take().map_or(Ok(()), Err)
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

#[cfg(test)]
mod tests {
    use access::Facts;
    use cache::{Cache, CacheKey};

    use super::*;
    use crate::desk::relation::tests::{desk, fill};

    #[test]
    fn a1_a_chart_whose_record_cannot_be_kept_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path());
        let assigned = (0..16)
            .map(|bit| 1 << bit)
            .find(|bits| Facts::from_bits(*bits).assigned)
            .unwrap();
        fill(&desk, &HashMap::from([(assigned, "p1".to_owned())]));
        let recorded = || desk.cache.read(|cache| cache.head()).unwrap().number;
        let before = recorded();
        desk.open_chart("p1", Cause::Opened).unwrap();
        assert_eq!(recorded(), before + 1);
        let missing = desk.open_chart("nobody", Cause::Opened);
        assert!(missing.is_err());
        let before = recorded();
        // Somebody else writes for longer than anybody waits; reading goes on meanwhile.
        let file = folder.path().join("cache.db");
        let other = Cache::open(&file, &CacheKey::new([1; 32])).unwrap();
        let opened = other
            .write("hold", |_| {
                Ok::<_, StoreError>(desk.open_chart("p1", Cause::Opened))
            })
            .unwrap();
        assert!(matches!(opened, Err(WorkError::Store(StoreError::Busy))));
        assert_eq!(recorded(), before);
    }
}
