//! Problems, medications, allergies, immunisations: one line each.

use super::texts::{
    concept, concept_at, display, each, first, first_code, named_code, number, plain, quantity,
    sentence, text,
};
use super::tree::Tree;
use super::when;
use crate::view::Standing;
use crate::view::chart::ClinicalItem;
use jiff::tz::TimeZone;

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

fn reference<T: Tree>(resource: &T) -> String {
    format!(
        "{}/{}",
        text(resource, "resourceType").unwrap_or_default(),
        text(resource, "id").unwrap_or_default()
    )
}

/// The code of a status that may be written as code or as concept.
fn status_code<'a, T: Tree>(resource: &'a T, key: &str) -> Option<&'a str> {
    let status = resource.member(key)?;
    status.as_text().or_else(|| first_code(status))
}

fn refuted<T: Tree>(resource: &T) -> Option<&str> {
    status_code(resource, "verificationStatus")
        .filter(|status| matches!(*status, "refuted" | "entered-in-error"))
}

/// A Condition.
#[must_use]
pub fn problem<T: Tree>(resource: &T, standing: Standing, zone: &TimeZone) -> ClinicalItem {
    let code = resource.member("code").unwrap_or(T::null());
    let clinical = status_code(resource, "clinicalStatus").unwrap_or("unknown");
    let status = refuted(resource).unwrap_or(clinical);
    let since = ["onsetDateTime", "recordedDate"]
        .iter()
        .find_map(|key| text(resource, key))
        .or_else(|| {
            resource
                .member("onsetPeriod")
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
pub fn allergy<T: Tree>(resource: &T, standing: Standing, zone: &TimeZone) -> ClinicalItem {
    let code = resource.member("code").unwrap_or(T::null());
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

/// What something is called, and its code with its system's short name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coded {
    /// In words.
    pub text: Option<String>,
    /// `RxNorm 860975`.
    pub code: Option<String>,
}

impl Coded {
    /// Of a CodeableConcept.
    #[must_use]
    pub fn of<T: Tree>(concept: &T) -> Self {
        Self {
            text: self::concept(concept),
            code: named_code(concept),
        }
    }
}

/// A MedicationRequest. `medication` knows the Medications that it only refers to.
#[must_use]
pub fn medication<T: Tree>(
    resource: &T,
    standing: Standing,
    zone: &TimeZone,
    medication: &dyn Fn(&str) -> Option<Coded>,
) -> ClinicalItem {
    let coded = medication_code(resource, medication).unwrap_or_default();
    let status = text(resource, "status").unwrap_or("unknown");
    let named = coded
        .text
        .or_else(|| display(resource, "medicationReference").map(str::to_owned));
    ClinicalItem {
        reference: reference(resource),
        text: named.unwrap_or_else(|| "Unnamed medication".to_owned()),
        code: coded.code,
        detail: first(resource, "dosageInstruction").and_then(dosage),
        active: matches!(status, "active" | "on-hold"),
        status: plain(status),
        since: text(resource, "authoredOn").map(|date| when::day(date, zone)),
        by: display(resource, "requester").map(str::to_owned),
        standing,
    }
}

fn medication_code<T: Tree>(
    resource: &T,
    medication: &dyn Fn(&str) -> Option<Coded>,
) -> Option<Coded> {
    if let Some(code) = resource.member("medicationCodeableConcept") {
        return Some(Coded::of(code));
    }
    let reference = text(resource.member("medicationReference")?, "reference")?;
    if let Some(inner) = reference.strip_prefix('#') {
        return each(resource, "contained")
            .find(|contained| text(*contained, "id") == Some(inner))
            .and_then(|contained| contained.member("code").map(Coded::of));
    }
    medication(reference)
}

fn dosage<T: Tree>(dosage: &T) -> Option<String> {
    if let Some(text) = text(dosage, "text") {
        return Some(text.to_owned());
    }
    let mut parts = Vec::new();
    if let Some(dose) = first(dosage, "doseAndRate")
        .and_then(|dose| dose.member("doseQuantity"))
        .and_then(quantity)
    {
        parts.push(dose);
    }
    if let Some(repeat) = dosage
        .member("timing")
        .and_then(|timing| timing.member("repeat"))
    {
        parts.extend(rhythm(repeat));
    }
    if dosage.member("asNeededBoolean").and_then(T::as_flag) == Some(true) {
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

fn rhythm<T: Tree>(repeat: &T) -> Option<String> {
    let frequency = repeat
        .member("frequency")
        .and_then(T::as_number)
        .unwrap_or(1.0);
    let period = repeat.member("period")?.as_number()?;
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
pub fn immunization<T: Tree>(resource: &T, standing: Standing, zone: &TimeZone) -> ClinicalItem {
    let code = resource.member("vaccineCode").unwrap_or(T::null());
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
            (reference == "Medication/m").then(|| Coded::of(&json!({"text": "Metformin 500 mg"})))
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
