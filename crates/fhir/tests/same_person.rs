//! Two records of one person: merged, and taken apart again.

#![allow(clippy::unwrap_used)]

use fhir::merge::three_way;
use fhir::same_person::{
    MergeError, Take, are_kept_apart, differences, kept_apart, merge, replaced_by, replaces, undo,
};
use fhir::validate::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

fn patient(id: &str, phone: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "active": true,
        "identifier": [{"system": "urn:rounds:mrn", "value": id}],
        "name": [{"family": "Okafor", "given": ["Ada"]}],
        "telecom": [{"system": "phone", "value": phone}],
        "gender": "female"})
}

fn other() -> Value {
    let mut other = patient("b", "555-0102");
    other["birthDate"] = "1980-03-14".into();
    other
}

const TAKEN: &[(&str, Take)] = &[("telecom", Take::Also), ("birthDate", Take::Instead)];

#[test]
fn s9_a_merge_is_what_fhir_says_and_nothing_else_changes() {
    let (a, b) = (patient("a", "555-0101"), other());
    let both = merge(&a, &b, &[]).unwrap();
    assert_eq!(replaced_by(&both.replaced).as_deref(), Some("a"));
    assert_eq!(replaces(&both.survivor), ["b"]);
    assert_eq!(both.replaced["active"], false);
    assert_eq!(both.survivor["active"], true);
    assert_eq!(
        both.survivor["link"],
        json!([{"other": {"reference": "Patient/b"}, "type": "replaces"}])
    );
    let mut rest = both.survivor.clone();
    rest.as_object_mut().unwrap().shift_remove("link");
    assert_eq!(rest, a);
}

#[test]
fn s9_what_is_taken_over_is_there_and_what_was_there_is_kept() {
    let both = merge(&patient("a", "555-0101"), &other(), TAKEN).unwrap();
    assert_eq!(both.survivor["birthDate"], "1980-03-14");
    let phones: Vec<&Value> = both.survivor["telecom"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| &point["value"])
        .collect();
    assert_eq!(phones, ["555-0101", "555-0102"]);
    for record in [&both.survivor, &both.replaced] {
        assert!(Validator::new().validate(record).is_ok());
    }
}

#[test]
fn s9_undone_both_are_as_before() {
    let (a, b) = (patient("a", "555-0101"), other());
    let mut silent = b.clone();
    silent.as_object_mut().unwrap().shift_remove("active");
    for b in [b, silent] {
        for taken in [
            &[][..],
            TAKEN,
            &[("name", Take::Instead), ("telecom", Take::Instead)],
        ] {
            let both = merge(&a, &b, taken).unwrap();
            let apart = undo(&both.survivor, &both.replaced);
            assert_eq!(apart.survivor, a);
            assert_eq!(apart.replaced, b);
        }
    }
}

#[test]
fn s9_undone_what_was_changed_since_stays() {
    let both = merge(&patient("a", "555-0101"), &other(), TAKEN).unwrap();
    let mut since = both.survivor.clone();
    since["telecom"] = json!([{"system": "phone", "value": "555-0199"}]);
    since["gender"] = "unknown".into();
    let apart = undo(&since, &both.replaced);
    assert_eq!(apart.survivor["telecom"], since["telecom"]);
    assert_eq!(apart.survivor["gender"], "unknown");
    assert!(apart.survivor.get("birthDate").is_none());
    assert!(apart.survivor.get("contained").is_none());
}

#[test]
fn s9_several_records_of_one_person_come_apart_in_any_order() {
    let (a, b, c) = (patient("a", "555-0101"), other(), patient("c", "555-0103"));
    let first = merge(&a, &b, TAKEN).unwrap();
    let second = merge(
        &first.survivor,
        &c,
        &[("name", Take::Also), ("telecom", Take::Also)],
    )
    .unwrap();
    assert_eq!(replaces(&second.survivor), ["b", "c"]);
    let without_c = undo(&second.survivor, &second.replaced);
    assert_eq!(without_c.survivor, first.survivor);
    // Taken apart in the order they came together: the later merge still stands on the earlier.
    let without_b = undo(&second.survivor, &first.replaced);
    assert_eq!(replaces(&without_b.survivor), ["c"]);
    assert_eq!(without_b.replaced, b);
}

#[test]
fn what_cannot_be_is_refused() {
    let (a, b) = (patient("a", "1"), patient("b", "2"));
    assert_eq!(merge(&a, &a, &[]), Err(MergeError::Itself));
    let both = merge(&a, &b, &[]).unwrap();
    let c = patient("c", "3");
    assert_eq!(merge(&c, &both.replaced, &[]), Err(MergeError::Merged));
    assert_eq!(merge(&both.replaced, &c, &[]), Err(MergeError::Merged));
    for wrong in [
        ("id", Take::Instead),
        ("link", Take::Instead),
        ("gender", Take::Also),
    ] {
        assert_eq!(merge(&a, &b, &[wrong]), Err(MergeError::Element));
    }
    let twice = [("name", Take::Instead), ("name", Take::Also)];
    let mut b = b;
    b["name"] = json!([{"family": "Else"}]);
    assert_eq!(merge(&a, &b, &twice), Err(MergeError::Element));
}

#[test]
fn s9_a_decision_to_keep_two_apart_is_remembered_once() {
    let (a, b) = (patient("a", "1"), patient("b", "2"));
    assert!(!are_kept_apart(&a, &b));
    let told = kept_apart(&a, "b");
    assert!(are_kept_apart(&told, &b) && are_kept_apart(&b, &told));
    assert!(!are_kept_apart(&told, &patient("c", "3")));
    assert_eq!(kept_apart(&told, "b"), told);
    assert!(Validator::new().validate(&told).is_ok());
}

#[test]
fn s9_the_same_merge_by_two_people_is_one() {
    let (a, b) = (patient("a", "1"), other());
    let mine = merge(&a, &b, TAKEN).unwrap();
    let theirs = merge(&a, &b, TAKEN).unwrap();
    assert!(three_way(&a, &mine.survivor, &theirs.survivor).is_clean());
    assert!(three_way(&b, &mine.replaced, &theirs.replaced).is_clean());
}

#[test]
fn s9_two_people_who_disagree_about_the_survivor_are_asked() {
    let (a, b) = (patient("a", "1"), other());
    let mine = merge(&a, &b, &[]).unwrap();
    let theirs = merge(&b, &a, &[]).unwrap();
    for (base, mine, theirs) in [
        (&a, &mine.survivor, &theirs.replaced),
        (&b, &mine.replaced, &theirs.survivor),
    ] {
        let merged = three_way(base, mine, theirs);
        assert_eq!(merged.touching.len(), 1, "{:?}", merged.touching);
        // Which is in use and which replaces which is one statement.
        assert_eq!(merged.touching[0].path, "Patient.active");
    }
    // A telephone that somebody corrects meanwhile touches nothing.
    let mut corrected = a.clone();
    corrected["telecom"][0]["value"] = "555-0177".into();
    assert!(three_way(&a, &mine.survivor, &corrected).is_clean());
}

#[test]
fn differences_are_told_with_both_sides() {
    let found = differences(&patient("a", "1"), &other());
    let names: Vec<&str> = found.iter().map(|it| it.element).collect();
    assert_eq!(names, ["birthDate", "identifier", "telecom"]);
    assert_eq!(found[0].one, None);
    assert!(!found[0].is_list && found[2].is_list);
}

proptest! {
    #[test]
    fn s9_undo_undoes_every_choice(choices in proptest::collection::vec(0..3, 6), active in 0..3) {
        let a = patient("a", "555-0101");
        let mut b = other();
        b["name"] = json!([{"family": "Smith"}]);
        b["gender"] = "male".into();
        b["address"] = json!([{"city": "Springfield"}]);
        match active {
            0 => b["active"] = false.into(),
            1 => drop(b.as_object_mut().unwrap().shift_remove("active")),
            _ => {}
        }
        let elements = [("name", true), ("birthDate", false), ("gender", false),
            ("identifier", true), ("telecom", true), ("address", true)];
        let taken: Vec<(&str, Take)> = elements
            .iter()
            .zip(&choices)
            .filter_map(|((element, list), choice)| match choice {
                0 => None,
                1 if *list => Some((*element, Take::Also)),
                _ => Some((*element, Take::Instead)),
            })
            .collect();
        let both = merge(&a, &b, &taken).unwrap();
        prop_assert!(Validator::new().validate(&both.survivor).is_ok());
        let apart = undo(&both.survivor, &both.replaced);
        // Elements that were absent may come back in another place: the content is what counts.
        prop_assert_eq!(apart.survivor, a);
        prop_assert_eq!(apart.replaced, b);
    }
}
