//! Patients who may be one person, and those who are.

use fhir::likeness::Grade;
use fhir::same_person;

use super::*;

fn person(id: &str, family: &str, given: &str, birth: &str, phone: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "active": true, "gender": "female",
        "name": [{"family": family, "given": [given]}], "birthDate": birth,
        "telecom": [{"system": "phone", "value": phone}]})
}

fn ada(id: &str) -> Value {
    person(id, "Okafor", "Adaeze", "1980-03-14", "555-010-4477")
}

fn bed(all: &[Value]) -> Bed {
    let bed = Bed::new();
    bed.apply(all.iter().map(|resource| entry(1, resource)).collect());
    bed
}

fn alike(bed: &Bed, patient: &Value) -> Vec<(String, Grade)> {
    let found = bed.cache.read(|cache| cache.alike(patient, 10)).unwrap();
    found
        .into_iter()
        .map(|it| (it.card.id, it.likeness.grade()))
        .collect()
}

fn pairs(bed: &Bed) -> Vec<(String, String)> {
    while bed.cache.write("compare", |tx| tx.compare_next(2)).unwrap() > 0 {}
    bed.cache.read(|cache| cache.likely_pairs(10)).unwrap()
}

fn found(bed: &Bed, query: &str) -> Vec<String> {
    let hits = bed
        .cache
        .read(|cache| cache.find_patients(query, 10))
        .unwrap();
    hits.cards.into_iter().map(|card| card.id).collect()
}

#[test]
fn s9_who_may_be_the_same_is_found_by_any_of_what_is_known() {
    let bed = bed(&[
        ada("a"),
        person("b", "Whitfield", "Ruth", "1944-01-08", "555-010-9999"),
    ]);
    // By the birth date, the birth date crossed, the telephone, and two names.
    for (family, given, birth, phone) in [
        ("Lindqvist", "Adaeze", "1980-03-14", "+1 555 010 4477"),
        ("Okafor", "Adaeze", "1980-03-14", "555-010-1111"),
        ("Okafor", "Adaeze", "1980-03-11", "555-010-1111"),
        ("Okafor", "Adaeze", "", "555-010-4477"),
        ("Okáfor", "ADAEZE", "1980-03-14", ""),
    ] {
        let hits = alike(&bed, &person("new", family, given, birth, phone));
        assert_eq!(hits.len(), 1, "{family} {given} {birth} {phone}");
        assert_eq!(hits[0].0, "a");
    }
    let crossed = person("c", "Adaeze", "Okafor", "1975-04-05", "");
    bed.put(person("d", "Okafor", "Adaeze", "1975-05-04", ""));
    assert_eq!(alike(&bed, &crossed)[0].0, "d");
    assert!(alike(&bed, &json!({"resourceType": "Patient"})).is_empty());
}

#[test]
fn s9_a_pair_is_found_when_either_arrives_and_twins_are_not_offered() {
    let twin = person("twin", "Okafor", "Chidi", "1980-03-14", "555-010-4477");
    let bed = bed(&[ada("a"), twin.clone()]);
    assert_eq!(pairs(&bed), []);
    assert_eq!(alike(&bed, &twin), [("a".to_owned(), Grade::Possible)]);
    bed.put(ada("b"));
    assert_eq!(pairs(&bed), [("a".to_owned(), "b".to_owned())]);
    assert_eq!(
        bed.cache.read(|cache| cache.likely_pair_count()).unwrap(),
        1
    );
    // Corrected: it was somebody else.
    bed.put(person(
        "b",
        "Whitfield",
        "Ruth",
        "1944-01-08",
        "555-010-9999",
    ));
    assert_eq!(pairs(&bed), []);
}

#[test]
fn s9_a_pair_that_was_told_apart_does_not_come_back() {
    let bed = bed(&[ada("a"), ada("b")]);
    assert_eq!(pairs(&bed).len(), 1);
    bed.put(same_person::kept_apart(&ada("a"), "b"));
    assert_eq!(pairs(&bed), []);
    // Whatever is changed in either later.
    let mut other = ada("b");
    other["address"] = json!([{"city": "Springfield"}]);
    bed.put(other);
    assert_eq!(pairs(&bed), []);
}

#[test]
fn s9_a_merged_record_is_found_after_the_one_that_stands_for_it() {
    let bed = bed(&[
        ada("a"),
        person("b", "Lindqvist", "Adaeze", "1980-03-14", "555-010-4477"),
    ]);
    assert_eq!(pairs(&bed).len(), 1);
    let (survivor, replaced) = bed
        .cache
        .read(|cache| {
            let value = |id| cache.record("Patient", id)?.unwrap().value();
            Ok::<_, StoreError>((value("b")?, value("a")?))
        })
        .unwrap();
    let both = same_person::merge(&survivor, &replaced, &[]).unwrap();
    for resource in [&both.survivor, &both.replaced] {
        bed.put(resource.clone());
    }
    assert_eq!(pairs(&bed), []);
    // Its own name leads to the survivor, which has another.
    assert_eq!(found(&bed, "okafor"), ["b", "a"]);
    assert_eq!(found(&bed, "adaeze"), ["b", "a"]);
    assert_eq!(found(&bed, ""), ["b", "a"]);
    bed.cache
        .read(|cache| {
            let card = cache.patient_card("a")?.unwrap();
            assert_eq!(card.replaced_by.unwrap().name, "Adaeze Lindqvist");
            assert_eq!(cache.survivor("a")?, "b");
            assert_eq!(cache.survivor("b")?, "b");
            assert_eq!(cache.replaced("b")?[0].id, "a");
            assert_eq!(cache.merged(5)?.len(), 1);
            assert!(cache.replaced("a")?.is_empty());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    // Nobody is offered a record that was merged.
    assert_eq!(alike(&bed, &ada("new"))[0].0, "b");
    let apart = same_person::undo(&both.survivor, &both.replaced);
    bed.put(apart.survivor);
    bed.put(apart.replaced);
    assert_eq!(found(&bed, "okafor"), ["a"]);
    assert_eq!(pairs(&bed).len(), 1);
}

#[test]
fn s9_chains_are_followed_and_circles_replace_nobody() {
    let link = |mut patient: Value, to: &str| {
        patient["active"] = false.into();
        patient["link"] = json!([{"other": {"reference": format!("Patient/{to}")},
            "type": "replaced-by"}]);
        patient
    };
    let chain = bed(&[link(ada("a"), "b"), link(ada("b"), "c"), ada("c")]);
    chain
        .cache
        .read(|cache| {
            assert_eq!(cache.survivor("a")?, "c");
            let replaced = cache.replaced("c")?;
            let ids: Vec<&str> = replaced.iter().map(|card| card.id.as_str()).collect();
            assert_eq!(ids, ["b", "a"]);
            assert!(cache.replaced("b")?.is_empty());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let circle = bed(&[
        link(ada("a"), "b"),
        link(ada("b"), "a"),
        link(ada("d"), "gone"),
    ]);
    circle
        .cache
        .read(|cache| {
            assert_eq!(cache.survivor("a")?, "a");
            assert!(cache.patient_card("a")?.unwrap().replaced_by.is_none());
            assert!(cache.replaced("a")?.is_empty());
            // The one that stands for it is not here.
            assert!(cache.patient_card("d")?.unwrap().replaced_by.is_none());
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

#[test]
fn s9_records_made_off_line_have_ids_of_their_own() {
    // Two computers, the same person, no contact.
    let (one, other) = (Bed::new(), Bed::new());
    let (first, second) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    one.put(ada(&first));
    other.put(ada(&second));
    // Each then receives the other's: nothing is written over.
    one.apply(vec![entry(1, &ada(&second))]);
    other.apply(vec![entry(1, &ada(&first))]);
    for bed in [&one, &other] {
        assert_eq!(bed.cache.read(|cache| cache.patient_count()).unwrap(), 2);
        assert_eq!(pairs(bed).len(), 1);
    }
}
