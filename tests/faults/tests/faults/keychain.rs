//! The desktop's real keychain (GNOME Keyring on a bus of its own): locked, unlocked late, gone,
//! and emptied. Each is said in its own way, and unsent work survives them all.

use std::path::Path;
use std::process::Command;

use acceptance::desktop::Desktop;
use faults::desk::{Act, Order, Said};
use vault::recovery::RecoverySecret;
use workstation::profile::Places;

use crate::clinic::{Clinic, done, enrol, inspect, order, unlock};
use crate::process::{Process, json};

const SERVICE: &str = "/org/freedesktop/secrets";

fn desk(clinic: &Clinic, desktop: &Desktop, folder: &Path) -> Process<Said> {
    let mut command = desktop.command(env!("CARGO_BIN_EXE_faults-desk"));
    command
        .arg(folder)
        .arg(clinic.platform.base_url())
        .arg(clinic.platform.ca())
        .arg("secret-service")
        .env("ROUNDS_LOG", "error");
    let desk = Process::start(&mut command, json);
    assert_eq!(desk.hear(), Some(Said::Ready));
    desk
}

/// Calls the Secret Service, and returns what was printed.
fn call(desktop: &Desktop, path: &str, method: &str, arguments: &[&str]) -> String {
    let mut command: Command = desktop.command("dbus-send");
    command
        .args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
        ])
        .args([path, method])
        .args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{method}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn empty(desktop: &Desktop) {
    let found = call(
        desktop,
        SERVICE,
        "org.freedesktop.Secret.Service.SearchItems",
        &["dict:string:string:service,rounds"],
    );
    let items: Vec<&str> = found
        .split('"')
        .filter(|text| text.starts_with("/org/freedesktop/secrets/collection/"))
        .collect();
    assert_eq!(items.len(), 2, "{found}");
    for item in items {
        call(desktop, item, "org.freedesktop.Secret.Item.Delete", &[]);
    }
}

#[test]
fn w3_the_real_keychain_locked_late_gone_and_emptied_loses_nothing() {
    let mut desktop = match Desktop::start(None) {
        Ok(desktop) => desktop,
        Err(reason) => {
            println!("skipped: this machine has no desktop for tests: {reason}");
            return;
        }
    };
    let mut clinic = Clinic::start([("Okafor", "Ngozi"), ("Okafor", "Ben")]);
    let user = clinic.add_user("ada");
    let folder = tempfile::tempdir().unwrap();
    let mut desk = desk(&clinic, &desktop, folder.path());
    done(&mut desk, &enrol(&user));
    clinic.platform.kill_server();
    let typed = Order::Act(Act::Type {
        patient: "p1".to_owned(),
        text: "never sent".to_owned(),
    });
    done(&mut desk, &typed);
    done(&mut desk, &Order::Lock);

    let places = Places {
        profiles: folder.path().join("profiles"),
        config: folder.path().join("config"),
    };
    let (profile, slots) = places.existing().remove(0);
    let refused = |desk: &mut Process<Said>| {
        let before = std::fs::read(profile.cache()).unwrap();
        let said = order(desk, &unlock(&user, true));
        let Said::Fault(code) = said else {
            panic!("{said:?}");
        };
        let now = std::fs::read(profile.cache()).unwrap();
        assert!(now == before, "the cache was touched: {code}");
        code
    };
    let opens = |desk: &mut Process<Said>| {
        done(desk, &unlock(&user, true));
        assert_eq!(inspect(desk).drafts["p1"], "never sent");
        done(desk, &Order::Lock);
    };

    let locked = "array:objpath:/org/freedesktop/secrets/collection/login";
    let lock = "org.freedesktop.Secret.Service.Lock";
    call(&desktop, SERVICE, lock, &[locked]);
    // It asks somebody to unlock it, here with nobody to see the question.
    let code = refused(&mut desk);
    assert!(
        ["keychain-locked", "keychain-silent"].contains(&code.as_str()),
        "{code}"
    );
    // Unlocked late: the same program goes on.
    desktop.stop_keychain();
    desktop.start_keychain().unwrap();
    opens(&mut desk);

    desktop.stop_keychain();
    assert_eq!(refused(&mut desk), "keychain-absent");
    desktop.start_keychain().unwrap();
    empty(&desktop);
    assert_eq!(refused(&mut desk), "keychain-no-entry");

    // What is left then is the organisation's recovery secret.
    let report = &clinic.platform.state().init_report;
    let secret = report["recovery_secret"].as_str().unwrap();
    let secret = RecoverySecret::parse(secret).unwrap();
    let unsent =
        workstation::recovered::unsent(&profile, &slots, &secret, &profile.cache()).unwrap();
    assert_eq!(unsent.drafts[0].body["subjective"], "never sent");
}
