//! The virtual desktop itself: without it every other failure would be misread.

use std::io::Write;
use std::process::Stdio;

use acceptance::desktop::Desktop;

#[test]
fn a_secret_survives_the_keychains_restart_and_stays_in_its_own_home() {
    let mut desktop = Desktop::start(None).expect("desktop starts");
    let mut store = desktop
        .command("secret-tool")
        .args(["store", "--label=probe", "service", "probe"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("secret-tool runs");
    store
        .stdin
        .take()
        .expect("piped")
        .write_all(b"kept")
        .expect("written");
    assert!(store.wait().expect("ends").success());

    desktop.stop_keychain();
    desktop.start_keychain().expect("keychain starts again");

    let found = desktop
        .command("secret-tool")
        .args(["lookup", "service", "probe"])
        .output()
        .expect("secret-tool runs");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "kept");

    let other = Desktop::start(None).expect("a second desktop starts");
    let found = other
        .command("secret-tool")
        .args(["lookup", "service", "probe"])
        .output()
        .expect("secret-tool runs");
    assert!(
        found.stdout.is_empty(),
        "one desktop's secrets are not another's"
    );
}
