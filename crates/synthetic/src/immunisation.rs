//! Immunisations by the calendar of childhood, and those of adults.

use jiff::civil::{Date, DateTime};
use serde_json::json;
use uuid::Uuid;

use crate::chart::Chart;
use crate::json::{CVX, concept, plus_days, reference};
use crate::person::alive;
use crate::terms::{CHILDHOOD, INFLUENZA, PNEUMOCOCCAL, TETANUS, Vaccine, ZOSTER};
use crate::visits::{HISTORY_DAYS, Kind, Visit, WELL_CHILD};

/// Where a dose was given: at a visit here, or elsewhere as the patient reports.
enum Given {
    Here { visit: Uuid, practitioner: usize },
    Elsewhere,
}

fn dose(
    chart: &mut Chart<'_>,
    vaccine: &Vaccine,
    at: DateTime,
    given: &Given,
    number: Option<usize>,
) {
    let occurred = chart.moment(at);
    let mut immunisation = json!({
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": concept(CVX, vaccine.cvx, vaccine.text),
        "patient": chart.subject(),
        "occurrenceDateTime": occurred,
        "primarySource": matches!(given, Given::Here { .. }),
    });
    match given {
        Given::Here {
            visit,
            practitioner,
        } => {
            immunisation["encounter"] = reference("Encounter", *visit);
            immunisation["performer"] =
                json!([{ "actor": chart.setting.staff.reference(*practitioner) }]);
            immunisation["lotNumber"] = json!(format!("L{:05}", chart.dice.whole(1, 99_999)));
        }
        Given::Elsewhere => {
            immunisation["reportOrigin"] =
                json!({ "text": "Immunisation record brought by the patient" });
        }
    }
    if let Some(number) = number {
        immunisation["protocolApplied"] = json!([{ "doseNumberPositiveInt": number }]);
    }
    chart.add(immunisation);
}

/// Doses of childhood from before records are kept here.
pub(crate) fn earlier(chart: &mut Chart<'_>) {
    let today = chart.today();
    if chart.person.age(today) >= 19.0 {
        return;
    }
    let from = plus_days(chart.person.death.unwrap_or(today), -HISTORY_DAYS);
    for vaccine in CHILDHOOD {
        for (place, months) in vaccine.months.iter().enumerate() {
            let day = due(chart.person.birth, *months);
            if day < from && alive(chart.person, day) {
                dose(
                    chart,
                    vaccine,
                    day.at(10, 0, 0, 0),
                    &Given::Elsewhere,
                    Some(place + 1),
                );
            }
        }
    }
}

fn due(birth: Date, months: u16) -> Date {
    plus_days(birth, i64::from(months) * 3044 / 100)
}

/// Doses given at this visit.
pub(crate) fn write(chart: &mut Chart<'_>, visit: &Visit) {
    let day = visit.at.date();
    let years = chart.person.age(day);
    let given = Given::Here {
        visit: visit.id,
        practitioner: visit.practitioner,
    };
    // A kept appointment of this week may fall between two ages of the plan: it gives none twice.
    if visit.kind == Kind::WellChild && visit.booking.is_none() {
        let age = (years * 12.0 + 0.35).floor().max(0.0) as u16;
        let planned = if age <= 60 {
            WELL_CHILD
                .iter()
                .rev()
                .find(|months| **months <= age)
                .copied()
        } else {
            Some(age / 12 * 12)
        };
        let doses = CHILDHOOD
            .iter()
            .flat_map(|vaccine| {
                vaccine
                    .months
                    .iter()
                    .enumerate()
                    .map(move |(place, months)| (vaccine, place, *months))
            })
            .filter(|(_, _, months)| Some(*months) == planned);
        for (vaccine, place, _) in doses {
            dose(chart, vaccine, visit.at, &given, Some(place + 1));
        }
    }
    let season = matches!(day.month(), 9..=12);
    if season
        && years > 0.5
        && matches!(visit.kind, Kind::CheckUp | Kind::WellChild | Kind::FollowUp)
    {
        let year = day.year();
        let once = !chart.resources.iter().any(|resource| {
            resource["resourceType"] == "Immunization"
                && resource["vaccineCode"]["coding"][0]["code"] == INFLUENZA.cvx
                && resource["occurrenceDateTime"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(&year.to_string()))
        });
        if once {
            dose(chart, &INFLUENZA, visit.at, &given, None);
        }
    }
    if visit.kind == Kind::CheckUp {
        if chart.dice.chance(0.1) {
            dose(chart, &TETANUS, visit.at, &given, None);
        }
        if years > 50.0 && chart.dice.chance(0.12) {
            dose(chart, &ZOSTER, visit.at, &given, None);
        }
        if (65.0..66.5).contains(&years) {
            dose(chart, &PNEUMOCOCCAL, visit.at, &given, None);
        }
    }
}
