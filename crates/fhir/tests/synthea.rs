//! Real records: Synthea's bundles, when they are at hand (`ROUNDS_FOREIGN_DATA`, else
//! `../shared/data` beside the project).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fhir::search::{self, IndexData};
use fhir::validate::Validator;
use fhir::{bundle, compartment, reference, resource};
use serde_json::Value;

fn bundles() -> Vec<Value> {
    let root = std::env::var_os("ROUNDS_FOREIGN_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let Ok(folder) = std::fs::read_dir(root.join("synthea")) else {
        eprintln!("skipped: Synthea's bundles are not here");
        return vec![];
    };
    folder
        .map(|file| serde_json::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()))
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn every_resource_is_valid_found_and_placed() {
    let bundles = bundles();
    if bundles.is_empty() {
        return;
    }
    let validator = Validator::new();
    // Reads the definitions before the clock runs.
    validator
        .validate_entry(&bundles[0]["entry"][0]["resource"])
        .unwrap();
    let (mut count, mut validating, mut extracting) = (0u32, 0u128, 0u128);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for one in bundles.iter().flat_map(bundle::resources) {
        let start = Instant::now();
        let verdict = validator.validate_entry(one);
        validating += start.elapsed().as_nanos();
        assert_eq!(verdict, Ok(()), "{:?}", resource::id(one));
        // urn:uuid: has no meaning outside its bundle.
        let mut names_others = false;
        reference::each_reference(one, |_, text| names_others |= text.starts_with("urn:"));
        assert_eq!(validator.validate(one).is_err(), names_others);

        // As an import stores them.
        let mut stored = one.clone();
        reference::rewrite(&mut stored, |text| {
            // Which type it is matters to the rules; the search takes any.
            text.strip_prefix("urn:uuid:")
                .map(|id| format!("Patient/{id}"))
        });
        let start = Instant::now();
        let found = search::extract(&stored);
        extracting += start.elapsed().as_nanos();
        let has = |param: &str| found.iter().any(|value| value.param == param);
        assert!(has("_id"));
        let kind = resource::resource_type(one).unwrap();
        match kind {
            "Patient" => {
                for param in [
                    "name",
                    "family",
                    "given",
                    "birthdate",
                    "gender",
                    "identifier",
                    "address",
                    "address-city",
                    "phone",
                    "telecom",
                    "language",
                    "deceased",
                ] {
                    assert!(has(param), "{param}");
                }
            }
            "Observation" => {
                for param in [
                    "patient",
                    "subject",
                    "code",
                    "combo-code",
                    "category",
                    "date",
                    "encounter",
                    "status",
                ] {
                    assert!(has(param), "{param}");
                }
                assert_eq!(has("value-quantity"), one.get("valueQuantity").is_some());
                assert_eq!(has("component-code"), one.get("component").is_some());
            }
            "Condition" => assert!(has("onset-date") && has("clinical-status") && has("code")),
            "Encounter" => assert!(has("date") && has("class") && has("status")),
            _ => {}
        }
        if !matches!(kind, "Organization" | "Practitioner") {
            assert!(compartment::patient_of(&stored).is_some(), "{kind}");
        }
        for value in &found {
            assert!(search::param(kind, value.param).is_some());
            if let IndexData::Date { lo, hi } = &value.value {
                assert!(lo < hi);
            }
        }
        count += 1;
        *kinds.entry(kind).or_default() += 1;
    }
    assert_eq!(count, 6674);
    assert_eq!(kinds.len(), 16);
    eprintln!(
        "{count} resources: {:.1} µs each to validate, {:.1} µs to extract",
        validating as f64 / f64::from(count) / 1e3,
        extracting as f64 / f64::from(count) / 1e3
    );
}

#[test]
fn every_bundle_is_valid_as_a_whole() {
    for one in bundles() {
        Validator::new().validate(&one).unwrap();
        assert_eq!(
            bundle::entries(&one).unwrap().len(),
            bundle::resources(&one).count()
        );
    }
}
