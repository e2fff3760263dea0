//! Problems, medications, allergies, immunisations: one line each.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::texts::{
    concept, concept_at, display, each, first, first_code, named_code, number, plain, quantity,
    sentence, text,
};
use super::when;
use crate::view::Standing;
use crate::view::chart::ClinicalItem;

/// Sorts lines: active ones first, newest first among equals.
#[must_use]
pub fn sorted(mut lines: Vec<ClinicalItem>) -> Vec<ClinicalItem> {
    lines.sort_by(|a, b| {
        b.active
            .cmp(&a.active)
            .then_with(|| b.since.cmp(&a.since))
            .then_with(|| a.text.cmp(&b.text))
    });
    lines
}

fn reference(resource: &Value) -> String {
    format!(
        "{}/{}",
        text(resource, "resourceType").unwrap_or_default(),
        text(resource, "id").unwrap_or_default()
    )
}

/// The code of a status that may be written as code or as concept.
fn status_code<'a>(resource: &'a Value, key: &str) -> Option<&'a str> {
    let status = resource.get(key)?;
    status.as_str().or_else(|| first_code(status))
}

fn refuted(resource: &Value) -> Option<&str> {
    status_code(resource, "verificationStatus")
        .filter(|status| matches!(*status, "refuted" | "entered-in-error"))
}

/// A Condition.
#[must_use]
pub fn problem(resource: &Value, standing: Standing, zone: &TimeZone) -> ClinicalItem {
    let code = resource.get("code").unwrap_or(&Value::Null);
    let clinical = status_code(resource, "clinicalStatus").unwrap_or("unknown");
    let status = refuted(resource).unwrap_or(clinical);
    let since = ["onsetDateTime", "recordedDate"]
        .iter()
        .find_map(|key| text(resource, key))
        .or_else(|| {
            resource
                .get("onsetPeriod")
                .and_then(|period| text(period, "start"))
        });
    let mut detail = Vec::new();
    if let Some(end) = text(resource, "abatementDateTime") {
        detail.push(format!("until {}", when::day(end, zone)));
    }
    if let Some(severity) = concept_at(resource, "severity") {
        detail.push(severity);
    }
    if status_code(resource, "verificationStatus") == Some("provisional") {
        detail.push("provisional".to_owned());
    }
    ClinicalItem {
        reference: reference(resource),
        text: concept(code).unwrap_or_else(|| "Unnamed problem".to_owned()),
        code: named_code(code),
        detail: joined(detail),
        active: refuted(resource).is_none()
            && matches!(clinical, "active" | "recurrence" | "relapse" | "unknown")
            && text(resource, "abatementDateTime").is_none(),
        status: plain(status),
        since: since.map(|date| when::day(date, zone)),
        by: display(resource, "recorder")
            .or_else(|| display(resource, "asserter"))
            .map(str::to_owned),
        standing,
    }
}

/// An AllergyIntolerance.
#[must_use]
pub fn allergy(resource: &Value, standing: Standing, zone: &TimeZone) -> ClinicalItem {
    let code = resource.get("code").unwrap_or(&Value::Null);
    // An allergy of unknown status counts: leaving it out could do harm.
    let clinical = status_code(resource, "clinicalStatus").unwrap_or("active");
    let status = refuted(resource).unwrap_or(clinical);
    let mut detail: Vec<String> = each(resource, "reaction")
        .flat_map(|reaction| each(reaction, "manifestation"))
        .filter_map(concept)
        .collect();
    detail.dedup();
    if text(resource, "criticality") == Some("high") {
        detail.push("high risk".to_owned());
    }
    ClinicalItem {
        reference: reference(resource),
        text: concept(code)
            .or_else(|| {
                each(resource, "reaction").find_map(|reaction| concept_at(reaction, "substance"))
            })
            .unwrap_or_else(|| "Unnamed allergy".to_owned()),
        code: named_code(code),
        detail: joined(detail),
        active: clinical == "active" && refuted(resource).is_none(),
        status: plain(status),
        since: text(resource, "onsetDateTime")
            .or_else(|| text(resource, "recordedDate"))
            .map(|date| when::day(date, zone)),
        by: display(resource, "recorder")
            .or_else(|| display(resource, "asserter"))
            .map(str::to_owned),
        standing,
    }
}

/// A MedicationRequest. `medication` gives the name of a Medication that it only refers to.
#[must_use]
pub fn medication(
    resource: &Value,
    standing: Standing,
    zone: &TimeZone,
    medication: &dyn Fn(&str) -> Option<Value>,
) -> ClinicalItem {
    let code = medication_code(resource, medication);
    let code = code.as_ref().unwrap_or(&Value::Null);
    let status = text(resource, "status").unwrap_or("unknown");
    let named =
        concept(code).or_else(|| display(resource, "medicationReference").map(str::to_owned));
    ClinicalItem {
        reference: reference(resource),
        text: named.unwrap_or_else(|| "Unnamed medication".to_owned()),
        code: named_code(code),
        detail: first(resource, "dosageInstruction").and_then(dosage),
        active: matches!(status, "active" | "on-hold"),
        status: plain(status),
        since: text(resource, "authoredOn").map(|date| when::day(date, zone)),
        by: display(resource, "requester").map(str::to_owned),
        standing,
    }
}

fn medication_code(resource: &Value, medication: &dyn Fn(&str) -> Option<Value>) -> Option<Value> {
    if let Some(code) = resource.get("medicationCodeableConcept") {
        return Some(code.clone());
    }
    let reference = text(resource.get("medicationReference")?, "reference")?;
    if let Some(inner) = reference.strip_prefix('#') {
        return each(resource, "contained")
            .find(|contained| text(contained, "id") == Some(inner))
            .and_then(|contained| contained.get("code").cloned());
    }
    medication(reference)?.get("code").cloned()
}

fn dosage(dosage: &Value) -> Option<String> {
    if let Some(text) = text(dosage, "text") {
        return Some(text.to_owned());
    }
    let mut parts = Vec::new();
    if let Some(dose) = first(dosage, "doseAndRate")
        .and_then(|dose| dose.get("doseQuantity"))
        .and_then(quantity)
    {
        parts.push(dose);
    }
    if let Some(repeat) = dosage.get("timing").and_then(|timing| timing.get("repeat")) {
        parts.extend(rhythm(repeat));
    }
    if dosage.get("asNeededBoolean").and_then(Value::as_bool) == Some(true) {
        parts.push("as needed".to_owned());
    }
    if let Some(route) = concept_at(dosage, "route") {
        parts.push(route.to_lowercase());
    }
    if parts.is_empty() {
        None
    } else {
        Some(parts.join(", "))
    }
}

fn rhythm(repeat: &Value) -> Option<String> {
    let frequency = repeat
        .get("frequency")
        .and_then(Value::as_f64)
        .unwrap_or(1.0);
    let period = repeat.get("period")?.as_f64()?;
    let unit = match text(repeat, "periodUnit")? {
        "h" => "hour",
        "d" => "day",
        "wk" => "week",
        "mo" => "month",
        "a" => "year",
        "min" => "minute",
        other => other,
    };
    let often = if (frequency - 1.0).abs() < f64::EPSILON {
        "once".to_owned()
    } else {
        format!("{} times", number(frequency))
    };
    Some(if (period - 1.0).abs() < f64::EPSILON {
        format!("{often} a {unit}")
    } else {
        format!("{often} every {} {unit}s", number(period))
    })
}

/// An Immunization.
#[must_use]
pub fn immunization(resource: &Value, standing: Standing, zone: &TimeZone) -> ClinicalItem {
    let code = resource.get("vaccineCode").unwrap_or(&Value::Null);
    let status = text(resource, "status").unwrap_or("unknown");
    let mut detail = Vec::new();
    if let Some(reason) = concept_at(resource, "statusReason") {
        detail.push(reason);
    }
    if let Some(lot) = text(resource, "lotNumber") {
        detail.push(format!("lot {lot}"));
    }
    ClinicalItem {
        reference: reference(resource),
        text: concept(code).unwrap_or_else(|| "Unnamed vaccine".to_owned()),
        code: named_code(code),
        detail: joined(detail),
        active: status == "completed",
        status: plain(status),
        since: text(resource, "occurrenceDateTime")
            .or_else(|| text(resource, "occurrenceString"))
            .map(|date| when::day(date, zone)),
        by: first(resource, "performer")
            .and_then(|performer| display(performer, "actor"))
            .map(str::to_owned),
        standing,
    }
}

fn joined(parts: Vec<String>) -> Option<String> {
    if parts.is_empty() {
        None
    } else {
        Some(sentence(&parts.join(" · ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn zone() -> TimeZone {
        TimeZone::UTC
    }

    #[test]
    fn a_problem_ends_with_its_abatement() {
        let mut condition = json!({
            "resourceType": "Condition", "id": "1",
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": {"text": "Sinusitis"}, "onsetDateTime": "2020-05-01T10:00:00Z"
        });
        let line = problem(&condition, Standing::Confirmed, &zone());
        assert!(line.active);
        assert_eq!(line.since.as_deref(), Some("2020-05-01"));
        condition["abatementDateTime"] = json!("2020-06-01");
        let line = problem(&condition, Standing::Confirmed, &zone());
        assert!(!line.active);
        assert_eq!(line.detail.as_deref(), Some("Until 2020-06-01"));
    }

    #[test]
    fn an_allergy_without_status_counts() {
        let line = allergy(
            &json!({"resourceType": "AllergyIntolerance", "id": "1", "code": {"text": "Penicillin"},
                "criticality": "high",
                "reaction": [{"manifestation": [{"text": "hives"}]}]}),
            Standing::Confirmed,
            &zone(),
        );
        assert!(line.active);
        assert_eq!(line.detail.as_deref(), Some("Hives · high risk"));
        let refuted = json!({"resourceType": "AllergyIntolerance", "id": "1",
            "verificationStatus": {"coding": [{"code": "refuted"}]}});
        assert!(!allergy(&refuted, Standing::Confirmed, &zone()).active);
    }

    #[test]
    fn a_medication_is_named_wherever_its_name_is() {
        let looked_up = |reference: &str| {
            (reference == "Medication/m").then(|| json!({"code": {"text": "Metformin 500 mg"}}))
        };
        for request in [
            json!({"medicationCodeableConcept": {"text": "Metformin 500 mg"}}),
            json!({"medicationReference": {"reference": "Medication/m"}}),
            json!({"medicationReference": {"reference": "#c"},
                "contained": [{"id": "c", "code": {"text": "Metformin 500 mg"}}]}),
            json!({"medicationReference": {"display": "Metformin 500 mg"}}),
        ] {
            let line = medication(&request, Standing::Confirmed, &zone(), &looked_up);
            assert_eq!(line.text, "Metformin 500 mg");
        }
    }

    #[test]
    fn a_dose_in_words() {
        let request = json!({"status": "active", "dosageInstruction": [{
            "doseAndRate": [{"doseQuantity": {"value": 1.0, "unit": "tablet"}}],
            "timing": {"repeat": {"frequency": 2, "period": 1.0, "periodUnit": "d"}},
            "asNeededBoolean": true}]});
        let line = medication(&request, Standing::Confirmed, &zone(), &|_| None);
        assert_eq!(
            line.detail.as_deref(),
            Some("1 tablet, 2 times a day, as needed")
        );
    }

    #[test]
    fn nothing_at_all_is_still_a_line() {
        for empty in [json!({}), json!(null), json!([1])] {
            assert!(
                !problem(&empty, Standing::Confirmed, &zone())
                    .text
                    .is_empty()
            );
            assert!(
                !allergy(&empty, Standing::Confirmed, &zone())
                    .text
                    .is_empty()
            );
            assert!(
                !immunization(&empty, Standing::Confirmed, &zone())
                    .text
                    .is_empty()
            );
            assert!(
                !medication(&empty, Standing::Confirmed, &zone(), &|_| None)
                    .text
                    .is_empty()
            );
        }
    }
}
