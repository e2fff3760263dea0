//! Development platforms start again where they were.

use std::os::unix::fs::PermissionsExt as _;

use testbed::{NewUser, Platform, PlatformOptions};

#[test]
fn a_second_start_on_the_same_folder_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    // The cluster may run as another user.
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let options = || PlatformOptions {
        data: Some(folder.path().join("platform")),
        server: Some(env!("CARGO_BIN_EXE_rounds-server").into()),
        ..PlatformOptions::quick()
    };
    let start = || Platform::start(options()).unwrap_or_else(|error| panic!("{error}"));
    let mut first = start();
    let new = NewUser {
        username: "stays",
        role: "clinician",
        display_name: "Stays",
        password: None,
        practitioner: None,
    };
    let user = first
        .add_user(&new)
        .unwrap_or_else(|error| panic!("{error}"));
    let (base, token) = (first.base_url(), first.token().unwrap());
    let id = first.server_id().unwrap();
    first.keep_note("seed", "7").unwrap();
    drop(first);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());

    let mut second = start();
    assert_eq!(second.base_url(), base);
    assert_eq!(second.token().unwrap(), token);
    assert_eq!(second.users(), [user]);
    assert_eq!(second.note("seed"), Some("7"));
    // An outage of the server alone.
    second.kill_server();
    assert_eq!(second.server_id(), None);
    second
        .start_server()
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(second.server_id().is_some());
}
