//! Changing a problem: off line, with its mark and its event, and never over somebody's head.

use std::time::Duration;

use serde_json::{Value, json};
use workstation::view::conflict::InboxView;
use workstation::view::problem::{ProblemChange, ProblemStatus};
use workstation::view::{Cause, Standing};

use crate::mock::Bench;
use crate::records::{clinic, stranger};

fn asthma() -> Value {
    json!({"resourceType": "Condition", "id": "k1", "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
            "code": "confirmed"}]},
        "code": {"text": "Asthma"}, "onsetDateTime": "1990-04-01"})
}

async fn with_asthma() -> Bench {
    let mut records = clinic();
    records.push(asthma());
    Bench::enrolled(records).await
}

async fn form(bench: &Bench) -> ProblemChange {
    let form = bench.workstation.problem_form("Condition/k1".into());
    form.await.unwrap()
}

fn resolved(form: ProblemChange) -> ProblemChange {
    ProblemChange {
        status: ProblemStatus::Resolved,
        ended: Some("2026-01-02".into()),
        ..form
    }
}

impl Bench {
    /// The newest version of the problem that the server has.
    fn problem(&self) -> Value {
        let records = self.server.records.lock().unwrap();
        let found = records.iter().rfind(|(record, _)| record["id"] == "k1");
        found.unwrap().0.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_a_problem_is_resolved_off_line_marked_and_recorded() {
    let bench = with_asthma().await;
    bench.server.be_reachable(false);
    let opened = form(&bench).await;
    assert_eq!(
        (opened.text.as_str(), opened.status, opened.patient.as_str()),
        ("Asthma", ProblemStatus::Active, "p1")
    );
    assert_eq!(opened.onset.as_deref(), Some("1990-04-01"));
    let station = &bench.workstation;
    let saved = station.change_problem(resolved(opened)).await.unwrap();
    assert_eq!(saved.standing, Standing::Saved);
    let chart = station.open_chart("p1".into(), Cause::Opened).await;
    let item = chart.unwrap().problems.remove(0);
    assert_eq!(
        (item.text.as_str(), item.active, item.status.as_str()),
        ("Asthma", false, "resolved")
    );
    assert_eq!(item.standing, Standing::Saved, "not sent yet, and said so");

    bench.server.be_reachable(true);
    station.sync_now().await.unwrap();
    bench.settle().await;
    let there = bench.problem();
    assert_eq!(there["clinicalStatus"]["coding"][0]["code"], "resolved");
    assert_eq!(there["abatementDateTime"], "2026-01-02");
    assert_eq!(there["onsetDateTime"], "1990-04-01");
    let actions = bench.server.actions();
    for action in ["problem-form-opened", "problem-changed"] {
        let times = actions.iter().filter(|one| *one == action).count();
        assert_eq!(times, 1, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_two_changes_of_a_problem_ask_a_person_even_where_they_do_not_touch() {
    let bench = with_asthma().await;
    bench.server.be_reachable(false);
    let form = form(&bench).await;
    let station = &bench.workstation;
    station.change_problem(resolved(form)).await.unwrap();
    let mut theirs = asthma();
    theirs["severity"] = json!({"text": "severe"});
    bench.server.records.lock().unwrap().push((theirs, 2));
    // The mock takes every upload: what is sent must be held back until their version came.
    *bench.server.conflict_with.lock().unwrap() = Some(2);
    bench.server.be_reachable(true);
    let inbox: InboxView = bench
        .until(|| async {
            station.sync_now().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let inbox = station.inbox(Cause::Refreshed).await.unwrap();
            (!inbox.conflicts.is_empty()).then_some(inbox)
        })
        .await;
    let paths: Vec<&str> = inbox.conflicts[0]
        .fields
        .iter()
        .map(|field| field.path.as_str())
        .collect();
    assert!(
        paths.iter().any(|path| path.contains("severity"))
            && paths.iter().any(|path| path.contains("clinicalStatus")),
        "{paths:?}"
    );
    assert_eq!(bench.problem()["severity"]["text"], "severe");
    assert!(bench.problem().get("abatementDateTime").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_a_form_that_is_older_than_the_record_does_not_undo_what_came() {
    let bench = with_asthma().await;
    let opened = form(&bench).await;
    let mut theirs = asthma();
    theirs["severity"] = json!({"text": "severe"});
    bench.server.records.lock().unwrap().push((theirs, 2));
    let station = &bench.workstation;
    bench
        .until(|| async {
            station.sync_now().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = form(&bench).await;
            (now.version > opened.version).then_some(())
        })
        .await;
    bench.server.be_reachable(false);
    station.change_problem(resolved(opened)).await.unwrap();
    let inbox = station.inbox(Cause::Opened).await.unwrap();
    assert_eq!(inbox.conflicts.len(), 1, "a person decides");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_problem_cannot_be_is_named_beside_its_field() {
    let bench = with_asthma().await;
    let opened = form(&bench).await;
    let refused = |form: ProblemChange| async {
        let fault = bench.workstation.change_problem(form).await.unwrap_err();
        (fault.code, fault.field.unwrap_or_default())
    };
    let is = |field: &str| ("invalid".to_owned(), field.to_owned());
    assert_eq!(refused(opened.clone()).await, is("status"));
    let late = ProblemChange {
        onset: Some("2026-02-01".into()),
        ..opened.clone()
    };
    assert_eq!(refused(late).await, is("onset"));
    let before = ProblemChange {
        ended: Some("1989-01-01".into()),
        ..resolved(opened.clone())
    };
    assert_eq!(refused(before).await, is("ended"));
    let endless = ProblemChange {
        status: ProblemStatus::Active,
        ..resolved(opened)
    };
    assert_eq!(refused(endless).await, is("ended"));
    let nowhere = bench.workstation.problem_form("Condition/none".into());
    assert_eq!(nowhere.await.unwrap_err().code, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_strangers_problem_is_neither_opened_nor_changed() {
    let mut records = clinic();
    records.extend(stranger("p3"));
    let bench = Bench::enrolled(records).await;
    let station = &bench.workstation;
    let fault = station.problem_form("Condition/k-p3".into()).await;
    assert_eq!(fault.unwrap_err().code, "needs-justification");
    let change = ProblemChange {
        reference: "Condition/k-p3".into(),
        version: 1,
        patient: "p1".into(),
        text: "Asthma".into(),
        status: ProblemStatus::Resolved,
        onset: None,
        ended: None,
    };
    let fault = station.change_problem(change).await.unwrap_err();
    assert_eq!(fault.code, "needs-justification");
}
