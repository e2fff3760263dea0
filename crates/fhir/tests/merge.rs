//! Merging: what it must do by example, and what must hold of any two edits.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fhir::merge::{Merge, combine, settle, three_way};
use fhir::validate::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

fn patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "p",
        "meta": {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00Z"},
        "active": true, "gender": "female", "birthDate": "1980-05-05",
        "identifier": [{"system": "urn:rounds:mrn", "value": "100"}],
        "name": [{"use": "official", "family": "Lee", "given": ["Ann"]}],
        "telecom": [
            {"system": "phone", "use": "home", "value": "1"},
            {"system": "phone", "use": "mobile", "value": "2"}],
        "address": [{"use": "home", "line": ["1 A St"], "city": "X"}],
    })
}

fn edited(base: &Value, patch: Value) -> Value {
    fhir::patch::json_patch(base, &patch).unwrap()
}

fn paths(merge: &Merge) -> Vec<&str> {
    merge
        .touching
        .iter()
        .map(|field| field.path.as_str())
        .collect()
}

#[test]
fn s2_a_side_is_chosen_for_each_touching_element() {
    let base = patient();
    let mine = edited(
        &base,
        json!([
            {"op": "replace", "path": "/telecom/0/value", "value": "11"},
            {"op": "replace", "path": "/birthDate", "value": "1981-01-01"},
            {"op": "replace", "path": "/gender", "value": "male"},
        ]),
    );
    let theirs = edited(
        &base,
        json!([
            {"op": "replace", "path": "/meta/versionId", "value": "2"},
            {"op": "replace", "path": "/telecom/0/value", "value": "12"},
            {"op": "replace", "path": "/birthDate", "value": "1982-02-02"},
            {"op": "replace", "path": "/active", "value": false},
        ]),
    );
    let merge = three_way(&base, &mine, &theirs);
    assert_eq!(
        paths(&merge),
        ["Patient.birthDate", "Patient.telecom[0].value"]
    );
    let combined = combine(&base, &mine, &theirs, &["Patient.telecom[0].value"]);
    assert_eq!(combined["telecom"][0]["value"], "11");
    assert_eq!(combined["birthDate"], "1982-02-02");
    // What only one side changed comes along from both, and the server's version stands.
    assert_eq!(combined["gender"], "male");
    assert_eq!(combined["active"], false);
    assert_eq!(combined["meta"]["versionId"], "2");
    // All of one side is what keeping that side comes to; an unknown path changes nothing.
    let all = ["Patient.birthDate", "Patient.telecom[0].value"];
    assert_eq!(
        combine(&base, &mine, &theirs, &all),
        settle(&base, &mine, &theirs, true)
    );
    assert_eq!(
        combine(&base, &mine, &theirs, &["Patient.photo"]),
        settle(&base, &mine, &theirs, false)
    );
}

#[test]
fn s2_of_what_always_asks_each_difference_is_chosen() {
    let base = json!({
        "resourceType": "AllergyIntolerance", "id": "a",
        "patient": {"reference": "Patient/p"},
        "code": {"text": "Penicillin"}, "criticality": "low",
        "note": [{"text": "hives"}],
    });
    let mine = edited(
        &base,
        json!([{"op": "replace", "path": "/criticality", "value": "high"},
               {"op": "remove", "path": "/note"}]),
    );
    let theirs = edited(
        &base,
        json!([{"op": "replace", "path": "/code/text", "value": "Amoxicillin"}]),
    );
    let merge = three_way(&base, &mine, &theirs);
    let mut touching = paths(&merge);
    touching.sort_unstable();
    assert_eq!(
        touching,
        [
            "AllergyIntolerance.code",
            "AllergyIntolerance.criticality",
            "AllergyIntolerance.note"
        ]
    );
    let combined = combine(
        &base,
        &mine,
        &theirs,
        &["AllergyIntolerance.criticality", "AllergyIntolerance.note"],
    );
    assert_eq!(combined["criticality"], "high");
    assert_eq!(combined["code"]["text"], "Amoxicillin");
    assert!(combined.get("note").is_none());
}

#[test]
fn disjoint_edits_come_together() {
    let base = patient();
    let mine = edited(
        &base,
        json!([
            {"op": "replace", "path": "/telecom/0/value", "value": "11"},
            {"op": "add", "path": "/maritalStatus", "value": {"text": "single"}},
            {"op": "replace", "path": "/name/0/family", "value": "Lee-Kim"},
            {"op": "add", "path": "/identifier/-", "value": {"system": "urn:a", "value": "1"}},
        ]),
    );
    let theirs = edited(
        &base,
        json!([
            {"op": "replace", "path": "/meta/versionId", "value": "2"},
            {"op": "remove", "path": "/telecom/1"},
            {"op": "add", "path": "/telecom/0/rank", "value": 1},
            {"op": "add", "path": "/name/0/given", "value": ["Anna"]},
            {"op": "add", "path": "/identifier/0", "value": {"system": "urn:b", "value": "2"}},
            {"op": "replace", "path": "/address/0/line/0", "value": "2 B St"},
        ]),
    );
    let merge = three_way(&base, &mine, &theirs);
    assert!(merge.is_clean(), "{:?}", merge.touching);
    let merged = &merge.merged;
    assert_eq!(
        merged["telecom"],
        json!([{"system": "phone", "use": "home", "value": "11", "rank": 1}])
    );
    assert_eq!(
        merged["name"],
        json!([{"use": "official", "family": "Lee-Kim", "given": ["Anna"]}])
    );
    assert_eq!(merged["maritalStatus"]["text"], "single");
    assert_eq!(merged["address"][0]["line"][0], "2 B St");
    assert_eq!(merged["meta"]["versionId"], "2");
    let systems: Vec<_> = merged["identifier"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["system"])
        .collect();
    assert_eq!(systems, ["urn:b", "urn:rounds:mrn", "urn:a"]);
    Validator::new().validate(merged).unwrap();
    assert!(
        merge
            .differing
            .iter()
            .any(|field| field.path == "Patient.telecom")
    );
    assert!(
        merge
            .differing
            .iter()
            .all(|field| !field.path.starts_with("Patient.meta"))
    );
}

#[test]
fn touching_edits_ask_and_are_settled_either_way() {
    let base = patient();
    for (mine, theirs, path, keep_mine, keep_theirs) in [
        (
            json!([{"op": "replace", "path": "/birthDate", "value": "1980-05-06"}]),
            json!([{"op": "replace", "path": "/birthDate", "value": "1980-05-07"}]),
            "Patient.birthDate",
            json!("1980-05-06"),
            json!("1980-05-07"),
        ),
        (
            json!([{"op": "replace", "path": "/telecom/0/value", "value": "11"}]),
            json!([{"op": "replace", "path": "/telecom/0/value", "value": "12"}]),
            "Patient.telecom[0].value",
            json!([{"system": "phone", "use": "home", "value": "11"}, base["telecom"][1]]),
            json!([{"system": "phone", "use": "home", "value": "12"}, base["telecom"][1]]),
        ),
        (
            json!([{"op": "remove", "path": "/telecom/0"}]),
            json!([{"op": "replace", "path": "/telecom/0/value", "value": "12"}]),
            "Patient.telecom[0]",
            json!([base["telecom"][1]]),
            json!([{"system": "phone", "use": "home", "value": "12"}, base["telecom"][1]]),
        ),
        (
            // An address is one statement: a street of one and a city of the other is nowhere.
            json!([{"op": "replace", "path": "/address/0/line/0", "value": "9 Z St"}]),
            json!([{"op": "replace", "path": "/address/0/city", "value": "Y"}]),
            "Patient.address[0]",
            json!([{"use": "home", "line": ["9 Z St"], "city": "X"}]),
            json!([{"use": "home", "line": ["1 A St"], "city": "Y"}]),
        ),
        (
            json!([{"op": "add", "path": "/deceasedBoolean", "value": true}]),
            json!([{"op": "add", "path": "/deceasedDateTime", "value": "2024-01-01"}]),
            "Patient.deceased",
            Value::Null,
            Value::Null,
        ),
        (
            // Both corrected the record number.
            json!([{"op": "replace", "path": "/identifier/0/value", "value": "101"}]),
            json!([{"op": "replace", "path": "/identifier/0/value", "value": "102"}]),
            "Patient.identifier[0].value",
            json!([{"system": "urn:rounds:mrn", "value": "101"}]),
            json!([{"system": "urn:rounds:mrn", "value": "102"}]),
        ),
        (
            // Both added an email address.
            json!([{"op": "add", "path": "/telecom/-", "value": {"system": "email", "value": "a@x"}}]),
            json!([{"op": "add", "path": "/telecom/-", "value": {"system": "email", "value": "b@x"}}]),
            "Patient.telecom[4]",
            json!([base["telecom"][0], base["telecom"][1], {"system": "email", "value": "a@x"}]),
            json!([base["telecom"][0], base["telecom"][1], {"system": "email", "value": "b@x"}]),
        ),
        (
            json!([{"op": "move", "from": "/telecom/1", "path": "/telecom/0"}]),
            json!([{"op": "add", "path": "/telecom/0", "value": {"system": "fax", "value": "3"}}]),
            "Patient.telecom",
            json!([base["telecom"][1], base["telecom"][0]]),
            json!([{"system": "fax", "value": "3"}, base["telecom"][0], base["telecom"][1]]),
        ),
    ] {
        let (mine, theirs) = (edited(&base, mine), edited(&base, theirs));
        let merge = three_way(&base, &mine, &theirs);
        assert_eq!(paths(&merge), [path]);
        let element = path.split(['.', '[']).nth(1).unwrap();
        let (kept_mine, kept_theirs) = (
            settle(&base, &mine, &theirs, true),
            settle(&base, &mine, &theirs, false),
        );
        if element == "deceased" {
            assert!(
                kept_mine.get("deceasedBoolean").is_some()
                    && kept_mine.get("deceasedDateTime").is_none()
            );
            assert!(
                kept_theirs.get("deceasedDateTime").is_some()
                    && kept_theirs.get("deceasedBoolean").is_none()
            );
        } else {
            assert_eq!(kept_mine[element], keep_mine, "{path}");
            assert_eq!(kept_theirs[element], keep_theirs, "{path}");
        }
        assert_eq!(merge.merged, kept_theirs);
        Validator::new().validate(&kept_mine).unwrap();
        Validator::new().validate(&kept_theirs).unwrap();
    }
}

#[test]
fn what_one_side_edited_into_and_the_other_added_is_there_once() {
    let with = |values: &[&str]| {
        let telecom: Vec<Value> = values
            .iter()
            .map(|value| json!({"system": "phone", "value": value}))
            .collect();
        json!({"resourceType": "Patient", "id": "p", "telecom": telecom})
    };
    let merge = three_way(&with(&["1"]), &with(&["3"]), &with(&["1", "3"]));
    assert!(merge.is_clean());
    assert_eq!(merge.merged, with(&["3"]));
}

#[test]
fn an_order_of_ones_own_is_kept() {
    let base = patient();
    let mine = edited(
        &base,
        json!([{"op": "move", "from": "/telecom/1", "path": "/telecom/0"}]),
    );
    let theirs = edited(
        &base,
        json!([{"op": "replace", "path": "/telecom/0/value", "value": "12"}]),
    );
    let merge = three_way(&base, &mine, &theirs);
    assert!(merge.is_clean());
    assert_eq!(merge.merged["telecom"][0]["value"], "2");
    assert_eq!(merge.merged["telecom"][1]["value"], "12");
}

#[test]
fn start_and_end_of_an_appointment_are_one() {
    let base = json!({"resourceType": "Appointment", "id": "a", "status": "booked",
        "start": "2024-01-01T10:00:00Z", "end": "2024-01-01T10:30:00Z",
        "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"},
                        {"actor": {"reference": "Practitioner/d"}, "status": "accepted"}]});
    let longer = edited(
        &base,
        json!([{"op": "replace", "path": "/end", "value": "2024-01-01T11:00:00Z"}]),
    );
    let later = edited(
        &base,
        json!([{"op": "replace", "path": "/start", "value": "2024-01-01T10:15:00Z"}]),
    );
    assert_eq!(
        paths(&three_way(&base, &longer, &later)),
        ["Appointment.start"]
    );
    let arrived = edited(
        &base,
        json!([
        {"op": "replace", "path": "/status", "value": "arrived"},
        {"op": "replace", "path": "/participant/0/status", "value": "tentative"}]),
    );
    let other = edited(
        &longer,
        json!([
        {"op": "add", "path": "/participant/0", "value": {"actor": {"reference": "Location/r"}, "status": "accepted"}}]),
    );
    let merge = three_way(&base, &arrived, &other);
    assert!(merge.is_clean());
    assert_eq!(merge.merged["status"], "arrived");
    assert_eq!(merge.merged["end"], "2024-01-01T11:00:00Z");
    assert_eq!(
        merge.merged["participant"][0]["actor"]["reference"],
        "Location/r"
    );
    assert_eq!(merge.merged["participant"][1]["status"], "tentative");
}

#[test]
fn allergies_prescriptions_and_diagnoses_always_ask() {
    for kind in ["AllergyIntolerance", "Condition", "MedicationRequest"] {
        let base = json!({"resourceType": kind, "id": "x", "meta": {"versionId": "1"},
            "note": [{"text": "a"}], "recordedDate": "2024-01-01"});
        let mine = edited(&base, json!([{"op": "remove", "path": "/note"}]));
        let theirs = edited(
            &base,
            json!([
            {"op": "replace", "path": "/recordedDate", "value": "2024-01-02"},
            {"op": "replace", "path": "/meta/versionId", "value": "2"}]),
        );
        let merge = three_way(&base, &mine, &theirs);
        assert_eq!(paths(&merge).len(), 2, "{kind}");
        let kept = settle(&base, &mine, &theirs, true);
        assert_eq!(kept["recordedDate"], "2024-01-01");
        assert_eq!(kept.get("note"), None);
        assert_eq!(kept["meta"]["versionId"], "2");
        assert_eq!(settle(&base, &mine, &theirs, false), theirs);
        // A new version without a change of content is no concurrent change.
        let touched = edited(
            &base,
            json!([{"op": "replace", "path": "/meta/versionId", "value": "2"}]),
        );
        let merge = three_way(&base, &mine, &touched);
        assert!(merge.is_clean());
        assert_eq!(merge.merged.get("note"), None);
        // The same change on both sides is no conflict.
        assert!(three_way(&base, &mine, &mine).is_clean());
    }
}

#[test]
fn odd_things_do_not_break_it() {
    for (base, mine, theirs) in [
        (json!(null), json!(1), json!(2)),
        (json!({}), json!({"a": 1}), json!({"a": 2})),
        (
            json!({"resourceType": "Nonsense", "a": 1}),
            json!({"resourceType": "Nonsense", "a": 2}),
            json!({"resourceType": "Nonsense", "a": 3}),
        ),
        (
            json!({"resourceType": "Patient"}),
            json!({"resourceType": "Patient", "name": "x"}),
            json!({"resourceType": "Patient", "name": [1, null]}),
        ),
        (
            json!({"resourceType": "Patient"}),
            json!({"resourceType": "Group", "x": 1}),
            json!({"resourceType": "Patient", "y": 1}),
        ),
        (
            json!({"resourceType": "Patient", "x": 1}),
            json!({"resourceType": "Patient", "x": 2}),
            json!({"resourceType": "Patient", "x": 3}),
        ),
    ] {
        let merge = three_way(&base, &mine, &theirs);
        assert!(!merge.is_clean());
        assert_eq!(settle(&base, &mine, &theirs, false), merge.merged);
    }
}

// ---- What must hold of any two edits ----

/// The elements that the edits below change, each independent of the others.
const ELEMENTS: usize = 9;

fn entry(system: &str, use_: &str, value: u8) -> Value {
    json!({"system": system, "use": use_, "value": value.to_string()})
}

/// Changes one element in one of several ways.
fn change(patient: &mut Value, element: usize, how: u8) {
    let map = patient.as_object_mut().unwrap();
    let scalars =
        |map: &mut serde_json::Map<String, Value>, name: &str, values: [Value; 3]| match how % 4 {
            0 => drop(map.remove(name)),
            n => drop(map.insert(name.into(), values[usize::from(n) - 1].clone())),
        };
    let list = |map: &mut serde_json::Map<String, Value>, name: &str, new: Value, field: &str| {
        let items = map
            .entry(name)
            .or_insert_with(|| json!([]))
            .as_array_mut()
            .unwrap();
        match how % 5 {
            0 => items.push(new),
            1 => items.insert(0, new),
            2 => drop(items.pop()),
            3 => items.reverse(),
            _ => {
                if let Some(item) = items.first_mut() {
                    item[field] = json!(format!("v{how}"));
                }
            }
        }
        if items.is_empty() {
            map.remove(name);
        }
    };
    match element {
        0 => scalars(
            map,
            "gender",
            [json!("male"), json!("other"), json!("unknown")],
        ),
        1 => scalars(
            map,
            "birthDate",
            [json!("1990-01-01"), json!("1991"), json!("1992-02")],
        ),
        2 => scalars(map, "active", [json!(false), json!(true), json!(false)]),
        3 => scalars(
            map,
            "maritalStatus",
            [
                json!({"text": "a"}),
                json!({"text": "b"}),
                json!({"text": "c"}),
            ],
        ),
        4 => list(
            map,
            "telecom",
            entry("phone", ["work", "old", "temp"][usize::from(how) % 3], how),
            "value",
        ),
        5 => list(
            map,
            "identifier",
            json!({"system": format!("urn:{}", how % 7), "value": how.to_string()}),
            "value",
        ),
        6 => list(
            map,
            "name",
            json!({"use": (["usual", "nickname"][usize::from(how) % 2]), "text": how.to_string()}),
            "family",
        ),
        7 => list(
            map,
            "address",
            json!({"use": "work", "text": how.to_string()}),
            "city",
        ),
        _ => list(
            map,
            "contact",
            json!({"name": {"text": how.to_string()}}),
            "gender",
        ),
    }
}

fn apply(base: &Value, changes: &[(usize, u8)]) -> Value {
    let mut edited = base.clone();
    for (element, how) in changes {
        change(&mut edited, *element, *how);
    }
    edited
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    prop::collection::vec((0..ELEMENTS, any::<u8>()), 0..8)
}

/// Every item of every list, and every scalar, by element.
fn leaves(patient: &Value) -> Vec<(&str, &Value)> {
    let mut leaves = vec![];
    for (name, value) in patient.as_object().unwrap() {
        match value {
            Value::Array(items) => leaves.extend(items.iter().map(|item| (name.as_str(), item))),
            value => leaves.push((name.as_str(), value)),
        }
    }
    leaves
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 400 } else { 4_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_edit_against_none_is_the_edit(start in changes(), edit in changes()) {
        let base = apply(&patient(), &start);
        let x = apply(&base, &edit);
        let merge = three_way(&base, &x, &base);
        prop_assert!(merge.is_clean());
        prop_assert_eq!(&merge.merged, &x);
        prop_assert_eq!(&three_way(&base, &base, &x).merged, &x);
        prop_assert_eq!(&three_way(&base, &x, &x).merged, &x);
        prop_assert!(three_way(&base, &x, &x).differing.is_empty());
    }

    #[test]
    fn edits_of_different_elements_always_merge(start in changes(), one in changes(), two in changes(), split in 0..1u16 << ELEMENTS) {
        let base = apply(&patient(), &start);
        let side = |changes: Vec<(usize, u8)>, bit: bool| -> Vec<(usize, u8)> {
            changes.into_iter().filter(|(element, _)| (split >> element & 1 == 1) == bit).collect()
        };
        let (one, two) = (side(one, true), side(two, false));
        let (mine, theirs) = (apply(&base, &one), apply(&base, &two));
        let merge = three_way(&base, &mine, &theirs);
        prop_assert!(merge.is_clean(), "{:?}", merge.touching);
        let both = apply(&apply(&base, &one), &two);
        prop_assert_eq!(merge.merged, both);
    }

    #[test]
    fn nothing_is_lost_silently(start in changes(), one in changes(), two in changes()) {
        let base = apply(&patient(), &start);
        let (mine, theirs) = (apply(&base, &one), apply(&base, &two));
        let merge = three_way(&base, &mine, &theirs);
        let touched = |element: &str| {
            let path = format!("Patient.{element}");
            merge.touching.iter().any(|field| {
                field.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        for (side, other) in [(&mine, &theirs), (&theirs, &mine)] {
            for (element, leaf) in leaves(side) {
                let there = |of: &Value| leaves(of).contains(&(element, leaf));
                // What one side has, and the other did not take away or edit, is in the merge.
                if !there(&merge.merged) && !touched(element) {
                    let edited_together = matches!(element, "telecom" | "identifier" | "name" | "contact") && !there(other);
                    prop_assert!(
                        there(&base) || edited_together,
                        "{} of {} is gone: {}", element, leaf, merge.merged
                    );
                    prop_assert!(!there(other) || there(&base), "{} both have is gone", element);
                }
            }
        }
        // Nothing is made up, and nothing doubled.
        for (element, leaf) in leaves(&merge.merged) {
            let count = |of: &Value| leaves(of).iter().filter(|one| **one == (element, leaf)).count();
            let most = count(&mine).max(count(&theirs));
            if most > 0 {
                prop_assert!(count(&merge.merged) <= count(&mine) + count(&theirs));
            }
        }
        // A person's decision leaves a resource as valid as the sides were.
        let valid = |of: &Value| Validator::new().validate(of).is_ok();
        if valid(&mine) && valid(&theirs) {
            prop_assert!(valid(&merge.merged), "{:?}", Validator::new().validate(&merge.merged));
            prop_assert!(valid(&settle(&base, &mine, &theirs, true)));
        }
    }

    #[test]
    fn it_does_not_matter_who_is_called_mine(start in changes(), one in changes(), two in changes()) {
        let base = apply(&patient(), &start);
        let (mine, theirs) = (apply(&base, &one), apply(&base, &two));
        let (there, back) = (three_way(&base, &mine, &theirs), three_way(&base, &theirs, &mine));
        prop_assert_eq!(there.is_clean(), back.is_clean());
        prop_assert_eq!(there.touching.len(), back.touching.len());
        if there.is_clean() {
            prop_assert_eq!(&there.merged, &back.merged);
        }
        prop_assert_eq!(settle(&base, &mine, &theirs, true), settle(&base, &theirs, &mine, false));
    }
}
