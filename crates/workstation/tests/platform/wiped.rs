//! Row W7: the operator's word, the workstation's obedience, and what the organisation gets back.

use std::path::{Path, PathBuf};

use serde_json::Value;
use workstation::view::note::DraftForm;
use workstation::view::session::{Connection, Phase};

use crate::clinic::{Clinic, Desk};

const UNSENT_NOTE: &str = "Zymurgist with a lasting cough";
const UNSENT_PHONE: &str = "555-0177";

impl Clinic {
    fn printed(&self, arguments: &[&str], input: Option<&str>) -> Value {
        let printed = self.platform.operator(arguments, input);
        let printed = printed.unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&printed).unwrap()
    }

    /// The one device that a user works on, as the operator sees it.
    fn device_of(&self, user: &str) -> Value {
        let listed = self.printed(&["device", "list"], None);
        let listed = listed.as_array().unwrap();
        let of_user = |device: &&Value| {
            let users = device["users"].as_array().unwrap();
            users.iter().any(|name| name == user)
        };
        listed.iter().find(of_user).unwrap().clone()
    }

    fn device(&self, id: &str) -> Value {
        let listed = self.printed(&["device", "list"], None);
        let mut listed = listed.as_array().unwrap().iter();
        listed
            .find(|device| device["device"] == id)
            .unwrap()
            .clone()
    }

    fn recovered(&self, what: &[&str]) -> Value {
        let secret = self.platform.state().init_report["recovery_secret"].clone();
        let arguments = [&["recovery", "open"], what].concat();
        self.printed(&arguments, Some(secret.as_str().unwrap()))
    }

    /// How many events of an action there are.
    fn recorded(&self, action: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM audit_event WHERE action = '{action}'");
        let cluster = self.platform.cluster();
        let printed = cluster.sql(self.platform.database(), &sql).unwrap();
        printed.trim().parse().unwrap()
    }
}

/// What nobody but this computer has: a draft and a change.
async fn unsent_work(clinic: &mut Clinic, desk: &Desk) {
    clinic.platform.kill_server();
    desk.until(|station| async move {
        station.sync_now().await.unwrap();
        station.sync_view().await.unwrap().connection == Connection::Offline
    })
    .await;
    let draft = DraftForm {
        id: None,
        patient: "p1".into(),
        subjective: UNSENT_NOTE.into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    };
    desk.station.keep_draft(draft).await.unwrap();
    let mut form = desk.station.patient_form("p1".into()).await.unwrap();
    form.phone = UNSENT_PHONE.into();
    desk.station.save_patient(form).await.unwrap();
}

fn assert_whole(unsent: &Value) {
    let drafts = unsent["drafts"].to_string();
    assert!(drafts.contains(UNSENT_NOTE), "{unsent:#}");
    let changes = unsent["changes"].to_string();
    assert!(changes.contains(UNSENT_PHONE), "{unsent:#}");
    assert!(!unsent["audit"].as_array().unwrap().is_empty());
}

/// Files of all profiles, by name.
fn files(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => names.push(path.file_name().unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_revoked_workstation_saves_its_work_erases_itself_and_gives_its_receipt() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    let bob = Desk::enrolled(&mut clinic, "bob", "nurse", None).await;
    unsent_work(&mut clinic, &ada).await;
    let id = clinic.device_of("ada")["device"]
        .as_str()
        .unwrap()
        .to_owned();
    let revoked = clinic.printed(
        &[
            "device", "revoke", "--device", &id, "--wipe", "--reason", "stolen",
        ],
        None,
    );
    assert_eq!(revoked["enrolments_ended"], 1, "{revoked}");
    let ordered = clinic.device(&id);
    assert!(ordered["wipe"]["ordered_at"].is_string() && ordered["wipe"]["done_at"].is_null());
    // Nothing happens before there is contact.
    assert!(files(&ada.profiles()).contains(&"cache.db".to_owned()));

    clinic.platform.start_server().unwrap();
    ada.until(|station| async move {
        // Refused once the session is gone: then there is a notice.
        let _ = station.sync_now().await;
        station.session_view().await.unwrap().notice.is_some()
    })
    .await;
    let view = ada.station.session_view().await.unwrap();
    assert_eq!(view.notice.unwrap().code, "wiped");
    assert_eq!(view.phase, Phase::FirstStart);
    // Nothing but the journal of a receipt that was not taken, until it is.
    let left = files(&ada.profiles());
    assert!(
        left.iter()
            .all(|name| ["in-use", "wipe.json"].contains(&name.as_str())),
        "{left:?}"
    );
    ada.until(|station| {
        let nothing = files(&ada.profiles()).is_empty();
        async move {
            if !nothing {
                station.check_in().await;
            }
            nothing
        }
    })
    .await;
    assert_eq!(ada.keychain.accounts(), [""; 0]);
    let fault = ada.unlock().await.unwrap_err();
    assert_eq!(fault.code, "profile-missing");

    // The receipt is with the order and in the ledger.
    ada.until(|_| {
        let done = clinic.device(&id)["wipe"]["done_at"].is_string();
        async move { done }
    })
    .await;
    let wipe = clinic.device(&id)["wipe"].clone();
    assert_eq!(wipe["kept"], false, "{wipe}");
    for action in ["device-revoked", "work-escrowed", "device-wiped"] {
        assert_eq!(clinic.recorded(action), 1, "{action}");
    }
    // The organisation opens what was never sent; that it did is recorded.
    let unsent = clinic.recovered(&["--escrow", wipe["escrow"].as_str().unwrap()]);
    assert_whole(&unsent);
    assert_eq!(clinic.recorded("recovery-opened"), 1);
    assert_eq!(
        clinic.printed(&["ledger", "verify"], None)["findings"],
        Value::Array(vec![])
    );
    // It was saved, not sent; and the colleague's computer is what it was.
    bob.settle().await;
    let form = bob.station.patient_form("p1".into()).await.unwrap();
    assert_eq!(form.phone, "555-0100");
    // The device is known no more, even with the right password and code.
    assert_eq!(clinic.device(&id)["users"], Value::Array(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_locked_one_keeps_what_only_the_recovery_secret_opens() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    unsent_work(&mut clinic, &ada).await;
    ada.station.lock().await.unwrap();
    let id = clinic.device_of("ada")["device"]
        .as_str()
        .unwrap()
        .to_owned();
    let order = ["device", "revoke", "--device", &id, "--wipe"];
    clinic.printed(&order, None);
    clinic.platform.start_server().unwrap();
    // As the locked program does from time to time.
    ada.until(|station| async move {
        station.check_in().await;
        station.session_view().await.unwrap().notice.is_some()
    })
    .await;
    let view = ada.station.session_view().await.unwrap();
    assert_eq!(view.notice.unwrap().code, "wiped");
    assert_eq!(files(&ada.profiles()), ["cache.db", "recovery.json"]);
    assert_eq!(ada.keychain.accounts(), [""; 0]);
    let wipe = clinic.device(&id)["wipe"].clone();
    assert!(wipe["done_at"].is_string(), "{wipe}");
    assert_eq!(
        (&wipe["kept"], &wipe["escrow"]),
        (&Value::Bool(true), &Value::Null)
    );
    assert_eq!(clinic.recorded("device-wiped"), 1);
    // What a finder has, and what the organisation makes of it.
    let mut folders = std::fs::read_dir(ada.profiles()).unwrap();
    let folder = folders.next().unwrap().unwrap().path();
    assert_whole(&clinic.recovered(&["--profile", folder.to_str().unwrap()]));
    let wrong = vault::recovery::keypair().unwrap().0.to_text().to_string();
    let opened = ["recovery", "open", "--profile", folder.to_str().unwrap()];
    clinic.platform.operator(&opened, Some(&wrong)).unwrap_err();
    assert_eq!(clinic.recorded("recovery-opened"), 1);
}
