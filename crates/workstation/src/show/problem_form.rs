//! A Condition as a form, and the form written into it. What the form does not show stays as it
//! is; so does what it shows and nobody changed.

use serde_json::{Value, json};

use crate::view::problem::{ProblemChange, ProblemStatus};

/// The form of a Condition.
#[must_use]
pub fn read(condition: &Value, patient: &str, version: u64) -> ProblemChange {
    ProblemChange {
        reference: format!("Condition/{}", condition["id"].as_str().unwrap_or_default()),
        version: u32::try_from(version).unwrap_or_default(),
        patient: patient.to_owned(),
        text: text(&condition["code"]),
        status: status(condition),
        onset: day(condition, "onsetDateTime"),
        ended: day(condition, "abatementDateTime"),
    }
}

/// Writes what was changed.
pub fn write(condition: &mut Value, form: &ProblemChange) {
    let was = read(condition, &form.patient, 0);
    let Some(members) = condition.as_object_mut() else {
        return;
    };
    let given = |text: &Option<String>| {
        let text = text.as_deref().map(str::trim).unwrap_or_default();
        (!text.is_empty()).then(|| text.to_owned())
    };
    if form.status != was.status {
        let (clinical, verified) = match form.status {
            ProblemStatus::Active => (Some("active"), "confirmed"),
            ProblemStatus::Inactive => (Some("inactive"), "confirmed"),
            ProblemStatus::Resolved => (Some("resolved"), "confirmed"),
            ProblemStatus::EnteredInError => (None, "entered-in-error"),
        };
        match clinical {
            Some(code) => members.insert("clinicalStatus".into(), concept("clinical", code)),
            // R4 (con-5): what never was has no clinical status.
            None => members.remove("clinicalStatus"),
        };
        if form.status == ProblemStatus::EnteredInError
            || was.status == ProblemStatus::EnteredInError
        {
            members.insert("verificationStatus".into(), concept("ver-status", verified));
        }
        if form.status == ProblemStatus::Active {
            // R4 (con-4): what is active has no end.
            members.retain(|name, _| !name.starts_with("abatement"));
        }
    }
    for (name, before, after) in [
        ("onset", &was.onset, given(&form.onset)),
        ("abatement", &was.ended, given(&form.ended)),
    ] {
        if *before == after || (name == "abatement" && form.status == ProblemStatus::Active) {
            continue;
        }
        // Ages, periods and words for the same thing: a record may have one of them.
        members.retain(|member, _| !member.starts_with(name));
        if let Some(day) = after {
            members.insert(format!("{name}DateTime"), day.into());
        }
    }
}

fn status(condition: &Value) -> ProblemStatus {
    if code(&condition["verificationStatus"]) == Some("entered-in-error") {
        return ProblemStatus::EnteredInError;
    }
    match code(&condition["clinicalStatus"]) {
        Some("resolved") => ProblemStatus::Resolved,
        Some("inactive" | "remission") => ProblemStatus::Inactive,
        _ => ProblemStatus::Active,
    }
}

fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [{
        "system": format!("http://terminology.hl7.org/CodeSystem/condition-{system}"), "code": code
    }]})
}

fn code(concept: &Value) -> Option<&str> {
    concept["coding"][0]["code"].as_str()
}

fn text(code: &Value) -> String {
    [
        &code["text"],
        &code["coding"][0]["display"],
        &code["coding"][0]["code"],
    ]
    .into_iter()
    .find_map(Value::as_str)
    .unwrap_or("Unnamed problem")
    .to_owned()
}

/// A day that is known to the day.
fn day(condition: &Value, name: &str) -> Option<String> {
    let text = condition[name].as_str()?;
    Some(text.get(..10)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asthma() -> Value {
        json!({
            "resourceType": "Condition", "id": "k1",
            "clinicalStatus": concept("clinical", "recurrence"),
            "verificationStatus": concept("ver-status", "provisional"),
            "code": {"text": "Asthma"}, "severity": {"text": "mild"},
            "subject": {"reference": "Patient/p1"},
            "onsetAge": {"value": 7, "unit": "a"}
        })
    }

    fn changed(record: &Value, change: impl FnOnce(&mut ProblemChange)) -> Value {
        let mut form = read(record, "p1", 3);
        change(&mut form);
        let mut record = record.clone();
        write(&mut record, &form);
        record
    }

    #[test]
    fn what_nobody_changed_stays_as_it_is() {
        let record = asthma();
        assert_eq!(read(&record, "p1", 3).status, ProblemStatus::Active);
        assert_eq!(changed(&record, |_| {}), record);
        let resolved = changed(&record, |form| form.status = ProblemStatus::Resolved);
        assert_eq!(resolved["onsetAge"], record["onsetAge"]);
        assert_eq!(resolved["severity"], record["severity"]);
        assert_eq!(resolved["verificationStatus"], record["verificationStatus"]);
    }

    #[test]
    fn a_problem_is_over_on_a_day_and_comes_back_without_one() {
        let resolved = changed(&asthma(), |form| {
            form.status = ProblemStatus::Resolved;
            form.ended = Some("2026-01-02".into());
        });
        assert_eq!(code(&resolved["clinicalStatus"]), Some("resolved"));
        assert_eq!(resolved["abatementDateTime"], "2026-01-02");
        let back = changed(&resolved, |form| form.status = ProblemStatus::Active);
        assert_eq!(code(&back["clinicalStatus"]), Some("active"));
        assert!(back.get("abatementDateTime").is_none(), "{back}");
    }

    #[test]
    fn a_mistake_has_no_clinical_status_and_may_have_been_none() {
        let mistake = changed(&asthma(), |form| {
            form.status = ProblemStatus::EnteredInError
        });
        assert!(mistake.get("clinicalStatus").is_none());
        assert_eq!(
            code(&mistake["verificationStatus"]),
            Some("entered-in-error")
        );
        assert_eq!(
            read(&mistake, "p1", 1).status,
            ProblemStatus::EnteredInError
        );
        let again = changed(&mistake, |form| form.status = ProblemStatus::Active);
        assert_eq!(code(&again["verificationStatus"]), Some("confirmed"));
    }

    #[test]
    fn another_onset_takes_the_place_of_an_age() {
        let record = changed(&asthma(), |form| form.onset = Some("1987-05-01".into()));
        assert_eq!(record["onsetDateTime"], "1987-05-01");
        assert!(record.get("onsetAge").is_none());
    }
}
