//! The clinic's days: opening hours, slots, and who is booked when round today.

use std::collections::HashMap;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;
use crate::json::{concept, moment, named, plus_days, reference, terminology};
use crate::person::{Person, alive};
use crate::staff::Staff;

/// Bookings reach from this many days before today…
const BEFORE: i64 = 3;
/// …to this many after it; free slots go on for longer.
const AFTER: i64 = 4;
const SLOTS_AFTER: i64 = 14;
const SLOT_MINUTES: i64 = 30;

/// Morning from half past eight, lunch from twelve to one, afternoon until five.
const STARTS: [(i8, i8); 15] = [
    (8, 30),
    (9, 0),
    (9, 30),
    (10, 0),
    (10, 30),
    (11, 0),
    (11, 30),
    (13, 0),
    (13, 30),
    (14, 0),
    (14, 30),
    (15, 0),
    (15, 30),
    (16, 0),
    (16, 30),
];
/// The last slot before lunch: nothing runs across it.
const BEFORE_LUNCH: usize = 6;

/// What became of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Booked,
    Arrived,
    InRoom,
    Fulfilled,
    NoShow,
    Cancelled,
}

impl State {
    fn code(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Arrived => "arrived",
            Self::InRoom => "checked-in",
            Self::Fulfilled => "fulfilled",
            Self::NoShow => "noshow",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A patient's time with a practitioner.
#[derive(Debug, Clone)]
pub(crate) struct Booking {
    pub(crate) id: Uuid,
    pub(crate) patient: u32,
    pub(crate) practitioner: usize,
    pub(crate) start: DateTime,
    pub(crate) minutes: i64,
    pub(crate) state: State,
    slots: Vec<Uuid>,
}

/// All bookings, by patient, and every slot with whether it is taken.
#[derive(Debug)]
pub(crate) struct Calendar {
    bookings: HashMap<u32, Vec<Booking>>,
    slots: Vec<Slot>,
    pub(crate) first: Date,
    pub(crate) last: Date,
}

#[derive(Debug)]
struct Slot {
    id: Uuid,
    practitioner: usize,
    start: DateTime,
    busy: bool,
}

/// The clinic works Monday to Friday, and today whatever day it is: the day of a
/// demonstration is never empty.
fn open(date: Date, today: Date) -> bool {
    date == today || !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn slot_id(seed: u64, practitioner: usize, start: DateTime) -> Uuid {
    let place = start.date().duration_since(Date::ZERO).as_hours() / 24 * 100_000
        + i64::from(start.hour()) * 60
        + i64::from(start.minute());
    Dice::new(seed, &format!("slot-{practitioner}"), place as u64).uuid()
}

impl Calendar {
    pub(crate) fn draw(seed: u64, patients: u32, now: DateTime, staff: &Staff) -> Self {
        let today = now.date();
        let first = plus_days(today, -BEFORE);
        let last = plus_days(today, SLOTS_AFTER);
        let mut bookings: HashMap<u32, Vec<Booking>> = HashMap::new();
        let mut turn = Turn::new(seed, patients);
        let mut slots = Vec::new();
        for offset in -BEFORE..=SLOTS_AFTER {
            let date = plus_days(today, offset);
            if !open(date, today) {
                continue;
            }
            let mut day = Day::new(seed, date, staff.practitioners.len());
            if offset <= AFTER {
                for booking in day.fill(&mut turn, now, staff) {
                    bookings.entry(booking.patient).or_default().push(booking);
                }
            }
            slots.append(&mut day.into_slots());
        }
        Self {
            bookings,
            slots,
            first,
            last,
        }
    }

    /// The bookings of one patient, by time.
    pub(crate) fn of(&self, patient: u32) -> &[Booking] {
        self.bookings.get(&patient).map_or(&[], Vec::as_slice)
    }

    /// Patients with bookings after a day, in order.
    pub(crate) fn booked_after(&self, day: Date) -> Vec<u32> {
        let later = |bookings: &Vec<Booking>| bookings.iter().any(|b| b.start.date() > day);
        let mut patients: Vec<u32> = self
            .bookings
            .iter()
            .filter(|(_, bookings)| later(bookings))
            .map(|(patient, _)| *patient)
            .collect();
        patients.sort_unstable();
        patients
    }

    /// Slots of the days after `after`.
    pub(crate) fn slot_resources(&self, after: Date, staff: &Staff, zone: &TimeZone) -> Vec<Value> {
        self.slots
            .iter()
            .filter(|slot| slot.start.date() > after)
            .map(|slot| {
                let end = later(slot.start, SLOT_MINUTES);
                json!({
                    "resourceType": "Slot",
                    "id": slot.id.to_string(),
                    "schedule": reference("Schedule", staff.practitioners[slot.practitioner].schedule),
                    "status": if slot.busy { "busy" } else { "free" },
                    "start": moment(slot.start, zone),
                    "end": moment(end, zone),
                })
            })
            .collect()
    }
}

pub(crate) fn later(at: DateTime, minutes: i64) -> DateTime {
    at.saturating_add(jiff::Span::new().minutes(minutes.clamp(0, 100_000)))
}

/// Walks through all patients in a shuffled order, so that nobody comes twice before
/// everybody has come once.
struct Turn {
    seed: u64,
    patients: u64,
    step: u64,
    next: u64,
}

impl Turn {
    fn new(seed: u64, patients: u32) -> Self {
        let patients = u64::from(patients);
        let mut step = 7_919 % patients.max(1);
        while greatest_common_divisor(step.max(1), patients.max(1)) != 1 || step == 0 {
            step += 1;
        }
        Self {
            seed,
            patients,
            step,
            next: 0,
        }
    }

    fn next(&mut self) -> u32 {
        let place = (self.next * self.step + self.seed % self.patients) % self.patients;
        self.next += 1;
        place as u32
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

struct Day {
    seed: u64,
    date: Date,
    dice: Dice,
    /// One row for each practitioner: who has the slot.
    taken: Vec<[bool; STARTS.len()]>,
    busy: Vec<[bool; STARTS.len()]>,
}

impl Day {
    fn new(seed: u64, date: Date, practitioners: usize) -> Self {
        let number = date.duration_since(Date::ZERO).as_hours() / 24;
        Self {
            seed,
            date,
            dice: Dice::new(seed, "day", number as u64),
            taken: vec![[false; STARTS.len()]; practitioners],
            busy: vec![[false; STARTS.len()]; practitioners],
        }
    }

    fn at(&self, slot: usize) -> DateTime {
        let (hour, minute) = STARTS[slot];
        self.date.to_datetime(Time::constant(hour, minute, 0, 0))
    }

    fn fill(&mut self, turn: &mut Turn, now: DateTime, staff: &Staff) -> Vec<Booking> {
        let capacity = self.taken.len() * STARTS.len();
        let wanted = (capacity * 7 / 10).min((turn.patients as usize).div_ceil(4));
        let mut list = Vec::new();
        // Twice as many tries as there is room: the dead and those who fit nobody are passed over.
        for _ in 0..capacity.min(turn.patients as usize) * 2 {
            if list.len() >= wanted {
                break;
            }
            let person = Person::draw(self.seed, turn.next(), now.date(), staff);
            let here_today = list
                .iter()
                .any(|other: &Booking| other.patient == person.index);
            if here_today || !alive(&person, self.date) || !alive(&person, now.date()) {
                continue;
            }
            if let Some(booking) = self.place(&person, now, staff) {
                list.push(booking);
            }
        }
        list
    }

    fn place(&mut self, person: &Person, now: DateTime, staff: &Staff) -> Option<Booking> {
        let practitioner = person.practitioner;
        let long = self.dice.chance(0.12);
        let begin = self.dice.whole(0, STARTS.len() as i64 - 1) as usize;
        let free = |slot: usize| !self.taken[practitioner][slot];
        let slot = (0..STARTS.len())
            .map(|step| (begin + step) % STARTS.len())
            .find(|slot| free(*slot))?;
        let mut places = vec![slot];
        if long && slot != BEFORE_LUNCH && slot + 1 < STARTS.len() && free(slot + 1) {
            places.push(slot + 1);
        }
        let start = self.at(slot);
        let minutes = SLOT_MINUTES * places.len() as i64;
        let state = self.state(start, later(start, minutes), now);
        let mut ids = Vec::new();
        for slot in places {
            self.taken[practitioner][slot] = true;
            self.busy[practitioner][slot] = state != State::Cancelled;
            ids.push(slot_id(self.seed, practitioner, self.at(slot)));
        }
        debug_assert!(practitioner < staff.practitioners.len());
        Some(Booking {
            id: self.dice.uuid(),
            patient: person.index,
            practitioner,
            start,
            minutes,
            state,
            slots: ids,
        })
    }

    fn state(&mut self, start: DateTime, end: DateTime, now: DateTime) -> State {
        let fate = self.dice.unit();
        if fate < 0.05 {
            State::Cancelled
        } else if end <= now {
            if fate < 0.12 {
                State::NoShow
            } else {
                State::Fulfilled
            }
        } else if start <= now {
            State::InRoom
        } else if start <= later(now, 45) && fate < 0.75 {
            State::Arrived
        } else {
            State::Booked
        }
    }

    fn into_slots(self) -> Vec<Slot> {
        let mut list = Vec::new();
        for (practitioner, busy) in self.busy.iter().enumerate() {
            for (slot, busy) in busy.iter().enumerate() {
                let start = self.at(slot);
                list.push(Slot {
                    id: slot_id(self.seed, practitioner, start),
                    practitioner,
                    start,
                    busy: *busy,
                });
            }
        }
        list
    }
}

impl Booking {
    /// The Appointment resource. `reason` is what the patient comes for.
    pub(crate) fn resource(
        &self,
        patient: Uuid,
        reason: &str,
        kind: (&str, &str),
        staff: &Staff,
        zone: &TimeZone,
    ) -> Value {
        let person = &staff.practitioners[self.practitioner];
        let accepted =
            |actor: Value| json!({ "actor": actor, "required": "required", "status": "accepted" });
        let made = plus_days(self.start.date(), -(3 + i64::from(self.patient % 40)));
        let mut appointment = json!({
            "resourceType": "Appointment",
            "id": self.id.to_string(),
            "status": self.state.code(),
            "appointmentType": concept(&terminology("v2-0276"), kind.0, kind.1),
            "reasonCode": [{ "text": reason }],
            "description": reason,
            "start": moment(self.start, zone),
            "end": moment(later(self.start, self.minutes), zone),
            "minutesDuration": self.minutes,
            "slot": self.slots.iter().map(|id| reference("Slot", *id)).collect::<Vec<_>>(),
            "created": moment(made.to_datetime(Time::constant(11, 15, 0, 0)), zone),
            "participant": [
                accepted(reference("Patient", patient)),
                accepted(staff.reference(self.practitioner)),
                accepted(named("Location", person.room, &person.room_name)),
            ],
        });
        if self.state == State::Cancelled {
            appointment["cancelationReason"] = concept(
                &terminology("appointment-cancellation-reason"),
                "pat",
                "Patient",
            );
        }
        appointment
    }
}
