//! One person, two records: found while somebody is registered or after a sync, compared side by
//! side, merged, kept apart, taken apart again.
//!
//! Two Patients are all that a merge touches, so that whoever may change demographics can do it,
//! and nobody sees more of a record by it than before.

use std::cmp::Reverse;

use access::{Action as Verb, Part, Request, ResourceClass};
use cache::{PatientCard, Reading, StoreError, Write};
use fhir::likeness::{Grade, Likeness, Person, compare};
use fhir::same_person::{self, MergeError, Take};
use ledger::Action;
use serde_json::{Value, json};

use super::Desk;
use crate::desk::Asked;
use crate::error::WorkError;
use crate::show::{pairs, people};
use crate::view::Saved;
use crate::view::patient::{PatientForm, PatientRow};
use crate::view::same_person::{LikelyView, MergeForm, MergedView, PairSide, PairView};

/// Who is shown while somebody is registered.
const SHOWN: usize = 5;
/// Pairs that the inbox shows at once; the others follow when these are settled.
const PAIRS: usize = 20;
/// Merges that can be undone from the inbox.
const MERGES: usize = 20;
/// Patients compared in one write, so that who writes meanwhile waits for a few hundredths of a
/// second at most.
const AT_ONCE: usize = 20;

/// A pair as the inbox reads it.
pub(super) struct Pair {
    one: PatientCard,
    other: PatientCard,
    view: PairView,
}

impl Pair {
    /// The logical ids.
    pub(super) fn ids(&self) -> [&str; 2] {
        [&self.one.id, &self.other.id]
    }

    pub(super) fn into_view(self) -> PairView {
        self.view
    }
}

impl Desk {
    /// Patients who may be the one that a form describes, most alike first.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn likely_duplicates(&self, form: &PatientForm) -> Result<Vec<LikelyView>, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::PatientsSearched,
            verb: Verb::Search,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        })?;
        let mut patient = json!({"resourceType": "Patient"});
        people::write_form(&mut patient, form);
        if let Some(id) = &form.id {
            patient["id"] = id.clone().into();
        }
        let found = self.read(|cache| cache.alike(&patient, SHOWN))?;
        let asked = [&form.given, &form.family, &form.birth_date];
        let mut event = self
            .permitted(&permit)?
            .asking(asked.map(|part| part.trim()).join(" ").trim().to_owned());
        for it in &found {
            event = event.about(it.card.id.clone());
        }
        self.record(event)?;
        Ok(found
            .iter()
            .map(|it| LikelyView {
                patient: self.row(&it.card),
                is_likely: it.likeness.grade() == Grade::Likely,
                findings: pairs::findings(&it.likeness),
            })
            .collect())
    }

    /// Compares patients that are new or changed with the others. Answers whether more are left,
    /// and how many pairs wait for somebody who may merge them: for others there are none.
    pub(crate) fn compare_some(&self) -> Result<(bool, u32), WorkError> {
        if !self.may_merge() {
            return Ok((false, 0));
        }
        let waits = self.read(|cache| cache.waits_to_be_compared())?;
        let left = if waits {
            self.cache
                .write("compare", |tx| tx.compare_next(AT_ONCE))
                .map_err(WorkError::from)?
        } else {
            0
        };
        Ok((left > 0, self.read(|cache| cache.likely_pair_count())?))
    }

    /// Whether the role may merge two records of one person.
    pub(crate) fn may_merge(&self) -> bool {
        let request = Request::new(self.identity.role, Verb::Merge, ResourceClass::Demographic);
        access::decide(&request).allow()
    }

    /// The pairs that wait, as they are now: what was found may have changed since.
    pub(super) fn pairs(&self) -> Result<Vec<Pair>, WorkError> {
        if !self.may_merge() {
            return Ok(Vec::new());
        }
        let known = self.read(|cache| cache.likely_pairs(PAIRS))?;
        let mut found = Vec::new();
        for (one, other) in known {
            found.extend(self.pair(&one, &other)?);
        }
        Ok(found)
    }

    fn pair(&self, one: &str, other: &str) -> Result<Option<Pair>, WorkError> {
        let read = self.read(|cache| Ok(side(cache, one)?.zip(side(cache, other)?)))?;
        let Some((mut one, mut other)) = read else {
            return Ok(None);
        };
        let likeness = compare(&Person::of(&one.record), &Person::of(&other.record));
        if !are_open(&one, &other, &likeness) {
            return Ok(None);
        }
        // The one that has more is more likely the one that stays.
        if self.wealth(&other)? > self.wealth(&one)? {
            std::mem::swap(&mut one, &mut other);
        }
        let differences = same_person::differences(&one.record, &other.record);
        Ok(Some(Pair {
            view: PairView {
                one: self.side_view(&one)?,
                other: self.side_view(&other)?,
                findings: pairs::findings(&likeness),
                fields: pairs::fields(&differences),
            },
            one: one.card,
            other: other.card,
        }))
    }

    /// The merges that can be undone here, the latest first.
    pub(super) fn merges(&self, cache: &Reading<'_>) -> Result<Vec<MergedView>, StoreError> {
        if !self.may_merge() {
            return Ok(Vec::new());
        }
        let mut merges = Vec::new();
        for card in cache.merged(MERGES)? {
            let changed = cache.record("Patient", &card.id)?;
            merges.extend(changed.map(|record| MergedView {
                replaced: self.row(&card),
                changed_at: self.wall(record.last_updated),
            }));
        }
        Ok(merges)
    }

    /// Merges two records of one person.
    ///
    /// # Errors
    /// [`WorkError`]; `invalid` with the field `version` when one of them changed since it was
    /// shown, `already-merged` when one of them was merged before.
    pub fn merge_patients(&self, form: &MergeForm) -> Result<Saved, WorkError> {
        let asked = Asked {
            action: Action::PatientsMerged,
            verb: Verb::Merge,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        };
        let permit = self.permit(&asked)?;
        let (survivor, replaced) = self.read(|cache| {
            let read = |id: &str| cache.record("Patient", id);
            Ok((read(&form.survivor)?, read(&form.replaced)?))
        })?;
        let (survivor, replaced) = survivor.zip(replaced).ok_or(WorkError::Missing)?;
        let shown = [
            (&survivor, form.survivor_version),
            (&replaced, form.replaced_version),
        ];
        if shown
            .iter()
            .any(|(record, version)| record.version != u64::from(*version))
        {
            return Err(WorkError::invalid(
                "version",
                "One of the two changed since they were shown. Look at them again.",
            ));
        }
        let taken: Vec<(&str, Take)> = form
            .taken
            .iter()
            .map(|field| {
                let how = if field.beside {
                    Take::Also
                } else {
                    Take::Instead
                };
                (field.element.as_str(), how)
            })
            .collect();
        let both =
            same_person::merge(&survivor.value()?, &replaced.value()?, &taken).map_err(refusal)?;
        let mut writes = vec![put(both.replaced), put(both.survivor)];
        if self.may_add_provenance(Some(&form.survivor))? {
            let versions = [
                (form.survivor.as_str(), survivor.version),
                (form.replaced.as_str(), replaced.version),
            ];
            writes.push(put(self.merge_provenance(versions)?));
        }
        let event = self
            .permitted(&permit)?
            .about(form.survivor.clone())
            .about(form.replaced.clone());
        self.save("merge", writes, event, |_| Ok(()))
    }

    /// Takes a merged record apart from the one that stands for it: both are as before.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn undo_merge(&self, replaced: &str) -> Result<Saved, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::MergeUndone,
            verb: Verb::Merge,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        })?;
        let lost = self
            .read(|cache| cache.record("Patient", replaced))?
            .ok_or(WorkError::Missing)?
            .value()?;
        let survivor = same_person::replaced_by(&lost).ok_or(WorkError::Missing)?;
        let kept = self
            .read(|cache| cache.record("Patient", &survivor))?
            .ok_or(WorkError::Missing)?
            .value()?;
        let both = same_person::undo(&kept, &lost);
        let event = self
            .permitted(&permit)?
            .about(replaced)
            .about(survivor.clone());
        let mut writes = vec![put(both.replaced)];
        if both.survivor != kept {
            writes.push(put(both.survivor));
        }
        self.save("undo-merge", writes, event, |_| Ok(()))
    }

    /// Remembers that two records are two people's: nobody is asked again.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn keep_apart(&self, one: &str, other: &str) -> Result<Saved, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::PatientsKeptApart,
            verb: Verb::Merge,
            classes: &[ResourceClass::Demographic],
            patient: None,
            part: Part::Whole,
        })?;
        // Both could say it; the same one always does, so that two people write the same.
        let (one, other) = if one <= other {
            (one, other)
        } else {
            (other, one)
        };
        let (says, named) = self.read(|cache| {
            Ok((
                cache.record("Patient", one)?,
                cache.record("Patient", other)?,
            ))
        })?;
        let (says, _) = says.zip(named).ok_or(WorkError::Missing)?;
        let event = self.permitted(&permit)?.about(one).about(other);
        let told = same_person::kept_apart(&says.value()?, other);
        self.save("keep-apart", vec![put(told)], event, |_| Ok(()))
    }

    pub(super) fn row(&self, card: &PatientCard) -> PatientRow {
        people::row(card, self.today(), &self.identity.zone)
    }

    fn side_view(&self, side: &Side) -> Result<PairSide, WorkError> {
        let closed = !self.may_see(&side.card.id, "DocumentReference")?;
        let open = |count: u32| (!closed).then_some(count);
        Ok(PairSide {
            patient: self.row(&side.card),
            version: u32::try_from(side.version).unwrap_or(u32::MAX),
            changed_at: self.wall(side.changed),
            appointments: side.appointments,
            notes: open(side.notes),
            clinical: open(side.clinical),
        })
    }

    /// How much a record has, of what the user may know of.
    fn wealth(&self, side: &Side) -> Result<(u32, bool, Reverse<jiff::Timestamp>), WorkError> {
        let view = self.side_view(side)?;
        let records = view.appointments + view.notes.unwrap_or(0) + view.clinical.unwrap_or(0);
        // Of two that have as much, the one that the server knows; then the one that was there first.
        Ok((records, side.version > 0, Reverse(side.changed)))
    }

    /// Who merged which versions. The server has both; what a version made here and not sent yet
    /// said stands in the change that is sent before.
    fn merge_provenance(&self, versions: [(&str, u64); 2]) -> Result<Value, WorkError> {
        let user = &self.identity.user;
        let mut who = json!({"display": user.display_name});
        if let Some(practitioner) = &user.practitioner {
            who["reference"] = format!("Practitioner/{practitioner}").into();
        }
        let targets = versions.map(|(id, _)| json!({"reference": format!("Patient/{id}")}));
        let entities = versions.map(|(id, version)| {
            let reference = match version {
                0 => format!("Patient/{id}"),
                version => format!("Patient/{id}/_history/{version}"),
            };
            json!({"role": "revision", "what": {"reference": reference}})
        });
        Ok(json!({
            "resourceType": "Provenance",
            "id": self.fresh_id()?,
            "target": targets,
            "recorded": fhir::resource::instant(self.now()),
            "activity": {
                "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation",
                    "code": "UPDATE", "display": "revise"
                }],
                "text": "Two records of one person were merged: the first stands for the second."
            },
            "agent": [{
                "type": {"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                    "code": "author", "display": "Author"
                }]},
                "who": who
            }],
            "entity": entities
        }))
    }
}

/// What is known of one of two records.
struct Side {
    card: PatientCard,
    record: Value,
    version: u64,
    changed: jiff::Timestamp,
    appointments: u32,
    notes: u32,
    clinical: u32,
}

fn side(cache: &Reading<'_>, id: &str) -> Result<Option<Side>, StoreError> {
    let Some((card, record)) = cache.patient_card(id)?.zip(cache.record("Patient", id)?) else {
        return Ok(None);
    };
    let mut side = Side {
        card,
        record: record.value()?,
        version: record.version,
        changed: record.last_updated,
        appointments: 0,
        notes: 0,
        clinical: 0,
    };
    cache.each_of_patient(id, &[], |record| {
        match record.resource_type {
            "Appointment" => side.appointments += 1,
            "DocumentReference" => side.notes += 1,
            kind if ResourceClass::of(kind) == ResourceClass::Clinical => side.clinical += 1,
            _ => {}
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(Some(side))
}

/// Whether somebody still is to be asked.
fn are_open(one: &Side, other: &Side, likeness: &Likeness) -> bool {
    likeness.grade() == Grade::Likely
        && !same_person::are_kept_apart(&one.record, &other.record)
        && [one, other]
            .iter()
            .all(|side| same_person::replaced_by(&side.record).is_none())
}

fn put(resource: Value) -> Write {
    Write::Put {
        resource,
        base: None,
    }
}

fn refusal(error: MergeError) -> WorkError {
    match error {
        MergeError::Merged => WorkError::invalid(
            "replaced",
            "One of the two was merged already. Look at them again.",
        ),
        MergeError::Itself => WorkError::invalid("replaced", "Choose two records."),
        MergeError::Element => {
            WorkError::invalid("taken", "This element cannot be taken over like this.")
        }
    }
}
