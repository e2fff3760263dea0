//! Encounters and the other records of a timeline.

use super::texts::{
    concept, concept_at, display, each, first, first_concept, plain, sentence, text,
};
use super::tree::Tree;
use super::when;
use crate::view::Standing;
use crate::view::chart::{EncounterLine, OtherLine};
use jiff::tz::TimeZone;

/// An Encounter. `name` gives the name behind a reference that shows none.
#[must_use]
pub fn encounter<T: Tree>(
    resource: &T,
    standing: Standing,
    zone: &TimeZone,
    name: &dyn Fn(&str) -> Option<String>,
) -> EncounterLine {
    let period = resource.member("period").unwrap_or(T::null());
    let class = resource
        .member("class")
        .and_then(|class| text(class, "display").or_else(|| text(class, "code")))
        .map(class_word);
    EncounterLine {
        reference: format!("Encounter/{}", text(resource, "id").unwrap_or_default()),
        start: text(period, "start").map(|at| when::written(at, zone)),
        end: text(period, "end").map(|at| when::written(at, zone)),
        text: first_concept(resource, "type")
            .or(class)
            .unwrap_or_else(|| "Encounter".to_owned()),
        reason: first_concept(resource, "reasonCode").or_else(|| {
            first(resource, "reasonReference").and_then(|r| text(r, "display").map(str::to_owned))
        }),
        practitioner: each(resource, "participant")
            .find_map(|part| named(part, "individual", name)),
        place: each(resource, "location")
            .find_map(|place| named(place, "location", name))
            .or_else(|| named(resource, "serviceProvider", name)),
        status: plain(text(resource, "status").unwrap_or("unknown")),
        standing,
    }
}

/// The name behind a reference: its display, or what `name` knows.
#[must_use]
pub fn named<T: Tree>(
    value: &T,
    key: &str,
    name: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let reference = value.member(key)?;
    text(reference, "display")
        .map(str::to_owned)
        .or_else(|| name(text(reference, "reference")?))
}

fn class_word(code: &str) -> String {
    match code {
        "AMB" => "Ambulatory visit",
        "EMER" => "Emergency visit",
        "IMP" => "Inpatient stay",
        "HH" => "Home visit",
        "VR" => "Virtual visit",
        other => return sentence(other),
    }
    .to_owned()
}

/// A Procedure, CarePlan, Goal, DiagnosticReport, ImagingStudy or the like.
#[must_use]
pub fn other<T: Tree>(resource: &T, zone: &TimeZone, standing: Standing) -> OtherLine {
    let kind = text(resource, "resourceType")
        .unwrap_or_default()
        .to_owned();
    let at = [
        "performedDateTime",
        "effectiveDateTime",
        "started",
        "startDate",
        "created",
        "issued",
        "sent",
        "authoredOn",
        "dateTime",
    ]
    .iter()
    .find_map(|key| text(resource, key))
    .or_else(|| {
        ["performedPeriod", "effectivePeriod", "period"]
            .iter()
            .find_map(|key| text(resource.member(key)?, "start"))
    });
    OtherLine {
        reference: format!("{kind}/{}", text(resource, "id").unwrap_or_default()),
        when: at.map(|at| when::written(at, zone)),
        text: title(resource, &kind),
        status: text(resource, "status")
            .or_else(|| text(resource, "lifecycleStatus"))
            .map(plain),
        standing,
        kind,
    }
}

fn title<T: Tree>(resource: &T, kind: &str) -> String {
    let plans = || {
        let activities: Vec<String> = each(resource, "activity")
            .filter_map(|activity| concept_at(activity.member("detail")?, "code"))
            .take(3)
            .collect();
        (!activities.is_empty()).then(|| activities.join(", "))
    };
    text(resource, "title")
        .map(str::to_owned)
        .or_else(|| concept_at(resource, "code"))
        .or_else(|| resource.member("description").and_then(concept))
        .or_else(|| text(resource, "description").map(str::to_owned))
        .or_else(|| {
            // The first category of a care plan is often no more than "assess and plan".
            each(resource, "category").filter_map(concept).last()
        })
        .or_else(plans)
        .or_else(|| {
            first(resource, "series").and_then(|series| {
                let modality = series.member("modality")?;
                let part = series
                    .member("bodySite")
                    .and_then(|site| text(site, "display"));
                let modality = text(modality, "display").or_else(|| text(modality, "code"))?;
                Some(part.map_or_else(|| modality.to_owned(), |part| format!("{modality}, {part}")))
            })
        })
        .or_else(|| display(resource, "subject").map(|_| kind.to_owned()))
        .unwrap_or_else(|| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_encounter_finds_its_words() {
        let line = encounter(
            &json!({"id": "e", "status": "in-progress", "class": {"code": "AMB"},
                "period": {"start": "2026-01-01T15:00:00Z"},
                "participant": [{"individual": {"reference": "Practitioner/p"}}],
                "location": [{"location": {"display": "Room 2"}}],
                "reasonCode": [{"text": "Cough"}]}),
            Standing::Confirmed,
            &TimeZone::get("America/New_York").unwrap(),
            &|reference| (reference == "Practitioner/p").then(|| "Dr Who".to_owned()),
        );
        assert_eq!(line.text, "Ambulatory visit");
        assert_eq!(line.start.as_deref(), Some("2026-01-01T10:00:00-05:00"));
        assert_eq!(line.practitioner.as_deref(), Some("Dr Who"));
        assert_eq!(line.place.as_deref(), Some("Room 2"));
        assert_eq!(line.status, "in progress");
    }

    #[test]
    fn every_other_record_has_a_line() {
        let zone = TimeZone::UTC;
        let goal = other(
            &json!({"resourceType": "Goal", "id": "g", "lifecycleStatus": "active",
                "description": {"text": "Walk daily"}, "startDate": "2025-01-01"}),
            &zone,
            Standing::Confirmed,
        );
        assert_eq!(
            (goal.text.as_str(), goal.status.as_deref()),
            ("Walk daily", Some("active"))
        );
        let imaging = other(
            &json!({"resourceType": "ImagingStudy", "id": "i", "started": "2025-01-01",
                "series": [{"modality": {"display": "X-ray"}, "bodySite": {"display": "Wrist"}}]}),
            &zone,
            Standing::Confirmed,
        );
        assert_eq!(imaging.text, "X-ray, Wrist");
        assert_eq!(
            other(&json!({"resourceType": "Task"}), &zone, Standing::Confirmed).text,
            "Task"
        );
        assert_eq!(other(&json!(null), &zone, Standing::Confirmed).text, "");
    }
}
