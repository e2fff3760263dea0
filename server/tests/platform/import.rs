//! Importing: nothing lost, nothing altered, harmless when repeated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::secret::Secret;
use serde_json::{Value, json};

use crate::support::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_imported_whole_and_once() {
    let mut bench = Bench::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platform/folder");
    let report = bench
        .platform
        .import(&folder)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        report["imported"],
        json!({"Condition": 1, "Observation": 2, "Organization": 1, "Patient": 2, "Practitioner": 1})
    );
    let failed: Vec<(&str, Option<u64>)> = report["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| (failure["file"].as_str().unwrap(), failure["entry"].as_u64()))
        .collect();
    assert_eq!(
        failed,
        [("d-broken.json", None), ("e-lines.ndjson", Some(1))],
        "{report}"
    );

    let again = bench
        .platform
        .import(&folder)
        .unwrap_or_else(|error| panic!("{error}"));
    let mut before = BTreeMap::<String, u64>::new();
    for part in ["imported", "imported_before"] {
        for (kind, number) in again[part].as_object().unwrap() {
            *before.entry(kind.clone()).or_default() += number.as_u64().unwrap();
        }
    }
    assert_eq!(json!(before), report["imported"]);
    assert_eq!(bench.sql("SELECT count(*) FROM resource"), "7");

    // Two bundles bring the same patient id with different content: both are there, and what
    // belongs to each points to it.
    let stored = bench.everything().await;
    let patients: Vec<&Value> = stored
        .iter()
        .filter(|one| one["resourceType"] == "Patient")
        .collect();
    let families: Vec<&Value> = patients
        .iter()
        .map(|one| &one["name"][0]["family"])
        .collect();
    assert_eq!(families.len(), 2);
    for observation in stored
        .iter()
        .filter(|one| one["resourceType"] == "Observation")
    {
        if let Some(reference) = observation["subject"]["reference"].as_str() {
            assert!(
                patients
                    .iter()
                    .any(|one| { format!("Patient/{}", one["id"].as_str().unwrap()) == reference })
            );
        }
    }
    let number = stored
        .iter()
        .find_map(|one| one["valueQuantity"].get("value"));
    assert_eq!(
        number.map(ToString::to_string).as_deref(),
        Some("22.473455427613327"),
        "decimals keep digits"
    );
}

/// The foreign bundles, if they are here: 6,674 resources of 16 types.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_bundles_are_neither_lost_nor_altered() {
    let Some(folder) = foreign() else {
        eprintln!("skipped: ROUNDS_FOREIGN_DATA is not here");
        return;
    };
    let mut bench = Bench::start();
    let report = bench
        .platform
        .import(&folder)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report["failed"], json!([]), "{report}");
    eprintln!("imported in {} s", report["seconds"]);
    let wanted: Vec<Value> = originals(&folder);
    assert_eq!(
        counts(&wanted),
        report["imported"].as_object().unwrap().clone()
    );

    let found = bench.everything().await;
    assert_eq!(counts(&wanted), counts(&found));
    let (mut wanted, mut found) = (canonical(wanted), canonical(found));
    wanted.sort();
    found.sort();
    for (wanted, found) in wanted.iter().zip(&found) {
        assert_eq!(wanted, found);
    }
}

fn foreign() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let folder = std::env::var_os("ROUNDS_FOREIGN_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from)
        .join("synthea");
    folder.is_dir().then_some(folder)
}

fn originals(folder: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let bundle: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let entries = bundle["entry"].as_array().unwrap();
            all.extend(entries.iter().map(|entry| entry["resource"].clone()));
        }
    }
    all
}

fn counts(resources: &[Value]) -> serde_json::Map<String, Value> {
    let mut counts = BTreeMap::<String, u64>::new();
    for resource in resources {
        *counts
            .entry(resource["resourceType"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(kind, number)| (kind, number.into()))
        .collect()
}

/// Without ids, meta that the server sets, and with references reduced to their type.
fn canonical(resources: Vec<Value>) -> Vec<String> {
    resources
        .into_iter()
        .map(|mut resource| {
            let object = resource.as_object_mut().unwrap();
            object.remove("id");
            if let Some(meta) = object.get_mut("meta").and_then(Value::as_object_mut) {
                meta.remove("versionId");
                meta.remove("lastUpdated");
                if meta.is_empty() {
                    object.remove("meta");
                }
            }
            reduce(&mut resource);
            sorted(&resource).to_string()
        })
        .collect()
}

fn reduce(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                match value.as_str() {
                    Some(text) if name == "reference" && !text.starts_with('#') => {
                        *value = Value::from("elsewhere");
                    }
                    _ => reduce(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(reduce),
        _ => {}
    }
}

/// Object members in the order of their names.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let ordered: BTreeMap<&String, Value> = object
                .iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            ordered
                .into_iter()
                .map(|(name, value)| (name.clone(), value))
                .collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The operator's commands refuse what they cannot use, in words.
#[test]
fn commands_say_what_is_wrong() {
    let mut bench = Bench::start();
    bench.user("first", "clinician");
    let run = |arguments: &[&str], input: Option<&str>| {
        bench
            .platform
            .operator(arguments, input)
            .unwrap_err()
            .to_string()
    };
    let add = |username: &str, role: &str, password: &str| {
        run(
            &[
                "user",
                "add",
                "--username",
                username,
                "--role",
                role,
                "--display-name",
                "X",
                "--password-stdin",
            ],
            Some(password),
        )
    };
    assert!(add("FIRST", "nurse", "long enough words").contains("already"));
    assert!(add("second", "wizard", "long enough words").contains("--role"));
    assert!(add("second", "nurse", "short").contains("8 characters"));
    assert!(add("second", "nurse", "password123").contains("everybody"));
    assert!(run(&["user", "disable", "--username", "ghost"], None).contains("no user"));
    assert!(run(&["import", "/nowhere/at/all"], None).contains("cannot be read"));
    assert!(
        run(
            &[
                "init",
                "--clinic",
                "Second",
                "--time-zone",
                "America/New_York"
            ],
            None
        )
        .contains("already")
    );
    assert!(
        run(
            &[
                "init",
                "--clinic",
                "Second",
                "--time-zone",
                "Moon/Tranquility"
            ],
            None
        )
        .contains("time zone")
    );
    // The recovery secret was printed once and opens what is sealed to the public key.
    let report = &bench.platform.state().init_report;
    let secret = Secret::new(report["recovery_secret"].as_str().unwrap().to_owned());
    let secret = vault::recovery::RecoverySecret::parse(secret.expose()).unwrap();
    assert_eq!(
        secret.public().unwrap().to_text(),
        report["recovery_public_key"]
    );
}
