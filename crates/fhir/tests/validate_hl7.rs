//! Validation against HL7's own JSON schema, when it is at hand (`ROUNDS_FOREIGN_DATA`, else
//! `../shared/data` beside the project): what it refuses, we refuse.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixtures;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fhir::validate::Validator;
use fixtures::{appointment, patient, pressure};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// HL7's schema for one type, cut to what it reaches.
fn schema_of(kind: &str, schema: &Value) -> jsonschema::Validator {
    let mut reached = BTreeMap::new();
    let mut open = vec![kind.to_owned()];
    while let Some(name) = open.pop() {
        if reached.contains_key(&name) {
            continue;
        }
        let definition = if name == "ResourceList" {
            json!(true)
        } else {
            schema["definitions"][&name].clone()
        };
        let mut values = vec![&definition];
        while let Some(value) = values.pop() {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(reference)) = map.get("$ref") {
                        open.push(reference.rsplit('/').next().unwrap().to_owned());
                    }
                    values.extend(map.values());
                }
                Value::Array(items) => values.extend(items),
                _ => {}
            }
        }
        reached.insert(name, definition);
    }
    let cut = json!({"$schema": "http://json-schema.org/draft-06/schema#",
        "$ref": format!("#/definitions/{kind}"), "definitions": reached});
    jsonschema::validator_for(&cut).unwrap()
}

fn schemas() -> Option<Vec<(Value, jsonschema::Validator)>> {
    let root = std::env::var_os("ROUNDS_FOREIGN_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(root.join("fhir/fhir.schema.json")) else {
        eprintln!("skipped: HL7's schema is not here");
        return None;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let with = |resource: Value| {
        let kind = resource["resourceType"].as_str().unwrap().to_owned();
        (resource, schema_of(&kind, &schema))
    };
    // HL7's pattern for strings knows no null among given names and no no-break space; both are
    // lawful in R4, so they are taken out of the comparison.
    let mut patient = patient();
    patient["name"] = json!([{"use": "official", "family": "Lee", "given": ["Ann"]}]);
    Some(vec![with(patient), with(pressure()), with(appointment())])
}

/// Every place in a value, as a JSON Pointer.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                pointers(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn damage(resource: &mut Value, place: Index, how: usize) {
    let mut places = vec![];
    pointers(resource, "", &mut places);
    let place = place.get(&places).clone();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(""),
        json!(" "),
        json!("x y"),
        json!("2024-02-30"),
        json!("2024-13-01"),
        json!("2024-02-29T25:00:00Z"),
        json!([]),
        json!({}),
        json!(["x"]),
        json!({"x": 1}),
        json!("unknown"),
        json!({"text": "x"}),
        json!("urn:x"),
    ];
    if how < values.len() {
        *resource.pointer_mut(&place).unwrap() = values[how].clone();
        return;
    }
    match resource.pointer_mut(&place).unwrap() {
        Value::Object(map) if how.is_multiple_of(2) => {
            map.insert(
                ["status", "value", "_status", "period", "use"][how % 5].into(),
                json!("x"),
            );
        }
        Value::Object(map) => {
            if let Some(name) = map.keys().nth(how % map.len().max(1)).cloned() {
                map.remove(&name);
            }
        }
        Value::Array(items) => items.push(json!({"id": "x"})),
        other => *other = json!([other.clone()]),
    }
}

#[test]
fn hl7s_schema_lets_no_less_through() {
    let Some(schemas) = schemas() else { return };
    for (resource, schema) in &schemas {
        assert!(schema.is_valid(resource) && Validator::new().validate(resource).is_ok());
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let strategy = (
        0..schemas.len(),
        prop::collection::vec((any::<Index>(), 0..60usize), 1..3),
    );
    let (refused, only_ours) = (Cell::new(0), Cell::new(0));
    runner
        .run(&strategy, |(which, damages)| {
            let (resource, schema) = &schemas[which];
            let mut damaged = resource.clone();
            for (place, how) in damages {
                damage(&mut damaged, place, how);
            }
            let (theirs, ours) = (
                schema.is_valid(&damaged),
                Validator::new().validate(&damaged).is_ok(),
            );
            refused.set(refused.get() + i32::from(!theirs));
            only_ours.set(only_ours.get() + i32::from(theirs && !ours));
            prop_assert!(
                theirs || !ours,
                "HL7 refuses what we let through: {damaged}"
            );
            Ok(())
        })
        .unwrap();
    let (refused, only_ours) = (refused.get(), only_ours.get());
    assert!(refused > 500, "the damage is damage");
    eprintln!("HL7's schema refused {refused} of 2000; we refused {only_ours} more");
}
