//! Blood and urine: panels whose values follow from the patient's health.

use serde_json::json;

use crate::calendar::later;
use crate::chart::Chart;
use crate::health::Health;
use crate::json::{LOINC, concept, reference, status};
use crate::terms::{self, Disease, Measure};
use crate::visits::{Kind, Visit};

const LABORATORY: (&str, &str) = ("laboratory", "Laboratory");

/// What is ordered depends on why the patient came and what is known.
pub(crate) fn write(chart: &mut Chart<'_>, visit: &Visit) {
    let day = visit.at.date();
    let years = chart.person.age(day);
    let has = |disease| chart.health.has(disease, day);
    let planned = matches!(visit.kind, Kind::CheckUp | Kind::FollowUp);
    // The visit at which a disease is found has its first values.
    let found = |disease| {
        chart.health.course(disease).is_some_and(|course| {
            let days = crate::json::days_between(course.onset, day);
            (0..3).contains(&days)
        })
    };
    let yearly = visit.kind == Kind::CheckUp;
    let sugar = has(Disease::Diabetes) && (planned || found(Disease::Diabetes));
    let kidney = has(Disease::Nephropathy) && planned;
    let metabolic =
        kidney || yearly && (years > 50.0 || has(Disease::Hypertension) || has(Disease::Diabetes));
    let lipids = yearly && (years > 45.0 || has(Disease::Hyperlipidaemia))
        || found(Disease::Hyperlipidaemia);
    let thyroid = has(Disease::Hypothyroidism) && (planned || found(Disease::Hypothyroidism));
    let blood = yearly && years > 60.0
        || visit.kind == Kind::Prenatal
            && chart.health.gestation(day).is_some_and(|week| week < 30);

    let a1c = chart.health.a1c(day, &mut chart.dice);
    let glucose = Health::glucose(a1c, &mut chart.dice);
    if sugar {
        let mut values = vec![(&terms::HBA1C, a1c)];
        if !metabolic {
            values.push((&terms::GLUCOSE, glucose));
        }
        panel(chart, visit, ("4548-4", "Hemoglobin A1c"), &values);
    }
    if metabolic {
        let creatinine = chart.health.creatinine(day, &mut chart.dice);
        let filtration = chart.health.filtration(creatinine, day);
        let values = [
            (&terms::GLUCOSE, glucose),
            (&terms::CREATININE, creatinine),
            (&terms::EGFR, filtration),
            (
                &terms::UREA,
                creatinine * 14.0 + chart.dice.normal(1.5, 1.0),
            ),
            (&terms::SODIUM, chart.dice.normal(140.0, 1.4)),
            (&terms::POTASSIUM, chart.dice.normal(4.2, 0.25)),
            (&terms::CALCIUM, chart.dice.normal(9.4, 0.25)),
        ];
        panel(chart, visit, ("51990-0", "Basic metabolic panel"), &values);
    }
    if yearly && (sugar || kidney) {
        let high = chart.health.has(Disease::Nephropathy, day);
        let ratio = if high {
            chart.dice.between(45.0, 210.0)
        } else {
            chart.dice.between(4.0, 28.0)
        };
        panel(
            chart,
            visit,
            ("9318-7", "Albumin/Creatinine ratio in urine"),
            &[(&terms::ALBUMIN_CREATININE, ratio)],
        );
    }
    if lipids {
        let ldl = chart.health.ldl(day, &mut chart.dice).round();
        let hdl = chart
            .dice
            .normal(if chart.person.woman { 57.0 } else { 48.0 }, 7.0)
            .max(28.0)
            .round();
        let triglyceride = (60.0 + ldl * 0.6 + chart.dice.normal(0.0, 15.0))
            .max(40.0)
            .round();
        // Friedewald, so that the four agree.
        let total = ldl + hdl + triglyceride / 5.0;
        let values = [
            (&terms::CHOLESTEROL, total),
            (&terms::TRIGLYCERIDE, triglyceride),
            (&terms::HDL, hdl),
            (&terms::LDL, ldl),
        ];
        panel(chart, visit, ("57698-3", "Lipid panel"), &values);
    }
    if thyroid {
        let stimulating = chart.health.thyrotropin(day, &mut chart.dice);
        let free = (1.35 - (stimulating - 2.0) * 0.07 + chart.dice.normal(0.0, 0.05)).max(0.5);
        panel(
            chart,
            visit,
            ("24348-5", "Thyrotropin and free thyroxine panel"),
            &[(&terms::TSH, stimulating), (&terms::FREE_T4, free)],
        );
    }
    if blood {
        let pregnant = if visit.kind == Kind::Prenatal {
            1.4
        } else {
            0.0
        };
        let ill = if chart.health.has(Disease::Nephropathy, day) {
            1.2
        } else {
            0.0
        };
        let base = if chart.person.woman { 13.4 } else { 14.7 };
        let values = [
            (&terms::WHITE_CELLS, chart.dice.normal(6.8, 1.0)),
            (
                &terms::HEMOGLOBIN,
                base - pregnant - ill + chart.dice.normal(0.0, 0.5),
            ),
            (&terms::PLATELETS, chart.dice.normal(250.0, 35.0)),
        ];
        panel(chart, visit, ("58410-2", "Complete blood count"), &values);
    }
}

/// Observations and the DiagnosticReport that binds them.
fn panel(
    chart: &mut Chart<'_>,
    visit: &Visit,
    code: (&str, &str),
    values: &[(&'static Measure, f64)],
) {
    let mut results = Vec::new();
    for (measure, value) in values {
        let id = chart.observe(visit, LABORATORY, measure, *value);
        results.push(json!({ "reference": format!("Observation/{id}"), "display": measure.text }));
    }
    let drawn = chart.moment(later(visit.at, 10));
    let reported = chart.moment(later(visit.at, 10 + 60 * 20));
    // Results of this morning's blood are not back before tomorrow.
    let back = later(visit.at, 10 + 60 * 20) <= chart.setting.now;
    let report = json!({
        "resourceType": "DiagnosticReport",
        "status": if back { "final" } else { "preliminary" },
        "category": [status("v2-0074", "LAB")],
        "code": concept(LOINC, code.0, code.1),
        "subject": chart.subject(),
        "encounter": reference("Encounter", visit.id),
        "effectiveDateTime": drawn,
        "issued": if back { reported } else { drawn.clone() },
        "performer": [reference("Organization", chart.setting.staff.organisation)],
        "result": results,
    });
    chart.add(report);
}
