//! Notes: drafts while they are typed, signed notes afterwards.

use access::{Action as Verb, Part, ResourceClass};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cache::{Draft, Write};
use ledger::Action;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Desk;
use super::chart::{looked_up, name_of};
use crate::desk::Asked;
use crate::error::WorkError;
use crate::notice::Touched;
use crate::show::{notes, standing};
use crate::view::Saved;
use crate::view::note::{DraftForm, DraftView, NoteView};

/// Longest section, in characters: two hours of fast typing.
const LONGEST: usize = 100_000;

/// A draft as the cache keeps it.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Body {
    subjective: String,
    objective: String,
    assessment: String,
    plan: String,
    /// The Encounter of the visit during which this was written last.
    encounter: Option<String>,
}

impl Body {
    fn is_empty(&self) -> bool {
        [
            &self.subjective,
            &self.objective,
            &self.assessment,
            &self.plan,
        ]
        .iter()
        .all(|section| section.trim().is_empty())
    }
}

impl Desk {
    /// A signed note, whole.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn note(&self, reference: &str) -> Result<NoteView, WorkError> {
        let id = reference.strip_prefix("DocumentReference/");
        let patient = match id {
            Some(id) => self.read(|cache| cache.patient_of("DocumentReference", id))?,
            None => None,
        };
        let permit = self.permit(&Asked {
            action: Action::NoteRead,
            verb: Verb::Read,
            classes: &[ResourceClass::Clinical],
            patient: patient.as_deref(),
            part: Part::Type("DocumentReference"),
        })?;
        let id = id.ok_or(WorkError::Missing)?;
        let view = self.cache.read(|cache| {
            let record = cache
                .record("DocumentReference", id)?
                .ok_or(WorkError::Missing)?;
            let value = record.value()?;
            let mut wanted = Vec::new();
            fhir::reference::each_reference(&value, |_, target| wanted.push(target.to_owned()));
            wanted.retain(|target| !target.starts_with("Patient/"));
            let others = looked_up(cache, wanted)?;
            let view = notes::whole(
                &value,
                standing(record.standing),
                &self.identity.zone,
                &|reference| others.get(reference).and_then(name_of),
            );
            Ok::<_, WorkError>(view)
        })?;
        let mut event = self.permitted(&permit)?.touching(reference);
        if let Some(patient) = patient {
            event = event.about(patient);
        }
        self.record(event)?;
        Ok(view)
    }

    /// The unsigned note for a patient, if there is one.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn draft(&self, patient: &str) -> Result<Option<DraftView>, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::DraftOpened,
            verb: Verb::Create,
            classes: &[ResourceClass::Clinical],
            patient: Some(patient),
            part: Part::Type("DocumentReference"),
        })?;
        let Some(draft) = self.read(|cache| cache.draft_of(patient))? else {
            // Nothing was shown.
            return Ok(None);
        };
        self.record(self.permitted(&permit)?.about(patient))?;
        Ok(Some(self.draft_view(&draft)))
    }

    /// Keeps what was typed. Durable when it returns.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn keep_draft(&self, form: &DraftForm) -> Result<DraftView, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::DraftBegun,
            verb: Verb::Create,
            classes: &[ResourceClass::Clinical],
            patient: Some(&form.patient),
            part: Part::Type("DocumentReference"),
        })?;
        let mut body = body_of(form)?;
        let now = self.now();
        let known = match &form.id {
            Some(id) => {
                let id = parse_id(id)?;
                self.read(|cache| cache.draft(id))?
            }
            None => None,
        };
        // Signing may come when the visit is over: what was written in it belongs to it.
        body.encounter = match self.visit_under_way(&form.patient)? {
            None => known.as_ref().and_then(|known| kept(known).encounter),
            visit => visit,
        };
        let draft = Draft {
            id: match &form.id {
                Some(id) => parse_id(id)?,
                None => self.ports.entropy.uuid()?,
            },
            patient: form.patient.clone(),
            body: serde_json::to_value(&body)
                .map_err(|_| WorkError::invalid("subjective", "This cannot be kept."))?,
            begun: known.as_ref().map_or(now, |known| known.begun),
            changed: now,
        };
        if known.is_some() {
            // The pauses of one typing are one act: its beginning was recorded, its signing
            // will be.
            self.cache.write("keep-draft", |tx| tx.keep_draft(&draft))?;
        } else {
            self.read(|cache| cache.patient_card(&form.patient))?
                .ok_or(WorkError::Missing)?;
            let event = self.permitted(&permit)?.about(form.patient.clone());
            self.write_recorded("begin-draft", &event, |tx| tx.keep_draft(&draft))?;
            self.draft_changed(&draft.patient);
        }
        Ok(self.draft_view(&draft))
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn discard_draft(&self, id: &str) -> Result<(), WorkError> {
        let permit = self.permit(&Asked {
            action: Action::DraftDiscarded,
            verb: Verb::Create,
            classes: &[ResourceClass::Clinical],
            patient: None,
            part: Part::Type("DocumentReference"),
        })?;
        let id = parse_id(id)?;
        let Some(draft) = self.read(|cache| cache.draft(id))? else {
            return Ok(());
        };
        let event = self.permitted(&permit)?.about(draft.patient.clone());
        self.write_recorded("discard-draft", &event, |tx| tx.discard_draft(id))?;
        self.draft_changed(&draft.patient);
        Ok(())
    }

    /// Drafts are no FHIR records; lists that show them follow this name.
    fn draft_changed(&self, patient: &str) {
        (self.on_touched)(Touched {
            types: ["Draft".to_owned()].into(),
            patients: [patient.to_owned()].into(),
        });
    }

    /// Freezes a draft as a signed note.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn sign_note(&self, draft: &str) -> Result<Saved, WorkError> {
        let id = parse_id(draft)?;
        let found = self
            .read(|cache| cache.draft(id))?
            .ok_or(WorkError::Missing)?;
        let permit = self.permit(&Asked {
            action: Action::NoteSigned,
            verb: Verb::Sign,
            classes: &[ResourceClass::Clinical],
            patient: Some(&found.patient),
            part: Part::Type("DocumentReference"),
        })?;
        let mut body = kept(&found);
        if body.is_empty() {
            return Err(WorkError::invalid(
                "subjective",
                "An empty note cannot be signed.",
            ));
        }
        if let Some(visit) = self.visit_under_way(&found.patient)? {
            body.encounter = Some(visit);
        }
        let note = self.signed(&found.patient, &body)?;
        let event = self.permitted(&permit)?.about(found.patient);
        // The note and the end of its draft are one: a crash leaves the draft or the note.
        self.save(
            "note",
            vec![Write::Put {
                resource: note,
                base: None,
            }],
            event,
            |tx| tx.discard_draft(id),
        )
    }

    fn signed(&self, patient: &str, body: &Body) -> Result<Value, WorkError> {
        let text = notes::markdown([
            &body.subjective,
            &body.objective,
            &body.assessment,
            &body.plan,
        ]);
        let user = &self.identity.user;
        let mut author = json!({"display": user.display_name});
        if let Some(practitioner) = &user.practitioner {
            author["reference"] = format!("Practitioner/{practitioner}").into();
        }
        let now = self.wall(self.now());
        let mut note = json!({
            "resourceType": "DocumentReference",
            "id": self.fresh_id()?,
            "status": "current",
            "docStatus": "final",
            "type": {
                "coding": [{"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}],
                "text": "Progress note"
            },
            "category": [{"coding": [{
                "system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
                "code": "clinical-note", "display": "Clinical Note"
            }]}],
            "subject": {"reference": format!("Patient/{patient}")},
            "date": now,
            "author": [author.clone()],
            "authenticator": author,
            "content": [{"attachment": {
                "contentType": "text/markdown",
                "data": STANDARD.encode(text),
                "title": "Progress note",
                "creation": now
            }}]
        });
        if let Some(encounter) = &body.encounter {
            note["context"] = json!({
                "encounter": [{"reference": format!("Encounter/{encounter}")}]
            });
        }
        Ok(note)
    }

    fn draft_view(&self, draft: &Draft) -> DraftView {
        let body = kept(draft);
        DraftView {
            id: draft.id.to_string(),
            patient: draft.patient.clone(),
            subjective: body.subjective,
            objective: body.objective,
            assessment: body.assessment,
            plan: body.plan,
            kept_at: self.wall(draft.changed),
        }
    }
}

/// What a draft says, as the cache keeps it.
fn kept(draft: &Draft) -> Body {
    serde_json::from_value(draft.body.clone()).unwrap_or_default()
}

fn body_of(form: &DraftForm) -> Result<Body, WorkError> {
    for (field, text) in [
        ("subjective", &form.subjective),
        ("objective", &form.objective),
        ("assessment", &form.assessment),
        ("plan", &form.plan),
    ] {
        if text.chars().count() > LONGEST {
            return Err(WorkError::invalid(
                field,
                "This section is too long to keep.",
            ));
        }
    }
    Ok(Body {
        subjective: form.subjective.clone(),
        objective: form.objective.clone(),
        assessment: form.assessment.clone(),
        plan: form.plan.clone(),
        encounter: None,
    })
}

fn parse_id(id: &str) -> Result<Uuid, WorkError> {
    id.parse().map_err(|_| WorkError::Missing)
}
