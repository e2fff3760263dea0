//! The note of a visit: SOAP, in the words of what was measured.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::calendar::later;
use crate::chart::Chart;
use crate::json::{LOINC, concept, number, reference};
use crate::terms::{self, Disease, Measure};
use crate::visits::{self, Kind, Visit};

/// Adds the signed note.
pub(crate) fn write(chart: &mut Chart<'_>, visit: &Visit) {
    let text = text(chart, visit);
    let signed = chart.moment(later(visit.at, visit.minutes));
    let start = chart.moment(visit.at);
    let end = chart.moment(later(visit.at, visit.minutes - 5));
    let author = chart.setting.staff.reference(visit.practitioner);
    let note = json!({
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "final",
        "type": concept(LOINC, "11506-3", "Progress note"),
        "category": [concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note")],
        "subject": chart.subject(),
        "date": signed,
        "author": [author],
        "authenticator": author,
        "content": [{
            "attachment": {
                "contentType": "text/markdown",
                "language": "en",
                "data": STANDARD.encode(text.as_bytes()),
                "title": visit.kind.code().1,
                "creation": signed,
            },
        }],
        "context": {
            "encounter": [reference("Encounter", visit.id)],
            "period": { "start": start, "end": end },
        },
    });
    chart.add(note);
}

fn text(chart: &mut Chart<'_>, visit: &Visit) -> String {
    format!(
        "## Subjective\n{}\n\n## Objective\n{}\n\n## Assessment\n{}\n\n## Plan\n{}\n",
        subjective(chart, visit),
        objective(chart, visit),
        assessment(chart, visit),
        plan(chart, visit),
    )
}

fn subjective(chart: &mut Chart<'_>, visit: &Visit) -> String {
    if let Some(episode) = visit.episode {
        return episode.complaint.to_owned();
    }
    let day = visit.at.date();
    match visit.kind {
        Kind::WellChild => (*chart.dice.pick(&[
            "Feeding and sleeping well. No concerns from the parents.",
            "Growing and playing well, eats with the family. Parents ask about sleep.",
            "Doing well at home and with other children. No illness since the last visit.",
        ]))
        .to_owned(),
        Kind::Prenatal => match chart.health.gestation(day) {
            Some(week) if week >= 20 => {
                format!("{week} weeks. Feels movements. No bleeding, no headache, no swelling.")
            }
            Some(week) => format!("{week} weeks. Mild nausea in the morning. No bleeding."),
            None => "No complaints.".to_owned(),
        },
        Kind::CheckUp => (*chart.dice.pick(&[
            "Feels well. No chest pain, no breathlessness. Walks most days.",
            "No new complaints. Sleeps six to seven hours, works full days.",
            "Feels well but tired at the end of the week. Appetite good, weight steady.",
        ]))
        .to_owned(),
        Kind::FollowUp | Kind::Symptom => {
            let mut lines = Vec::new();
            for course in &chart.health.courses {
                if course.onset > day {
                    continue;
                }
                match course.disease {
                    Disease::Diabetes => lines.push("Takes metformin with meals, no hypoglycaemia. Home readings mostly before breakfast."),
                    Disease::Hypertension => lines.push("No dizziness on lisinopril, no cough."),
                    Disease::Asthma => lines.push("Uses the rescue inhaler about twice a week, no night waking."),
                    Disease::Copd => lines.push("Breathless on stairs as before, no change in sputum."),
                    Disease::Depression => lines.push("Sleeps better, goes out with friends again. No thoughts of self-harm."),
                    Disease::Migraine => lines.push("Two attacks a month, relieved by rest and naproxen."),
                    Disease::Osteoarthritis => lines.push("Knee stiff in the morning for ten minutes, better with walking."),
                    Disease::Hypothyroidism => lines.push("Takes levothyroxine before breakfast. Less tired."),
                    _ => {}
                }
            }
            if lines.is_empty() {
                lines.push("Feels unchanged since the last visit.");
            }
            lines.truncate(3);
            lines.join(" ")
        }
    }
}

/// `BP 128/80 mmHg. Heart rate 72 /min. …` from what this visit measured.
fn objective(chart: &Chart<'_>, visit: &Visit) -> String {
    let value = |measure: &Measure| {
        chart
            .measured
            .get(measure.loinc)
            .map(|value| number(*value))
    };
    let mut parts = Vec::new();
    if let (Some(systolic), Some(diastolic)) = (value(&terms::SYSTOLIC), value(&terms::DIASTOLIC)) {
        parts.push(format!("BP {systolic}/{diastolic} mmHg."));
    }
    let list: [(&Measure, &str); 9] = [
        (&terms::HEART_RATE, "Heart rate"),
        (&terms::TEMPERATURE, "Temperature"),
        (&terms::SATURATION, "SpO2"),
        (&terms::WEIGHT, "Weight"),
        (&terms::HBA1C, "HbA1c"),
        (&terms::EGFR, "eGFR"),
        (&terms::LDL, "LDL"),
        (&terms::TSH, "TSH"),
        (&terms::PEAK_FLOW, "Peak flow"),
    ];
    for (measure, label) in list {
        if let Some(value) = value(measure) {
            parts.push(format!("{label} {value} {}.", measure.unit));
        }
    }
    if let Some(score) = value(&terms::PHQ9) {
        parts.push(format!("PHQ-9 {score}."));
    }
    parts.push(visit.episode.map_or_else(
        || "Heart sounds regular, chest clear, abdomen soft.".to_owned(),
        |episode| episode.finding.to_owned(),
    ));
    parts.join(" ")
}

fn assessment(chart: &Chart<'_>, visit: &Visit) -> String {
    let day = visit.at.date();
    let mut lines = vec![visits::reason(visit.kind, visit.episode, chart.health, day) + "."];
    let over = |measure: &Measure, limit: f64| {
        chart
            .measured
            .get(measure.loinc)
            .map(|value| *value > limit)
    };
    if chart.health.has(Disease::Diabetes, day) {
        lines.push(match over(&terms::HBA1C, 7.0) {
            Some(true) => "Diabetes above target.".to_owned(),
            Some(false) => "Diabetes at target.".to_owned(),
            None => "Diabetes, no new HbA1c.".to_owned(),
        });
    }
    if chart.health.has(Disease::Hypertension, day) {
        let high = over(&terms::SYSTOLIC, 130.0) == Some(true);
        lines.push(
            if high {
                "Blood pressure above target."
            } else {
                "Blood pressure at target."
            }
            .to_owned(),
        );
    }
    lines.join(" ")
}

fn plan(chart: &Chart<'_>, visit: &Visit) -> String {
    if let Some(episode) = visit.episode {
        let penicillin = episode.drug.is_some_and(|drug| {
            drug.rxnorm == terms::AMOXICILLIN.rxnorm || drug.rxnorm == terms::PENICILLIN.rxnorm
        });
        if penicillin
            && chart
                .allergies
                .iter()
                .any(|allergen| allergen.code == "7980")
        {
            return "Penicillin allergy: watchful waiting, pain relief, recheck in two days."
                .to_owned();
        }
        return episode.plan.to_owned();
    }
    match visit.kind {
        Kind::WellChild => {
            "Immunisations by the calendar. Guidance on food, sleep and safety given."
        }
        Kind::Prenatal => {
            "Continue folic acid. Next visit by the plan; call if bleeding or headache."
        }
        Kind::CheckUp => "Continue present treatment. Screening by age. Next check-up in a year.",
        Kind::FollowUp | Kind::Symptom => {
            "Continue present treatment, laboratory by the plan, next visit in three to six months."
        }
    }
    .to_owned()
}
