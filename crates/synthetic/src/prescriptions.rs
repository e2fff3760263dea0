//! What is prescribed, and what is not because the patient would be harmed.

use jiff::civil::Date;
use serde_json::json;
use uuid::Uuid;

use crate::chart::Chart;
use crate::json::{SNOMED, concept, number, plus_days, reference};
use crate::terms::{self, Disease, Drug};
use crate::visits::Visit;

/// The drug, or what is given instead to one who does not tolerate it.
fn tolerated(chart: &Chart<'_>, drug: &'static Drug, day: Date) -> Option<&'static Drug> {
    let allergic = |code: &str| chart.allergies.iter().any(|allergen| allergen.code == code);
    let is = |other: &Drug| drug.rxnorm == other.rxnorm;
    let penicillin = is(&terms::AMOXICILLIN) || is(&terms::PENICILLIN);
    let anti_inflammatory = is(&terms::IBUPROFEN) || is(&terms::NAPROXEN);
    if penicillin && allergic("7980") {
        return None;
    }
    let harmful = allergic("1191")
        || chart.health.has(Disease::Nephropathy, day)
        || chart.health.has(Disease::AtrialFibrillation, day)
        || chart.health.gestation(day).is_some();
    if anti_inflammatory && harmful {
        return Some(&terms::ACETAMINOPHEN);
    }
    Some(drug)
}

struct Order {
    drug: &'static Drug,
    reason: Uuid,
    from: Date,
    until: Option<Date>,
    stopped: bool,
    visit: Option<Uuid>,
}

fn order(chart: &mut Chart<'_>, order: &Order) {
    let drug = order.drug;
    let state = match (order.until, order.stopped) {
        (None, _) => "active",
        (Some(_), true) => "stopped",
        (Some(_), false) => "completed",
    };
    let authored = chart.moment(order.from.at(11, 20, 0, 0));
    let mut request = json!({
        "resourceType": "MedicationRequest",
        "status": state,
        "intent": "order",
        "medicationCodeableConcept": drug.concept(),
        "subject": chart.subject(),
        "authoredOn": authored,
        "requester": chart.setting.staff.reference(chart.person.practitioner),
        "reasonReference": [reference("Condition", order.reason)],
        "dosageInstruction": [{
            "sequence": 1,
            "text": drug.instruction,
            "timing": { "repeat": { "frequency": drug.per_day, "period": 1, "periodUnit": "d" } },
            "asNeededBoolean": drug.as_needed,
            "route": concept(SNOMED, drug.route.0, drug.route.1),
            "doseAndRate": [{ "doseQuantity": { "value": number(drug.dose), "unit": drug.unit } }],
        }],
    });
    if let Some(visit) = order.visit {
        request["encounter"] = reference("Encounter", visit);
    }
    let mut period = json!({ "start": order.from.to_string() });
    if let Some(until) = order.until {
        period["end"] = json!(until.to_string());
    }
    request["dispenseRequest"] = json!({ "validityPeriod": period });
    chart.add(request);
}

/// What the long-lasting conditions call for.
pub(crate) fn long_term(chart: &mut Chart<'_>) {
    let end = chart.person.death.unwrap_or(chart.today());
    for therapy in chart.health.therapies(end) {
        let Some(drug) = tolerated(chart, therapy.drug, end) else {
            continue;
        };
        let until = therapy.until.or(chart.person.death);
        let one = Order {
            drug,
            reason: therapy.reason,
            from: therapy.from,
            until,
            stopped: therapy.until.is_some(),
            visit: None,
        };
        order(chart, &one);
    }
}

/// A short course for a complaint.
pub(crate) fn course(
    chart: &mut Chart<'_>,
    drug: &'static Drug,
    reason: Uuid,
    visit: &Visit,
    days: i64,
) {
    let from = visit.at.date();
    let Some(drug) = tolerated(chart, drug, from) else {
        return;
    };
    let until = plus_days(from, days);
    let one = Order {
        drug,
        reason,
        from,
        until: (until <= chart.today()).then_some(until),
        stopped: false,
        visit: Some(visit.id),
    };
    order(chart, &one);
}
