//! Two versions of one record: shown side by side, and settled by a person.

use std::collections::BTreeSet;

use access::{Action as Verb, Part, ResourceClass};
use cache::{Conflict, Keep, Reading, StoreError, Write};
use ledger::{AccessEvent, Action};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Desk;
use super::inbox::{shown, title};
use crate::desk::Asked;
use crate::error::WorkError;
use crate::view::conflict::{Choice, CombineForm, ConflictField, ConflictSide, ConflictView};

/// How a person settled it.
enum Settled<'a> {
    Keep(Keep),
    MineAt(&'a [&'a str]),
}

impl Desk {
    pub(super) fn conflict_view(
        &self,
        cache: &Reading<'_>,
        conflict: &Conflict,
    ) -> Result<ConflictView, StoreError> {
        let merge = conflict.compare();
        // The two lists may name one difference at different depths: the touching elements as
        // exactly as they are known, then what else differs.
        let elsewhere = merge.differing.iter().filter(|field| {
            !merge
                .touching
                .iter()
                .any(|touching| overlap(&field.path, &touching.path))
        });
        let fields = merge
            .touching
            .iter()
            .map(|field| (field, true))
            .chain(elsewhere.map(|field| (field, false)))
            .map(|(field, touching)| ConflictField {
                path: field.path.clone(),
                base: field.base.as_ref().map(shown),
                mine: field.mine.as_ref().map(shown),
                theirs: field.theirs.as_ref().map(shown),
                touching,
            })
            .collect();
        let found = conflict.found;
        Ok(ConflictView {
            id: conflict.id.to_string(),
            reference: format!("{}/{}", conflict.resource_type, conflict.record),
            title: title(cache, &conflict.resource_type, &conflict.record)?,
            mine_at: self.wall(conflict.mine.at.unwrap_or(found)),
            theirs_at: self.wall(conflict.theirs.at.unwrap_or(found)),
            // A profile is one person's: whatever was written in it, they wrote.
            mine_by: Some(self.identity.user.display_name.clone()),
            theirs_by: conflict.theirs.author.clone(),
            mine_deleted: conflict.mine.resource.is_none(),
            theirs_deleted: conflict.theirs.resource.is_none(),
            fields,
        })
    }

    /// Settles two versions of one record by one side. A Provenance keeps both versions and says
    /// who chose, where the user may add one: front-desk staff may not, nor may who has no
    /// relationship with the patient, and for them the audit event alone says it.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn settle_conflict(&self, id: &str, choice: Choice) -> Result<(), WorkError> {
        let conflict = self.open_conflict(id)?;
        let keep = match choice {
            Choice::KeepMine => Keep::Mine,
            Choice::KeepTheirs => Keep::Theirs,
        };
        self.settle(&conflict, &Settled::Keep(keep))
    }

    /// Settles two versions of one record element by element: a side for each that both changed.
    ///
    /// # Errors
    /// [`WorkError`]; `invalid` when an element that both changed has no side, or when what the
    /// choices come to is not a record that can be.
    pub fn combine_conflict(&self, form: &CombineForm) -> Result<(), WorkError> {
        let conflict = self.open_conflict(&form.id)?;
        let touching: BTreeSet<String> = conflict
            .compare()
            .touching
            .into_iter()
            .map(|field| field.path)
            .collect();
        let chosen: BTreeSet<String> = form.fields.iter().map(|it| it.path.clone()).collect();
        if chosen != touching || form.fields.len() != touching.len() {
            return Err(WorkError::invalid(
                "fields",
                "Choose one side for each element that both changed.",
            ));
        }
        let mine_at: Vec<&str> = form
            .fields
            .iter()
            .filter(|field| field.side == ConflictSide::Mine)
            .map(|field| field.path.as_str())
            .collect();
        if let Some(combined) = conflict.combined(&mine_at) {
            // Better here, beside the person who chose, than refused by the server later.
            super::check(&combined)?;
        }
        self.settle(&conflict, &Settled::MineAt(&mine_at))
    }

    fn open_conflict(&self, id: &str) -> Result<Conflict, WorkError> {
        let id: Uuid = id.parse().map_err(|_| WorkError::Missing)?;
        self.read(|cache| cache.conflict(id))?
            .ok_or(WorkError::Missing)
    }

    fn settle(&self, conflict: &Conflict, settled: &Settled<'_>) -> Result<(), WorkError> {
        let patient =
            self.read(|cache| cache.patient_of(&conflict.resource_type, &conflict.record))?;
        let permit = self.permit(&Asked {
            action: Action::ConflictSettled,
            verb: Verb::Update,
            classes: &[ResourceClass::of(&conflict.resource_type)],
            patient: patient.as_deref(),
            part: Part::Type(&conflict.resource_type),
        })?;
        let target = format!("{}/{}", conflict.resource_type, conflict.record);
        let mut event: AccessEvent = self.permitted(&permit)?.touching(target);
        if let Some(patient) = &patient {
            event = event.about(patient.clone());
        }
        let mut also = Vec::new();
        if self.may_add_provenance(patient.as_deref())? {
            also.push(Write::Put {
                resource: self.provenance(conflict, patient.as_deref(), settled)?,
                base: None,
            });
        }
        let now = self.now();
        let id = conflict.id;
        self.cache.write("settle-conflict", |tx| match settled {
            Settled::Keep(keep) => tx.settle_conflict(id, *keep, &also, now, self.seal(&event)),
            Settled::MineAt(paths) => tx.combine_conflict(id, paths, &also, now, self.seal(&event)),
        })?;
        self.told(&event);
        Ok(())
    }

    /// Whether the user may add a Provenance to a patient's record: it is guarded like all that is
    /// clinical, and the server would refuse the whole change with it.
    pub(super) fn may_add_provenance(&self, patient: Option<&str>) -> Result<bool, WorkError> {
        let kind = "Provenance";
        let known = match patient {
            Some(patient) => Some(self.known(patient, Part::Type(kind))?),
            None => None,
        };
        let decided = self.decide(Verb::Create, ResourceClass::of(kind), known.as_ref());
        Ok(decided.decision.allow())
    }

    /// Who chose what, with both versions: the server's by its number, the one of this device,
    /// which the server never had, whole.
    fn provenance(
        &self,
        conflict: &Conflict,
        patient: Option<&str>,
        settled: &Settled<'_>,
    ) -> Result<Value, WorkError> {
        let user = &self.identity.user;
        let mut who = json!({"display": user.display_name});
        if let Some(practitioner) = &user.practitioner {
            who["reference"] = format!("Practitioner/{practitioner}").into();
        }
        let words = match settled {
            Settled::Keep(Keep::Mine) => {
                "Two versions touched; the one made on this device was kept where they did."
            }
            Settled::Keep(Keep::Theirs) => {
                "Two versions touched; the one on the server was kept where they did."
            }
            Settled::MineAt(_) => {
                "Two versions touched; a side was chosen for each element where they did."
            }
        };
        let target = format!("{}/{}", conflict.resource_type, conflict.record);
        let versioned = |version: Option<u64>| match version {
            Some(version) => format!("{target}/_history/{version}"),
            None => target.clone(),
        };
        let mut targets = vec![json!({"reference": target})];
        if let Some(patient) = patient
            && conflict.resource_type != "Patient"
        {
            // It holds what the record held: it belongs to the same patient, and is guarded so.
            targets.push(json!({"reference": format!("Patient/{patient}")}));
        }
        let mut provenance = json!({
            "resourceType": "Provenance",
            "id": self.fresh_id()?,
            "target": targets,
            "recorded": fhir::resource::instant(self.now()),
            "activity": {
                "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation",
                    "code": "UPDATE", "display": "revise"
                }],
                "text": words
            },
            "agent": [{
                "type": {"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                    "code": "author", "display": "Author"
                }]},
                "who": who
            }],
            "entity": [{
                "role": "revision",
                "what": {
                    "reference": versioned(conflict.theirs.version),
                    "display": match conflict.theirs.resource {
                        Some(_) => "The version on the server",
                        None => "Deleted on the server",
                    }
                }
            }]
        });
        let mine = match &conflict.mine.resource {
            Some(mine) if patient.is_some() && self.can_be_contained(mine)? => Some(mine),
            _ => None,
        };
        let mut source = json!({
            "role": "source",
            "what": {
                "reference": versioned(conflict.base_version),
                "display": match conflict.mine.resource {
                    Some(_) => "The version made on this device, from this one",
                    None => "Deleted on this device, from this one",
                }
            }
        });
        if let Some(mine) = mine {
            let mut kept = mine.clone();
            if let Some(map) = kept.as_object_mut() {
                map.insert("id".to_owned(), "mine".into());
                // What is contained has no version of its own (dom-4).
                map.remove("meta");
            }
            provenance["contained"] = json!([kept]);
            source["what"] = json!({
                "reference": "#mine",
                "display": "The version made on this device"
            });
            source["agent"] = provenance["agent"].clone();
        }
        if let Some(entities) = provenance["entity"].as_array_mut() {
            entities.push(source);
            if mine.is_some() && conflict.base_version.is_some() {
                entities.push(json!({
                    "role": "derivation",
                    "what": {
                        "reference": versioned(conflict.base_version),
                        "display": "What both started from"
                    }
                }));
            }
        }
        Ok(provenance)
    }

    /// Whether a version can stand in its Provenance whole: FHIR allows nothing contained in what
    /// is contained (dom-2), and what it refers to must be there, or the server refuses both.
    fn can_be_contained(&self, mine: &Value) -> Result<bool, WorkError> {
        if mine.get("contained").is_some() {
            return Ok(false);
        }
        let mut targets = Vec::new();
        fhir::reference::each_reference(mine, |_, target| {
            targets.extend(fhir::reference::parse(target));
        });
        self.read(|cache| {
            for target in &targets {
                if cache.record(&target.resource_type, &target.id)?.is_none() {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}

/// Whether one path is the other or lies in it.
fn overlap(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn a_path_overlaps_what_it_contains() {
        assert!(overlap("Patient.telecom", "Patient.telecom[0].value"));
        assert!(overlap("Patient.name[0]", "Patient.name"));
        assert!(!overlap("Patient.name", "Patient.nameSake"));
        assert!(!overlap("Patient.telecom[0]", "Patient.telecom[1]"));
    }
}
