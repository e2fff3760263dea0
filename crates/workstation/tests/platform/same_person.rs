//! One person, registered twice.

use std::time::Duration;

use workstation::view::Cause;
use workstation::view::conflict::Choice;
use workstation::view::patient::{PatientForm, PatientRow};
use workstation::view::same_person::{LikeElement, MergeForm, PairView, TakenField};

use crate::clinic::{self, Clinic, Desk};

fn registration(family: &str, given: &str) -> PatientForm {
    PatientForm {
        id: None,
        version: None,
        given: given.into(),
        family: family.into(),
        birth_date: "1991-05-17".into(),
        sex: "female".into(),
        mrn: String::new(),
        ssn: String::new(),
        phone: "555-0142".into(),
        email: String::new(),
        street: String::new(),
        city: String::new(),
        state: String::new(),
        postal_code: String::new(),
    }
}

async fn registers(desk: &Desk, form: PatientForm) -> String {
    let saved = desk.station.save_patient(form).await.unwrap();
    saved.reference.strip_prefix("Patient/").unwrap().to_owned()
}

async fn pairs(desk: &Desk) -> Vec<PairView> {
    desk.station.inbox(Cause::Refreshed).await.unwrap().pairs
}

/// Until that many pairs wait, and the rail says so.
async fn until_pairs(desk: &Desk, wanted: usize) {
    desk.until(|station| async move {
        let inbox = station.inbox(Cause::Refreshed).await.unwrap();
        let view = station.sync_view().await.unwrap();
        inbox.pairs.len() == wanted && view.duplicates as usize == wanted
    })
    .await;
}

async fn found(desk: &Desk, query: &str) -> Vec<PatientRow> {
    let page = desk.station.find_patients(query.into(), 10).await.unwrap();
    page.rows
}

fn merging(survivor: &PatientRow, replaced: &PatientRow, pair: &PairView) -> MergeForm {
    let version = |row: &PatientRow| {
        [&pair.one, &pair.other]
            .into_iter()
            .find(|side| side.patient.id == row.id)
            .unwrap()
            .version
    };
    MergeForm {
        survivor: survivor.id.clone(),
        survivor_version: version(survivor),
        replaced: replaced.id.clone(),
        replaced_version: version(replaced),
        taken: vec![TakenField {
            element: "address".into(),
            beside: false,
        }],
    }
}

/// Two who registered the same person with the network cut, and see it.
async fn registered_twice() -> (Clinic, Desk, Desk, [String; 2]) {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    let bob = Desk::enrolled(&mut clinic, "bob", "front-desk", None).await;
    clinic.platform.kill_server();
    let by_ada = registers(&ada, registration("Eze", "Chiamaka")).await;
    let mut form = registration("Éze", "chiamaka");
    form.city = "Springfield".into();
    form.street = "4 Mill Lane".into();
    let by_bob = registers(&bob, form).await;
    assert_ne!(by_ada, by_bob);
    clinic.platform.start_server().unwrap();
    for desk in [&ada, &bob] {
        desk.settle().await;
        until_pairs(desk, 1).await;
        let pair = pairs(desk).await.remove(0);
        let mut ids = [pair.one.patient.id.as_str(), pair.other.patient.id.as_str()];
        ids.sort_unstable();
        let mut ours = [by_ada.as_str(), by_bob.as_str()];
        ours.sort_unstable();
        // The clinic has three of one birth date, household and family name, with a given name
        // each: they are not among those that are likely one.
        assert_eq!(ids, ours);
        assert!(
            pair.findings
                .iter()
                .any(|it| it.element == LikeElement::BirthDate)
        );
    }
    (clinic, ada, bob, [by_ada, by_bob])
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_registered_twice_off_line_merged_by_one_seen_by_the_other_and_undone() {
    let (_clinic, ada, bob, [by_ada, by_bob]) = registered_twice().await;
    // Whoever registers them a third time sees both before it is done.
    let likely = bob
        .station
        .likely_duplicates(registration("Eze", "Chiamaka"))
        .await
        .unwrap();
    assert_eq!(likely.iter().filter(|it| it.is_likely).count(), 2);

    // The front desk merges; the address comes along.
    let pair = pairs(&bob).await.remove(0);
    let row = |id: &str| {
        [&pair.one, &pair.other]
            .into_iter()
            .find(|side| side.patient.id == id)
            .unwrap()
            .patient
            .clone()
    };
    let form = merging(&row(&by_ada), &row(&by_bob), &pair);
    bob.station.merge_patients(form.clone()).await.unwrap();
    // Asked twice, it is done once.
    let again = bob.station.merge_patients(form).await.unwrap_err();
    assert_eq!(again.code, "invalid");
    bob.settle().await;
    for desk in [&ada, &bob] {
        until_pairs(desk, 0).await;
        let rows = found(desk, "chiamaka").await;
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, [by_ada.as_str(), by_bob.as_str()]);
        assert_eq!(rows[1].replaced_by.as_ref().unwrap().id, by_ada);
        let inbox = desk.station.inbox(Cause::Refreshed).await.unwrap();
        assert_eq!(inbox.merges[0].replaced.id, by_bob);
        let form = desk.station.patient_form(by_ada.clone()).await.unwrap();
        assert_eq!(form.street, "4 Mill Lane");
    }
    // The chart says where the rest is. Nobody who was not let into it before is by the merge.
    let chart = ada
        .station
        .open_chart(by_ada.clone(), Cause::Opened)
        .await
        .unwrap();
    assert_eq!(chart.earlier.len(), 1);
    assert_eq!(chart.earlier[0].patient.id, by_bob);
    assert!(!chart.earlier[0].shown);
    ada.justify(&by_bob).await;
    // It was not on this computer: opened once by itself, it comes.
    ada.station
        .open_chart(by_bob.clone(), Cause::Opened)
        .await
        .unwrap();
    let chart = ada
        .station
        .open_chart(by_ada.clone(), Cause::Refreshed)
        .await
        .unwrap();
    assert!(chart.earlier[0].shown);
    // Whoever books the one that was merged books the one that stands for it.
    bob.station
        .book(clinic::booking(&by_bob, "dr1", 4))
        .await
        .unwrap();
    let day = bob
        .station
        .schedule(clinic::day(4), 1, Cause::Opened)
        .await
        .unwrap();
    assert_eq!(
        day.appointments[0].patient.as_deref(),
        Some(by_ada.as_str())
    );

    // The other undoes it: both are as before, and the question is open again.
    ada.station.undo_merge(by_bob.clone()).await.unwrap();
    ada.settle().await;
    for desk in [&bob, &ada] {
        until_pairs(desk, 1).await;
        let rows = found(desk, "chiamaka").await;
        assert!(rows.iter().all(|row| row.replaced_by.is_none()));
        let form = desk.station.patient_form(by_ada.clone()).await.unwrap();
        assert_eq!(form.street, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_two_who_were_told_apart_are_not_asked_about_again() {
    let (_clinic, ada, bob, [by_ada, by_bob]) = registered_twice().await;
    ada.station
        .keep_apart(by_ada.clone(), by_bob.clone())
        .await
        .unwrap();
    ada.settle().await;
    until_pairs(&ada, 0).await;
    until_pairs(&bob, 0).await;
    // Whatever is changed later, and whoever comes later.
    let mut form = bob.station.patient_form(by_bob.clone()).await.unwrap();
    form.email = "chiamaka@example.org".into();
    bob.station.save_patient(form).await.unwrap();
    bob.settle().await;
    ada.until(|station| {
        let id = by_bob.clone();
        async move { !station.patient_form(id).await.unwrap().email.is_empty() }
    })
    .await;
    until_pairs(&ada, 0).await;
    until_pairs(&bob, 0).await;
    // A third record is compared with both.
    let third = registers(&ada, registration("Eze", "Chiamaka")).await;
    until_pairs(&ada, 2).await;
    for pair in pairs(&ada).await {
        assert!(
            [&pair.one, &pair.other]
                .iter()
                .any(|side| side.patient.id == third)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_two_who_merge_into_different_survivors_are_asked() {
    let (mut clinic, ada, bob, [by_ada, by_bob]) = registered_twice().await;
    clinic.platform.kill_server();
    for (desk, survivor, replaced) in [(&ada, &by_ada, &by_bob), (&bob, &by_bob, &by_ada)] {
        let pair = pairs(desk).await.remove(0);
        let row = |id: &str| {
            let side = [&pair.one, &pair.other]
                .into_iter()
                .find(|side| side.patient.id == id);
            side.unwrap().patient.clone()
        };
        let form = merging(&row(survivor), &row(replaced), &pair);
        desk.station.merge_patients(form).await.unwrap();
    }
    clinic.platform.start_server().unwrap();
    // Whoever came second has both records in conflict, and keeps what was there.
    let second = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut asked = None;
        for desk in [&ada, &bob] {
            desk.station.sync_now().await.unwrap();
            let inbox = desk.station.inbox(Cause::Refreshed).await.unwrap();
            if inbox.conflicts.len() == 2 {
                asked = Some((desk, inbox.conflicts));
            }
        }
        if let Some(asked) = asked {
            break asked;
        }
    };
    let (desk, conflicts) = second;
    for conflict in conflicts {
        desk.station
            .settle_conflict(conflict.id, Choice::KeepTheirs)
            .await
            .unwrap();
    }
    for desk in [&ada, &bob] {
        desk.until(|station| async move {
            let view = station.sync_view().await.unwrap();
            view.needs_you == 0 && view.to_send == 0
        })
        .await;
        desk.until(|station| async move {
            let page = station.find_patients("chiamaka".into(), 10).await.unwrap();
            page.rows.len() == 2
                && page.rows[0].replaced_by.is_none()
                && page.rows[1].replaced_by.is_some()
        })
        .await;
    }
    assert_eq!(
        found(&ada, "chiamaka").await[0].id,
        found(&bob, "chiamaka").await[0].id
    );
}
