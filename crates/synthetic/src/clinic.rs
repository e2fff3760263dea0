//! A whole clinic as bundles.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::calendar::Calendar;
use crate::chart::{self, Setting};
use crate::person::Person;
use crate::staff::{Staff, User};

/// Why a clinic cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClinicError {
    /// A clinic has patients.
    #[error("a clinic has at least one patient")]
    NoPatients,
    /// Histories reach a hundred years back and must stay inside the calendar.
    #[error("{0} is outside 1950 to 2150")]
    Date(Date),
}

/// A synthetic clinic, whole but not yet written down.
#[derive(Debug)]
pub struct Clinic {
    seed: u64,
    patients: u32,
    today: Date,
    time: Time,
    zone: TimeZone,
    staff: Staff,
    calendar: Calendar,
}

/// Entries of the clinic's own records in one bundle.
const CHUNK: usize = 400;

impl Clinic {
    /// The clinic of this seed with so many patients, on a day, in its time zone. The day is
    /// half past ten old: see [`Clinic::at`].
    pub fn new(seed: u64, patients: u32, today: Date, zone: TimeZone) -> Result<Self, ClinicError> {
        if patients == 0 {
            return Err(ClinicError::NoPatients);
        }
        if !(1950..=2150).contains(&today.year()) {
            return Err(ClinicError::Date(today));
        }
        let time = Time::constant(10, 30, 0, 0);
        let staff = Staff::draw(seed, patients);
        let calendar = Calendar::draw(seed, patients, today.to_datetime(time), &staff);
        Ok(Self {
            seed,
            patients,
            today,
            time,
            zone,
            staff,
            calendar,
        })
    }

    /// The same clinic at another time of its day: appointments before it are over.
    #[must_use]
    pub fn at(mut self, time: Time) -> Self {
        self.time = time;
        let now = self.today.to_datetime(time);
        self.calendar = Calendar::draw(self.seed, self.patients, now, &self.staff);
        self
    }

    /// Name for people.
    pub fn name(&self) -> &str {
        self.staff.clinic_name
    }

    /// How many patients it has.
    pub fn patients(&self) -> u32 {
        self.patients
    }

    /// Who signs in: clinicians first, then a nurse, front desk, security officer, auditor,
    /// administrator.
    pub fn users(&self) -> &[User] {
        &self.staff.users
    }

    /// All records as transaction bundles: the clinic's own first, then patients, so many a
    /// bundle. Each refers only to what came before it or is in it.
    pub fn bundles(&self, patients_per_bundle: u32) -> impl Iterator<Item = Value> + '_ {
        let own = self.own();
        let step = patients_per_bundle.max(1);
        let chunks: Vec<Value> = own.chunks(CHUNK).map(bundle).collect();
        let starts = (0..self.patients).step_by(step as usize);
        chunks.into_iter().chain(starts.map(move |start| {
            let end = start.saturating_add(step).min(self.patients);
            let resources: Vec<Value> =
                (start..end).flat_map(|index| self.patient(index)).collect();
            bundle(&resources)
        }))
    }

    /// What the diary gains after a day: slots and appointments alone, for a clinic that was
    /// loaded on an earlier day. Its patients' records stay as they are.
    pub fn diary_after(&self, day: Date) -> impl Iterator<Item = Value> + '_ {
        let slots = self.calendar.slot_resources(day, &self.staff, &self.zone);
        let chunks: Vec<Value> = slots.chunks(CHUNK).map(bundle).collect();
        let patients = self.calendar.booked_after(day);
        chunks
            .into_iter()
            .chain(patients.into_iter().map(move |index| {
                let new: Vec<uuid::Uuid> = self
                    .calendar
                    .of(index)
                    .iter()
                    .filter(|booking| booking.start.date() > day)
                    .map(|booking| booking.id)
                    .collect();
                let is_new = |resource: &Value| {
                    resource["resourceType"] == "Appointment"
                        && new
                            .iter()
                            .any(|id| resource["id"] == id.to_string().as_str())
                };
                let appointments: Vec<Value> =
                    self.patient(index).into_iter().filter(is_new).collect();
                bundle(&appointments)
            }))
    }

    /// Every resource of the patient with this index (below [`Clinic::patients`]), the Patient
    /// first. Costs the same for any index.
    pub fn patient(&self, index: u32) -> Vec<Value> {
        let setting = Setting {
            seed: self.seed,
            now: self.today.to_datetime(self.time),
            zone: &self.zone,
            staff: &self.staff,
        };
        let person = Person::draw(self.seed, index, self.today, &self.staff);
        chart::write(&setting, &person, self.calendar.of(index))
    }

    /// Organisation, places, people who work here, schedules and slots.
    fn own(&self) -> Vec<Value> {
        let day = |date: Date| crate::json::moment(date.at(0, 0, 0, 0), &self.zone);
        let mut list = self.staff.resources();
        let last = crate::json::plus_days(self.calendar.last, 1);
        list.extend(self.staff.schedules(&day(self.calendar.first), &day(last)));
        list.extend(
            self.calendar
                .slot_resources(Date::MIN, &self.staff, &self.zone),
        );
        list
    }
}

fn bundle(resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources
        .iter()
        .map(|resource| {
            let text = |name: &str| resource[name].as_str().unwrap_or_default();
            let (kind, id) = (text("resourceType"), text("id"));
            json!({
                "resource": resource,
                "request": { "method": "PUT", "url": format!("{kind}/{id}") },
            })
        })
        .collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}
