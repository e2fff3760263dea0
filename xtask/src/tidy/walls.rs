//! The walls of ARCHITECTURE.md: who may know whom, and who may touch what.

use serde_json::Value;

use super::source::{File, Tree};
use super::{Finding, at};
use crate::failure::Failure;
use crate::step;

/// Crates that neither wait, nor read a clock, nor touch a disk or a network.
const PURE: &[&str] = &["fhir", "vault", "ledger", "access", "protocol", "sync"];

/// The crates of this workspace that each may know, tests aside. Who is not listed may know all.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("fhir", &[]),
    ("vault", &[]),
    ("access", &["fhir"]),
    ("ledger", &["fhir", "vault"]),
    ("protocol", &["fhir", "ledger", "vault"]),
    ("sync", &["fhir", "vault", "ledger", "access", "protocol"]),
    ("telehealth", &[]),
    (
        "cache",
        &["fhir", "vault", "ledger", "access", "protocol", "sync"],
    ),
    (
        "workstation",
        &[
            "fhir",
            "vault",
            "ledger",
            "access",
            "protocol",
            "sync",
            "cache",
            "telehealth",
        ],
    ),
    ("rounds", &["workstation"]),
    (
        // The cache for one command alone: opening what a lost workstation left.
        "rounds-server",
        &[
            "fhir",
            "vault",
            "ledger",
            "access",
            "protocol",
            "cache",
            "telehealth",
        ],
    ),
    ("synthetic", &[]),
    ("testbed", &[]),
    ("xtask", &["testbed"]),
];

/// Libraries that belong to some alone.
const KEPT: &[(&str, &[&str])] = &[
    ("rusqlite", &["cache", "bench"]),
    ("libsqlite3-sys", &["cache", "bench"]),
    ("tokio-postgres", &["rounds-server", "bench"]),
    ("deadpool-postgres", &["rounds-server"]),
    ("refinery", &["rounds-server"]),
    ("axum", &["rounds-server"]),
    ("cedar-policy", &["access"]),
    ("tauri", &["rounds", "bare-window"]),
    ("keyring-core", &["workstation"]),
    ("webrtc", &["telehealth"]),
    ("openh264", &["telehealth"]),
    ("opus", &["telehealth"]),
    ("cpal", &["telehealth"]),
    ("nokhwa", &["telehealth"]),
    ("sonora", &["telehealth"]),
    ("x11rb", &["telehealth", "calls"]),
];

/// What the pure crates never use.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "hyper",
    "tempfile",
    "nix",
    "tracing-subscriber",
];

/// Text that has no place in the code of the pure crates.
const IMPURE_TEXT: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "ToSocketAddrs",
    "std::process",
    "std::thread",
    "std::env::",
    "SystemTime",
    "std::time::Instant",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "println!",
    "reqwest::",
];

/// Ways out of the window that the interface never takes: what it needs, commands bring.
const WAYS_OUT: &[&str] = &[
    "fetch(",
    "XMLHttpRequest",
    "WebSocket(",
    "EventSource(",
    "sendBeacon(",
    "localStorage",
    "sessionStorage",
    "indexedDB",
];

/// Files of the interface that may, and why.
const ALLOWED_OUT: &[(&str, &str)] = &[
    (
        "ui/clinician/frame/look.ts",
        "light or dark is kept before anybody signed in; it is about nobody",
    ),
    (
        "ui/clinician/visits/pictures.ts",
        "pictures of a call come from the program itself, on this computer: commands have no brakes",
    ),
];

/// What Cargo knows of the workspace and all it depends on, on this system.
pub(super) fn metadata() -> Result<Value, Failure> {
    let system = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let text = step::output(
        "cargo metadata",
        step::cargo([
            "metadata",
            "--format-version",
            "1",
            "--quiet",
            "--filter-platform",
            &system,
        ]),
    )?;
    serde_json::from_str(&text).map_err(|source| Failure::Unreadable {
        what: "cargo metadata".to_owned(),
        source,
    })
}

/// The packages of the workspace.
fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    let members = metadata["workspace_members"]
        .as_array()
        .map_or(&[] as &[Value], Vec::as_slice);
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(move |package| members.contains(&package["id"]))
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap_or_default()
}

/// Dependencies that cross a wall.
pub(super) fn edges(metadata: &Value) -> Vec<Finding> {
    let own: Vec<&str> = members(metadata).map(name).collect();
    let mut findings = Vec::new();
    for package in members(metadata) {
        let from = name(package);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Tests may stand on anything.
            if dependency["kind"] == "dev" {
                continue;
            }
            let to = name(dependency);
            let mut wrong = |what: String| findings.push(Finding::new(from, what));
            let known = MAY_KNOW.iter().find(|(who, _)| *who == from);
            if let (true, Some((_, may))) = (own.contains(&to), known)
                && !may.contains(&to)
            {
                wrong(format!("must not know {to}"));
            }
            let kept = KEPT.iter().find(|(library, _)| *library == to);
            if let Some((_, owners)) = kept
                && !owners.contains(&from)
            {
                wrong(format!("{to} belongs to {} alone", owners.join(", ")));
            }
            if PURE.contains(&from) && IMPURE.contains(&to) {
                wrong(format!("is pure and must not use {to}"));
            }
        }
    }
    findings
}

/// Code that reaches over a wall without a dependency, or by a way of the standard library.
pub(super) fn sources(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut forbid = |files: &mut dyn Iterator<Item = &File>, texts: &[&str], why: &str| {
        for file in files {
            for (line, code) in file.code() {
                for text in texts.iter().filter(|text| uses(code, text)) {
                    findings.push(Finding::new(at(&file.path, line), format!("{text} {why}")));
                }
            }
        }
    };
    for name in PURE {
        let folder = format!("crates/{name}/src/");
        forbid(
            &mut tree.under(&folder, &[".rs"]),
            IMPURE_TEXT,
            "in a pure crate",
        );
    }
    forbid(
        &mut tree.under("src-tauri/src/", &[".rs"]),
        &[
            "rusqlite::",
            "reqwest::",
            "TcpStream",
            "SELECT ",
            "INSERT INTO ",
            "https://",
        ],
        "in the desktop's shell, which knows neither SQL nor HTTP",
    );
    let elsewhere = |owners: &'static [&'static str]| {
        tree.files().filter(move |file| {
            file.path.ends_with(".rs")
                && !file.path.starts_with("xtask/")
                && !owners.iter().any(|owner| file.path.starts_with(owner))
        })
    };
    forbid(
        &mut elsewhere(&["crates/cache/", "tests/bench/"]),
        &["rusqlite::"],
        "outside the cache",
    );
    forbid(
        &mut elsewhere(&["server/", "tests/bench/"]),
        &["tokio_postgres::", "deadpool_postgres::"],
        "outside the server",
    );
    let face = ["ui/clinician/", "ui/shared/"];
    let mut pages = tree.files().filter(|file| {
        face.iter().any(|folder| file.path.starts_with(folder))
            && [".ts", ".tsx", ".html"]
                .iter()
                .any(|ending| file.path.ends_with(ending))
            && !ALLOWED_OUT.iter().any(|(path, _)| *path == file.path)
    });
    forbid(
        &mut pages,
        WAYS_OUT,
        "in the interface: it talks to the program by commands only",
    );
    findings
}

/// Whether the code uses this text as a word of its own: `refetch(` is not `fetch(`.
fn uses(code: &str, text: &str) -> bool {
    let starts_word = text.starts_with(|c: char| c.is_alphanumeric());
    code.match_indices(text).any(|(place, _)| {
        let before = code[..place].chars().next_back();
        !starts_word || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Every crate of the house begins by saying what it never does.
pub(super) fn prohibitions(tree: &Tree, metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    for package in members(metadata) {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let folder = manifest
            .trim_start_matches(root)
            .trim_start_matches('/')
            .trim_end_matches("Cargo.toml");
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| format!("{folder}{file}"));
        let Some(file) = roots.iter().find_map(|path| tree.get(path)) else {
            continue;
        };
        let stated = file
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .any(|line| line.contains("Never"));
        if !stated {
            findings.push(Finding::new(
                &file.path,
                "the crate's documentation does not say what it never does (\"Never: …\")",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tree_of;
    use super::*;

    fn workspace(from: &str, to: &str, kind: Option<&str>) -> Value {
        let ours = MAY_KNOW.iter().any(|(name, _)| *name == to);
        json!({
            "workspace_members": if ours { vec!["a", "b"] } else { vec!["a"] },
            "packages": [
                { "id": "a", "name": from, "dependencies": [{ "name": to, "kind": kind }] },
                { "id": "b", "name": to, "dependencies": [] },
            ],
        })
    }

    #[test]
    fn edges_over_a_wall_are_found() {
        for (from, to) in [
            ("fhir", "vault"),
            ("sync", "cache"),
            ("rounds", "cache"),
            ("workstation", "rusqlite"),
            ("cache", "tokio-postgres"),
            ("ledger", "tokio"),
            ("rounds-server", "workstation"),
        ] {
            let findings = edges(&workspace(from, to, None));
            assert!(!findings.is_empty(), "{from} -> {to}");
        }
    }

    #[test]
    fn edges_of_the_plan_and_of_tests_are_free() {
        assert_eq!(edges(&workspace("cache", "rusqlite", None)), []);
        assert_eq!(edges(&workspace("workstation", "cache", None)), []);
        assert_eq!(edges(&workspace("fhir", "synthetic", Some("dev"))), []);
    }

    #[test]
    fn code_that_reaches_out_is_found_and_comments_and_tests_are_not() {
        let tree = tree_of(&[
            (
                "crates/sync/src/lib.rs",
                "// std::fs is not used\nfn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }",
            ),
            (
                "crates/fhir/src/date.rs",
                "let now = jiff::Timestamp::now();",
            ),
            ("ui/clinician/App.tsx", "refetch();\nawait fetch('/x');"),
            ("src-tauri/src/main.rs", "let q = \"SELECT 1\";"),
        ]);
        let places: Vec<String> = sources(&tree)
            .into_iter()
            .map(|finding| finding.place)
            .collect();
        assert_eq!(
            places,
            [
                "crates/fhir/src/date.rs:1",
                "src-tauri/src/main.rs:1",
                "ui/clinician/App.tsx:2"
            ]
        );
    }
}
