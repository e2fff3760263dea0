//! Observations as series of numbers, and as findings where they are not numbers.

use std::collections::HashMap;

use super::reference_range::{self, Range};
use super::texts::{concept, concept_at, each, first, first_code, plain, quantity, sentence, text};
use super::tree::Tree;
use super::when;
use crate::view::Standing;
use crate::view::chart::{Finding, Point, Series};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What the observations of a chart come to.
#[derive(Debug, Default)]
pub struct Values {
    vitals: Gathered,
    labs: Gathered,
    findings: Vec<(Option<Timestamp>, Finding)>,
}

/// Series in the making, by code and unit.
#[derive(Debug, Default)]
struct Gathered {
    index: HashMap<(String, String), usize>,
    series: Vec<Raw>,
}

#[derive(Debug)]
struct Raw {
    series: Series,
    own_range: Option<(Timestamp, Range)>,
    points: Vec<(Timestamp, Point, Option<Range>)>,
}

/// One number with all that is known about it.
struct Measured<'a, T> {
    code: &'a T,
    value: &'a T,
    at: Timestamp,
    reference: String,
    interpretation: Option<&'a T>,
    range: Option<Range>,
    standing: Standing,
}

impl Values {
    /// Takes an Observation in.
    pub fn add<T: Tree>(&mut self, resource: &T, standing: Standing, zone: &TimeZone) {
        if matches!(
            text(resource, "status"),
            Some("cancelled" | "entered-in-error")
        ) {
            return;
        }
        let at_text = ["effectiveDateTime", "effectiveInstant", "issued"]
            .iter()
            .find_map(|key| text(resource, key))
            .or_else(|| {
                resource
                    .member("effectivePeriod")
                    .and_then(|period| text(period, "start"))
            });
        let at = at_text.and_then(|at| when::sortable(at, zone));
        let reference = format!("Observation/{}", text(resource, "id").unwrap_or_default());
        let code = resource.member("code").unwrap_or(T::null());
        let is_vital = each(resource, "category")
            .flat_map(|category| each(category, "coding"))
            .any(|coding| text(coding, "code") == Some("vital-signs"));
        let gathered = if is_vital {
            &mut self.vitals
        } else {
            &mut self.labs
        };
        let mut numbers = 0;
        if let Some(at) = at {
            for (part, part_code) in std::iter::once((resource, code)).chain(
                each(resource, "component")
                    .map(|component| (component, component.member("code").unwrap_or(T::null()))),
            ) {
                let Some(value) = number_of(part) else {
                    continue;
                };
                numbers += 1;
                gathered.add(
                    Measured {
                        code: part_code,
                        value,
                        at,
                        reference: reference.clone(),
                        interpretation: first(part, "interpretation"),
                        range: own_range(part),
                        standing,
                    },
                    zone,
                );
            }
        }
        if numbers == 0
            && let Some(value) = words_of(resource)
        {
            self.findings.push((
                at,
                Finding {
                    reference,
                    when: at_text.map(|at| when::written(at, zone)),
                    name: concept(code).unwrap_or_else(|| "Observation".to_owned()),
                    value,
                    standing,
                },
            ));
        }
    }

    /// Vital signs, laboratory values, findings. Ranges for adults fill in where `adult` and
    /// the records have none.
    #[must_use]
    pub fn finish(mut self, adult: bool) -> (Vec<Series>, Vec<Series>, Vec<Finding>) {
        self.findings.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let findings = self
            .findings
            .into_iter()
            .map(|(_, finding)| finding)
            .collect();
        let mut vitals = self.vitals.finish(adult);
        vitals.sort_by_key(|series| {
            VITAL_ORDER
                .iter()
                .position(|code| *code == series.code)
                .unwrap_or(VITAL_ORDER.len())
        });
        let mut labs = self.labs.finish(adult);
        // Stable by name: a chart looks the same every time it is opened.
        labs.sort_by(|a, b| a.name.cmp(&b.name));
        (vitals, labs, findings)
    }
}

const VITAL_ORDER: &[&str] = &[
    "8480-6", "8462-4", "8867-4", "9279-1", "8310-5", "59408-5", "2708-6", "29463-7", "8302-2",
    "39156-5",
];

impl Gathered {
    fn add<T: Tree>(&mut self, measured: Measured<'_, T>, zone: &TimeZone) {
        let Some(value) = measured.value.member("value").and_then(T::as_number) else {
            return;
        };
        let unit = text(measured.value, "unit")
            .or_else(|| text(measured.value, "code"))
            .unwrap_or_default();
        let name = concept(measured.code).unwrap_or_else(|| "Value".to_owned());
        let code = first_code(measured.code).map_or_else(|| name.clone(), str::to_owned);
        let key = (code.clone(), unit.to_owned());
        let place = *self.index.entry(key).or_insert_with(|| {
            let same_code = self.series.iter().any(|raw| raw.series.code == code);
            self.series.push(Raw {
                series: Series {
                    // A second unit of the same code is a series of its own, not a jump in the first.
                    code: if same_code {
                        format!("{code}|{unit}")
                    } else {
                        code.clone()
                    },
                    name: sentence(&name),
                    unit: unit.to_owned(),
                    low: None,
                    high: None,
                    points: Vec::new(),
                },
                own_range: None,
                points: Vec::new(),
            });
            self.series.len() - 1
        });
        let Some(raw) = self.series.get_mut(place) else {
            return;
        };
        if let Some(range) = measured.range
            && raw.own_range.is_none_or(|(at, _)| at <= measured.at)
        {
            raw.own_range = Some((measured.at, range));
        }
        let point = Point {
            reference: measured.reference,
            at: when::moment(measured.at, zone),
            value,
            mark: measured.interpretation.and_then(interpreted),
            standing: measured.standing,
        };
        raw.points.push((measured.at, point, measured.range));
    }

    fn finish(self, adult: bool) -> Vec<Series> {
        self.series
            .into_iter()
            .map(|mut raw| {
                let code = raw.series.code.split('|').next().unwrap_or_default();
                let range = raw.own_range.map(|(_, range)| range).or_else(|| {
                    adult
                        .then(|| reference_range::adult(code, &raw.series.unit))
                        .flatten()
                });
                raw.series.low = range.and_then(|range| range.low);
                raw.series.high = range.and_then(|range| range.high);
                raw.points.sort_by_key(|(at, ..)| *at);
                raw.series.points = raw
                    .points
                    .into_iter()
                    .map(|(_, mut point, own)| {
                        if point.mark.is_none() {
                            point.mark = own.or(range).and_then(|range| mark(point.value, range));
                        }
                        point
                    })
                    .collect();
                raw.series
            })
            .collect()
    }
}

fn mark(value: f64, range: Range) -> Option<String> {
    if range.low.is_some_and(|low| value < low) {
        Some("low".to_owned())
    } else if range.high.is_some_and(|high| value > high) {
        Some("high".to_owned())
    } else {
        None
    }
}

/// What the laboratory said of it.
fn interpreted<T: Tree>(interpretation: &T) -> Option<String> {
    match first_code(interpretation)? {
        "L" | "LL" | "LU" => Some("low".to_owned()),
        "H" | "HH" | "HU" => Some("high".to_owned()),
        _ => None,
    }
}

fn own_range<T: Tree>(part: &T) -> Option<Range> {
    let range = each(part, "referenceRange").find(|range| {
        // Ranges of other meanings (treatment goals, recommended) do not mark a value.
        range
            .member("type")
            .and_then(first_code)
            .is_none_or(|code| code == "normal")
    })?;
    let bound = |key: &str| range.member(key)?.member("value")?.as_number();
    let range = Range {
        low: bound("low"),
        high: bound("high"),
    };
    (range.low.is_some() || range.high.is_some()).then_some(range)
}

fn number_of<T: Tree>(part: &T) -> Option<&T> {
    part.member("valueQuantity").filter(|quantity| {
        quantity.member("value").and_then(T::as_number).is_some()
            && quantity.member("comparator").is_none()
    })
}

fn words_of<T: Tree>(resource: &T) -> Option<String> {
    let own = words(resource);
    if own.is_some() {
        return own;
    }
    let parts: Vec<String> = each(resource, "component")
        .filter_map(|part| {
            let value = words(part)?;
            Some(match concept_at(part, "code") {
                Some(name) => format!("{name}: {value}"),
                None => value,
            })
        })
        .collect();
    if !parts.is_empty() {
        return Some(parts.join("; "));
    }
    concept_at(resource, "dataAbsentReason")
}

fn words<T: Tree>(part: &T) -> Option<String> {
    if let Some(value) = part.member("valueQuantity") {
        return quantity(value);
    }
    if let Some(value) = part.member("valueCodeableConcept") {
        return concept(value);
    }
    for key in ["valueString", "valueDateTime", "valueTime"] {
        if let Some(value) = text(part, key) {
            return Some(value.to_owned());
        }
    }
    if let Some(value) = part.member("valueBoolean").and_then(T::as_flag) {
        return Some(if value { "yes" } else { "no" }.to_owned());
    }
    if let Some(value) = part.member("valueInteger").and_then(T::as_whole) {
        return Some(value.to_string());
    }
    let range = part.member("valueRange")?;
    let bound = |key: &str| range.member(key).and_then(quantity);
    match (bound("low"), bound("high")) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}")),
        (Some(low), None) => Some(format!("from {low}")),
        (None, Some(high)) => Some(format!("up to {high}")),
        (None, None) => None,
    }
    .map(|range| plain(&range))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn gathered(observations: &[Value], adult: bool) -> (Vec<Series>, Vec<Series>, Vec<Finding>) {
        let mut values = Values::default();
        for observation in observations {
            values.add(observation, Standing::Confirmed, &TimeZone::UTC);
        }
        values.finish(adult)
    }

    fn pressure(id: &str, at: &str, systolic: f64, diastolic: f64) -> Value {
        json!({"resourceType": "Observation", "id": id, "status": "final",
            "category": [{"coding": [{"code": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
            "effectiveDateTime": at,
            "component": [
                {"code": {"coding": [{"code": "8462-4", "display": "Diastolic"}]},
                 "valueQuantity": {"value": diastolic, "unit": "mm[Hg]"}},
                {"code": {"coding": [{"code": "8480-6", "display": "Systolic"}]},
                 "valueQuantity": {"value": systolic, "unit": "mm[Hg]"}}]})
    }

    #[test]
    fn components_become_series_oldest_first() {
        let (vitals, labs, findings) = gathered(
            &[
                pressure("b", "2024-02-01T00:00:00Z", 150.0, 85.0),
                pressure("a", "2023-02-01T00:00:00Z", 120.0, 55.0),
            ],
            true,
        );
        assert!(labs.is_empty() && findings.is_empty());
        assert_eq!(vitals[0].code, "8480-6");
        let values: Vec<f64> = vitals[0].points.iter().map(|point| point.value).collect();
        assert_eq!(values, [120.0, 150.0]);
        assert_eq!(vitals[0].points[0].mark, None);
        assert_eq!(vitals[0].points[1].mark.as_deref(), Some("high"));
        assert_eq!(vitals[1].points[0].mark.as_deref(), Some("low"));
    }

    #[test]
    fn adult_ranges_say_nothing_about_children() {
        let (vitals, ..) = gathered(&[pressure("a", "2023-02-01T00:00:00Z", 80.0, 45.0)], false);
        assert_eq!((vitals[0].low, vitals[0].high), (None, None));
        assert_eq!(vitals[0].points[0].mark, None);
    }

    #[test]
    fn the_laboratorys_own_range_and_word_come_first() {
        let lab = |id: &str, value: f64, more: Value| {
            let mut lab = json!({"resourceType": "Observation", "id": id, "status": "final",
                "code": {"text": "Glucose", "coding": [{"code": "2345-7"}]},
                "effectiveDateTime": format!("2023-01-0{id}"),
                "valueQuantity": {"value": value, "unit": "mg/dL"}});
            for (key, value) in more.as_object().unwrap() {
                lab[key] = value.clone();
            }
            lab
        };
        let range = json!({"referenceRange": [{"low": {"value": 50.0}, "high": {"value": 60.0}}]});
        let said = json!({"interpretation": [{"coding": [{"code": "L"}]}]});
        let (_, labs, _) = gathered(
            &[
                lab("1", 65.0, range),
                lab("2", 55.0, json!({})),
                lab("3", 55.0, said),
            ],
            true,
        );
        assert_eq!((labs[0].low, labs[0].high), (Some(50.0), Some(60.0)));
        let marks: Vec<_> = labs[0]
            .points
            .iter()
            .map(|point| point.mark.as_deref())
            .collect();
        assert_eq!(marks, [Some("high"), None, Some("low")]);
    }

    #[test]
    fn units_are_not_mixed() {
        let weight = |id: &str, value: f64, unit: &str| {
            json!({"id": id, "status": "final", "effectiveDateTime": "2023-01-01",
                "code": {"coding": [{"code": "29463-7", "display": "Weight"}]},
                "valueQuantity": {"value": value, "unit": unit}})
        };
        let (_, labs, _) = gathered(
            &[weight("1", 80.0, "kg"), weight("2", 176.0, "[lb_av]")],
            true,
        );
        assert_eq!(labs.len(), 2);
        assert_ne!(labs[0].code, labs[1].code);
    }

    #[test]
    fn words_are_findings_and_errors_are_nothing() {
        let (vitals, labs, findings) = gathered(
            &[
                json!({"id": "1", "status": "final", "code": {"text": "Tobacco"},
                    "effectiveDateTime": "2023-01-01",
                    "valueCodeableConcept": {"text": "Never smoker"}}),
                json!({"id": "2", "status": "entered-in-error", "code": {"text": "X"}, "valueString": "y"}),
                json!({"id": "3", "code": {"text": "Titre"}, "effectiveDateTime": "2024-01-01",
                    "valueQuantity": {"value": 5.0, "comparator": "<", "unit": "IU"}}),
                json!(null),
            ],
            true,
        );
        assert!(vitals.is_empty() && labs.is_empty());
        let shown: Vec<_> = findings
            .iter()
            .map(|finding| finding.value.as_str())
            .collect();
        assert_eq!(shown, ["<5 IU", "Never smoker"]);
    }
}
