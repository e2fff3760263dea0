//! Locking, and what is there again afterwards.

use std::time::Duration;

use workstation::view::Cause;
use workstation::view::note::DraftForm;
use workstation::view::session::{Connection, Phase, SettingsForm, Theme};

use crate::mock::{Bench, enrol_form, unlock_form};
use crate::records::clinic;

#[tokio::test(flavor = "multi_thread")]
async fn w4_idleness_locks_and_activity_does_not() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    bench.clock.pass(Duration::from_secs(400));
    station.note_activity().await.unwrap();
    bench.clock.pass(Duration::from_secs(400));
    assert!(!station.lock_if_idle().await);
    bench.clock.pass(Duration::from_secs(201));
    // The watch or this call, whichever comes first.
    station.lock_if_idle().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(station.session_view().await.unwrap().phase, Phase::Locked);
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_a_shorter_time_may_be_chosen_and_a_longer_one_not() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let wish = |idle_minutes| SettingsForm {
        theme: Theme::Dark,
        idle_minutes,
    };
    let fault = station.save_settings(wish(11)).await.unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("invalid", Some("idleMinutes"))
    );
    station.save_settings(wish(2)).await.unwrap();
    bench.clock.pass(Duration::from_secs(121));
    station.lock_if_idle().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(station.session_view().await.unwrap().phase, Phase::Locked);
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_the_locked_program_answers_no_data_command() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    station.lock().await.unwrap();
    let p1 = || "p1".to_owned();
    let codes = [
        station.today(Cause::Opened).await.map(drop),
        station.find_patients("a".into(), 5).await.map(drop),
        station.patient_form(p1()).await.map(drop),
        station.open_chart(p1(), Cause::Opened).await.map(drop),
        station.note("DocumentReference/x".into()).await.map(drop),
        station.draft(p1()).await.map(drop),
        station
            .schedule("2026-01-05".into(), 1, Cause::Opened)
            .await
            .map(drop),
        station.inbox(Cause::Opened).await.map(drop),
        station.activity(5).await.map(drop),
        station.settings_view().await.map(drop),
        station.sync_view().await.map(drop),
    ]
    .map(|answer| answer.unwrap_err().code);
    assert!(codes.iter().all(|code| code == "locked"), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_drafts_are_intact_after_locking_and_w8_after_a_kill() {
    let bench = Bench::enrolled(clinic()).await;
    let mut form = DraftForm {
        id: None,
        patient: "p1".into(),
        subjective: "cou".into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    };
    let kept = bench.workstation.keep_draft(form.clone()).await.unwrap();
    form.id = Some(kept.id.clone());
    form.subjective = "coughs since Monday".into();
    bench.workstation.keep_draft(form).await.unwrap();
    // What a killed process leaves: the files as they are, nothing closed.
    let dead = tempfile::tempdir().unwrap();
    let copied = dead
        .path()
        .join("profiles")
        .join(bench.profile().file_name().unwrap());
    std::fs::create_dir_all(&copied).unwrap();
    for entry in std::fs::read_dir(bench.profile()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copied.join(path.file_name().unwrap())).unwrap();
    }
    bench.workstation.lock().await.unwrap();
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
    let again = bench.workstation.draft("p1".into()).await.unwrap().unwrap();
    assert_eq!(again.subjective, "coughs since Monday");
    let today = bench.workstation.today(Cause::Opened).await.unwrap();
    assert_eq!(today.unsigned.len(), 1);

    bench.server.be_reachable(false);
    let risen = crate::mock::station(dead.path(), &bench.keychain, &bench.clock, &bench.server);
    risen.unlock(unlock_form("ada", "right")).await.unwrap();
    let again = risen.draft("p1".into()).await.unwrap().unwrap();
    assert_eq!(
        (again.id, again.subjective.as_str()),
        (kept.id, "coughs since Monday")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_works_in_a_profile() {
    let bench = Bench::enrolled(clinic()).await;
    let second = bench.restarted();
    let fault = second
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "profile-in-use");
    bench.workstation.lock().await.unwrap();
    second.unlock(unlock_form("ada", "right")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_only_the_server_refuses_leaves_work_open() {
    let bench = Bench::enrolled(clinic()).await;
    bench.workstation.lock().await.unwrap();
    bench
        .server
        .passwords
        .lock()
        .unwrap()
        .insert("ada".into(), "changed".into());
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
    let view = bench
        .workstation
        .settled(Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(view.connection, Connection::SignInNeeded);
    assert_eq!(view.fault.unwrap().code, "password-refused");
    bench
        .workstation
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_everything() {
    let bench = Bench::enrolled(clinic()).await;
    let view = bench.workstation.sign_out().await.unwrap();
    assert_eq!(view.phase, Phase::Locked);
    assert!(view.user.is_none());
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
    bench.settle().await;
    let actions = bench.server.actions();
    let out = actions
        .iter()
        .position(|action| action == "signed-out")
        .unwrap();
    assert!(actions[out..].contains(&"unlocked".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_where_somebody_was_is_kept_over_a_lock_and_for_them_alone() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let kept = || async { station.kept_place().await.unwrap() };
    assert_eq!(kept().await, None);
    station.keep_place("chart of 1".into()).await.unwrap();
    station.lock().await.unwrap();
    for refused in [
        station.keep_place("nowhere".into()).await.err(),
        station.kept_place().await.err(),
    ] {
        assert_eq!(refused.unwrap().code, "locked");
    }
    let known = [("bob".to_owned(), "right".to_owned())];
    bench.server.passwords.lock().unwrap().extend(known);
    station.enrol(enrol_form("bob", "right")).await.unwrap();
    assert_eq!(kept().await, None, "somebody else's place");
    station.keep_place("schedule".into()).await.unwrap();
    // Straight from one to the other.
    station.unlock(unlock_form("ada", "right")).await.unwrap();
    assert_eq!(kept().await.as_deref(), Some("chart of 1"));
    let endless = "x".repeat(70_000);
    let fault = station.keep_place(endless).await.unwrap_err();
    assert_eq!(fault.code, "invalid");
}
