//! Who may open which record, and what is asked for before.

use std::time::Duration;

use ledger::glance::Glance;
use serde_json::{Value, json};
use workstation::view::Cause;
use workstation::view::access::{EmergencyForm, GrantKind, JustifyForm};
use workstation::view::chart::{ChartView, ProblemForm, VitalsForm};
use workstation::view::fault::Fault;
use workstation::view::note::DraftForm;

use crate::mock::{Bench, unlock_form};
use crate::records::{clinic, consent, patient, stranger};

const HOUR: Duration = Duration::from_secs(3600);

fn with_strangers(ids: &[&str]) -> Vec<Value> {
    let mut records = clinic();
    records.extend(ids.iter().flat_map(|id| stranger(id)));
    records
}

fn draft(patient: &str) -> DraftForm {
    DraftForm {
        id: None,
        patient: patient.into(),
        subjective: "coughs".into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    }
}

fn vitals(patient: &str) -> VitalsForm {
    VitalsForm {
        patient: patient.into(),
        systolic: None,
        diastolic: None,
        heart_rate: Some(72.0),
        respiratory_rate: None,
        temperature: None,
        oxygen_saturation: None,
        weight: None,
        height: None,
    }
}

fn problem(patient: &str) -> ProblemForm {
    ProblemForm {
        patient: patient.into(),
        text: "Gout".into(),
        snomed: None,
        icd10: None,
        onset: None,
    }
}

fn why(patient: &str) -> JustifyForm {
    JustifyForm {
        patient: patient.into(),
        reason: " Covering for Dr. Bose ".into(),
    }
}

fn emergency(patient: &str, password: &str) -> EmergencyForm {
    EmergencyForm {
        patient: patient.into(),
        reason: "Unconscious, allergies unknown".into(),
        password: password.into(),
    }
}

async fn chart(bench: &Bench, patient: &str) -> Result<ChartView, Fault> {
    bench
        .workstation
        .open_chart(patient.into(), Cause::Opened)
        .await
}

async fn refused(bench: &Bench, patient: &str) -> String {
    chart(bench, patient).await.unwrap_err().code
}

/// Lets time pass. Whoever comes back after it has to unlock.
async fn passes(bench: &Bench, time: Duration) {
    bench.clock.pass(time);
    bench.workstation.lock().await.unwrap();
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
}

/// Brings a record by the feed.
async fn arrives(bench: &Bench, record: Value, version: u64) {
    bench.server.records.lock().unwrap().push((record, version));
    bench
        .workstation
        .settled(Duration::from_secs(60))
        .await
        .unwrap();
}

/// The events of an action that the server has, as they were recorded.
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

fn purpose(event: &Value) -> &str {
    event["purposeOfEvent"][0]["coding"][0]["code"]
        .as_str()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_stranger_is_found_and_the_record_stays_closed() {
    let bench = Bench::enrolled(with_strangers(&["p3"])).await;
    let station = &bench.workstation;
    let found = station.find_patients("unrelated".into(), 5).await.unwrap();
    assert_eq!(found.rows.len(), 1);
    station.patient_form("p3".into()).await.unwrap();
    let fault = chart(&bench, "p3").await.unwrap_err();
    assert_eq!(fault.code, "needs-justification");
    assert_eq!(
        fault.what,
        "You have no relationship with this patient. Say why you need the record."
    );
    let mut codes = vec![
        station.note("DocumentReference/n-p3".into()).await.err(),
        station.add_vitals(vitals("p3")).await.err(),
        station.add_problem(problem("p3")).await.err(),
        station.draft("p3".into()).await.err(),
        station.keep_draft(draft("p3")).await.err(),
    ];
    for fault in codes.drain(..) {
        assert_eq!(fault.unwrap().code, "needs-justification");
    }
    // A patient who is not here is not asked about.
    assert_eq!(refused(&bench, "nobody").await, "not-found");
    let events = recorded(&bench, "chart-opened").await;
    let refusals: Vec<_> = events
        .iter()
        .filter(|event| event["outcome"] == "4")
        .map(|event| Glance::of(event).unwrap().patients)
        .collect();
    assert_eq!(refusals, [["p3"], ["nobody"]]);
    assert!(
        events[0]["outcomeDesc"]
            .as_str()
            .unwrap()
            .contains("relationship")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_what_relates_opens_for_as_long_as_it_relates() {
    let subject = |id: &str| json!({"reference": format!("Patient/{id}")});
    let me = json!({"reference": "Practitioner/dr1"});
    let appointment = |id: &str, start: &str| {
        json!({"resourceType": "Appointment", "id": format!("ap-{id}"), "status": "booked",
            "start": start, "end": start,
            "participant": [{"actor": subject(id)}, {"actor": me}]})
    };
    let visit = |id: &str, start: &str, end: &str| {
        json!({"resourceType": "Encounter", "id": format!("en-{id}"), "status": "finished",
            "class": {"code": "AMB"}, "subject": subject(id),
            "period": {"start": start, "end": end}, "participant": [{"individual": me}]})
    };
    let team = |id: &str, status: &str| {
        json!({"resourceType": "CareTeam", "id": format!("ct-{id}"), "status": status,
            "subject": subject(id), "participant": [{"member": me}]})
    };
    let task = |id: &str, status: &str| {
        json!({"resourceType": "Task", "id": format!("ta-{id}"), "status": status,
            "intent": "order", "for": subject(id), "owner": me})
    };
    // It is 2026-01-05, 09:30 in New York.
    let cases: Vec<(&str, Value, bool)> = vec![
        ("soon", appointment("soon", "2026-01-12T14:00:00Z"), true),
        ("later", appointment("later", "2026-01-13T14:00:00Z"), false),
        (
            "lately",
            visit("lately", "2025-12-10T14:00:00Z", "2025-12-10T15:00:00Z"),
            true,
        ),
        (
            "long-ago",
            visit("long-ago", "2025-11-10T14:00:00Z", "2025-11-10T15:00:00Z"),
            false,
        ),
        ("team", team("team", "active"), true),
        ("former-team", team("former-team", "inactive"), false),
        ("referred", task("referred", "accepted"), true),
        ("answered", task("answered", "completed"), false),
        (
            "agreed",
            consent("c-agreed", "agreed", "permit", "active"),
            true,
        ),
        (
            "drafted",
            consent("c-drafted", "drafted", "permit", "draft"),
            false,
        ),
    ];
    let mut records = clinic();
    for (id, record, _) in &cases {
        records.extend(stranger(id));
        records.push(record.clone());
    }
    let bench = Bench::enrolled(records).await;
    for (id, _, opens) in &cases {
        let answer = chart(&bench, id).await;
        assert_eq!(answer.is_ok(), *opens, "{id}: {answer:?}");
        if let Ok(view) = answer {
            assert_eq!(view.access, None, "{id}");
        }
    }
    // The week before the appointment ends with the month after it.
    passes(&bench, HOUR * 24 * 38).await;
    assert_eq!(refused(&bench, "soon").await, "needs-justification");
    chart(&bench, "team").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_names_of_a_practitioner_role_count_once_it_arrived() {
    let mut records = with_strangers(&["p3"]);
    records.push(
        json!({"resourceType": "CareTeam", "id": "t3", "status": "active",
        "subject": {"reference": "Patient/p3"},
        "participant": [{"member": {"reference": "PractitionerRole/r1"}}]}),
    );
    let bench = Bench::enrolled(records).await;
    assert_eq!(refused(&bench, "p3").await, "needs-justification");
    let role = json!({"resourceType": "PractitionerRole", "id": "r1", "active": true,
        "practitioner": {"reference": "Practitioner/dr1"}});
    arrives(&bench, role, 1).await;
    chart(&bench, "p3").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_reason_opens_one_record_for_a_day_off_line_too() {
    let bench = Bench::enrolled(with_strangers(&["p3", "p4"])).await;
    let station = &bench.workstation;
    bench.server.be_reachable(false);
    let short = JustifyForm {
        reason: " x ".into(),
        ..why("p3")
    };
    let fault = station.justify_access(short).await.unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("invalid", Some("reason"))
    );
    assert_eq!(refused(&bench, "p3").await, "needs-justification");
    let access = station.justify_access(why("p3")).await.unwrap();
    assert_eq!(access.kind, GrantKind::Justified);
    assert_eq!(access.until, "2026-01-06T09:30:00-05:00");
    let view = chart(&bench, "p3").await.unwrap();
    assert_eq!(view.access.as_ref(), Some(&access));
    assert_eq!(view.problems[0].text, "Asthma");
    station.add_vitals(vitals("p3")).await.unwrap();
    assert_eq!(refused(&bench, "p4").await, "needs-justification");
    // It outlives locking, and ends with its day.
    station.lock().await.unwrap();
    station.unlock(unlock_form("ada", "right")).await.unwrap();
    chart(&bench, "p3").await.unwrap();
    passes(&bench, HOUR * 24 - Duration::from_secs(1)).await;
    chart(&bench, "p3").await.unwrap();
    passes(&bench, Duration::from_secs(1)).await;
    assert_eq!(refused(&bench, "p3").await, "needs-justification");

    bench.server.be_reachable(true);
    let given = recorded(&bench, "access-justified").await;
    assert_eq!(given.len(), 1);
    let text = given[0].to_string();
    assert!(text.contains("Covering for Dr. Bose"), "{text}");
    assert_eq!(Glance::of(&given[0]).unwrap().patients, ["p3"]);
    // What was done on this ground says so.
    for action in ["chart-opened", "vitals-recorded"] {
        let events = recorded(&bench, action).await;
        let on_it = events.iter().filter(|event| event["outcome"] == "0");
        for event in on_it {
            assert!(
                event.to_string().contains("Covering for Dr. Bose"),
                "{action}"
            );
            assert_eq!(purpose(event), "TREAT");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_an_emergency_needs_the_password_and_lasts_two_hours() {
    let mut records = clinic();
    records.push(consent("c1", "p1", "deny", "active"));
    let bench = Bench::enrolled(records).await;
    let station = &bench.workstation;
    bench.server.be_reachable(false);
    station.settled(Duration::from_secs(60)).await.unwrap();
    let fault = chart(&bench, "p1").await.unwrap_err();
    assert_eq!(fault.code, "needs-emergency");
    assert_eq!(
        fault.act,
        "Off line: 3 emergency accesses are left on this computer."
    );
    // No reason opens what the patient closed.
    let fault = station.justify_access(why("p1")).await.unwrap_err();
    assert_eq!(fault.code, "needs-emergency");
    let fault = station
        .emergency_access(emergency("p1", "wrong"))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("password-wrong", Some("password"))
    );
    assert_eq!(refused(&bench, "p1").await, "needs-emergency");
    let access = station
        .emergency_access(emergency("p1", "right"))
        .await
        .unwrap();
    assert_eq!(access.kind, GrantKind::Emergency);
    assert_eq!(access.until, "2026-01-05T11:30:00-05:00");
    assert_eq!(chart(&bench, "p1").await.unwrap().access, Some(access));
    passes(&bench, HOUR * 2 - Duration::from_secs(1)).await;
    chart(&bench, "p1").await.unwrap();
    passes(&bench, Duration::from_secs(1)).await;
    assert_eq!(refused(&bench, "p1").await, "needs-emergency");

    bench.server.be_reachable(true);
    let taken = recorded(&bench, "emergency-access").await;
    let outcomes: Vec<_> = taken.iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(
        outcomes,
        ["4", "0"],
        "the refused password is recorded as well"
    );
    assert!(taken.iter().all(|event| purpose(event) == "BTG"));
    let opened = recorded(&bench, "chart-opened").await;
    let opened: Vec<_> = opened.iter().filter(|it| it["outcome"] == "0").collect();
    assert_eq!(opened.len(), 2);
    for event in opened {
        assert_eq!(purpose(event), "BTG");
        assert!(event.to_string().contains("Unconscious"));
    }
    let audit = bench.server.audit.lock().unwrap();
    for link in audit.iter() {
        fhir::validate::Validator::new()
            .validate(&link.event)
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_off_line_a_quota_counts_until_the_server_was_signed_in_to() {
    let mut records = clinic();
    records.push(consent("c1", "p1", "deny", "active"));
    let bench = Bench::enrolled(records).await;
    let station = &bench.workstation;
    // On line there is none.
    for _ in 0..4 {
        station
            .emergency_access(emergency("p1", "right"))
            .await
            .unwrap();
    }
    bench.server.be_reachable(false);
    passes(&bench, HOUR * 3).await;
    station.settled(Duration::from_secs(60)).await.unwrap();
    for left in [
        "3 emergency accesses are",
        "2 emergency accesses are",
        "1 emergency access is",
    ] {
        let fault = chart(&bench, "p1").await.unwrap_err();
        assert_eq!(
            fault.act,
            format!("Off line: {left} left on this computer.")
        );
        station
            .emergency_access(emergency("p1", "right"))
            .await
            .unwrap();
        passes(&bench, HOUR * 2).await;
    }
    let spent = station
        .emergency_access(emergency("p1", "right"))
        .await
        .unwrap_err();
    assert_eq!(spent.code, "emergency-quota-spent");
    assert_eq!(refused(&bench, "p1").await, "needs-emergency");
    // Locking does not give it back; the server does.
    station.lock().await.unwrap();
    station.unlock(unlock_form("ada", "right")).await.unwrap();
    station.settled(Duration::from_secs(60)).await.unwrap();
    let spent = station
        .emergency_access(emergency("p1", "right"))
        .await
        .unwrap_err();
    assert_eq!(spent.code, "emergency-quota-spent");
    bench.server.be_reachable(true);
    station.settled(Duration::from_secs(60)).await.unwrap();
    bench.settle().await;
    bench.server.be_reachable(false);
    station.settled(Duration::from_secs(60)).await.unwrap();
    station
        .emergency_access(emergency("p1", "right"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_consent_counts_from_the_moment_it_arrives() {
    let bench = Bench::enrolled(with_strangers(&["p3"])).await;
    chart(&bench, "p1").await.unwrap();
    arrives(&bench, consent("c1", "p1", "deny", "active"), 1).await;
    assert_eq!(refused(&bench, "p1").await, "needs-emergency");
    arrives(&bench, consent("c1", "p1", "deny", "inactive"), 2).await;
    chart(&bench, "p1").await.unwrap();
    // The other way round: what a patient opened and closed again.
    arrives(&bench, consent("c3", "p3", "permit", "active"), 1).await;
    chart(&bench, "p3").await.unwrap();
    arrives(&bench, consent("c3", "p3", "permit", "inactive"), 2).await;
    assert_eq!(refused(&bench, "p3").await, "needs-justification");
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_closed_record_shows_nothing_in_the_inbox() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    // Demographics go by the role, whatever is closed.
    let mut form = station.patient_form("p1".into()).await.unwrap();
    arrives(&bench, consent("c1", "p1", "deny", "active"), 1).await;
    form.phone = "555-7777".into();
    station.save_patient(form).await.unwrap();
    let theirs = patient("p1", "Other", "Okafor", "1980-02-29");
    arrives(&bench, theirs, 3).await;
    assert!(station.inbox(Cause::Opened).await.is_ok());
    assert_eq!(refused(&bench, "p1").await, "needs-emergency");
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_clinician_may_treat_whom_they_registered() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let mut form = station.patient_form("p1".into()).await.unwrap();
    form.id = None;
    form.version = None;
    form.mrn = "M-NEW".into();
    form.ssn = String::new();
    let saved = station.save_patient(form).await.unwrap();
    let id = saved.reference.strip_prefix("Patient/").unwrap().to_owned();
    chart(&bench, &id).await.unwrap();
}
