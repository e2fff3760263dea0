//! What is measured at every visit.

use serde_json::{Value, json};

use crate::calendar::later;
use crate::chart::Chart;
use crate::json::{LOINC, coding, concept, quantity, reference, round, status, terminology};
use crate::terms::{self, Disease, Measure};
use crate::visits::{Kind, Visit};

/// Where a value stands against its range, in HL7's letters.
fn interpretation(measure: &Measure, value: f64) -> Option<&'static str> {
    match (measure.low, measure.high) {
        (None, None) => None,
        (Some(low), _) if value < low => Some("L"),
        (_, Some(high)) if value > high => Some("H"),
        _ => Some("N"),
    }
}

fn range(measure: &Measure) -> Option<Value> {
    let bound = |value: f64| quantity(value, measure.unit, measure.ucum);
    match (measure.low, measure.high) {
        (None, None) => None,
        (low, high) => {
            let mut range = json!({});
            if let Some(low) = low {
                range["low"] = bound(low);
            }
            if let Some(high) = high {
                range["high"] = bound(high);
            }
            Some(json!([range]))
        }
    }
}

fn interpreted(code: &str) -> Value {
    json!([status("v3-ObservationInterpretation", code)])
}

impl Chart<'_> {
    /// Adds an Observation of one value and tells its id.
    pub(crate) fn observe(
        &mut self,
        visit: &Visit,
        category: (&str, &str),
        measure: &'static Measure,
        value: f64,
    ) -> uuid::Uuid {
        let value = round(value, measure.digits);
        self.measured.insert(measure.loinc, value);
        let mut observation = self.observation(visit, category);
        observation["code"] = concept(LOINC, measure.loinc, measure.text);
        observation["valueQuantity"] = quantity(value, measure.unit, measure.ucum);
        // The ranges are those of adults; a child's are another page of the book.
        if self.person.age(visit.at.date()) >= 18.0 {
            if let Some(code) = interpretation(measure, value) {
                observation["interpretation"] = interpreted(code);
            }
            if let Some(range) = range(measure) {
                observation["referenceRange"] = range;
            }
        }
        self.add(observation)
    }

    /// What every observation of a visit shares.
    pub(crate) fn observation(&self, visit: &Visit, category: (&str, &str)) -> Value {
        let at = self.moment(later(visit.at, 5));
        json!({
            "resourceType": "Observation",
            "status": "final",
            "category": [{ "coding": [coding(&terminology("observation-category"), category.0, category.1)] }],
            "subject": self.subject(),
            "encounter": reference("Encounter", visit.id),
            "effectiveDateTime": at,
            "issued": at,
            "performer": [self.setting.staff.reference(visit.practitioner)],
        })
    }

    fn pressure(&mut self, visit: &Visit) {
        let systolic = self
            .health
            .systolic(visit.at.date(), &mut self.dice)
            .round();
        let diastolic = (systolic * 0.58 + 8.0 + self.dice.normal(0.0, 3.0)).round();
        self.measured.insert(terms::SYSTOLIC.loinc, systolic);
        self.measured.insert(terms::DIASTOLIC.loinc, diastolic);
        let adult = self.person.age(visit.at.date()) >= 18.0;
        let component = |measure: &Measure, value: f64| {
            let mut part = json!({
                "code": concept(LOINC, measure.loinc, measure.text),
                "valueQuantity": quantity(value, measure.unit, measure.ucum),
            });
            if let (true, Some(code)) = (adult, interpretation(measure, value)) {
                part["interpretation"] = interpreted(code);
            }
            if let (true, Some(range)) = (adult, range(measure)) {
                part["referenceRange"] = range;
            }
            part
        };
        let parts = [
            component(&terms::SYSTOLIC, systolic),
            component(&terms::DIASTOLIC, diastolic),
        ];
        let mut observation = self.observation(visit, VITAL);
        observation["code"] = concept(LOINC, "85354-9", "Blood pressure panel");
        observation["component"] = json!(parts);
        self.add(observation);
    }
}

const VITAL: (&str, &str) = ("vital-signs", "Vital Signs");

/// Vital signs and, where the visit is about it, growth, pregnancy, breath and mood.
pub(crate) fn write(chart: &mut Chart<'_>, visit: &Visit) {
    let day = visit.at.date();
    let years = chart.person.age(day);
    let fever = visit.episode.is_some_and(|episode| episode.fever);
    let well = matches!(visit.kind, Kind::CheckUp | Kind::WellChild);

    if years >= 3.0 {
        chart.pressure(visit);
    }
    let warm = if fever {
        chart.dice.between(38.1, 39.2)
    } else {
        chart.dice.normal(36.7, 0.15)
    };
    let resting = 72.0 + 65.0 / (1.0 + years * 0.55);
    let heart = chart.dice.normal(resting, 5.0) + if fever { 16.0 } else { 0.0 };
    let heart = if chart.health.has(Disease::AtrialFibrillation, day) {
        heart + 9.0
    } else {
        heart
    };
    chart.observe(visit, VITAL, &terms::HEART_RATE, heart);
    if years < 3.0 || visit.episode.is_some() || visit.kind == Kind::CheckUp {
        let breaths = chart.dice.normal(14.5 + 24.0 / (1.0 + years * 0.8), 1.2);
        chart.observe(visit, VITAL, &terms::RESPIRATION, breaths);
        chart.observe(visit, VITAL, &terms::TEMPERATURE, warm);
    }
    let lungs = chart.health.has(Disease::Asthma, day) || chart.health.has(Disease::Copd, day);
    if lungs || visit.episode.is_some() {
        let copd = if chart.health.has(Disease::Copd, day) {
            3.5
        } else {
            0.0
        };
        let saturation = chart.dice.normal(98.0 - copd, 0.8).min(100.0);
        chart.observe(visit, VITAL, &terms::SATURATION, saturation);
    }
    let weight = chart.health.weight(day, &mut chart.dice);
    chart.observe(visit, VITAL, &terms::WEIGHT, weight);
    if well {
        let height = chart.health.stature(day);
        chart.observe(visit, VITAL, &terms::HEIGHT, height);
        if years >= 2.0 {
            let metres = height / 100.0;
            chart.observe(visit, VITAL, &terms::BMI, weight / (metres * metres));
        }
        if years < 2.1 {
            let head = chart.health.head(day);
            chart.observe(visit, VITAL, &terms::HEAD, head);
        }
    }
    if let Some(week) = chart.health.gestation(day) {
        if week >= 10 {
            let beat = chart.dice.normal(146.0, 6.0);
            chart.observe(visit, ("exam", "Exam"), &terms::FETAL_HEART, beat);
        }
        if week >= 20 {
            let height = week as f64 + chart.dice.normal(0.0, 0.8);
            chart.observe(visit, ("exam", "Exam"), &terms::FUNDAL_HEIGHT, height);
        }
    }
    if chart.health.has(Disease::Asthma, day) && years > 6.0 {
        let best = 150.0 + (chart.health.stature(day) - 110.0).max(0.0) * 4.2;
        let flow = chart.dice.normal(best * 0.93, 18.0);
        chart.observe(visit, ("exam", "Exam"), &terms::PEAK_FLOW, flow);
    }
    let low = chart.health.has(Disease::Depression, day);
    if low && visit.kind != Kind::Symptom || visit.kind == Kind::CheckUp && years >= 18.0 {
        let score = chart.health.phq9(day, &mut chart.dice);
        chart.observe(visit, ("survey", "Survey"), &terms::PHQ9, score);
    }
    if visit.kind == Kind::CheckUp && years >= 18.0 {
        let (code, text) = if chart.health.smoker {
            ("449868002", "Smokes tobacco daily")
        } else {
            ("266919005", "Never smoked tobacco")
        };
        let mut smoking = chart.observation(visit, ("social-history", "Social History"));
        smoking["code"] = concept(LOINC, "72166-2", "Tobacco smoking status");
        smoking["valueCodeableConcept"] = concept(crate::json::SNOMED, code, text);
        chart.add(smoking);
    }
}
