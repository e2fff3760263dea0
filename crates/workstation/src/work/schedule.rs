//! The calendar: booking, moving, cancelling, and the day's progress.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use access::{Action as Verb, Part, ResourceClass};
use cache::{Reading, Record, StoreError, Write};
use fhir::person;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ledger::{AccessEvent, Action};
use serde_json::{Value, json};

use super::Desk;
use super::chart::name_of;
use crate::desk::{Asked, cause};
use crate::error::WorkError;
use crate::show::{calendar, people, standing, texts, when};
use crate::view::schedule::{
    AppointmentView, BookingForm, MoveForm, PractitionerView, Progress, ScheduleView,
};
use crate::view::{Cause, Saved};

/// Days that one view may cover.
const MOST_DAYS: u32 = 62;
/// Longest reason.
const REASON: usize = 500;
/// How far ahead somebody may book.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 731);

impl Desk {
    /// The calendar for some days.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn schedule(&self, from: &str, days: u32, why: Cause) -> Result<ScheduleView, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::ScheduleViewed,
            verb: Verb::Read,
            classes: &[ResourceClass::Scheduling],
            patient: None,
            part: Part::Whole,
        })?;
        let first: Date = from
            .parse()
            .map_err(|_| WorkError::invalid("from", "This is not a date: YYYY-MM-DD."))?;
        let days = days.clamp(1, MOST_DAYS);
        let (start, end) = self.window(first, days)?;
        let view = self.cache.read(|cache| {
            let appointments = self.appointments(cache, start, end, None)?;
            Ok::<_, StoreError>(ScheduleView {
                from: first.to_string(),
                days,
                time_zone: self.identity.organisation.time_zone.clone(),
                practitioners: practitioners(cache, &appointments)?,
                hours: self.hours(cache, start, end)?,
                appointments,
            })
        })?;
        let mut event = self
            .permitted(&permit)?
            .asking(format!("Appointment?date=ge{first}&days={days}"))
            .caused_by(cause(why));
        event = about_all(event, &view.appointments);
        self.record(event)?;
        Ok(view)
    }

    /// Books an appointment. Until the server has confirmed it, it is requested.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn book(&self, form: &BookingForm) -> Result<Saved, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::AppointmentBooked,
            verb: Verb::Create,
            classes: &[ResourceClass::Scheduling],
            patient: Some(&form.patient),
            part: Part::Whole,
        })?;
        let (start, end) = self.stretch(&form.start, form.minutes)?;
        let reason = sentence(&form.reason)?;
        let id = self.fresh_id()?;
        // Whoever was merged comes under the record that stands for them now.
        let booked = self.read(|cache| cache.survivor(&form.patient))?;
        let appointment = self.cache.read(|cache| {
            let patient = cache.patient_card(&booked)?.ok_or(WorkError::Missing)?;
            let practitioner = cache
                .record("Practitioner", &form.practitioner)?
                .ok_or_else(|| WorkError::invalid("practitioner", "Choose a practitioner."))?
                .value()?;
            self.refuse_overlap(cache, &form.practitioner, start, end, None)?;
            let mut appointment = json!({
                "resourceType": "Appointment",
                "id": id,
                "status": "booked",
                "start": self.wall(start),
                "end": self.wall(end),
                "minutesDuration": form.minutes,
                "created": self.wall(self.now()),
                "participant": [
                    participant(&format!("Patient/{booked}"), &patient.name),
                    participant(
                        &format!("Practitioner/{}", form.practitioner),
                        &name_of(&practitioner).unwrap_or_default()
                    )
                ]
            });
            if !reason.is_empty() {
                appointment["description"] = reason.clone().into();
            }
            Ok::<_, WorkError>(appointment)
        })?;
        let event = self.permitted(&permit)?.about(booked);
        self.save(
            "booking",
            vec![Write::Put {
                resource: appointment,
                base: None,
            }],
            event,
            |_| Ok(()),
        )
    }

    /// Moves an appointment or changes its length; it keeps its id.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn move_appointment(&self, form: &MoveForm) -> Result<Saved, WorkError> {
        let (start, end) = self.stretch(&form.start, form.minutes)?;
        self.change_appointment(&form.id, Action::AppointmentMoved, |cache, appointment| {
            still_open(appointment)?;
            self.refuse_overlap(cache, &form.practitioner, start, end, Some(&form.id))?;
            if calendar::parties(appointment).practitioner.as_deref() != Some(&form.practitioner) {
                let practitioner = cache
                    .record("Practitioner", &form.practitioner)?
                    .ok_or_else(|| WorkError::invalid("practitioner", "Choose a practitioner."))?
                    .value()?;
                give_to(
                    appointment,
                    &form.practitioner,
                    &name_of(&practitioner).unwrap_or_default(),
                );
            }
            appointment["start"] = self.wall(start).into();
            appointment["end"] = self.wall(end).into();
            appointment["minutesDuration"] = form.minutes.into();
            if let Value::Object(map) = appointment {
                // It stood for the old time.
                map.shift_remove("slot");
            }
            Ok(())
        })
    }

    /// Cancels an appointment with a reason.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn cancel_appointment(&self, id: &str, reason: &str) -> Result<Saved, WorkError> {
        let reason = sentence(reason)?;
        if reason.is_empty() {
            return Err(WorkError::invalid("reason", "Why is it cancelled?"));
        }
        self.change_appointment(id, Action::AppointmentCancelled, |_, appointment| {
            still_open(appointment)?;
            calendar::set_progress(
                appointment,
                Progress::Cancelled,
                self.now(),
                &self.identity.zone,
            );
            appointment["cancelationReason"] = json!({"text": reason});
            Ok(())
        })
    }

    /// Arrived, in the room, done, not come, or back to booked.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn set_progress(&self, id: &str, progress: Progress) -> Result<Saved, WorkError> {
        if progress == Progress::Cancelled {
            return Err(WorkError::invalid("progress", "Cancelling needs a reason."));
        }
        self.change_appointment(id, Action::AppointmentProgressed, |_, appointment| {
            if calendar::progress(appointment) == Progress::Cancelled {
                return Err(WorkError::invalid(
                    "progress",
                    "This appointment is cancelled.",
                ));
            }
            calendar::set_progress(appointment, progress, self.now(), &self.identity.zone);
            Ok(())
        })
    }

    fn change_appointment(
        &self,
        id: &str,
        action: Action,
        change: impl FnOnce(&Reading<'_>, &mut Value) -> Result<(), WorkError>,
    ) -> Result<Saved, WorkError> {
        let permit = self.permit(&Asked {
            action,
            verb: Verb::Update,
            classes: &[ResourceClass::Scheduling],
            patient: None,
            part: Part::Whole,
        })?;
        let (base, appointment) = self.cache.read(|cache| {
            let base = cache
                .record("Appointment", id)?
                .ok_or(WorkError::Missing)?
                .value()?;
            let mut appointment = base.clone();
            change(cache, &mut appointment)?;
            Ok::<_, WorkError>((base, appointment))
        })?;
        let mut event = self.permitted(&permit)?;
        if let Some(patient) = calendar::parties(&appointment).patient {
            event = event.about(patient);
        }
        let write = Write::Put {
            resource: appointment,
            base: Some(base),
        };
        self.save("appointment", vec![write], event, |_| Ok(()))
    }

    /// The stretch of time that a form names.
    fn stretch(&self, start: &str, minutes: u32) -> Result<(Timestamp, Timestamp), WorkError> {
        let start: Timestamp = start
            .parse()
            .map_err(|_| WorkError::invalid("start", "This is not a time."))?;
        if !(5..=480).contains(&minutes) {
            return Err(WorkError::invalid(
                "minutes",
                "An appointment lasts 5 minutes to 8 hours.",
            ));
        }
        let now = self.now();
        if start > now + AHEAD || start < now - SignedDuration::from_hours(24) {
            return Err(WorkError::invalid(
                "start",
                "Choose a time from today to two years ahead.",
            ));
        }
        Ok((start, start + SignedDuration::from_mins(i64::from(minutes))))
    }

    /// What is known here already need not be found out by the server.
    fn refuse_overlap(
        &self,
        cache: &Reading<'_>,
        practitioner: &str,
        start: Timestamp,
        end: Timestamp,
        except: Option<&str>,
    ) -> Result<(), WorkError> {
        for record in cache.appointments(start, end, Some(practitioner))? {
            if except == Some(record.id.as_str()) || is_refused(&record) {
                continue;
            }
            let other = record.value()?;
            if !is_active(&other) {
                continue;
            }
            let other_start =
                texts::text(&other, "start").and_then(|at| at.parse::<Timestamp>().ok());
            let other_end = texts::text(&other, "end").and_then(|at| at.parse::<Timestamp>().ok());
            if let (Some(other_start), Some(other_end)) = (other_start, other_end)
                && other_start < end
                && start < other_end
            {
                let clock = |at: Timestamp| {
                    at.to_zoned(self.identity.zone.clone())
                        .strftime("%H:%M")
                        .to_string()
                };
                return Err(WorkError::TimeTaken {
                    with: format!(
                        "The practitioner has an appointment from {} to {}.",
                        clock(other_start),
                        clock(other_end)
                    ),
                });
            }
        }
        Ok(())
    }

    /// First moment and end of some days of the clinic.
    pub(super) fn window(
        &self,
        first: Date,
        days: u32,
    ) -> Result<(Timestamp, Timestamp), WorkError> {
        let zone = &self.identity.zone;
        let after = first
            .checked_add(jiff::Span::new().days(i64::from(days)))
            .map_err(|_| WorkError::invalid("from", "This day is out of reach."))?;
        match (when::midnight(first, zone), when::midnight(after, zone)) {
            (Some(start), Some(end)) => Ok((start, end)),
            _ => Err(WorkError::invalid("from", "This day is out of reach.")),
        }
    }

    /// Appointments as the calendar shows them, by start.
    pub(super) fn appointments(
        &self,
        cache: &Reading<'_>,
        start: Timestamp,
        end: Timestamp,
        practitioner: Option<&str>,
    ) -> Result<Vec<AppointmentView>, StoreError> {
        let names = Names::new(cache, self.today());
        let mut views = Vec::new();
        for record in cache.appointments(start, end, practitioner)? {
            let value = record.value()?;
            views.extend(calendar::appointment(
                &value,
                standing(record.standing),
                &self.identity.zone,
                &names,
            ));
        }
        views.sort_by(|a, b| a.start.cmp(&b.start));
        Ok(views)
    }

    fn hours(
        &self,
        cache: &Reading<'_>,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<crate::view::schedule::WorkingHours>, StoreError> {
        let mut actors = HashMap::new();
        for record in cache.directory("Schedule")? {
            if let Some(actor) = calendar::schedule_actor(&record.value()?) {
                actors.insert(format!("Schedule/{}", record.id), actor);
            }
        }
        let mut hours = Vec::new();
        for record in cache.slots(start, end)? {
            let value = record.value()?;
            hours.extend(calendar::hours(&value, &self.identity.zone, &|schedule| {
                actors.get(schedule).cloned()
            }));
        }
        Ok(calendar::joined(hours))
    }
}

/// Every patient that a list shows.
pub(super) fn about_all(mut event: AccessEvent, appointments: &[AppointmentView]) -> AccessEvent {
    for appointment in appointments {
        if let Some(patient) = &appointment.patient {
            event = event.about(patient.clone());
        }
    }
    event
}

fn is_refused(record: &Record) -> bool {
    record.standing == cache::Standing::Refused
}

fn is_active(appointment: &Value) -> bool {
    !matches!(
        calendar::progress(appointment),
        Progress::Cancelled | Progress::NoShow
    )
}

fn still_open(appointment: &Value) -> Result<(), WorkError> {
    match calendar::progress(appointment) {
        Progress::Cancelled => Err(WorkError::invalid("id", "This appointment is cancelled.")),
        Progress::Done => Err(WorkError::invalid("id", "This appointment is over.")),
        _ => Ok(()),
    }
}

fn sentence(text: &str) -> Result<String, WorkError> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > REASON {
        return Err(WorkError::invalid("reason", "This is too long."));
    }
    Ok(text)
}

fn participant(reference: &str, display: &str) -> Value {
    let mut actor = json!({"reference": reference});
    if !display.is_empty() {
        actor["display"] = display.into();
    }
    json!({"actor": actor, "required": "required", "status": "accepted"})
}

/// Puts another practitioner in the place of the former one.
fn give_to(appointment: &mut Value, practitioner: &str, name: &str) {
    let fresh = participant(&format!("Practitioner/{practitioner}"), name);
    let Some(participants) = appointment
        .get_mut("participant")
        .and_then(Value::as_array_mut)
    else {
        appointment["participant"] = json!([fresh]);
        return;
    };
    let known = participants.iter_mut().find(|participant| {
        participant
            .get("actor")
            .and_then(|actor| texts::text(actor, "reference"))
            .is_some_and(|reference| reference.starts_with("Practitioner/"))
    });
    match known {
        Some(known) => *known = fresh,
        None => participants.push(fresh),
    }
}

/// Columns: active practitioners who can be booked, and whoever has an appointment.
fn practitioners(
    cache: &Reading<'_>,
    appointments: &[AppointmentView],
) -> Result<Vec<PractitionerView>, StoreError> {
    let mut specialities = HashMap::new();
    let mut desk_staff = HashSet::new();
    for record in cache.directory("PractitionerRole")? {
        let role = record.value()?;
        if let Some((practitioner, words)) = calendar::speciality(&role) {
            if !calendar::is_bookable(&role) {
                desk_staff.insert(practitioner.clone());
            }
            specialities.entry(practitioner).or_insert(words);
        }
    }
    let booked: HashSet<&str> = appointments
        .iter()
        .filter_map(|view| view.practitioner.as_deref())
        .collect();
    let scheduled: HashSet<String> = cache
        .directory("Schedule")?
        .iter()
        .filter_map(|record| calendar::schedule_actor(&record.value().ok()?))
        .collect();
    let mut views = Vec::new();
    for record in cache.directory("Practitioner")? {
        let value = record.value()?;
        // Records from elsewhere bring hundreds of practitioners along: a column is for those
        // who have a schedule here or are booked, or for all where nobody has a schedule.
        let has_column = booked.contains(record.id.as_str())
            || (calendar::is_active(&value)
                && !desk_staff.contains(&record.id)
                && (scheduled.contains(&record.id)
                    || (scheduled.is_empty() && specialities.contains_key(&record.id))));
        if has_column {
            views.push(PractitionerView {
                name: name_of(&value).unwrap_or_else(|| "Unnamed".to_owned()),
                speciality: specialities.get(&record.id).cloned(),
                id: record.id,
            });
        }
    }
    views.sort_by_cached_key(|view| person::normalise(&view.name));
    Ok(views)
}

/// Names for the calendar, each looked up once.
struct Names<'a, 'b> {
    cache: &'a Reading<'b>,
    today: Date,
    patients: RefCell<HashMap<String, Option<(String, String)>>>,
    others: RefCell<HashMap<String, Option<String>>>,
}

impl<'a, 'b> Names<'a, 'b> {
    fn new(cache: &'a Reading<'b>, today: Date) -> Self {
        Self {
            cache,
            today,
            patients: RefCell::default(),
            others: RefCell::default(),
        }
    }
}

impl calendar::Names for Names<'_, '_> {
    fn patient(&self, id: &str) -> Option<(String, String)> {
        if let Some(known) = self.patients.borrow().get(id) {
            return known.clone();
        }
        let found = self.cache.patient_card(id).ok().flatten().map(|card| {
            let age = people::age(card.birth.as_deref(), card.died.as_deref(), self.today);
            let detail: Vec<String> = age.into_iter().chain(card.sex).collect();
            (card.name, detail.join(" · "))
        });
        self.patients
            .borrow_mut()
            .insert(id.to_owned(), found.clone());
        found
    }

    fn other(&self, reference: &str) -> Option<String> {
        if let Some(known) = self.others.borrow().get(reference) {
            return known.clone();
        }
        let found = fhir::reference::parse(reference)
            .and_then(|r| self.cache.record(&r.resource_type, &r.id).ok().flatten())
            .and_then(|record| name_of(&record.value().ok()?));
        self.others
            .borrow_mut()
            .insert(reference.to_owned(), found.clone());
        found
    }
}
