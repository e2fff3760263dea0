//! When a patient came, and why.

use jiff::civil::{Date, DateTime, Time, Weekday};
use uuid::Uuid;

use crate::calendar::{Booking, State};
use crate::dice::Dice;
use crate::health::Health;
use crate::json::{days_between, plus_days};
use crate::person::{Person, alive};
use crate::staff::Staff;
use crate::terms::{Disease, EPISODES, Episode};

/// Records reach back this far; what lies before is known by hearsay (onset dates, old
/// immunisations).
pub(crate) const HISTORY_DAYS: i64 = 1_200;

/// Ages of well-child visits, in months.
pub(crate) const WELL_CHILD: [u16; 14] = [0, 1, 2, 4, 6, 9, 12, 15, 18, 24, 30, 36, 48, 60];

/// What a visit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    WellChild,
    CheckUp,
    FollowUp,
    Symptom,
    Prenatal,
}

impl Kind {
    /// SNOMED CT code and words.
    pub(crate) fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::WellChild => ("410620009", "Well child visit"),
            Self::CheckUp => ("185349003", "Encounter for check up"),
            Self::FollowUp => ("390906007", "Follow-up encounter"),
            Self::Symptom => ("185345009", "Encounter for symptom"),
            Self::Prenatal => ("424619006", "Prenatal visit"),
        }
    }

    /// HL7's appointment type.
    pub(crate) fn appointment(self) -> (&'static str, &'static str) {
        match self {
            Self::WellChild | Self::CheckUp | Self::Prenatal => ("CHECKUP", "A routine check-up"),
            Self::FollowUp => ("FOLLOWUP", "A follow up visit"),
            Self::Symptom => ("ROUTINE", "Routine appointment"),
        }
    }
}

/// One visit.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) id: Uuid,
    pub(crate) at: DateTime,
    pub(crate) minutes: i64,
    pub(crate) kind: Kind,
    pub(crate) practitioner: usize,
    pub(crate) booking: Option<Uuid>,
    pub(crate) episode: Option<&'static Episode>,
}

/// Draws visits into a list.
struct Diary<'a> {
    person: &'a Person,
    health: &'a Health,
    today: Date,
    from: Date,
    dice: Dice,
    visits: Vec<Visit>,
}

impl Diary<'_> {
    /// A visit about this day: on a working day, in the past, in the patient's life, and not
    /// within a week of another.
    fn add(&mut self, day: Date, kind: Kind, episode: Option<&'static Episode>) {
        let day = match day.weekday() {
            Weekday::Saturday => plus_days(day, 2),
            Weekday::Sunday => plus_days(day, 1),
            _ => day,
        };
        // The last days belong to the calendar of appointments.
        if day < self.from || day > plus_days(self.today, -5) || !alive(self.person, day) {
            return;
        }
        let close = |visit: &Visit| days_between(visit.at.date(), day).abs() < 8;
        if self.person.age(day) > 1.0 && self.visits.iter().any(close) {
            return;
        }
        let (hour, minute) = *self.dice.pick(&[
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
        ]);
        let visit = Visit {
            id: self.dice.uuid(),
            at: day.to_datetime(Time::constant(hour, minute, 0, 0)),
            minutes: 30,
            kind,
            practitioner: self.person.practitioner,
            booking: None,
            episode,
        };
        self.visits.push(visit);
    }

    fn well_child(&mut self) {
        let months = WELL_CHILD
            .iter()
            .map(|months| i64::from(*months))
            .chain((6..18).map(|years| years * 12));
        for months in months {
            // The first is in the first week.
            let days = if months == 0 {
                4
            } else {
                months * 3044 / 100 + self.dice.whole(0, 6)
            };
            if months <= 60 || self.dice.chance(0.7) {
                self.add(plus_days(self.person.birth, days), Kind::WellChild, None);
            }
        }
    }

    fn check_ups(&mut self) {
        let mut day = plus_days(self.from, self.dice.whole(0, 330));
        let faithful = if self.long_term() { 1.0 } else { 0.8 };
        while day < self.today {
            if self.person.age(day) >= 18.0 && self.dice.chance(faithful) {
                self.add(day, Kind::CheckUp, None);
            }
            day = plus_days(day, self.dice.whole(345, 400));
        }
    }

    fn long_term(&self) -> bool {
        self.health.courses.iter().any(|course| {
            !matches!(
                course.disease,
                Disease::Pregnancy | Disease::Rhinitis | Disease::Eczema
            )
        })
    }

    fn follow_ups(&mut self) {
        let first = self
            .health
            .courses
            .iter()
            .filter(|course| {
                !matches!(
                    course.disease,
                    Disease::Pregnancy | Disease::Rhinitis | Disease::Eczema
                )
            })
            .map(|course| course.onset)
            .min();
        // The day each was found, while records are kept.
        let onsets: Vec<Date> = self
            .health
            .courses
            .iter()
            .filter(|course| course.disease != Disease::Pregnancy)
            .map(|course| course.onset)
            .collect();
        for onset in onsets {
            self.add(onset, Kind::Symptom, None);
        }
        let Some(first) = first else { return };
        let often = self.health.course(Disease::Diabetes).is_some()
            || self.health.course(Disease::Nephropathy).is_some();
        let (low, high) = if often { (100, 150) } else { (190, 290) };
        let mut day = plus_days(first.max(self.from), self.dice.whole(60, 110));
        while day < self.today {
            self.add(day, Kind::FollowUp, None);
            day = plus_days(day, self.dice.whole(low, high));
        }
    }

    fn prenatal(&mut self) {
        let Some(course) = self.health.course(Disease::Pregnancy) else {
            return;
        };
        let start = course.onset;
        for week in [8, 12, 16, 20, 24, 28, 30, 32, 34, 36] {
            let day = plus_days(start, week * 7 + self.dice.whole(0, 3));
            self.add(day, Kind::Prenatal, None);
        }
    }

    fn episodes(&mut self) {
        let child = self.person.age(self.today) < 12.0;
        let (low, high) = if child { (160, 520) } else { (300, 1300) };
        let mut day = plus_days(self.from.max(self.person.birth), self.dice.whole(20, high));
        while day < self.today {
            if let Some(episode) = self.suited(day) {
                self.add(day, Kind::Symptom, Some(episode));
            }
            day = plus_days(day, self.dice.whole(low, high));
        }
    }

    fn suited(&mut self, day: Date) -> Option<&'static Episode> {
        let years = self.person.age(day);
        let fit: Vec<&'static Episode> = EPISODES
            .iter()
            .filter(|episode| episode.ages.contains(&years))
            .filter(|episode| episode.diagnosis.icd10 != "N39.0" || self.person.woman)
            .collect();
        (!fit.is_empty()).then(|| *self.dice.pick(&fit))
    }
}

/// All visits by time: those of the past years and those of this week's kept appointments.
pub(crate) fn draw(
    seed: u64,
    person: &Person,
    health: &Health,
    today: Date,
    bookings: &[Booking],
    staff: &Staff,
) -> Vec<Visit> {
    let end = person.death.unwrap_or(today);
    let mut diary = Diary {
        person,
        health,
        today,
        from: plus_days(end, -HISTORY_DAYS),
        dice: Dice::new(seed, "visits", u64::from(person.index)),
        visits: Vec::new(),
    };
    // What is bound to a day comes first: the others keep their distance from it.
    diary.well_child();
    diary.prenatal();
    diary.follow_ups();
    diary.check_ups();
    diary.episodes();
    let mut visits = diary.visits;
    for booking in bookings {
        if booking.state == State::Fulfilled {
            let (kind, episode) = purpose(seed, person, health, booking, today);
            visits.push(Visit {
                id: Dice::new(
                    seed,
                    "kept",
                    u64::from(person.index) << 8 | u64::from(booking.start.day().unsigned_abs()),
                )
                .uuid(),
                at: booking.start,
                minutes: booking.minutes,
                kind,
                practitioner: booking.practitioner,
                booking: Some(booking.id),
                episode,
            });
        }
    }
    debug_assert!(person.practitioner < staff.practitioners.len());
    visits.sort_by_key(|visit| visit.at);
    visits
}

/// What an appointment of this week is for.
pub(crate) fn purpose(
    seed: u64,
    person: &Person,
    health: &Health,
    booking: &Booking,
    today: Date,
) -> (Kind, Option<&'static Episode>) {
    let day = booking.start.date();
    let place = u64::from(person.index) << 8 | u64::from(day.day().unsigned_abs());
    let mut dice = Dice::new(seed, "purpose", place);
    if health.gestation(day).is_some() {
        return (Kind::Prenatal, None);
    }
    if person.age(day) < 2.0 || person.age(day) < 18.0 && dice.chance(0.4) {
        return (Kind::WellChild, None);
    }
    let chronic = health.courses.iter().any(|course| course.onset <= day);
    if chronic && dice.chance(0.6) {
        return (Kind::FollowUp, None);
    }
    if person.age(day) >= 18.0 && dice.chance(0.45) {
        return (Kind::CheckUp, None);
    }
    let mut diary = Diary {
        person,
        health,
        today,
        from: day,
        dice,
        visits: Vec::new(),
    };
    let episode = diary.suited(day);
    (
        if episode.is_some() {
            Kind::Symptom
        } else {
            Kind::CheckUp
        },
        episode,
    )
}

/// What the visit is for, in a clinic's words.
pub(crate) fn reason(kind: Kind, episode: Option<&Episode>, health: &Health, day: Date) -> String {
    match (kind, episode) {
        (_, Some(episode)) => episode.diagnosis.text.to_owned(),
        (Kind::WellChild, _) => "Well child visit".to_owned(),
        (Kind::CheckUp, _) => "Annual check-up".to_owned(),
        (Kind::Prenatal, _) => match health.gestation(day) {
            Some(week) => format!("Prenatal visit, week {week}"),
            None => "Prenatal visit".to_owned(),
        },
        (Kind::FollowUp | Kind::Symptom, None) => {
            let known: Vec<&str> = health
                .courses
                .iter()
                .filter(|course| course.onset <= day && course.disease != Disease::Pregnancy)
                .map(|course| course.disease.diagnosis().text)
                .take(2)
                .collect();
            match known.as_slice() {
                [] => "Follow-up".to_owned(),
                [one] => format!("Follow-up: {one}"),
                [one, other, ..] => format!("Follow-up: {one}, {other}"),
            }
        }
    }
}
