//! The script that a package runs before it is removed.

use std::path::Path;
use std::process::Command;

/// Runs it as the package's tool does, with stand-ins for what it calls. Gives what was called.
fn removed(argument: &str, homes: &Path, answer: i32) -> String {
    use std::os::unix::fs::PermissionsExt;
    let tools = tempfile::tempdir().unwrap();
    let calls = tools.path().join("calls");
    let ada = homes.join("ada");
    let bob = homes.join("bob");
    let passwd = format!(
        "ada:x:1001:1001:Ada:{}:/bin/sh\nbob:x:1002:1002:Bob:{}:/bin/sh",
        ada.display(),
        bob.display()
    );
    for (name, text) in [
        ("getent", format!("printf '%s\\n' '{passwd}'\n")),
        (
            "runuser",
            format!("echo \"$@\" >> '{}'\nexit {answer}\n", calls.display()),
        ),
        ("rounds", "exit 0\n".to_owned()),
    ] {
        let path = tools.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../installer/before-removal.sh"
    );
    let path = format!(
        "{}:{}",
        tools.path().display(),
        std::env::var("PATH").unwrap()
    );
    let ended = Command::new("sh")
        .args([script, argument])
        .env("PATH", path)
        .env("ROUNDS_PROGRAM", tools.path().join("rounds"))
        .output()
        .unwrap();
    // A package that cannot be removed would be worse.
    assert!(ended.status.success(), "{ended:?}");
    std::fs::read_to_string(calls).unwrap_or_default()
}

#[cfg(unix)]
#[test]
fn w7_removing_the_package_erases_each_users_profiles_and_upgrading_does_not() {
    let homes = tempfile::tempdir().unwrap();
    let profiles = homes.path().join("ada/.local/share/rounds/profiles");
    std::fs::create_dir_all(profiles).unwrap();
    std::fs::create_dir_all(homes.path().join("bob")).unwrap();
    // deb says remove, rpm says how many versions are left.
    for argument in ["remove", "0"] {
        for answer in [0, 1] {
            let calls = removed(argument, homes.path(), answer);
            assert_eq!(calls.lines().count(), 1, "{calls}");
            assert!(calls.starts_with("-u ada -- "), "{calls}");
            assert!(
                calls.trim_end().ends_with("/rounds --erase-profiles"),
                "{calls}"
            );
        }
    }
    for argument in ["upgrade", "failed-upgrade", "deconfigure", "1", "2", ""] {
        assert_eq!(removed(argument, homes.path(), 0), "", "{argument}");
    }
}
