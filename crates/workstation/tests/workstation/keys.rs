//! Keys and the keychain.

use std::path::Path;
use std::sync::Arc;

use workstation::Workstation;
use workstation::profile::Places;
use workstation::profile::slots::Slots;
use workstation::view::note::DraftForm;
use workstation::view::session::{Phase, SessionView};

use crate::mock::{Bench, MockKeychain, Mood, SERVER, enrol_form, station, unlock_form};
use crate::records::{CANARY_NAME, CANARY_NOTE, CANARY_SSN, clinic};

fn typed(patient: &str, text: &str) -> DraftForm {
    DraftForm {
        id: None,
        patient: patient.into(),
        subjective: text.into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    }
}

async fn unlock(workstation: &Workstation, password: &str) -> Result<SessionView, String> {
    workstation
        .unlock(unlock_form("ada", password))
        .await
        .map_err(|fault| fault.code)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_stolen_profile_folder_without_the_keychain_does_not_open() {
    let bench = Bench::enrolled(clinic()).await;
    bench.workstation.lock().await.unwrap();
    let loot = tempfile::tempdir().unwrap();
    copy(bench.folder.path(), loot.path());
    bench.server.be_reachable(false);
    let empty = Arc::new(MockKeychain::default());
    let thief = station(loot.path(), &empty, &bench.clock, &bench.server);
    assert_eq!(
        unlock(&thief, "right").await,
        Err("keychain-no-entry".into())
    );
    // A keychain of the thief's own making holds some secret, only not this one.
    for account in bench.keychain.entries.lock().unwrap().keys() {
        empty
            .entries
            .lock()
            .unwrap()
            .insert(account.clone(), vec![7; 32]);
    }
    assert_eq!(
        unlock(&thief, "right").await,
        Err("keychain-changed".into())
    );
    assert_eq!(
        thief
            .find_patients(String::new(), 5)
            .await
            .unwrap_err()
            .code,
        "locked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_disk_and_keychain_without_the_password_do_not_open() {
    let bench = Bench::enrolled(clinic()).await;
    bench.workstation.lock().await.unwrap();
    bench.server.be_reachable(false);
    for wrong in ["", "Right", "right ", "wrong"] {
        let fault = bench
            .workstation
            .unlock(unlock_form("ada", wrong))
            .await
            .unwrap_err();
        assert_eq!(
            (fault.code.as_str(), fault.field.as_deref()),
            ("password-wrong", Some("password"))
        );
    }
    assert_eq!(
        unlock(&bench.workstation, "right").await.unwrap().phase,
        Phase::Unlocked
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_the_recovery_key_opens_and_the_unsent_work_is_exported() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_reachable(false);
    bench
        .workstation
        .keep_draft(typed("p1", CANARY_NOTE))
        .await
        .unwrap();
    bench.workstation.lock().await.unwrap();
    // The keychain and the user are gone.
    bench.keychain.entries.lock().unwrap().clear();
    let places = Places {
        profiles: bench.folder.path().join("profiles"),
        config: bench.folder.path().join("config"),
    };
    let (profile, slots) = places.existing().remove(0);
    let unsent =
        workstation::recovered::unsent(&profile, &slots, &bench.server.recovery, &profile.cache())
            .unwrap();
    assert_eq!(unsent.drafts.len(), 1);
    assert!(unsent.drafts[0].body.to_string().contains(CANARY_NOTE));
    assert!(!unsent.audit.is_empty());
    let (other, _) = vault::recovery::keypair().unwrap();
    assert!(workstation::recovered::unsent(&profile, &slots, &other, &profile.cache()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_nothing_readable_lies_on_the_disk() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    station.find_patients(CANARY_NAME.into(), 5).await.unwrap();
    station.keep_draft(typed("p1", CANARY_NOTE)).await.unwrap();
    let mut form = station.patient_form("p1".into()).await.unwrap();
    form.phone = "555-7777".into();
    station.save_patient(form).await.unwrap();
    // While it is open, with its log, and after it was closed.
    for round in ["open", "closed"] {
        for canary in [
            CANARY_NAME,
            CANARY_SSN,
            CANARY_NOTE,
            "555-7777",
            "1980-02-29",
            "MRN-p1",
            "right",
        ] {
            let wide: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
            search(bench.folder.path(), canary.as_bytes(), round, canary);
            search(bench.folder.path(), &wide, round, canary);
        }
        station.lock().await.unwrap();
    }
}

fn search(folder: &Path, canary: &[u8], round: &str, name: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, canary, round, name);
        } else {
            let content = std::fs::read(&path).unwrap();
            let found = content.windows(canary.len()).any(|window| window == canary);
            assert!(!found, "{name} stands in {} while {round}", path.display());
        }
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn w2_nobody_else_may_read_the_profile() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::enrolled(clinic()).await;
    let profile = bench.profile();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&profile), 0o700);
    for entry in std::fs::read_dir(&profile).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_locked_an_absent_and_an_emptied_keychain_each_say_so_and_lose_nothing() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_reachable(false);
    bench
        .workstation
        .keep_draft(typed("p1", "begun before"))
        .await
        .unwrap();
    bench.workstation.lock().await.unwrap();
    let cache = bench.profile().join("cache.db");
    let before = std::fs::read(&cache).unwrap();

    bench.keychain.be(Mood::Locked);
    assert_eq!(
        unlock(&bench.workstation, "right").await,
        Err("keychain-locked".into())
    );
    bench.keychain.be(Mood::Absent);
    assert_eq!(
        unlock(&bench.workstation, "right").await,
        Err("keychain-absent".into())
    );
    bench.keychain.be(Mood::Well);
    let entries = std::mem::take(&mut *bench.keychain.entries.lock().unwrap());
    assert_eq!(
        unlock(&bench.workstation, "right").await,
        Err("keychain-no-entry".into())
    );
    assert_eq!(
        std::fs::read(&cache).unwrap(),
        before,
        "the cache was touched"
    );

    // Unlocked late.
    *bench.keychain.entries.lock().unwrap() = entries;
    unlock(&bench.workstation, "right").await.unwrap();
    let draft = bench.workstation.draft("p1".into()).await.unwrap().unwrap();
    assert_eq!(draft.subjective, "begun before");
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_enrolling_again_keeps_the_old_cache_for_recovery() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_reachable(false);
    bench
        .workstation
        .keep_draft(typed("p1", "never sent"))
        .await
        .unwrap();
    bench.workstation.lock().await.unwrap();
    let old = Slots::read(&bench.profile().join("slots.json")).unwrap();
    bench.keychain.entries.lock().unwrap().clear();
    bench.server.be_reachable(true);
    bench
        .workstation
        .enrol(enrol_form("ada", "right"))
        .await
        .unwrap();
    bench.settle().await;
    let places = Places {
        profiles: bench.folder.path().join("profiles"),
        config: bench.folder.path().join("config"),
    };
    let profile = places.profile(&SERVER.parse().unwrap(), "ada");
    let aside = profile.aside();
    assert_eq!(aside.len(), 1);
    let unsent =
        workstation::recovered::unsent(&profile, &old, &bench.server.recovery, &aside[0]).unwrap();
    assert!(unsent.drafts[0].body.to_string().contains("never sent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_no_enrolment_is_begun_that_the_keychain_cannot_hold() {
    let bench = Bench::new(clinic());
    bench.keychain.be(Mood::Locked);
    let fault = bench
        .workstation
        .enrol(enrol_form("ada", "right"))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "keychain-locked");
    assert_eq!(
        bench.workstation.session_view().await.unwrap().phase,
        Phase::FirstStart
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_two_users_of_one_computer_have_nothing_in_common() {
    let bench = Bench::enrolled(clinic()).await;
    bench
        .server
        .passwords
        .lock()
        .unwrap()
        .insert("bob".into(), "other".into());
    bench.server.be_reachable(false);
    bench
        .workstation
        .keep_draft(typed("p1", "Ada's own"))
        .await
        .unwrap();
    bench.server.be_reachable(true);
    bench
        .workstation
        .enrol(enrol_form("bob", "other"))
        .await
        .unwrap();
    bench.settle().await;
    assert!(
        bench
            .workstation
            .draft("p1".into())
            .await
            .unwrap()
            .is_none()
    );
    let view = bench.workstation.lock().await.unwrap();
    assert_eq!(view.profiles.len(), 2);
    // Bob's password does not open Ada's profile.
    assert_eq!(
        unlock(&bench.workstation, "other").await,
        Err("password-wrong".into())
    );
    unlock(&bench.workstation, "right").await.unwrap();
    assert!(
        bench
            .workstation
            .draft("p1".into())
            .await
            .unwrap()
            .is_some()
    );
}
