//! One patient's whole record, in the order in which it came about.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::calendar::{Booking, later};
use crate::dice::Dice;
use crate::health::Health;
use crate::json::{SNOMED, coding, concept, moment, plus_days, reference, status, terminology};
use crate::person::Person;
use crate::staff::Staff;
use crate::terms::{ALLERGENS, Allergen, Diagnosis, Disease, Episode};
use crate::visits::{self, Kind, Visit};
use crate::{immunisation, laboratory, notes, prescriptions, vitals};

/// What stays the same while a record is written.
pub(crate) struct Setting<'a> {
    pub(crate) seed: u64,
    pub(crate) now: DateTime,
    pub(crate) zone: &'a TimeZone,
    pub(crate) staff: &'a Staff,
}

/// A record being written.
pub(crate) struct Chart<'a> {
    pub(crate) setting: &'a Setting<'a>,
    pub(crate) person: &'a Person,
    pub(crate) health: &'a Health,
    pub(crate) dice: Dice,
    pub(crate) allergies: Vec<&'static Allergen>,
    pub(crate) resources: Vec<Value>,
    /// Text of what was measured at the visit at hand, for its note.
    pub(crate) measured: BTreeMap<&'static str, f64>,
}

impl Chart<'_> {
    pub(crate) fn today(&self) -> Date {
        self.setting.now.date()
    }

    pub(crate) fn moment(&self, at: DateTime) -> String {
        moment(at, self.setting.zone)
    }

    pub(crate) fn subject(&self) -> Value {
        reference("Patient", self.person.id)
    }

    /// Adds a resource under a new id and tells the id.
    pub(crate) fn add(&mut self, mut resource: Value) -> Uuid {
        let id = self.dice.uuid();
        resource["id"] = json!(id.to_string());
        self.resources.push(resource);
        id
    }

    fn coverage(&mut self) {
        let years = self.person.age(self.today());
        if years < 65.0 && self.dice.chance(0.06) {
            return;
        }
        let insurers = &self.setting.staff.insurers;
        let place = if years >= 65.0 {
            insurers.len() - 1
        } else {
            self.dice.whole(0, 1) as usize
        };
        let (payor, name) = insurers[place];
        let child = years < 18.0;
        let since = plus_days(self.today(), -self.dice.whole(100, 1400)).max(self.person.birth);
        let number = self.dice.whole(10_000_000, 99_999_999);
        let coverage = json!({
            "resourceType": "Coverage",
            "status": if self.person.death.is_some() { "cancelled" } else { "active" },
            "type": { "text": if place == insurers.len() - 1 { "Medicare" } else { "Health insurance plan" } },
            "subscriberId": format!("M{number}"),
            "beneficiary": self.subject(),
            "relationship": status("subscriber-relationship", if child { "child" } else { "self" }),
            "period": { "start": since.to_string() },
            "payor": [{ "reference": format!("Organization/{payor}"), "display": name }],
        });
        self.add(coverage);
    }

    fn care_team(&mut self) {
        let staff = self.setting.staff;
        let doctor = concept(SNOMED, "158965000", "Medical practitioner");
        let nurse = concept(SNOMED, "224535009", "Registered nurse");
        let team = json!({
            "resourceType": "CareTeam",
            "status": if self.person.death.is_some() { "inactive" } else { "active" },
            "name": "Primary care team",
            "subject": self.subject(),
            "participant": [
                { "role": [doctor], "member": staff.reference(self.person.practitioner) },
                { "role": [nurse], "member": staff.nurse_reference() },
            ],
            "managingOrganization": [reference("Organization", staff.organisation)],
        });
        self.add(team);
    }

    fn allergies(&mut self) {
        if self.person.age(self.today()) < 0.5 {
            return;
        }
        let count = match self.dice.whole(0, 99) {
            0..=63 => 0,
            64..=87 => 1,
            _ => 2,
        };
        // The first patient shows an allergy that matters.
        if self.person.index == 0 {
            self.allergies.push(&ALLERGENS[0]);
        }
        for _ in 0..count {
            let allergen = self.dice.pick(ALLERGENS);
            if !self
                .allergies
                .iter()
                .any(|other| other.code == allergen.code)
            {
                self.allergies.push(allergen);
            }
        }
        if self.allergies.is_empty() {
            let recorded = self.recorded();
            let none = json!({
                "resourceType": "AllergyIntolerance",
                "clinicalStatus": status("allergyintolerance-clinical", "active"),
                "verificationStatus": status("allergyintolerance-verification", "confirmed"),
                "code": concept(SNOMED, "716186003", "No known allergy"),
                "patient": self.subject(),
                "recordedDate": recorded,
            });
            self.add(none);
        }
        for allergen in self.allergies.clone() {
            let (code, text) = *self.dice.pick(allergen.reactions);
            let recorded = self.recorded();
            let allergy = json!({
                "resourceType": "AllergyIntolerance",
                "clinicalStatus": status("allergyintolerance-clinical", "active"),
                "verificationStatus": status("allergyintolerance-verification", "confirmed"),
                "type": "allergy",
                "category": [allergen.category],
                "criticality": if allergen.severe { "high" } else { "low" },
                "code": concept(allergen.system, allergen.code, allergen.text),
                "patient": self.subject(),
                "recordedDate": recorded,
                "recorder": self.setting.staff.reference(self.person.practitioner),
                "reaction": [{
                    "manifestation": [concept(SNOMED, code, text)],
                    "severity": if allergen.severe { "severe" } else { "mild" },
                }],
            });
            self.add(allergy);
        }
    }

    /// A day some years back, in the patient's life.
    fn recorded(&mut self) -> String {
        let end = self.person.death.unwrap_or(self.today());
        let day = plus_days(end, -self.dice.whole(10, 1400)).max(self.person.birth);
        self.moment(day.at(10, 5, 0, 0))
    }

    fn condition(
        &mut self,
        id: Uuid,
        diagnosis: &Diagnosis,
        days: (Date, Option<Date>),
        visit: Option<Uuid>,
    ) {
        let (onset, abated) = days;
        let chronic = visit.is_none();
        let category = if chronic {
            "problem-list-item"
        } else {
            "encounter-diagnosis"
        };
        let mut condition = json!({
            "resourceType": "Condition",
            "id": id.to_string(),
            "clinicalStatus": status("condition-clinical", if abated.is_some() { "resolved" } else { "active" }),
            "verificationStatus": status("condition-ver-status", "confirmed"),
            "category": [concept(&terminology("condition-category"), category, if chronic { "Problem List Item" } else { "Encounter Diagnosis" })],
            "code": diagnosis.concept(),
            "subject": self.subject(),
            "onsetDateTime": onset.to_string(),
            "recordedDate": onset.to_string(),
            "recorder": self.setting.staff.reference(self.person.practitioner),
        });
        if let Some(abated) = abated {
            condition["abatementDateTime"] = json!(abated.to_string());
        }
        if let Some(visit) = visit {
            condition["encounter"] = reference("Encounter", visit);
        }
        self.resources.push(condition);
    }

    fn encounter(&mut self, visit: &Visit, reasons: &[Uuid]) {
        let (code, text) = visit.kind.code();
        let staff = self.setting.staff;
        let room = &staff.practitioners[visit.practitioner];
        let period = json!({
            "start": self.moment(visit.at),
            "end": self.moment(later(visit.at, visit.minutes - 5)),
        });
        let words = visits::reason(visit.kind, visit.episode, self.health, visit.at.date());
        let mut encounter = json!({
            "resourceType": "Encounter",
            "id": visit.id.to_string(),
            "status": "finished",
            "class": coding(&terminology("v3-ActCode"), "AMB", "ambulatory"),
            "type": [concept(SNOMED, code, text)],
            "subject": self.subject(),
            "participant": [{ "individual": staff.reference(visit.practitioner) }],
            "period": period,
            "reasonCode": [{ "text": words }],
            "location": [{ "location": { "reference": format!("Location/{}", room.room), "display": room.room_name } }],
            "serviceProvider": reference("Organization", staff.organisation),
        });
        if let Some(booking) = visit.booking {
            encounter["appointment"] = json!([reference("Appointment", booking)]);
        }
        if !reasons.is_empty() {
            encounter["diagnosis"] = reasons
                .iter()
                .map(|id| json!({ "condition": reference("Condition", *id) }))
                .collect();
        }
        self.resources.push(encounter);
    }

    fn visit(&mut self, visit: &Visit) {
        self.measured.clear();
        let day = visit.at.date();
        let mut reasons: Vec<Uuid> = Vec::new();
        if let Some(episode) = visit.episode {
            reasons.push(self.episode(visit, episode));
        } else if matches!(visit.kind, Kind::FollowUp | Kind::Prenatal) {
            let known = self
                .health
                .courses
                .iter()
                .filter(|course| course.onset <= day);
            reasons.extend(known.map(|course| course.condition).take(3));
        }
        self.encounter(visit, &reasons);
        vitals::write(self, visit);
        laboratory::write(self, visit);
        immunisation::write(self, visit);
        self.procedures(visit);
        notes::write(self, visit);
    }

    fn episode(&mut self, visit: &Visit, episode: &'static Episode) -> Uuid {
        let id = self.dice.uuid();
        let onset = plus_days(visit.at.date(), -self.dice.whole(1, 3)).max(self.person.birth);
        let over = plus_days(visit.at.date(), episode.days);
        let over = (over <= self.today()).then_some(over);
        self.condition(id, &episode.diagnosis, (onset, over), Some(visit.id));
        if let Some(drug) = episode.drug {
            prescriptions::course(self, drug, id, visit, episode.days);
        }
        id
    }

    fn procedures(&mut self, visit: &Visit) {
        let day = visit.at.date();
        let years = self.person.age(day);
        let mut done: Vec<(&str, &str)> = Vec::new();
        if visit.kind == Kind::CheckUp {
            if self.health.has(Disease::Diabetes, day) {
                done.push(("134395001", "Diabetic retinopathy screening"));
                done.push(("401191002", "Diabetic foot examination"));
            }
            if years > 50.0 && self.dice.chance(0.12) {
                done.push(("73761001", "Colonoscopy"));
            }
            if self.person.woman && years > 45.0 && self.dice.chance(0.3) {
                done.push(("71651007", "Mammography"));
            }
            if self.health.has(Disease::Hypertension, day) && self.dice.chance(0.3) {
                done.push(("29303009", "Electrocardiographic procedure"));
            }
        }
        if matches!(self.health.gestation(day), Some(11..=13 | 19..=21)) {
            done.push(("268445003", "Ultrasound scan - obstetric"));
        }
        for (code, text) in done {
            let at = self.moment(later(visit.at, 20));
            let procedure = json!({
                "resourceType": "Procedure",
                "status": "completed",
                "code": concept(SNOMED, code, text),
                "subject": self.subject(),
                "encounter": reference("Encounter", visit.id),
                "performedDateTime": at,
                "performer": [{ "actor": self.setting.staff.reference(visit.practitioner) }],
            });
            self.add(procedure);
        }
    }

    fn plans(&mut self) {
        let over = self.person.death.is_some();
        let plans: [(Disease, &str, &str, &str); 3] = [
            (
                Disease::Diabetes,
                "698360004",
                "Diabetes self management plan",
                "HbA1c below 7 %",
            ),
            (
                Disease::Hypertension,
                "386619000",
                "Low sodium diet",
                "Blood pressure below 130/80 mmHg",
            ),
            (
                Disease::Pregnancy,
                "134435003",
                "Routine antenatal care",
                "Healthy mother and child",
            ),
        ];
        for (disease, code, text, aim) in plans {
            let Some(course) = self.health.course(disease) else {
                continue;
            };
            let condition = reference("Condition", course.condition);
            let start = course.onset.to_string();
            let goal = json!({
                "resourceType": "Goal",
                "lifecycleStatus": if over { "cancelled" } else { "active" },
                "description": { "text": aim },
                "subject": self.subject(),
                "startDate": start,
                "addresses": [condition],
            });
            let goal = self.add(goal);
            let plan = json!({
                "resourceType": "CarePlan",
                "status": if over { "completed" } else { "active" },
                "intent": "plan",
                "category": [concept(SNOMED, code, text)],
                "title": text,
                "subject": self.subject(),
                "period": { "start": start },
                "addresses": [condition],
                "goal": [reference("Goal", goal)],
            });
            self.add(plan);
        }
    }
}

/// All resources of one patient, the Patient first.
pub(crate) fn write(setting: &Setting<'_>, person: &Person, bookings: &[Booking]) -> Vec<Value> {
    let today = setting.now.date();
    let mut dice = Dice::new(setting.seed, "health", u64::from(person.index));
    let health = Health::draw(person, person.death.unwrap_or(today), &mut dice);
    let visits = visits::draw(
        setting.seed,
        person,
        &health,
        today,
        bookings,
        setting.staff,
    );
    let mut chart = Chart {
        setting,
        person,
        health: &health,
        dice: Dice::new(setting.seed, "chart", u64::from(person.index)),
        allergies: Vec::new(),
        resources: vec![person.resource(setting.seed, today, setting.staff)],
        measured: BTreeMap::new(),
    };
    chart.coverage();
    chart.care_team();
    chart.allergies();
    for course in &health.courses {
        chart.condition(
            course.condition,
            course.disease.diagnosis(),
            (course.onset, None),
            None,
        );
    }
    prescriptions::long_term(&mut chart);
    chart.plans();
    immunisation::earlier(&mut chart);
    for visit in &visits {
        chart.visit(visit);
    }
    for booking in bookings {
        let (kind, episode) = visits::purpose(setting.seed, person, &health, booking, today);
        let reason = visits::reason(kind, episode, &health, booking.start.date());
        let appointment = booking.resource(
            person.id,
            &reason,
            kind.appointment(),
            setting.staff,
            setting.zone,
        );
        chart.resources.push(appointment);
    }
    chart.resources
}
