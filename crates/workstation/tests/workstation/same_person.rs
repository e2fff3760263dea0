//! One person, two records: what is asked, what is recorded, who may.

use std::time::Duration;

use ledger::glance::Glance;
use serde_json::{Value, json};
use workstation::view::Cause;
use workstation::view::patient::PatientForm;
use workstation::view::same_person::MergeForm;
use workstation::view::session::Ability;

use crate::mock::{Bench, enrol_form};
use crate::records::{clinic, patient, stranger};

fn twice() -> Vec<Value> {
    let mut records = clinic();
    let mut second = patient("p9", "Nils", "Unrelated", "1971-03-04");
    second["identifier"] = json!([{"system": "urn:rounds:mrn", "value": "MRN-9"}]);
    let mut first = stranger("p8");
    first[0]["identifier"] = json!([{"system": "urn:rounds:mrn", "value": "MRN-8"}]);
    records.extend(first);
    records.push(second);
    records
}

fn merge() -> MergeForm {
    MergeForm {
        survivor: "p9".into(),
        survivor_version: 1,
        replaced: "p8".into(),
        replaced_version: 1,
        taken: Vec::new(),
    }
}

/// The events of an action that the server has, and the patients that each names.
async fn recorded(bench: &Bench, action: &str) -> Vec<Value> {
    bench
        .workstation
        .settled(Duration::from_secs(60))
        .await
        .unwrap();
    bench.settle().await;
    let audit = bench.server.audit.lock().unwrap();
    audit
        .iter()
        .filter(|link| Glance::of(&link.event).unwrap().action.code() == action)
        .map(|link| link.event.clone())
        .collect()
}

fn names(event: &Value, patient: &str) -> bool {
    event.to_string().contains(&format!("Patient/{patient}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_who_may_be_the_same_is_shown_while_typing_and_recorded() {
    let bench = Bench::enrolled(twice()).await;
    let mut form = PatientForm {
        family: "unrelated".into(),
        given: "Nils".into(),
        birth_date: "1971-03-04".into(),
        ..bench.workstation.patient_form("p2".into()).await.unwrap()
    };
    form.id = None;
    form.mrn = String::new();
    form.ssn = String::new();
    form.sex = String::new();
    let found = bench.workstation.likely_duplicates(form).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|it| it.patient.id.as_str()).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(found.iter().all(|it| it.is_likely));
    let events = recorded(&bench, "patients-searched").await;
    let event = events.last().unwrap();
    assert!(names(event, "p8") && names(event, "p9"), "{event:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_merging_opens_nothing_and_every_step_is_recorded() {
    let bench = Bench::enrolled(twice()).await;
    let station = &bench.workstation;
    station.merge_patients(merge()).await.unwrap();
    // Ada treats p9; the record that was p8's is as closed to her as before, and the chart says so.
    let chart = station
        .open_chart("p9".into(), Cause::Opened)
        .await
        .unwrap();
    assert_eq!(chart.earlier.len(), 1);
    assert!(!chart.earlier[0].shown);
    assert!(chart.problems.is_empty());
    let events = recorded(&bench, "chart-opened").await;
    assert_eq!(events.len(), 1);
    assert!(!names(&events[0], "p8"));
    assert_eq!(
        station
            .open_chart("p8".into(), Cause::Opened)
            .await
            .unwrap_err()
            .code,
        "needs-justification"
    );
    station
        .justify_access(workstation::view::access::JustifyForm {
            patient: "p8".into(),
            reason: "Merged with my patient".into(),
        })
        .await
        .unwrap();
    let chart = station
        .open_chart("p9".into(), Cause::Refreshed)
        .await
        .unwrap();
    assert!(chart.earlier[0].shown);
    assert_eq!(chart.problems[0].text, "Asthma");
    assert_eq!(chart.notes.len(), 1);
    let events = recorded(&bench, "chart-opened").await;
    assert!(events.iter().any(|event| names(event, "p8")));

    let inbox = station.inbox(Cause::Opened).await.unwrap();
    assert_eq!(inbox.merges[0].replaced.id, "p8");
    assert!(inbox.pairs.is_empty());
    station.undo_merge("p8".into()).await.unwrap();
    station.keep_apart("p9".into(), "p8".into()).await.unwrap();
    for action in ["patients-merged", "merge-undone", "patients-kept-apart"] {
        let events = recorded(&bench, action).await;
        assert_eq!(events.len(), 1, "{action}");
        assert!(
            names(&events[0], "p8") && names(&events[0], "p9"),
            "{action}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_what_changed_since_it_was_shown_is_not_merged() {
    let bench = Bench::enrolled(twice()).await;
    let stale = MergeForm {
        replaced_version: 7,
        ..merge()
    };
    let fault = bench.workstation.merge_patients(stale).await.unwrap_err();
    assert_eq!(fault.field.as_deref(), Some("version"));
    let fault = bench.workstation.undo_merge("p8".into()).await.unwrap_err();
    assert_eq!(fault.code, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_nurses_are_not_asked_and_may_not() {
    let bench = Bench::new(twice());
    *bench.server.role.lock().unwrap() = protocol::sign_in::Role::Nurse;
    let station = &bench.workstation;
    station.enrol(enrol_form("ada", "right")).await.unwrap();
    bench.settle().await;
    let session = station.session_view().await.unwrap();
    assert!(
        !session
            .user
            .unwrap()
            .abilities
            .contains(&Ability::MergePatients)
    );
    let inbox = station.inbox(Cause::Opened).await.unwrap();
    assert!(inbox.pairs.is_empty() && inbox.merges.is_empty());
    for fault in [
        station.merge_patients(merge()).await.unwrap_err(),
        station.undo_merge("p8".into()).await.unwrap_err(),
        station
            .keep_apart("p8".into(), "p9".into())
            .await
            .unwrap_err(),
    ] {
        assert_eq!(fault.code, "forbidden");
    }
}
