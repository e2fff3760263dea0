//! A server that falls back to a backup, and workstations that know what came after it.

use std::time::Duration;

use workstation::Workstation;
use workstation::view::Cause;
use workstation::view::chart::VitalsForm;
use workstation::view::conflict::Choice;
use workstation::view::note::DraftForm;
use workstation::view::patient::PatientForm;
use workstation::view::schedule::Progress;
use workstation::view::session::{Connection, LedgerState};

use crate::clinic::{self, Clinic, Desk};

async fn sign(station: &Workstation, words: &str) {
    let draft = station
        .keep_draft(DraftForm {
            id: None,
            patient: "p1".into(),
            subjective: words.into(),
            objective: String::new(),
            assessment: String::new(),
            plan: String::new(),
        })
        .await
        .unwrap();
    station.sign_note(draft.id).await.unwrap();
}

async fn weigh(station: &Workstation, kilograms: f64) {
    station
        .add_vitals(VitalsForm {
            patient: "p1".into(),
            systolic: None,
            diastolic: None,
            heart_rate: None,
            respiratory_rate: None,
            temperature: None,
            oxygen_saturation: None,
            weight: Some(kilograms),
            height: None,
        })
        .await
        .unwrap();
}

async fn register(station: &Workstation, family: &str) -> String {
    let saved = station
        .save_patient(PatientForm {
            id: None,
            version: None,
            given: "Nia".into(),
            family: family.into(),
            birth_date: "1991-07-02".into(),
            sex: "female".into(),
            mrn: String::new(),
            ssn: String::new(),
            phone: "555-0177".into(),
            email: String::new(),
            street: String::new(),
            city: String::new(),
            state: String::new(),
            postal_code: String::new(),
        })
        .await
        .unwrap();
    saved.reference.trim_start_matches("Patient/").to_owned()
}

async fn edit(station: &Workstation, change: impl FnOnce(&mut PatientForm)) {
    let mut form = station.patient_form("p1".into()).await.unwrap();
    change(&mut form);
    station.save_patient(form).await.unwrap();
}

/// Both gave back what both knew, one of them with what was done since. Nothing that the server has
/// is common to them, so whoever came second is asked; a person sees which side has the later work.
async fn decide(station: &Workstation) -> u32 {
    let mut decided = 0;
    for conflict in station.inbox(Cause::Opened).await.unwrap().conflicts {
        let later = |side: Option<&String>| {
            let side = side.map(|text| text.to_lowercase()).unwrap_or_default();
            side.contains("arrived") || side.contains("shelbyville")
        };
        let mut fields = conflict.fields.iter();
        let choice = if fields.any(|field| later(field.mine.as_ref())) {
            Choice::KeepMine
        } else {
            Choice::KeepTheirs
        };
        let (id, reference) = (conflict.id, conflict.reference);
        assert!(
            reference == "Patient/p1" || reference.starts_with("Appointment/"),
            "{reference}"
        );
        station.settle_conflict(id, choice).await.unwrap();
        decided += 1;
    }
    decided
}

/// What a workstation should show in the end, and what it shows.
async fn shown(desk: &Desk) -> Result<(), String> {
    let station = &desk.station;
    let day = station.schedule(clinic::day(3), 1, Cause::Refreshed).await;
    let form = station.patient_form("p1".into()).await.unwrap();
    let view = station.sync_view().await.unwrap();
    let day = day.unwrap();
    let so = view.to_send == 0
        && view.audit_to_send == 0
        && (form.phone.as_str(), form.city.as_str()) == ("555-0188", "Shelbyville")
        && day.appointments.len() == 1
        && day.appointments[0].progress == Progress::Arrived;
    if so {
        return Ok(());
    }
    let inbox = station.inbox(Cause::Opened).await.unwrap();
    Err(format!(
        "{} {} {:?}\n{view:?}\n{inbox:?}",
        form.phone, form.city, day.appointments
    ))
}

/// The computers sync side by side, as they do when a server comes back, and people decide where
/// they are asked: each waits for what the other gives back. Answers how often somebody was.
async fn meet_again(desks: &[&Desk]) -> u32 {
    let (mut last, mut decided) = (Vec::new(), 0);
    for _ in 0..600 {
        last.clear();
        for desk in desks {
            if desk.station.sync_view().await.unwrap().connection == Connection::SignInNeeded {
                desk.unlock().await.unwrap();
            }
            desk.station.sync_now().await.unwrap();
            decided += decide(&desk.station).await;
            last.extend(shown(desk).await.err());
        }
        if last.is_empty() {
            return decided;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it did not come to be: {}", last.join("\n\n"));
}

/// The records as they were, under a server that was told of it.
fn restore(clinic: &mut Clinic, backup: &str) {
    let platform = &mut clinic.platform;
    platform.kill_server();
    let (database, cluster) = (platform.database(), platform.cluster());
    let sql = |sql: String| cluster.sql("postgres", &sql).unwrap();
    sql(format!("DROP DATABASE {database} WITH (FORCE)"));
    sql(format!("CREATE DATABASE {database} OWNER rounds_owner"));
    cluster.restore(database, backup).unwrap();
    platform
        .operator(&["restored", "--reason", "the disk failed"], None)
        .unwrap();
    platform.start_server().unwrap();
}

/// What the server holds, one number for each question.
fn count(clinic: &Clinic, sql: &str) -> u32 {
    let platform = &clinic.platform;
    let answer = platform.cluster().sql(platform.database(), sql).unwrap();
    answer.trim().parse().unwrap()
}

fn current(clinic: &Clinic, resource_type: &str) -> u32 {
    let sql = format!(
        "SELECT count(*) FROM resource WHERE resource_type = '{resource_type}' AND NOT deleted"
    );
    count(clinic, &sql)
}

fn told(clinic: &Clinic, action: &str) -> u32 {
    let sql = format!("SELECT count(*) FROM audit_event WHERE action = '{action}'");
    count(clinic, &sql)
}

#[tokio::test(flavor = "multi_thread")]
async fn s6_a_server_restored_from_a_backup_is_given_all_that_it_lost() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    let bob = Desk::enrolled(&mut clinic, "bob", "front-desk", None).await;
    sign(&ada.station, "before the backup").await;
    ada.settle().await;
    let backup = clinic
        .platform
        .cluster()
        .dump(clinic.platform.database())
        .unwrap();

    // An hour of work that the server acknowledges, and then loses.
    sign(&ada.station, "after the backup").await;
    weigh(&ada.station, 71.0).await;
    let newcomer = register(&bob.station, "Newcomer").await;
    bob.settle().await;
    let booked = bob
        .station
        .book(clinic::booking(&newcomer, "dr1", 3))
        .await
        .unwrap();
    edit(&bob.station, |form| form.phone = "555-0188".into()).await;
    bob.settle().await;
    ada.settle().await;
    for desk in [&ada, &bob] {
        desk.until(|station| async move {
            station.sync_now().await.unwrap();
            let day = station.schedule(clinic::day(3), 1, Cause::Refreshed).await;
            let form = station.patient_form("p1".into()).await.unwrap();
            day.unwrap().appointments.len() == 1 && form.phone == "555-0188"
        })
        .await;
    }
    let before = ["Patient", "DocumentReference", "Observation", "Appointment"]
        .map(|kind| (kind, current(&clinic, kind)));

    // Off line both go on: on what the server is about to lose, and beside it.
    clinic.platform.kill_server();
    sign(&ada.station, "while it was away").await;
    edit(&ada.station, |form| form.city = "Shelbyville".into()).await;
    let id = booked.reference.trim_start_matches("Appointment/");
    bob.station
        .set_progress(id.to_owned(), Progress::Arrived)
        .await
        .unwrap();
    restore(&mut clinic, &backup);
    assert_eq!(current(&clinic, "Appointment"), 0, "the backup is older");

    let decided = meet_again(&[&ada, &bob]).await;
    for (kind, number) in before {
        let more = u32::from(kind == "DocumentReference");
        assert_eq!(current(&clinic, kind), number + more, "{kind}");
    }
    // A choice says what it chose between, where whoever chose may write that down.
    assert!(current(&clinic, "Provenance") <= decided);
    for desk in [&ada, &bob] {
        let inbox = desk.station.inbox(Cause::Opened).await.unwrap();
        assert!(
            inbox.conflicts.is_empty() && inbox.refused.is_empty() && inbox.unreadable.is_empty(),
            "{inbox:?}"
        );
    }
    // Whoever comes now reads it all from the server.
    let eve = Desk::enrolled(&mut clinic, "eve", "nurse", None).await;
    eve.justify("p1").await;
    let chart = eve
        .station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    assert_eq!(chart.notes.len(), 3, "{:?}", chart.notes);
    let weights = chart.vitals.iter().find(|series| series.code == "29463-7");
    assert_eq!(weights.unwrap().points.len(), 1);
    let day = eve.station.schedule(clinic::day(3), 1, Cause::Opened).await;
    assert_eq!(day.unwrap().appointments[0].progress, Progress::Arrived);

    // So do the events: each once, in the ledger of the life that goes on.
    assert_eq!(told(&clinic, "note-signed"), 3);
    assert_eq!(told(&clinic, "vitals-recorded"), 1);
    assert_eq!(told(&clinic, "patient-registered"), 1);
    assert_eq!(told(&clinic, "appointment-booked"), 1);
    assert_eq!(told(&clinic, "database-restored"), 1);
    // What was signed after the backup is known to the workstations alone. The operator's word
    // explains it: it is said on the screens, and what goes on is verified again.
    for desk in [&ada, &bob] {
        desk.until(|station| async move {
            station.sync_now().await.unwrap();
            let ledger = station.sync_view().await.unwrap().ledger;
            ledger.state == LedgerState::Restored && ledger.words.contains("the disk failed")
        })
        .await;
    }
    let alarmed = || told(&clinic, "ledger-taken-up");
    ada.until(|station| {
        let both = alarmed() == 2;
        async move {
            station.sync_now().await.unwrap();
            both
        }
    })
    .await;
    // Whoever came later has nothing to miss.
    eve.until(|station| async move {
        station.sync_now().await.unwrap();
        station.sync_view().await.unwrap().ledger.state == LedgerState::Verified
    })
    .await;
}
