//! Wiping by order of the server.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use vault::recovery;
use workstation::Notice;
use workstation::profile::Places;
use workstation::view::note::DraftForm;
use workstation::view::session::{Phase, SessionView};

use crate::mock::{Bench, SERVER, enrol_form, unlock_form};
use crate::records::{CANARY_NOTE, clinic};

impl Bench {
    /// An open profile with a draft and a change that were never sent.
    async fn with_unsent_work() -> Self {
        let bench = Self::enrolled(clinic()).await;
        bench.server.be_reachable(false);
        let draft = DraftForm {
            id: None,
            patient: "p1".into(),
            subjective: CANARY_NOTE.into(),
            objective: String::new(),
            assessment: String::new(),
            plan: String::new(),
        };
        bench.workstation.keep_draft(draft).await.unwrap();
        let mut form = bench.workstation.patient_form("p1".into()).await.unwrap();
        form.phone = "555-7777".into();
        bench.workstation.save_patient(form).await.unwrap();
        bench
    }

    fn folder_of_ada(&self) -> PathBuf {
        let places = Places {
            profiles: self.folder.path().join("profiles"),
            config: self.folder.path().join("config"),
        };
        places.profile(&SERVER.parse().unwrap(), "ada").folder
    }

    /// What the server was given, opened with the recovery secret.
    fn saved(&self) -> Value {
        let keys = self.server.keys.lock().unwrap();
        assert_eq!(keys.escrows.len(), 1, "saved once");
        let escrow = &keys.escrows[0];
        let sealed = STANDARD.decode(&escrow.sealed).unwrap();
        let info = format!("rounds/slot/recovery/1\0{}", escrow.profile);
        let plain = recovery::open(&self.server.recovery, info.as_bytes(), &sealed).unwrap();
        serde_json::from_slice(&plain).unwrap()
    }

    fn receipts(&self) -> Vec<bool> {
        self.server.keys.lock().unwrap().receipts.clone()
    }

    async fn until_it_says_something(&self) -> SessionView {
        self.until(|| async {
            let view = self.workstation.session_view().await.unwrap();
            view.notice.is_some().then_some(view)
        })
        .await
    }
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What says how far a wipe came.
fn journal(step: &str, kept: bool) -> String {
    serde_json::json!({"format": 1, "server": SERVER, "number": 1, "step": step, "kept": kept})
        .to_string()
}

fn assert_whole(unsent: &Value) {
    assert!(
        unsent["drafts"][0]["body"]
            .to_string()
            .contains(CANARY_NOTE)
    );
    assert!(unsent["changes"].to_string().contains("555-7777"));
    assert!(!unsent["audit"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_an_open_profile_saves_its_unsent_work_erases_itself_and_says_so() {
    let bench = Bench::with_unsent_work().await;
    bench.workstation.lock().await.unwrap();
    let form = unlock_form("ada", "right");
    bench.workstation.unlock(form).await.unwrap();
    bench.server.keys.lock().unwrap().order_all();
    bench.server.be_reachable(true);
    bench.workstation.sync_now().await.unwrap();
    let view = bench.until_it_says_something().await;
    assert_eq!(view.notice.unwrap().code, "wiped");
    assert_eq!(view.phase, Phase::FirstStart);
    assert_eq!(files(&bench.folder_of_ada()), Vec::<String>::new());
    assert!(bench.keychain.entries.lock().unwrap().is_empty());
    assert_eq!(bench.receipts(), [false]);
    assert_whole(&bench.saved());

    // Enrolled again, the old order means nothing: the device is another one.
    bench.server.keys.lock().unwrap().refuses = None;
    bench
        .workstation
        .enrol(enrol_form("ada", "right"))
        .await
        .unwrap();
    bench.settle().await;
    bench.workstation.lock().await.unwrap();
    bench.workstation.check_in().await;
    let view = bench.workstation.session_view().await.unwrap();
    assert_eq!((view.phase, view.notice), (Phase::Locked, None));
}

/// Held up in the middle of erasing, for as long as it takes to look.
#[tokio::test(flavor = "multi_thread")]
async fn w7_nobody_is_told_that_it_is_erased_before_it_is() {
    let bench = Bench::with_unsent_work().await;
    bench.workstation.lock().await.unwrap();
    let form = unlock_form("ada", "right");
    bench.workstation.unlock(form).await.unwrap();
    let mut notices = bench.workstation.notices();
    bench.server.keys.lock().unwrap().order_all();
    bench.server.be_reachable(true);
    bench.keychain.deleting.shut();
    bench.workstation.sync_now().await.unwrap();
    let erasing = &bench.keychain.deleting;
    bench
        .until(|| async { erasing.holds_somebody().then_some(()) })
        .await;
    let folder = bench.folder_of_ada();
    assert!(files(&folder).contains(&"cache.db".to_owned()));
    let view = bench.workstation.session_view().await.unwrap();
    assert_eq!((view.phase, view.notice), (Phase::Locked, None));
    while let Ok(notice) = notices.try_recv() {
        if let Notice::Session(view) = notice {
            assert_eq!(view.notice, None);
        }
    }

    bench.keychain.deleting.open();
    let view = bench.until_it_says_something().await;
    assert_eq!(
        (view.phase, view.notice.unwrap().code.as_str()),
        (Phase::FirstStart, "wiped")
    );
    assert_eq!(files(&folder), Vec::<String>::new());
    assert_eq!(bench.receipts(), [false]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn w7_what_cannot_be_erased_yet_is_not_said_to_be_erased() {
    let bench = Bench::with_unsent_work().await;
    bench.workstation.lock().await.unwrap();
    bench.server.keys.lock().unwrap().order_all();
    bench.server.be_reachable(true);
    // A folder cannot be overwritten and removed like the file that it stands for.
    let folder = bench.folder_of_ada();
    let lease = folder.join("lease.json");
    let kept = std::fs::read(&lease).unwrap();
    let again = bench.restarted();
    std::fs::write(folder.join("wipe.json"), journal("ordered", false)).unwrap();
    std::fs::remove_file(&lease).unwrap();
    std::fs::create_dir(&lease).unwrap();
    again.check_in().await;
    let view = again.session_view().await.unwrap();
    assert_eq!(view.notice.unwrap().code, "wipe-unfinished");
    assert_eq!(bench.receipts(), [false; 0]);
    let fault = again.unlock(unlock_form("ada", "right")).await.unwrap_err();
    assert_ne!(fault.code, "wiped");
    assert!(!again.door().is_open().await);

    std::fs::remove_dir(&lease).unwrap();
    std::fs::write(&lease, kept).unwrap();
    again.check_in().await;
    let view = again.session_view().await.unwrap();
    assert_eq!(view.notice.unwrap().code, "wiped");
    assert_eq!(files(&folder), ["cache.db", "recovery.json"]);
    assert_eq!(bench.receipts(), [true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_locked_profile_is_left_to_the_recovery_secret_alone() {
    let bench = Bench::with_unsent_work().await;
    bench.workstation.lock().await.unwrap();
    bench.server.keys.lock().unwrap().order_all();
    bench.server.be_reachable(true);
    let again = bench.restarted();
    again.check_in().await;
    let view = again.session_view().await.unwrap();
    assert_eq!(
        (view.phase, view.notice.unwrap().code.as_str()),
        (Phase::FirstStart, "wiped")
    );
    assert_eq!(bench.receipts(), [true]);
    assert!(bench.keychain.entries.lock().unwrap().is_empty());
    let folder = bench.folder_of_ada();
    assert_eq!(files(&folder), ["cache.db", "recovery.json"]);
    let slots: Value =
        serde_json::from_slice(&std::fs::read(folder.join("recovery.json")).unwrap()).unwrap();
    assert!(slots.get("daily").is_none() && slots.get("recovery").is_some());
    let fault = again.unlock(unlock_form("ada", "right")).await.unwrap_err();
    assert_eq!(fault.code, "profile-missing");

    // Nothing is lost.
    let sealed = STANDARD
        .decode(slots["recovery"]["sealed"].as_str().unwrap())
        .unwrap();
    let id = folder.file_name().unwrap().to_str().unwrap();
    let info = format!("rounds/slot/recovery/1\0{id}");
    let key = recovery::open(&bench.server.recovery, info.as_bytes(), &sealed).unwrap();
    let key = cache::CacheKey::new(key.as_slice().try_into().unwrap());
    let cache = cache::Cache::open(&folder.join("cache.db"), &key).unwrap();
    let unsent = cache.read(|cache| cache.unsent()).unwrap();
    assert_whole(&serde_json::to_value(unsent).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_the_password_at_an_expired_lease_still_saves_what_is_unsent() {
    let bench = Bench::with_unsent_work().await;
    bench.workstation.lock().await.unwrap();
    bench.clock.pass(std::time::Duration::from_secs(80 * 3600));
    bench.server.keys.lock().unwrap().order_all();
    bench.server.be_reachable(true);
    let form = unlock_form("ada", "right");
    let fault = bench.workstation.unlock(form).await.unwrap_err();
    assert_eq!(fault.code, "wiped");
    assert_whole(&bench.saved());
    assert_eq!(files(&bench.folder_of_ada()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_what_the_server_does_not_take_stays_sealed_until_it_does() {
    let bench = Bench::with_unsent_work().await;
    bench.workstation.lock().await.unwrap();
    bench.clock.pass(std::time::Duration::from_secs(80 * 3600));
    {
        let mut keys = bench.server.keys.lock().unwrap();
        keys.order_all();
        keys.full = true;
        keys.deaf = true;
    }
    bench.server.be_reachable(true);
    let form = unlock_form("ada", "right");
    let fault = bench.workstation.unlock(form).await.unwrap_err();
    assert_eq!(fault.code, "wiped");
    let folder = bench.folder_of_ada();
    assert_eq!(files(&folder), ["escrow.sealed", "in-use", "wipe.json"]);
    let sealed = std::fs::read(folder.join("escrow.sealed")).unwrap();
    let shown = String::from_utf8_lossy(&sealed);
    assert!(!shown.contains(CANARY_NOTE));
    // The key of the records is gone; the device's is there to give the receipt.
    let accounts: Vec<String> = bench
        .keychain
        .entries
        .lock()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(accounts.len(), 1);
    assert!(accounts[0].ends_with("/device-key"));

    {
        let mut keys = bench.server.keys.lock().unwrap();
        keys.full = false;
        keys.deaf = false;
    }
    let again = bench.restarted();
    again.check_in().await;
    assert_whole(&bench.saved());
    assert_eq!(bench.receipts(), [false]);
    assert_eq!(files(&folder), Vec::<String>::new());
    assert!(bench.keychain.entries.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_killed_at_any_step_it_goes_on_and_loses_nothing() {
    // What each kill leaves: a state of the folder between two steps.
    for step in ["ordered", "saved", "erased"] {
        let bench = Bench::with_unsent_work().await;
        bench.workstation.lock().await.unwrap();
        bench.server.keys.lock().unwrap().order_all();
        bench.server.be_reachable(true);
        let folder = bench.folder_of_ada();
        let journal = |step: &str, kept: bool| {
            std::fs::write(folder.join("wipe.json"), journal(step, kept)).unwrap();
        };
        let slots = std::fs::read(folder.join("slots.json")).unwrap();
        match step {
            "ordered" => journal("ordered", false),
            "saved" => {
                std::fs::write(folder.join("recovery.json"), slots).unwrap();
                // Killed while erasing, too.
                std::fs::remove_file(folder.join("lease.json")).unwrap();
                journal("saved", true);
            }
            _ => {
                std::fs::rename(folder.join("slots.json"), folder.join("recovery.json")).unwrap();
                journal("erased", true);
            }
        }
        let again = bench.restarted();
        let fault = again.unlock(unlock_form("ada", "right")).await.unwrap_err();
        assert_eq!(fault.code, "wiped", "{step}");
        assert_eq!(bench.receipts(), [true], "{step}");
        assert!(bench.keychain.entries.lock().unwrap().is_empty(), "{step}");
        let left = files(&folder);
        assert!(left.contains(&"cache.db".to_owned()), "{step}: {left:?}");
        assert!(left.contains(&"recovery.json".to_owned()), "{step}");
        assert!(!left.contains(&"slots.json".to_owned()), "{step}");
        assert!(!left.contains(&"wipe.json".to_owned()), "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_forged_a_replayed_and_anothers_order_are_not_obeyed() {
    use ed25519_dalek::SigningKey;
    use protocol::device::WipeOrder;
    use protocol::statement::Signed;
    let bench = Bench::with_unsent_work().await;
    bench.workstation.lock().await.unwrap();
    bench.server.be_reachable(true);
    let device = workstation::profile::slots::Slots::read(&bench.profile().join("slots.json"))
        .unwrap()
        .device;
    let order = |device, nonce| WipeOrder {
        tenant: uuid::Uuid::from_u128(1),
        device,
        number: 1,
        nonce,
        issued_at: "2026-01-05T14:30:00Z".parse().unwrap(),
    };
    let server = bench.server.ledger.lock().unwrap().secret.clone();
    let nobody = uuid::Uuid::from_u128(5);
    for replay in [
        // Not the server's key; the right key, but for an earlier question; for another device.
        Signed::sign(&order(device, nobody), &SigningKey::from_bytes(&[9; 32])).unwrap(),
        Signed::sign(&order(device, nobody), &server).unwrap(),
        Signed::sign(&order(nobody, nobody), &server).unwrap(),
    ] {
        bench.server.keys.lock().unwrap().replays = Some(replay);
        bench.workstation.check_in().await;
        let view = bench.workstation.session_view().await.unwrap();
        assert_eq!((view.phase, view.notice), (Phase::Locked, None));
    }
    bench.server.keys.lock().unwrap().replays = None;
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_removing_the_program_leaves_what_the_recovery_secret_opens() {
    let bench = Bench::with_unsent_work().await;
    // In use: not touched.
    let remover = bench.restarted();
    assert_eq!(remover.erase_profiles().await, Err(vec!["profile-in-use"]));
    bench.workstation.lock().await.unwrap();
    assert_eq!(remover.erase_profiles().await, Ok(1));
    assert_eq!(files(&bench.folder_of_ada()), ["cache.db", "recovery.json"]);
    assert!(bench.keychain.entries.lock().unwrap().is_empty());
    assert_eq!(remover.erase_profiles().await, Ok(0));
}
