//! What a patient has, since when, and how the measured values follow from it.

use jiff::civil::Date;
use uuid::Uuid;

use crate::dice::Dice;
use crate::json::{age, days_between, plus_days};
use crate::person::Person;
use crate::terms::{self, Disease, Drug};

/// A long-lasting condition of one patient.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    pub(crate) disease: Disease,
    pub(crate) condition: Uuid,
    pub(crate) onset: Date,
}

/// A drug over a time.
pub(crate) struct Therapy {
    pub(crate) drug: &'static Drug,
    pub(crate) reason: Uuid,
    pub(crate) from: Date,
    pub(crate) until: Option<Date>,
}

/// A patient's body: constants drawn once, values derived from them and the date.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) courses: Vec<Course>,
    pub(crate) smoker: bool,
    birth: Date,
    woman: bool,
    height: f64,
    mass_index: f64,
    pressure: f64,
    /// 0: treatment takes fully; 1: hardly.
    resistance: f64,
    growth: f64,
    creatinine: f64,
    cholesterol: f64,
}

/// Age in months; length cm; weight kg; head cm, after which it is no longer measured.
const GROWTH: &[(f64, f64, f64, f64)] = &[
    (0.0, 50.0, 3.4, 34.5),
    (1.0, 54.5, 4.4, 37.0),
    (2.0, 58.0, 5.4, 38.7),
    (4.0, 63.5, 6.8, 41.2),
    (6.0, 67.0, 7.8, 43.0),
    (9.0, 71.5, 8.8, 44.8),
    (12.0, 75.5, 9.7, 46.0),
    (18.0, 82.0, 11.0, 47.3),
    (24.0, 87.0, 12.3, 48.3),
    (36.0, 95.5, 14.3, 49.3),
    (48.0, 102.5, 16.3, 50.0),
    (60.0, 109.0, 18.4, 50.5),
    (84.0, 121.5, 23.0, 51.5),
    (108.0, 133.0, 28.7, 52.5),
    (132.0, 144.0, 36.5, 53.5),
    (156.0, 156.5, 46.0, 54.5),
    (180.0, 165.0, 55.0, 55.0),
    (216.0, 170.0, 64.0, 55.5),
];

/// Falls from 1 towards 0 over some `months`.
fn settling(months: f64, pace: f64) -> f64 {
    let x = 1.0 + months.max(0.0) / pace;
    1.0 / (x * x)
}

impl Health {
    pub(crate) fn draw(person: &Person, today: Date, dice: &mut Dice) -> Self {
        let years = person.age(today);
        let adult = years >= 18.0;
        let mass_index = if adult {
            dice.normal(27.0, 4.2).clamp(18.0, 44.0)
        } else {
            19.0
        };
        let mut health = Self {
            courses: Vec::new(),
            smoker: adult && dice.chance(0.16),
            birth: person.birth,
            woman: person.woman,
            height: if person.woman {
                dice.normal(162.5, 6.5)
            } else {
                dice.normal(176.0, 7.0)
            },
            mass_index,
            pressure: dice.normal(116.0, 6.0),
            resistance: if person.index == 0 { 0.6 } else { dice.unit() },
            growth: dice.normal(1.0, 0.04).clamp(0.88, 1.12),
            creatinine: if person.woman {
                dice.normal(0.78, 0.07)
            } else {
                dice.normal(0.95, 0.08)
            },
            cholesterol: dice.normal(112.0, 18.0).clamp(70.0, 165.0),
        };
        // The first patient shows what a chart can hold; the twelfth expects a child.
        let showcase = person.index == 0;
        for (disease, likely, youngest) in likelihoods(person, years, mass_index) {
            let certain = showcase
                && matches!(
                    disease,
                    Disease::Diabetes | Disease::Hypertension | Disease::Hyperlipidaemia
                )
                || person.index == 11 && disease == Disease::Pregnancy;
            if !(certain || dice.chance(likely)) {
                continue;
            }
            let onset = if disease == Disease::Pregnancy {
                plus_days(today, -dice.whole(65, 255))
            } else if showcase && disease == Disease::Diabetes {
                // Found while records are kept: its course shows from the first value.
                plus_days(today, -1_050)
            } else {
                let span = (years - youngest).clamp(0.3, 14.0);
                plus_days(today, -((dice.between(0.15, 1.0) * span * 365.25) as i64))
            };
            health.courses.push(Course {
                disease,
                condition: dice.uuid(),
                onset,
            });
        }
        if health.course(Disease::Pregnancy).is_some() {
            // What treats these harms the unborn: nobody here has both.
            health.courses.retain(|course| {
                !matches!(
                    course.disease,
                    Disease::Diabetes | Disease::Hypertension | Disease::Hyperlipidaemia
                )
            });
        }
        let both = health.course(Disease::Diabetes).is_some()
            && health.course(Disease::Hypertension).is_some();
        if years > 55.0 && dice.chance(if both { 0.35 } else { 0.03 }) {
            health.courses.push(Course {
                disease: Disease::Nephropathy,
                condition: dice.uuid(),
                onset: plus_days(today, -dice.whole(200, 2000)),
            });
        }
        health
    }

    pub(crate) fn course(&self, disease: Disease) -> Option<&Course> {
        self.courses.iter().find(|course| course.disease == disease)
    }

    /// Whether the disease is known on this day.
    pub(crate) fn has(&self, disease: Disease, on: Date) -> bool {
        self.course(disease)
            .is_some_and(|course| course.onset <= on)
    }

    /// Months since onset, if it has begun.
    fn months(&self, disease: Disease, on: Date) -> Option<f64> {
        let course = self.course(disease)?;
        (course.onset <= on).then(|| days_between(course.onset, on) as f64 / 30.44)
    }

    pub(crate) fn systolic(&self, on: Date, dice: &mut Dice) -> f64 {
        let years = age(self.birth, on);
        let base = if years < 18.0 {
            88.0 + years * 1.6
        } else {
            self.pressure + (years - 18.0) * 0.12
        };
        let raised = match self.months(Disease::Hypertension, on) {
            Some(months) => 9.0 * self.resistance + 32.0 * settling(months, 5.0),
            // It rises before it is found.
            None if self.course(Disease::Hypertension).is_some() => 18.0,
            None => 0.0,
        };
        base + raised + dice.normal(0.0, 4.0)
    }

    pub(crate) fn a1c(&self, on: Date, dice: &mut Dice) -> f64 {
        let value = match self.months(Disease::Diabetes, on) {
            Some(months) => 6.5 + 1.4 * self.resistance + 2.4 * settling(months, 6.0),
            None if self.course(Disease::Diabetes).is_some() => 6.2,
            None => 5.2 + 0.012 * (self.mass_index - 25.0),
        };
        (value + dice.normal(0.0, 0.15)).clamp(4.4, 13.5)
    }

    /// Follows HbA1c by the ADAG relation.
    pub(crate) fn glucose(a1c: f64, dice: &mut Dice) -> f64 {
        (28.7 * a1c - 46.7 - 14.0 + dice.normal(0.0, 7.0)).max(62.0)
    }

    pub(crate) fn ldl(&self, on: Date, dice: &mut Dice) -> f64 {
        let value = match self.months(Disease::Hyperlipidaemia, on) {
            Some(months) => 88.0 + 22.0 * self.resistance + 75.0 * settling(months, 3.0),
            None if self.course(Disease::Hyperlipidaemia).is_some() => 158.0,
            None => self.cholesterol,
        };
        (value + dice.normal(0.0, 6.0)).clamp(35.0, 260.0)
    }

    pub(crate) fn thyrotropin(&self, on: Date, dice: &mut Dice) -> f64 {
        match self.months(Disease::Hypothyroidism, on) {
            Some(months) => (2.3 + 7.5 * settling(months, 4.0) + dice.normal(0.0, 0.4)).max(0.3),
            None => dice.normal(2.0, 0.5).clamp(0.5, 4.2),
        }
    }

    pub(crate) fn phq9(&self, on: Date, dice: &mut Dice) -> f64 {
        match self.months(Disease::Depression, on) {
            Some(months) => {
                (3.0 + 4.0 * self.resistance + 12.0 * settling(months, 6.0) + dice.normal(0.0, 1.2))
                    .clamp(0.0, 27.0)
            }
            None => dice.between(0.0, 4.0).floor(),
        }
    }

    pub(crate) fn creatinine(&self, on: Date, dice: &mut Dice) -> f64 {
        let ill = match self.months(Disease::Nephropathy, on) {
            Some(months) => 0.42 + months * 0.002,
            None => 0.0,
        };
        (self.creatinine + ill + dice.normal(0.0, 0.03)).max(0.4)
    }

    /// CKD-EPI 2021 without race.
    pub(crate) fn filtration(&self, creatinine: f64, on: Date) -> f64 {
        let (kappa, alpha, factor) = if self.woman {
            (0.7, -0.241, 1.012)
        } else {
            (0.9, -0.302, 1.0)
        };
        let ratio: f64 = creatinine / kappa;
        let years = age(self.birth, on);
        142.0
            * ratio.min(1.0).powf(alpha)
            * ratio.max(1.0).powf(-1.2)
            * 0.9938_f64.powf(years)
            * factor
    }

    /// Length or height, cm.
    pub(crate) fn stature(&self, on: Date) -> f64 {
        let years = age(self.birth, on);
        if years >= 18.0 {
            return self.height - (years - 60.0).max(0.0) * 0.08;
        }
        self.grown(years).0 * self.growth
    }

    pub(crate) fn head(&self, on: Date) -> f64 {
        self.grown(age(self.birth, on)).2
    }

    /// kg
    pub(crate) fn weight(&self, on: Date, dice: &mut Dice) -> f64 {
        let years = age(self.birth, on);
        if years < 18.0 {
            let scale = self.growth * self.growth;
            return self.grown(years).1 * scale * dice.normal(1.0, 0.008);
        }
        let metres = self.height / 100.0;
        let mut index = self.mass_index;
        if self.has(Disease::Diabetes, on) {
            index -= 0.6;
        }
        let weeks = self.gestation(on).unwrap_or(0);
        let carried = 0.42 * (weeks as f64 - 10.0).max(0.0);
        index * metres * metres + carried + dice.normal(0.0, 0.7)
    }

    /// Weeks since the last period, while a pregnancy lasts.
    pub(crate) fn gestation(&self, on: Date) -> Option<i64> {
        let course = self.course(Disease::Pregnancy)?;
        (course.onset <= on).then(|| days_between(course.onset, on) / 7)
    }

    fn grown(&self, years: f64) -> (f64, f64, f64) {
        let months = (years * 12.0).clamp(0.0, 216.0);
        let after = GROWTH
            .iter()
            .position(|row| row.0 > months)
            .unwrap_or(GROWTH.len() - 1);
        let (a, b) = (GROWTH[after.max(1) - 1], GROWTH[after.max(1)]);
        let part = ((months - a.0) / (b.0 - a.0)).clamp(0.0, 1.0);
        let mix = |from: f64, to: f64| from + (to - from) * part;
        // Girls stop sooner; the table is the mean of both until thirteen.
        let late = if months > 156.0 {
            let side = if self.woman { -0.045 } else { 0.035 };
            1.0 + side * (months - 156.0) / 60.0
        } else {
            1.0
        };
        (mix(a.1, b.1) * late, mix(a.2, b.2) * late, mix(a.3, b.3))
    }

    /// What is prescribed for the long-lasting conditions.
    pub(crate) fn therapies(&self, today: Date) -> Vec<Therapy> {
        let mut list = Vec::new();
        for course in &self.courses {
            let mut add = |drug, from, until: Option<Date>| {
                if from <= today {
                    list.push(Therapy {
                        drug,
                        reason: course.condition,
                        from,
                        until: until.filter(|until| *until <= today),
                    });
                }
            };
            let start = plus_days(course.onset, 7);
            let stepped = plus_days(course.onset, 270);
            let hard = self.resistance > 0.55;
            let step = hard.then_some(stepped);
            match course.disease {
                Disease::Diabetes => {
                    add(&terms::METFORMIN, start, step);
                    if hard {
                        add(&terms::METFORMIN_FULL, stepped, None);
                    }
                }
                Disease::Hypertension => {
                    add(&terms::LISINOPRIL, start, step);
                    if hard {
                        add(&terms::LISINOPRIL_FULL, stepped, None);
                        add(&terms::AMLODIPINE, plus_days(course.onset, 420), None);
                    }
                }
                Disease::Hyperlipidaemia => add(&terms::ATORVASTATIN, start, None),
                Disease::Asthma => {
                    add(&terms::ALBUTEROL, start, None);
                    if hard {
                        add(&terms::FLUTICASONE, stepped, None);
                    }
                }
                Disease::Copd => add(&terms::SALMETEROL, start, None),
                Disease::Hypothyroidism => add(&terms::LEVOTHYROXINE, start, None),
                Disease::Depression | Disease::Anxiety => {
                    // One prescription serves both.
                    let first = self.courses.iter().find(|other| {
                        matches!(other.disease, Disease::Depression | Disease::Anxiety)
                    });
                    if first.is_some_and(|first| first.disease == course.disease) {
                        add(&terms::SERTRALINE, start, None);
                    }
                }
                Disease::AtrialFibrillation => add(&terms::APIXABAN, start, None),
                Disease::Osteoarthritis => add(&terms::ACETAMINOPHEN, start, None),
                Disease::Reflux => add(&terms::OMEPRAZOLE, start, Some(plus_days(start, 240))),
                Disease::Rhinitis => add(&terms::LORATADINE, start, None),
                Disease::Eczema => add(&terms::HYDROCORTISONE, start, None),
                Disease::Pregnancy => add(&terms::FOLIC_ACID, plus_days(course.onset, 56), None),
                Disease::Migraine => add(&terms::NAPROXEN, start, None),
                Disease::Nephropathy | Disease::Obesity => {}
            }
        }
        list
    }
}

/// How likely each disease is for this person, and the age before which it does not begin.
fn likelihoods(person: &Person, years: f64, mass_index: f64) -> Vec<(Disease, f64, f64)> {
    let when = |condition: bool, likely: f64| if condition { likely } else { 0.0 };
    let heavy = if mass_index > 30.0 { 1.9 } else { 0.8 };
    let old = (years - 35.0).max(0.0);
    let bearing = person.woman && (19.0..42.0).contains(&years) && person.death.is_none();
    vec![
        (
            Disease::Diabetes,
            when(years > 35.0, (0.004 * old * heavy).min(0.35)),
            33.0,
        ),
        (
            Disease::Hypertension,
            when(years > 28.0, (0.011 * old * heavy).min(0.6)),
            27.0,
        ),
        (
            Disease::Hyperlipidaemia,
            when(years > 32.0, (0.009 * old).min(0.4)),
            31.0,
        ),
        (
            Disease::Obesity,
            when(years >= 18.0 && mass_index > 31.0, 0.8),
            17.0,
        ),
        (
            Disease::Asthma,
            when(years > 3.0, if years < 18.0 { 0.1 } else { 0.05 }),
            2.0,
        ),
        (Disease::Copd, when(years > 55.0, 0.06), 50.0),
        (
            Disease::Hypothyroidism,
            when(years > 25.0, if person.woman { 0.09 } else { 0.02 }),
            22.0,
        ),
        (Disease::Depression, when(years > 15.0, 0.1), 14.0),
        (Disease::Anxiety, when(years > 15.0, 0.06), 14.0),
        (Disease::AtrialFibrillation, when(years > 65.0, 0.09), 60.0),
        (Disease::Osteoarthritis, when(years > 55.0, 0.2), 50.0),
        (Disease::Reflux, when(years > 25.0, 0.09), 20.0),
        (
            Disease::Migraine,
            when(
                (12.0..65.0).contains(&years),
                if person.woman { 0.09 } else { 0.04 },
            ),
            11.0,
        ),
        (Disease::Rhinitis, when(years > 5.0, 0.12), 4.0),
        (
            Disease::Eczema,
            when((0.4..16.0).contains(&years), 0.1),
            0.2,
        ),
        (Disease::Pregnancy, when(bearing, 0.07), 18.0),
    ]
}
