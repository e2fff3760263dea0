//! Workstations and a real server over TLS. Names begin with the row that a test shows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../server/tests/platform/browser.rs"]
mod browser;
mod clinic;
mod guarded;
#[path = "../../../../server/tests/platform/node.rs"]
mod node;
mod organisation;
mod restored;
mod same_person;
mod scoped;
mod wiped;

use std::time::Duration;

use workstation::view::chart::VitalsForm;
use workstation::view::conflict::Choice;
use workstation::view::note::DraftForm;
use workstation::view::schedule::{BookingForm, Progress};
use workstation::view::session::Connection;
use workstation::view::{Cause, Standing};

use clinic::{Clinic, Desk, shared};

#[tokio::test(flavor = "multi_thread")]
async fn s8_enrol_fill_work_off_line_and_everything_arrives_once() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    let station = &ada.station;
    let chart = station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    assert_eq!(chart.patient.mrn.as_deref(), Some("MRN-p1"));

    clinic.platform.kill_server();
    let draft = station
        .keep_draft(DraftForm {
            id: None,
            patient: "p1".into(),
            subjective: "coughs".into(),
            objective: String::new(),
            assessment: String::new(),
            plan: "rest".into(),
        })
        .await
        .unwrap();
    let note = station.sign_note(draft.id).await.unwrap();
    station
        .add_vitals(VitalsForm {
            patient: "p1".into(),
            systolic: Some(120.0),
            diastolic: Some(80.0),
            heart_rate: None,
            respiratory_rate: None,
            temperature: None,
            oxygen_saturation: Some(98.0),
            weight: None,
            height: None,
        })
        .await
        .unwrap();
    let booked = station.book(clinic::booking("p2", "dr1", 3)).await.unwrap();
    let id = booked
        .reference
        .strip_prefix("Appointment/")
        .unwrap()
        .to_owned();
    ada.until(|station| async move {
        let view = station.sync_view().await.unwrap();
        view.connection == Connection::Offline && view.to_send == 3
    })
    .await;

    clinic.platform.start_server().unwrap();
    ada.settle().await;
    let chart = station
        .open_chart("p1".into(), Cause::Refreshed)
        .await
        .unwrap();
    assert_eq!(chart.notes[0].reference, note.reference);
    assert_eq!(chart.notes[0].standing, Standing::Confirmed);

    // A second computer sees it all, once.
    let bob = Desk::enrolled(&mut clinic, "bob", "nurse", None).await;
    bob.justify("p1").await;
    let chart = bob
        .station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    assert_eq!(chart.notes.len(), 1);
    assert_eq!(
        chart
            .vitals
            .iter()
            .filter(|series| series.code == "8480-6")
            .count(),
        1
    );
    let day = clinic::day(3);
    let schedule = bob.station.schedule(day, 1, Cause::Opened).await.unwrap();
    assert_eq!(schedule.appointments.len(), 1);
    assert_eq!(schedule.appointments[0].id, id);
    bob.station
        .set_progress(id.clone(), Progress::Arrived)
        .await
        .unwrap();
    bob.settle().await;
    // It comes by the server's push, without being asked for.
    let day = clinic::day(3);
    ada.until(|station| {
        let day = day.clone();
        async move {
            let schedule = station.schedule(day, 1, Cause::Refreshed).await.unwrap();
            schedule.appointments[0].progress == Progress::Arrived
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_disjoint_edits_merge_and_touching_ones_are_both_kept() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    let bob = Desk::enrolled(&mut clinic, "bob", "front-desk", None).await;

    // Both edit the same patient without knowing of each other.
    let mut mine = ada.station.patient_form("p1".into()).await.unwrap();
    let mut theirs = bob.station.patient_form("p1".into()).await.unwrap();
    mine.phone = "555-0001".into();
    theirs.city = "Shelbyville".into();
    ada.station.save_patient(mine).await.unwrap();
    bob.station.save_patient(theirs).await.unwrap();
    ada.settle().await;
    bob.settle().await;
    for desk in [&ada, &bob] {
        desk.until(|station| async move {
            let form = station.patient_form("p1".into()).await.unwrap();
            form.phone == "555-0001" && form.city == "Shelbyville"
        })
        .await;
    }

    // Now the same element, with the server away until both have written.
    clinic.platform.kill_server();
    for (desk, phone) in [(&ada, "555-1111"), (&bob, "555-2222")] {
        let mut form = desk.station.patient_form("p1".into()).await.unwrap();
        form.phone = phone.into();
        desk.station.save_patient(form).await.unwrap();
    }
    clinic.platform.start_server().unwrap();
    let (winner, loser) = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        for (a, b) in [(&ada, &bob), (&bob, &ada)] {
            a.station.sync_now().await.unwrap();
            if !b
                .station
                .inbox(Cause::Opened)
                .await
                .unwrap()
                .conflicts
                .is_empty()
            {
                break;
            }
        }
        let ada_has = !ada
            .station
            .inbox(Cause::Opened)
            .await
            .unwrap()
            .conflicts
            .is_empty();
        let bob_has = !bob
            .station
            .inbox(Cause::Opened)
            .await
            .unwrap()
            .conflicts
            .is_empty();
        match (ada_has, bob_has) {
            (true, false) => break (&bob, &ada),
            (false, true) => break (&ada, &bob),
            (true, true) => panic!("both wait"),
            (false, false) => {}
        }
    };
    let conflict = loser
        .station
        .inbox(Cause::Opened)
        .await
        .unwrap()
        .conflicts
        .remove(0);
    let touching: Vec<_> = conflict
        .fields
        .iter()
        .filter(|field| field.touching)
        .collect();
    assert_eq!(touching.len(), 1, "{:?}", conflict.fields);
    let both = format!("{:?} {:?}", touching[0].mine, touching[0].theirs);
    assert!(
        both.contains("555-1111") && both.contains("555-2222"),
        "{both}"
    );
    let shown = touching[0].mine.clone().unwrap_or_default();
    let mine = ["555-1111", "555-2222"]
        .into_iter()
        .find(|phone| shown.contains(phone))
        .unwrap();
    loser
        .station
        .settle_conflict(conflict.id, Choice::KeepMine)
        .await
        .unwrap();
    loser.settle().await;
    winner
        .until(
            |station| async move { station.patient_form("p1".into()).await.unwrap().phone == mine },
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_of_two_bookings_of_one_time_the_second_is_refused_clearly() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    let bob = Desk::enrolled(&mut clinic, "bob", "front-desk", None).await;
    clinic.platform.kill_server();
    ada.station
        .book(clinic::booking("p1", "dr1", 5))
        .await
        .unwrap();
    bob.station
        .book(BookingForm {
            reason: "Other".into(),
            ..clinic::booking("p2", "dr1", 5)
        })
        .await
        .unwrap();
    clinic.platform.start_server().unwrap();
    let refused = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut refused = Vec::new();
        for desk in [&ada, &bob] {
            desk.station.sync_now().await.unwrap();
            refused.extend(desk.station.inbox(Cause::Opened).await.unwrap().refused);
        }
        if !refused.is_empty() {
            break refused;
        }
    };
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].code, "time-taken");
    assert!(!refused[0].reason.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_certificate_gets_no_password() {
    let clinic = shared();
    let stranger = testbed::Authority::in_folder(&clinic.folder.path().join("stranger")).unwrap();
    let desk = Desk::with_ca(&stranger.ca);
    let fault = desk
        .try_enrol(&clinic.url, "ada", "password", "123456")
        .await
        .unwrap_err();
    assert_eq!(fault.code, "certificate-untrusted");
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_session_that_was_ended_asks_for_the_password_and_work_goes_on() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    clinic
        .platform
        .operator(&["user", "end-sessions", "--username", "ada"], None)
        .unwrap();
    ada.station.sync_now().await.unwrap();
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        station.sync_view().await.unwrap().connection == Connection::SignInNeeded
    })
    .await;
    ada.station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    ada.unlock().await.unwrap();
    ada.until(|station| async move {
        station.sync_view().await.unwrap().connection == Connection::Online
    })
    .await;
    let fault = ada
        .try_enrol(&clinic.url, "ada", "wrong", "123456")
        .await
        .unwrap_err();
    assert_eq!(fault.code, "credentials-wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_records_open_in_the_chart() {
    let Some(folder) = clinic::foreign() else {
        eprintln!("skipped: no foreign records here");
        return;
    };
    let mut clinic = Clinic::start();
    let report = clinic.platform.import(&folder).unwrap();
    assert_eq!(
        report["failed"].as_array().map(Vec::len),
        Some(0),
        "{report}"
    );
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", None).await;
    let page = ada.station.find_patients(String::new(), 200).await.unwrap();
    let foreign: Vec<_> = page
        .rows
        .iter()
        .filter(|row| !matches!(row.id.as_str(), "p1" | "p2" | "p3"))
        .collect();
    assert_eq!(
        foreign.len() as u64,
        report["imported"]["Patient"].as_u64().unwrap()
    );
    for row in foreign {
        ada.justify(&row.id).await;
        let chart = ada
            .station
            .open_chart(row.id.clone(), Cause::Opened)
            .await
            .unwrap();
        assert!(!chart.encounters.is_empty(), "{}", row.id);
        assert!(
            !chart.vitals.is_empty() || !chart.labs.is_empty(),
            "{}",
            row.id
        );
        assert!(
            chart
                .problems
                .iter()
                .all(|line| line.text != "Unnamed problem")
        );
        assert!(
            chart
                .medications
                .iter()
                .all(|line| line.text != "Unnamed medication")
        );
        assert!(chart.encounters.iter().all(|line| line.start.is_some()));
        for note in chart.notes.iter().take(2) {
            ada.station.note(note.reference.clone()).await.unwrap();
        }
    }
}
