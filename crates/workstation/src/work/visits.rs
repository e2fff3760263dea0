//! Video visits in the record: who waits, and the Encounter that a visit is.

use access::{Action as Verb, Part, ResourceClass};
use cache::{Standing, StoreError, Write};
use fhir::person;
use jiff::{SignedDuration, Timestamp};
use ledger::Action;
use protocol::visit::{GuestState, VisitStage as Stage, VisitState};
use serde_json::{Value, json};
use telehealth::visit::MOST_GUESTS;

use super::Desk;
use crate::desk::{Asked, cause};
use crate::error::WorkError;
use crate::show::{calendar, people, texts};
use crate::view::schedule::Progress;
use crate::view::visit::{GuestView, VisitStage, VisitView};
use crate::view::{Cause, Saved};

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const VIRTUAL: &str = "VR";
const UNDER_WAY: &str = "in-progress";
/// A visit that nobody ended is over all the same.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);

impl Desk {
    /// Visits with what the cache knows of them.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn visits(&self, states: &[VisitState], why: Cause) -> Result<Vec<VisitView>, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::VisitsViewed,
            verb: Verb::Read,
            classes: &[ResourceClass::Scheduling],
            patient: None,
            part: Part::Whole,
        })?;
        let mut views = self.cache.read(|cache| {
            let mut views = Vec::new();
            for state in states.iter().filter(|state| state.stage != Stage::Ended) {
                let card = cache.patient_card(&state.patient)?;
                let appointment = match cache.record("Appointment", &state.appointment)? {
                    Some(record) => record.value()?,
                    None => Value::Null,
                };
                let text = |name: &str| texts::text(&appointment, name).map(str::to_owned);
                let (name, detail) = card.map_or_else(
                    || ("Unnamed patient".to_owned(), String::new()),
                    |card| {
                        let age =
                            people::age(card.birth.as_deref(), card.died.as_deref(), self.today());
                        let detail: Vec<String> = age.into_iter().chain(card.sex).collect();
                        (card.name, detail.join(" · "))
                    },
                );
                views.push(VisitView {
                    appointment: state.appointment.clone(),
                    patient: state.patient.clone(),
                    patient_name: name,
                    patient_detail: detail,
                    start: text("start"),
                    reason: text("description"),
                    stage: stage(state.stage),
                    since: state.since.map(|at| self.wall(at)),
                    said: state.said.clone(),
                    link_until: state.link_until.map(|at| self.wall(at)),
                    guests: state.guests.iter().map(|one| self.guest(one)).collect(),
                    can_invite: state.guests.len() < MOST_GUESTS,
                });
            }
            Ok::<_, StoreError>(views)
        })?;
        views.sort_by(|a, b| {
            let rank = |view: &VisitView| (view.since.is_none(), view.since.clone());
            rank(a)
                .cmp(&rank(b))
                .then_with(|| a.start.cmp(&b.start))
                .then_with(|| {
                    person::normalise(&a.patient_name).cmp(&person::normalise(&b.patient_name))
                })
        });
        let mut event = self.permitted(&permit)?.caused_by(cause(why));
        for view in &views {
            event = event.about(view.patient.clone());
        }
        self.record(event)?;
        Ok(views)
    }

    fn guest(&self, state: &GuestState) -> GuestView {
        GuestView {
            guest: state.guest.to_string(),
            kind: state.kind.into(),
            stage: stage(state.stage),
            since: state.since.map(|at| self.wall(at)),
            said: state.said.clone(),
            link_until: self.wall(state.link_until),
        }
    }

    /// Whether the user may begin a visit with a patient: asked before anybody is asked in.
    ///
    /// # Errors
    /// [`WorkError`]: no, or not without saying why.
    pub fn may_begin_visit(&self, patient: &str) -> Result<(), WorkError> {
        self.permit(&beginning(patient)).map(|_| ())
    }

    /// Begins the Encounter of a visit, unless it has begun.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn begin_visit(&self, appointment: &str, patient: &str) -> Result<(), WorkError> {
        let permit = self.permit(&beginning(patient))?;
        let id = encounter_id(appointment);
        let event = self.permitted(&permit)?.about(patient);
        let me = self.participant();
        let known = self.cache.read(|cache| cache.record("Encounter", &id))?;
        if let Some(record) = known {
            // The patient was asked in before; this is another time, and perhaps somebody else.
            let base = record.value()?;
            let event = event.touching(format!("Encounter/{id}"));
            let Some(me) = me.filter(|_| !self.takes_part(&base)) else {
                return self.record(event);
            };
            let mut encounter = base.clone();
            match encounter["participant"].as_array_mut() {
                Some(participants) => participants.push(me),
                None => encounter["participant"] = json!([me]),
            }
            let write = Write::Put {
                resource: encounter,
                base: Some(base),
            };
            self.save("visit", vec![write], event, |_| Ok(()))?;
            return Ok(());
        }
        let mut encounter = json!({
            "resourceType": "Encounter",
            "id": id,
            "status": UNDER_WAY,
            "class": {"system": ACT_CODE, "code": VIRTUAL, "display": "virtual"},
            "subject": {"reference": format!("Patient/{patient}")},
            "appointment": [{"reference": format!("Appointment/{appointment}")}],
            "period": {"start": self.wall(self.now())},
        });
        if let Some(me) = me {
            encounter["participant"] = json!([me]);
        }
        let write = Write::Put {
            resource: encounter,
            base: None,
        };
        self.save("visit", vec![write], event, |_| Ok(()))?;
        Ok(())
    }

    /// The user, as one who takes part in an Encounter.
    fn participant(&self) -> Option<Value> {
        let user = &self.identity.user;
        let practitioner = user.practitioner.as_ref()?;
        Some(json!({
            "individual": {
                "reference": format!("Practitioner/{practitioner}"),
                "display": user.display_name,
            }
        }))
    }

    fn takes_part(&self, encounter: &Value) -> bool {
        let mut named = encounter["participant"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|participant| participant["individual"]["reference"].as_str());
        match &self.identity.user.practitioner {
            Some(practitioner) => {
                named.any(|reference| reference.strip_prefix("Practitioner/") == Some(practitioner))
            }
            // Who is no practitioner names nobody when a visit begins.
            None => named.next().is_none(),
        }
    }

    /// The Encounter of the visit that the user has with a patient now. It is asked of the cache
    /// alone, so that it is the same with the network gone.
    pub(super) fn visit_under_way(&self, patient: &str) -> Result<Option<String>, WorkError> {
        let now = self.now();
        let mut found: Option<(Timestamp, String)> = None;
        self.cache.read(|cache| {
            cache.each_of_patient(patient, &["Encounter"], |record| {
                // A long record has hundreds, and this is asked at each pause of typing.
                if record.standing == Standing::Refused || !record.json.contains(UNDER_WAY) {
                    return Ok(());
                }
                let Ok(encounter) = serde_json::from_str::<Value>(record.json) else {
                    return Ok(());
                };
                let begun = encounter["period"]["start"]
                    .as_str()
                    .and_then(|start| start.parse::<Timestamp>().ok())
                    .filter(|begun| now.duration_since(*begun).abs() < LONGEST);
                let is_it = encounter["status"] == UNDER_WAY
                    && encounter["class"]["code"] == VIRTUAL
                    && self.takes_part(&encounter);
                if let (Some(begun), true) = (begun, is_it)
                    && found.as_ref().is_none_or(|(other, _)| *other < begun)
                {
                    found = Some((begun, record.id.to_owned()));
                }
                Ok::<_, StoreError>(())
            })
        })?;
        Ok(found.map(|(_, id)| id))
    }

    /// Ends the Encounter of a visit, and with it the appointment.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn finish_visit(&self, appointment: &str, patient: &str) -> Result<Saved, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::VisitEnded,
            verb: Verb::Update,
            classes: &[ResourceClass::Clinical],
            patient: Some(patient),
            part: Part::Type("Encounter"),
        })?;
        let writes = self.cache.read(|cache| {
            let mut writes = Vec::new();
            if let Some(record) = cache.record("Encounter", &encounter_id(appointment))? {
                let base = record.value()?;
                let mut encounter = base.clone();
                encounter["status"] = "finished".into();
                encounter["period"]["end"] = self.wall(self.now()).into();
                writes.push(Write::Put {
                    resource: encounter,
                    base: Some(base),
                });
            }
            if let Some(record) = cache.record("Appointment", appointment)? {
                let base = record.value()?;
                let mut changed = base.clone();
                let zone = &self.identity.zone;
                calendar::set_progress(&mut changed, Progress::Done, self.now(), zone);
                writes.push(Write::Put {
                    resource: changed,
                    base: Some(base),
                });
            }
            Ok::<_, StoreError>(writes)
        })?;
        if writes.is_empty() {
            return Err(WorkError::Missing);
        }
        let event = self.permitted(&permit)?.about(patient);
        self.save("visit", writes, event, |_| Ok(()))
    }
}

fn beginning(patient: &str) -> Asked<'_> {
    Asked {
        action: Action::VisitAdmitted,
        verb: Verb::Create,
        classes: &[ResourceClass::Clinical],
        patient: Some(patient),
        part: Part::Type("Encounter"),
    }
}

/// One Encounter for a visit, whichever workstation begins it.
fn encounter_id(appointment: &str) -> String {
    // FHIR's ids have 64 characters at most; ours for appointments have 36.
    format!("visit-{appointment}").chars().take(64).collect()
}

fn stage(stage: Stage) -> VisitStage {
    match stage {
        Stage::Invited => VisitStage::Invited,
        Stage::Waiting => VisitStage::Waiting,
        Stage::Admitted => VisitStage::Admitted,
        Stage::Connecting => VisitStage::Connecting,
        Stage::Talking => VisitStage::Talking,
        Stage::Interrupted => VisitStage::Interrupted,
        Stage::Ended => VisitStage::Ended,
    }
}
