//! The small shapes of which every resource is made.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const SNOMED: &str = "http://snomed.info/sct";
pub(crate) const LOINC: &str = "http://loinc.org";
pub(crate) const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub(crate) const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
pub(crate) const CVX: &str = "http://hl7.org/fhir/sid/cvx";
pub(crate) const UCUM: &str = "http://unitsofmeasure.org";
pub(crate) const MRN: &str = "urn:rounds:mrn";

/// HL7's own code systems, by their last part.
pub(crate) fn terminology(name: &str) -> String {
    format!("http://terminology.hl7.org/CodeSystem/{name}")
}

pub(crate) fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

pub(crate) fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({ "coding": [coding(system, code, display)], "text": display })
}

/// A concept of HL7's, where the code says enough.
pub(crate) fn status(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": terminology(system), "code": code }] })
}

pub(crate) fn reference(kind: &str, id: Uuid) -> Value {
    json!({ "reference": format!("{kind}/{id}") })
}

pub(crate) fn named(kind: &str, id: Uuid, display: &str) -> Value {
    json!({ "reference": format!("{kind}/{id}"), "display": display })
}

pub(crate) fn quantity(value: f64, unit: &str, code: &str) -> Value {
    json!({ "value": number(value), "unit": unit, "system": UCUM, "code": code })
}

/// A number without the noise of binary fractions, whole where it is whole.
pub(crate) fn number(value: f64) -> Value {
    let rounded = (value * 1000.0).round() / 1000.0;
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        json!(rounded as i64)
    } else {
        json!(rounded)
    }
}

/// To `digits` after the point.
pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// A dateTime or instant with the clinic's offset.
pub(crate) fn moment(at: DateTime, zone: &TimeZone) -> String {
    let offset = zone
        .to_ambiguous_timestamp(at)
        .compatible()
        .map(|stamp| zone.to_offset(stamp))
        // Only for dates outside the calendar, which `Clinic::new` refuses.
        .unwrap_or(jiff::tz::Offset::UTC);
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!(
        "{}{sign}{:02}:{:02}",
        at.strftime("%Y-%m-%dT%H:%M:%S"),
        minutes / 60,
        minutes % 60
    )
}

/// `days` later (earlier if negative), staying inside the calendar.
pub(crate) fn plus_days(date: Date, days: i64) -> Date {
    date.saturating_add(jiff::Span::new().days(days.clamp(-100_000, 100_000)))
}

/// Whole days from `a` to `b`.
pub(crate) fn days_between(a: Date, b: Date) -> i64 {
    i64::from(b.duration_since(a).as_hours() as i32) / 24
}

/// Years with their fraction, for growth and risk.
pub(crate) fn age(birth: Date, on: Date) -> f64 {
    days_between(birth, on) as f64 / 365.25
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    #[test]
    fn moments_carry_the_offset_of_their_day() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let winter = date(2026, 1, 5).at(9, 30, 0, 0);
        let summer = date(2026, 7, 5).at(9, 30, 0, 0);
        assert_eq!(super::moment(winter, &zone), "2026-01-05T09:30:00-05:00");
        assert_eq!(super::moment(summer, &zone), "2026-07-05T09:30:00-04:00");
        let nepal = TimeZone::get("Asia/Kathmandu").unwrap();
        assert_eq!(super::moment(winter, &nepal), "2026-01-05T09:30:00+05:45");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(super::number(7.0).to_string(), "7");
        assert_eq!(super::number(0.1 + 0.2).to_string(), "0.3");
    }
}
