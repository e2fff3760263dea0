//! Video visits as the workstation leads them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use protocol::visit::{GuestKind, GuestState, VisitStage};
use serde_json::{Value, json};
use uuid::Uuid;
use workstation::view::Cause;
use workstation::view::note::DraftForm;
use workstation::view::visit::CallState;

use crate::mock::{Bench, unlock_form};
use crate::records::clinic;

const VISIT: &str = "visit-p1";

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1_200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within a minute: {what}");
}

async fn waiting() -> Bench {
    let bench = Bench::enrolled(clinic()).await;
    until("somebody waits", async || {
        let visits = bench.workstation.visits(Cause::Refreshed).await.unwrap();
        !visits.visits.is_empty()
    })
    .await;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_a_call_that_cannot_come_about_is_tried_and_then_said_to_have_failed() {
    let bench = waiting().await;
    // An offer without a certificate: no answer to it exists.
    *bench.server.visits.offer.lock().unwrap() = Some("v=0\r\n".into());
    bench
        .workstation
        .admit_to_visit(VISIT.into())
        .await
        .unwrap();
    let stands = async || {
        bench
            .workstation
            .call()
            .await
            .unwrap()
            .map(|call| call.state)
    };
    until("the call is given up", async || {
        stands().await == Some(CallState::Failed)
    })
    .await;
    until("everybody is told", async || {
        bench
            .server
            .visits
            .acts()
            .last()
            .is_some_and(|act| act == "interrupted")
    })
    .await;
    let acts = ["admit", "again", "again", "again", "again", "interrupted"];
    assert_eq!(bench.server.visits.acts(), acts);
    // It is offered again, and begins at nought.
    bench
        .workstation
        .admit_to_visit(VISIT.into())
        .await
        .unwrap();
    until("it is tried again", async || {
        bench.server.visits.acts().len() > acts.len() + 1
    })
    .await;
}

fn words(patient: &str, text: &str) -> DraftForm {
    DraftForm {
        id: None,
        patient: patient.into(),
        subjective: text.into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    }
}

/// What the server holds of a signed note says of where it belongs.
fn named(bench: &Bench, reference: &str) -> Value {
    let records = bench.server.records.lock().unwrap();
    let id = reference.strip_prefix("DocumentReference/").unwrap();
    let (note, _) = records.iter().rfind(|(it, _)| it["id"] == id).unwrap();
    note["context"]["encounter"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_a_note_written_during_a_visit_names_its_encounter_on_line_and_off() {
    let bench = waiting().await;
    let station = &bench.workstation;
    let write = async |patient: &str, text: &str| {
        let draft = station.keep_draft(words(patient, text)).await.unwrap();
        station.sign_note(draft.id).await.unwrap().reference
    };
    let before = write("p1", "before").await;
    let prepared = station.keep_draft(words("p1", "prepared")).await.unwrap();
    station.admit_to_visit(VISIT.into()).await.unwrap();
    let during = write("p1", "during").await;
    let prepared = station.sign_note(prepared.id).await.unwrap().reference;
    let other = write("p2", "about somebody else").await;
    bench.settle().await;

    // The network goes: the computer knows by itself which visit it is in.
    bench.server.be_reachable(false);
    let cut_off = write("p1", "cut off").await;
    bench.server.be_reachable(true);
    station.sync_now().await.unwrap();
    bench.settle().await;

    // Begun in the visit, finished and signed when it is over.
    let draft = station.keep_draft(words("p1", "begun")).await.unwrap();
    station.end_visit(VISIT.into()).await.unwrap();
    let mut more = words("p1", "begun, and finished");
    more.id = Some(draft.id);
    let draft = station.keep_draft(more).await.unwrap();
    let late = station.sign_note(draft.id).await.unwrap().reference;
    let after = write("p1", "after").await;
    bench.settle().await;

    let visit = json!([{"reference": "Encounter/visit-visit-p1"}]);
    for (note, wanted) in [
        (&before, &Value::Null),
        (&during, &visit),
        // Begun before, signed in it.
        (&prepared, &visit),
        (&other, &Value::Null),
        (&cut_off, &visit),
        (&late, &visit),
        (&after, &Value::Null),
    ] {
        assert_eq!(named(&bench, note), *wanted, "{note}");
    }
    for (record, _) in bench.server.records.lock().unwrap().iter() {
        if record["resourceType"] == "DocumentReference" {
            fhir::validate::Validator::new().validate(record).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_a_visit_that_nobody_ended_claims_no_notes_of_the_next_day() {
    let bench = waiting().await;
    let station = &bench.workstation;
    station.admit_to_visit(VISIT.into()).await.unwrap();
    station.end_call(VISIT.into()).await.unwrap();
    bench.settle().await;
    station.lock().await.unwrap();
    bench.clock.pass(Duration::from_secs(13 * 3_600));
    station.unlock(unlock_form("ada", "right")).await.unwrap();
    let draft = station.keep_draft(words("p1", "a day on")).await.unwrap();
    let note = station.sign_note(draft.id).await.unwrap().reference;
    bench.settle().await;
    assert_eq!(named(&bench, &note), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_nothing_is_shown_to_somebody_who_is_not_there() {
    let bench = waiting().await;
    let refused = async || {
        let shown = bench.workstation.share_screen("screen:0".into()).await;
        shown.unwrap_err().code
    };
    assert_eq!(refused().await, "share-no-call");
    // The patient was asked in, and no connection stands yet.
    bench
        .workstation
        .admit_to_visit(VISIT.into())
        .await
        .unwrap();
    assert_eq!(refused().await, "share-no-call");
    bench.workstation.stop_sharing().await.unwrap();
    assert_eq!(bench.server.visits.acts(), ["admit"]);
    let call = bench.workstation.call().await.unwrap().unwrap();
    assert_eq!(call.sharing, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_a_visit_that_the_server_refuses_leaves_no_encounter() {
    let bench = waiting().await;
    let station = &bench.workstation;
    let sent = |what: &str| {
        let records = bench.server.records.lock().unwrap();
        records
            .iter()
            .any(|(record, _)| record["resourceType"] == what)
    };
    bench.server.visits.closed.store(true, Ordering::Relaxed);
    station.admit_to_visit(VISIT.into()).await.unwrap_err();
    assert!(station.call().await.unwrap().is_none());
    // What is written later is sent later.
    let draft = station.keep_draft(words("p1", "refused")).await.unwrap();
    station.sign_note(draft.id).await.unwrap();
    until("the note is sent", async || sent("DocumentReference")).await;
    assert!(!sent("Encounter"));

    bench.server.visits.closed.store(false, Ordering::Relaxed);
    station.admit_to_visit(VISIT.into()).await.unwrap();
    until("the visit is sent", async || sent("Encounter")).await;
}

fn guest(number: u128, stage: VisitStage) -> GuestState {
    GuestState {
        guest: Uuid::from_u128(number),
        kind: GuestKind::Interpreter,
        stage,
        since: Some(Timestamp::UNIX_EPOCH),
        said: Some("Mira".into()),
        link_until: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_guests_come_in_beside_the_patient_and_go_one_by_one() {
    let bench = waiting().await;
    let station = &bench.workstation;
    let visits = &bench.server.visits;
    let (one, two) = (
        Uuid::from_u128(1).to_string(),
        Uuid::from_u128(2).to_string(),
    );
    let all = |stage| vec![guest(1, stage), guest(2, stage)];
    visits.tell(all(VisitStage::Waiting));
    until("guests wait", async || {
        let view = station.visits(Cause::Refreshed).await.unwrap();
        view.visits[0].guests.len() == 2 && view.visits[0].can_invite
    })
    .await;
    let early = station.admit_guest(VISIT.into(), one.clone()).await;
    assert_eq!(early.unwrap_err().code, "visit-patient-first");

    station.admit_to_visit(VISIT.into()).await.unwrap();
    for guest in [&one, &two] {
        station
            .admit_guest(VISIT.into(), guest.clone())
            .await
            .unwrap();
    }
    let inside = async || {
        let call = station.call().await.unwrap();
        let guests = call.map(|call| call.guests).unwrap_or_default();
        guests.into_iter().map(|one| one.guest).collect::<Vec<_>>()
    };
    // What the server said before they were asked in comes late: they are still being called.
    visits.tell(all(VisitStage::Waiting));
    assert_eq!(inside().await, [one.clone(), two.clone()]);
    visits.tell(all(VisitStage::Talking));
    station
        .end_guest_call(VISIT.into(), one.clone())
        .await
        .unwrap();
    assert_eq!(inside().await, std::slice::from_ref(&two));

    // The second one is not in the visit any more.
    visits.tell(vec![guest(1, VisitStage::Waiting)]);
    until("the second guest is let go of", async || {
        inside().await.is_empty()
    })
    .await;
    assert!(station.call().await.unwrap().is_some());
    station
        .dismiss_guest(VISIT.into(), one.clone())
        .await
        .unwrap();
    station.end_call(VISIT.into()).await.unwrap();
    let acts = [
        "admit",
        "admit 1",
        "admit 2",
        "end-call 1",
        "end-visit 1",
        "end-call",
    ];
    assert_eq!(visits.acts(), acts);
    let wrong = station.dismiss_guest(VISIT.into(), "nobody".into()).await;
    assert_eq!(wrong.unwrap_err().code, "visit-unknown");
}
