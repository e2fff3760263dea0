//! A clinic's day, with the network and without.

use std::time::Duration;

use protocol::sign_in::Role;
use workstation::view::chart::{ProblemForm, VitalsForm};
use workstation::view::note::DraftForm;
use workstation::view::schedule::{BookingForm, MoveForm, Progress};
use workstation::view::session::{Ability, Phase};
use workstation::view::{Cause, Standing};

use crate::mock::{Bench, enrol_form, unlock_form};
use crate::records::{CANARY_NAME, clinic, patient};

fn vitals() -> VitalsForm {
    VitalsForm {
        patient: "p1".into(),
        systolic: Some(128.0),
        diastolic: Some(82.0),
        heart_rate: Some(71.0),
        respiratory_rate: None,
        temperature: Some(37.2),
        oxygen_saturation: None,
        weight: Some(70.5),
        height: None,
    }
}

fn booking(start: &str) -> BookingForm {
    BookingForm {
        patient: "p2".into(),
        practitioner: "dr1".into(),
        start: start.into(),
        minutes: 20,
        reason: "Ear ache".into(),
    }
}

fn note(text: &str) -> DraftForm {
    DraftForm {
        id: None,
        patient: "p1".into(),
        subjective: text.into(),
        objective: "clear chest".into(),
        assessment: "viral".into(),
        plan: "rest".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_c2_today_and_the_chart_show_what_is_there() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let today = station.today(Cause::Opened).await.unwrap();
    assert_eq!(today.date, "2026-01-05");
    assert_eq!(today.appointments.len(), 1);
    let first = &today.appointments[0];
    assert_eq!(first.start, "2026-01-05T10:00:00-05:00");
    assert!(first.patient_name.contains(CANARY_NAME));
    assert_eq!(first.patient_detail, "45 y · female");
    let page = station.find_patients("quetz".into(), 5).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    let chart = station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    assert_eq!(chart.allergies[0].text, "Penicillin");
    assert_eq!(chart.labs[0].points[0].mark.as_deref(), Some("high"));
    assert_eq!(
        station
            .open_chart("nobody".into(), Cause::Opened)
            .await
            .unwrap_err()
            .code,
        "not-found"
    );
    // The chart that was opened comes first among the recent ones.
    let recent = station.find_patients(String::new(), 5).await.unwrap();
    assert_eq!(recent.rows[0].id, "p1");
}

#[tokio::test(flavor = "multi_thread")]
async fn s8_a_whole_day_off_line_arrives_once() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    bench.server.be_reachable(false);

    station.find_patients("ben".into(), 5).await.unwrap();
    station
        .open_chart("p2".into(), Cause::Opened)
        .await
        .unwrap();
    let draft = station.keep_draft(note("# coughs")).await.unwrap();
    let signed = station.sign_note(draft.id).await.unwrap();
    assert_eq!(signed.standing, Standing::Saved);
    assert!(station.draft("p1".into()).await.unwrap().is_none());
    let read = station.note(signed.reference.clone()).await.unwrap();
    assert_eq!(read.sections[0].text, "# coughs");
    assert_eq!(read.line.author.as_deref(), Some("Ada Lovelace"));
    station.add_vitals(vitals()).await.unwrap();
    station
        .add_problem(ProblemForm {
            patient: "p1".into(),
            text: "Essential hypertension".into(),
            snomed: Some("59621000".into()),
            icd10: Some("I10".into()),
            onset: Some("2024-05-01".into()),
        })
        .await
        .unwrap();
    let booked = station
        .book(booking("2026-01-05T16:00:00-05:00"))
        .await
        .unwrap();
    let id = booked
        .reference
        .strip_prefix("Appointment/")
        .unwrap()
        .to_owned();
    let schedule = station
        .schedule("2026-01-05".into(), 1, Cause::Opened)
        .await
        .unwrap();
    let shown = schedule
        .appointments
        .iter()
        .find(|view| view.id == id)
        .unwrap();
    assert_eq!(
        shown.standing,
        Standing::Saved,
        "off line it is requested, never confirmed"
    );
    assert_eq!(schedule.practitioners.len(), 2);
    assert_eq!(schedule.hours.len(), 1);
    station
        .move_appointment(MoveForm {
            id: id.clone(),
            start: "2026-01-05T16:30:00-05:00".into(),
            minutes: 30,
            practitioner: "dr2".into(),
        })
        .await
        .unwrap();
    station
        .set_progress(id.clone(), Progress::Arrived)
        .await
        .unwrap();
    let chart = station
        .open_chart("p1".into(), Cause::Refreshed)
        .await
        .unwrap();
    assert_eq!(chart.notes[0].standing, Standing::Saved);
    assert!(chart.vitals.iter().any(|series| series.code == "8480-6"));
    assert!(chart.problems[0].active);
    let waiting = station.activity(50).await.unwrap().waiting;
    assert_eq!(waiting.len(), 6);

    // Locked, unlocked, and the network comes back.
    station.lock().await.unwrap();
    station.unlock(unlock_form("ada", "right")).await.unwrap();
    bench.server.be_reachable(true);
    station.sync_now().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    station.sync_now().await.unwrap();
    bench.settle().await;
    let keys = bench.server.uploads.lock().unwrap().clone();
    assert_eq!(keys.len(), 6);
    let mut once = keys.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), 6, "something arrived twice");
    let chart = station
        .open_chart("p1".into(), Cause::Refreshed)
        .await
        .unwrap();
    assert_eq!(chart.notes[0].standing, Standing::Confirmed);
    let schedule = station
        .schedule("2026-01-05".into(), 1, Cause::Opened)
        .await
        .unwrap();
    let shown = schedule
        .appointments
        .iter()
        .find(|view| view.id == id)
        .unwrap();
    assert_eq!(shown.standing, Standing::Confirmed);
    assert_eq!(shown.progress, Progress::Arrived);
    assert_eq!(shown.practitioner.as_deref(), Some("dr2"));
    assert_eq!(shown.start, "2026-01-05T16:30:00-05:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_each_view_and_change_is_recorded_once_in_order() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let seen = bench.server.actions().len();
    station.today(Cause::Opened).await.unwrap();
    station.find_patients("ben".into(), 5).await.unwrap();
    station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    let draft = station.keep_draft(note("a")).await.unwrap();
    station.sign_note(draft.id).await.unwrap();
    station.add_vitals(vitals()).await.unwrap();
    station
        .book(booking("2026-01-05T11:00:00-05:00"))
        .await
        .unwrap();
    station
        .cancel_appointment("a1".into(), "Patient is ill".into())
        .await
        .unwrap();
    station
        .schedule("2026-01-05".into(), 1, Cause::Opened)
        .await
        .unwrap();
    station.activity(10).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    bench.settle().await;
    let actions: Vec<String> = bench
        .server
        .actions()
        .into_iter()
        .skip(seen)
        .filter(|action| !matches!(action.as_str(), "uploaded" | "synchronised"))
        .collect();
    assert_eq!(
        actions,
        [
            "today-viewed",
            "patients-searched",
            "chart-opened",
            "draft-begun",
            "note-signed",
            "vitals-recorded",
            "appointment-booked",
            "appointment-cancelled",
            "schedule-viewed",
            "activity-viewed"
        ]
    );
    // Who, whom, why, on which device: as HL7 and BALP shape it.
    let audit = bench.server.audit.lock().unwrap();
    for link in audit.iter() {
        fhir::validate::Validator::new()
            .validate(&link.event)
            .unwrap();
    }
    let glance = |code: &str| {
        audit
            .iter()
            .map(|link| ledger::glance::Glance::of(&link.event).unwrap())
            .find(|glance| glance.action.code() == code)
            .unwrap()
    };
    assert_eq!(glance("chart-opened").patients, ["p1"]);
    assert_eq!(glance("patients-searched").patients, ["p2"]);
    assert_eq!(glance("appointment-booked").patients, ["p2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_refused_access_is_recorded_and_shows_nothing() {
    let bench = Bench::new(clinic());
    *bench.server.role.lock().unwrap() = Role::FrontDesk;
    let view = bench
        .workstation
        .enrol(enrol_form("ada", "right"))
        .await
        .unwrap();
    let abilities = view.user.unwrap().abilities;
    assert!(abilities.contains(&Ability::Book) && !abilities.contains(&Ability::ReadChart));
    bench.settle().await;
    let station = &bench.workstation;
    assert_eq!(
        station
            .open_chart("p1".into(), Cause::Opened)
            .await
            .unwrap_err()
            .code,
        "forbidden"
    );
    assert_eq!(
        station.add_vitals(vitals()).await.unwrap_err().code,
        "forbidden"
    );
    assert_eq!(
        station.keep_draft(note("x")).await.unwrap_err().code,
        "forbidden"
    );
    station.find_patients("ben".into(), 5).await.unwrap();
    let events = station.activity(20).await.unwrap().events;
    assert_eq!(
        events
            .iter()
            .filter(|event| event.action == "chart-opened")
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_a_form_over_a_newer_version_loses_neither_edit() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let mut form = station.patient_form("p1".into()).await.unwrap();
    // Somebody else changes the telephone while the form is open.
    let mut theirs = patient("p1", CANARY_NAME, "Okafor", "1980-02-29");
    theirs["telecom"][0]["value"] = "555-9999".into();
    bench.server.records.lock().unwrap().push((theirs, 2));
    station.sync_now().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    bench.settle().await;
    form.city = "Springfield".into();
    station.save_patient(form).await.unwrap();
    let merged = station.patient_form("p1".into()).await.unwrap();
    assert_eq!(
        (merged.phone.as_str(), merged.city.as_str()),
        ("555-9999", "Springfield")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_an_overlap_that_is_known_here_is_refused_here() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let fault = station
        .book(booking("2026-01-05T10:10:00-05:00"))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("time-taken", Some("start"))
    );
    assert!(fault.what.contains("10:00 to 10:20"), "{}", fault.what);
    station
        .book(booking("2026-01-05T10:20:00-05:00"))
        .await
        .unwrap();
    // A cancelled appointment takes no time.
    station
        .cancel_appointment("a1".into(), "ill".into())
        .await
        .unwrap();
    station
        .book(booking("2026-01-05T10:00:00-05:00"))
        .await
        .unwrap();
    let fault = station
        .cancel_appointment("a1".into(), "again".into())
        .await
        .unwrap_err();
    assert_eq!(fault.code, "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_a_refused_booking_waits_in_the_inbox_and_can_be_undone() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    *bench.server.refuse_uploads.lock().unwrap() = Some("time-taken".into());
    let booked = station
        .book(booking("2026-01-05T12:00:00-05:00"))
        .await
        .unwrap();
    let refused = loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let inbox = station.inbox(Cause::Opened).await.unwrap();
        if let Some(refused) = inbox.refused.into_iter().next() {
            break refused;
        }
    };
    assert_eq!(
        (refused.code.as_str(), refused.reference.as_str()),
        ("time-taken", booked.reference.as_str())
    );
    assert_eq!(refused.reason, "taken");
    assert!(refused.title.contains("Ben"), "{}", refused.title);
    station.give_up_refused(refused.id).await.unwrap();
    assert!(
        station
            .inbox(Cause::Opened)
            .await
            .unwrap()
            .refused
            .is_empty()
    );
    let schedule = station
        .schedule("2026-01-05".into(), 1, Cause::Opened)
        .await
        .unwrap();
    assert_eq!(schedule.appointments.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_the_first_filling_can_be_stopped_and_taken_up() {
    let many: Vec<_> = (0..200)
        .map(|n| patient(&format!("m{n}"), "Many", "Patients", "1990-01-01"))
        .collect();
    let bench = Bench::new(many);
    *bench.server.page_size.lock().unwrap() = 20;
    bench
        .server
        .hold_pages
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let view = bench
        .workstation
        .enrol(enrol_form("ada", "right"))
        .await
        .unwrap();
    assert_eq!(view.phase, Phase::Filling);
    bench.workstation.stop_first_sync().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench
        .server
        .hold_pages
        .store(false, std::sync::atomic::Ordering::SeqCst);
    let stopped = bench
        .workstation
        .settled(Duration::from_secs(60))
        .await
        .unwrap()
        .first
        .unwrap();
    assert!(stopped.stopped && stopped.done < 200, "{stopped:?}");
    assert_eq!(
        bench.workstation.session_view().await.unwrap().phase,
        Phase::Filling
    );
    bench.workstation.resume_first_sync().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.settle().await;
    assert_eq!(
        bench.workstation.session_view().await.unwrap().phase,
        Phase::Unlocked
    );
    assert_eq!(
        bench.workstation.settings_view().await.unwrap().records,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_named_beside_its_field() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let mut form = station.patient_form("p1".into()).await.unwrap();
    form.birth_date = "2026-02-01".into();
    let field = |fault: workstation::view::fault::Fault| fault.field.unwrap();
    assert_eq!(
        field(station.save_patient(form.clone()).await.unwrap_err()),
        "birthDate"
    );
    form.birth_date = "1980-02-29".into();
    form.ssn = "12".into();
    assert_eq!(
        field(station.save_patient(form.clone()).await.unwrap_err()),
        "ssn"
    );
    form.ssn = String::new();
    form.sex = "x".into();
    assert_eq!(field(station.save_patient(form).await.unwrap_err()), "sex");
    let mut late = booking("2031-01-05T10:00:00-05:00");
    assert_eq!(
        field(station.book(late.clone()).await.unwrap_err()),
        "start"
    );
    late.minutes = 1;
    assert_eq!(field(station.book(late).await.unwrap_err()), "minutes");
    let empty = station
        .keep_draft(DraftForm {
            objective: String::new(),
            assessment: String::new(),
            plan: " ".into(),
            ..note(" ")
        })
        .await
        .unwrap();
    assert_eq!(
        station.sign_note(empty.id).await.unwrap_err().code,
        "invalid"
    );
}
