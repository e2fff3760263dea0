//! What a workstation keeps of the clinic: charts of patients who have to do with its user.

use serde_json::json;
use workstation::view::Cause;
use workstation::view::access::GrantKind;
use workstation::view::chart::ChartView;
use workstation::view::fault::Fault;
use workstation::view::note::DraftForm;
use workstation::view::report::ReviewKind;
use workstation::view::session::Connection;

use crate::clinic::{Clinic, Desk};

/// A clinic with two more patients, who are another doctor's; the second has closed the record to
/// the first doctor.
async fn clinic() -> Clinic {
    let mut clinic = Clinic::start();
    let name = json!([{"family": "Hopper"}]);
    clinic
        .put(&json!({"resourceType": "Practitioner", "id": "dr2", "name": name}))
        .await;
    for id in ["p7", "p8"] {
        clinic.patient(id, "dr2").await;
        clinic
            .put(
                &json!({"resourceType": "Condition", "id": format!("k-{id}"),
                "clinicalStatus": {"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "active"}]},
                "code": {"text": "Gout"}, "subject": {"reference": format!("Patient/{id}")}}),
            )
            .await;
    }
    let coding = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
    clinic
        .put(&json!({"resourceType": "Consent", "id": "c8", "status": "active",
            "scope": coding("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
            "category": [coding("http://loinc.org", "59284-0")],
            "policyRule": coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN"),
            "patient": {"reference": "Patient/p8"},
            "provision": {"type": "deny", "actor": [{
                "role": coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PRCP"),
                "reference": {"reference": "Practitioner/dr1"}}]}}))
        .await;
    clinic
}

async fn open(desk: &Desk, patient: &str) -> Result<ChartView, Fault> {
    desk.station
        .open_chart(patient.to_owned(), Cause::Opened)
        .await
}

async fn refused(desk: &Desk, patient: &str) -> String {
    open(desk, patient).await.unwrap_err().code
}

fn problems(chart: &ChartView) -> Vec<&str> {
    let lines = chart.problems.iter();
    lines.map(|line| line.text.as_str()).collect()
}

/// Whether a clinical record is on a computer.
async fn keeps(desk: &Desk, condition: &'static str) -> bool {
    let kept = desk.station.door().work(move |desk| {
        let found = desk
            .cache()
            .read(|cache| cache.record("Condition", condition))?;
        Ok(found.is_some())
    });
    kept.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_a_chart_that_is_not_here_comes_for_a_reason_and_off_line_says_so() {
    let mut clinic = clinic().await;
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    // Found by name like everybody, and not kept here.
    let page = ada.station.find_patients("MRN-p7".into(), 9).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert!(keeps(&ada, "k3").await && !keeps(&ada, "k-p7").await);

    clinic.platform.kill_server();
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        station.sync_view().await.unwrap().connection == Connection::Offline
    })
    .await;
    // Nobody is asked for a reason in vain, and nobody sees an empty chart.
    assert_eq!(refused(&ada, "p7").await, "chart-not-here");
    clinic.platform.start_server().unwrap();
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        station.sync_view().await.unwrap().connection == Connection::Online
    })
    .await;
    assert_eq!(refused(&ada, "p7").await, "needs-justification");
    ada.justify("p7").await;
    let chart = open(&ada, "p7").await.unwrap();
    assert_eq!(problems(&chart), ["Gout"]);
    assert_eq!(chart.access.unwrap().kind, GrantKind::Justified);

    // A stranger's closed record: here nothing says that it is closed, the server knows.
    assert_eq!(refused(&ada, "p8").await, "needs-justification");
    ada.justify("p8").await;
    assert_eq!(refused(&ada, "p8").await, "needs-emergency");
    assert!(!keeps(&ada, "k-p8").await);
    ada.emergency("p8", "Brought in unconscious").await.unwrap();
    let chart = open(&ada, "p8").await.unwrap();
    assert_eq!(problems(&chart), ["Gout"]);
    assert_eq!(chart.access.unwrap().kind, GrantKind::Emergency);

    // The front desk gets none of it.
    let desk = Desk::enrolled(&mut clinic, "desk", "front-desk", Some("dr1")).await;
    assert!(!keeps(&desk, "k3").await && !keeps(&desk, "k-p7").await);
    let page = desk
        .station
        .find_patients("MRN-p7".into(), 9)
        .await
        .unwrap();
    assert_eq!(page.rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_work_on_a_chart_that_left_is_sealed_and_reviewed_and_the_inbox_says_so() {
    let mut clinic = clinic().await;
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    open(&ada, "p1").await.unwrap();
    let form = DraftForm {
        id: None,
        patient: "p1".into(),
        subjective: "coughs at night".into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    };
    ada.station.keep_draft(form).await.unwrap();
    clinic.patient("p1", "dr2").await;
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        let inbox = station.inbox(Cause::Refreshed).await.unwrap();
        inbox.set_aside.first().is_some_and(|aside| aside.handed)
    })
    .await;
    let inbox = ada.station.inbox(Cause::Opened).await.unwrap();
    let aside = &inbox.set_aside[0];
    assert_eq!((aside.changes, aside.drafts), (0, 1));
    assert_eq!(aside.name.as_deref(), Some("Test Okafor"));
    assert_eq!(refused(&ada, "p1").await, "needs-justification");
    ada.station.note_set_aside(aside.id.clone()).await.unwrap();
    let inbox = ada.station.inbox(Cause::Opened).await.unwrap();
    assert!(inbox.set_aside.is_empty());

    // The organisation has it: a review for the officer, and the recovery secret opens it.
    let officer = Desk::enrolled(&mut clinic, "sam", "security-officer", None).await;
    let open = officer.station.reviews(false, None).await.unwrap();
    let mut reviews = open.items.iter();
    let review = reviews
        .find(|item| item.kind == ReviewKind::WorkSetAside)
        .unwrap_or_else(|| panic!("{open:?}"));
    assert_eq!(review.patient.as_deref(), Some("p1"));
    let report = &clinic.platform.state().init_report;
    let secret = report["recovery_secret"].as_str().unwrap().to_owned();
    let arguments = ["recovery", "open", "--set-aside", &aside.id];
    let opened = clinic.platform.operator(&arguments, Some(&secret)).unwrap();
    let opened: serde_json::Value = serde_json::from_str(&opened).unwrap();
    assert_eq!(
        opened["drafts"][0]["body"]["subjective"], "coughs at night",
        "{opened}"
    );

    // With a reason the chart comes back, as the server has it.
    ada.justify("p1").await;
    let chart = ada
        .station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    assert_eq!(chart.draft, None);
}
