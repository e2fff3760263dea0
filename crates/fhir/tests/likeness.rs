//! Which records are taken for one person's.

#![allow(clippy::unwrap_used)]

use fhir::likeness::{self, Agreement, Element, Grade, Likeness, Person};
use proptest::prelude::*;
use serde_json::{Value, json};

fn compared(one: &Value, other: &Value) -> Likeness {
    likeness::compare(&Person::of(one), &Person::of(other))
}

fn ada() -> Value {
    json!({"resourceType": "Patient", "id": "a",
        "identifier": [
            {"system": "urn:rounds:mrn", "value": "MRN-1"},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "900-11-2222"}],
        "name": [{"use": "official", "family": "Okafor", "given": ["Adaeze", "Mae"]}],
        "telecom": [{"system": "phone", "value": "(555) 0101-477"},
                    {"system": "email", "value": "ada@example.org"}],
        "gender": "female", "birthDate": "1980-03-14",
        "address": [{"line": ["1 Main St"], "city": "Springfield", "postalCode": "01101"}]})
}

/// Ada with some elements otherwise, and without those that are null.
fn but(changes: Value) -> Value {
    let mut patient = ada();
    let map = patient.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            map.shift_remove(key);
        } else {
            map.insert(key.clone(), value.clone());
        }
    }
    patient
}

fn named(family: &str, given: &str) -> Value {
    json!([{"family": family, "given": [given]}])
}

/// Registered anew: the same person without the numbers that only her first record has.
fn anew(mut changes: Value) -> Value {
    let map = changes.as_object_mut().unwrap();
    map.entry("identifier").or_insert(Value::Null);
    but(changes)
}

#[test]
fn s9_the_cases_are_graded_as_people_would() {
    let minimal = |family: &str, given: &str, birth: &str| {
        json!({"resourceType": "Patient", "name": named(family, given), "gender": "female",
            "birthDate": birth})
    };
    let number = |ssn: &str| json!([{"system": "http://hl7.org/fhir/sid/us-ssn", "value": ssn}]);
    let jack = |birth: &str, suffix: &str| {
        but(
            json!({"name": [{"family": "Carter", "given": ["John"], "suffix": [suffix]}],
            "gender": "male", "birthDate": birth, "identifier": null, "telecom": [
                {"system": "phone", "value": "555-010-2222"}]}),
        )
    };
    let twin = |given: &str, flagged: bool| {
        let mut twin = anew(json!({"name": named("Okafor", given)}));
        if flagged {
            twin["multipleBirthBoolean"] = true.into();
        }
        twin
    };
    let cases = [
        // The same person, registered twice.
        ("all the same", ada(), anew(json!({})), Grade::Likely),
        (
            "name, sex and birth date alone",
            minimal("Okafor", "Adaeze", "1980-03-14"),
            ada(),
            Grade::Likely,
        ),
        (
            "accents and case",
            anew(json!({"name": named("OKÁFOR", "adaeze")})),
            ada(),
            Grade::Likely,
        ),
        (
            "day and month in each other's place",
            anew(json!({"birthDate": "1980-10-05"})),
            but(json!({"birthDate": "1980-05-10", "telecom": null})),
            Grade::Likely,
        ),
        (
            "one digit of the birth date",
            anew(json!({"birthDate": "1980-03-11"})),
            ada(),
            Grade::Likely,
        ),
        (
            "given and family name in each other's field",
            anew(json!({"name": named("Adaeze", "Okafor"), "telecom": null, "address": null})),
            ada(),
            Grade::Likely,
        ),
        (
            "a slip in the given name",
            anew(json!({"name": named("Okafor", "Adeaze"), "telecom": null, "address": null})),
            ada(),
            Grade::Likely,
        ),
        (
            "a short form",
            minimal("Smith", "Elizabeth", "1961-07-02"),
            minimal("Smith", "Liz", "1961-07-02"),
            Grade::Likely,
        ),
        (
            "married, with her telephone",
            anew(json!({"name": named("Lindqvist", "Adaeze"), "address": null})),
            ada(),
            Grade::Likely,
        ),
        (
            "married, with her maiden name on record",
            anew(json!({"telecom": null, "address": null, "name": [
                {"use": "official", "family": "Lindqvist", "given": ["Adaeze"]},
                {"use": "maiden", "family": "Okafor", "given": ["Adaeze"]}]})),
            ada(),
            Grade::Likely,
        ),
        (
            "one part of a double name",
            minimal("Smith-Jones", "Ann", "1961-07-02"),
            minimal("Jones", "Ann", "1961-07-02"),
            Grade::Likely,
        ),
        (
            "another script, with the telephone",
            anew(json!({"name": named("Окафор", "Адаезе"), "address": null})),
            ada(),
            Grade::Likely,
        ),
        (
            "no birth date, but the social security number",
            anew(json!({"birthDate": null, "identifier": number("900112222")})),
            ada(),
            Grade::Likely,
        ),
        (
            "the number of the card",
            json!({"resourceType": "Patient", "name": named("Okafor", "Adaeze"),
                "identifier": [{"system": "urn:rounds:mrn", "value": "mrn 1"}]}),
            ada(),
            Grade::Likely,
        ),
        // Worth a glance.
        (
            "married, and nothing else known",
            minimal("Lindqvist", "Adaeze", "1980-03-14"),
            ada(),
            Grade::Possible,
        ),
        (
            "no birth date",
            anew(json!({"birthDate": null})),
            ada(),
            Grade::Possible,
        ),
        (
            "all the same but the social security number",
            but(json!({"identifier": number("987-65-4320")})),
            ada(),
            Grade::Possible,
        ),
        ("twins", twin("Chidi", false), ada(), Grade::Possible),
        (
            "twins whose names are nearly one",
            twin("Adaeza", true),
            ada(),
            Grade::Possible,
        ),
        (
            "twins with social security numbers in a row",
            but(json!({"name": named("Okafor", "Chidi"), "identifier": number("900-11-2223")})),
            ada(),
            Grade::Possible,
        ),
        // Others.
        (
            "twins, a girl and a boy",
            anew(json!({"name": named("Okafor", "Chidi"), "gender": "male"})),
            ada(),
            Grade::Unlikely,
        ),
        (
            "senior and junior in one house",
            jack("1950-06-01", "Sr."),
            jack("1981-02-11", "Jr."),
            Grade::Unlikely,
        ),
        (
            "a sister",
            anew(json!({"name": named("Okafor", "Chidi"), "birthDate": "1983-11-02"})),
            ada(),
            Grade::Unlikely,
        ),
        (
            "her husband",
            anew(
                json!({"name": named("Okafor", "Ben"), "gender": "male", "birthDate": "1979-01-20"}),
            ),
            ada(),
            Grade::Unlikely,
        ),
        (
            "the same name, born another year",
            minimal("Okafor", "Adaeze", "1951-09-30"),
            ada(),
            Grade::Unlikely,
        ),
        (
            "born on the same day",
            minimal("Whitfield", "Ruth", "1980-03-14"),
            ada(),
            Grade::Unlikely,
        ),
        (
            "another script and nothing but the birth date",
            anew(json!({"name": named("Окафор", "Адаезе"), "telecom": null, "address": null})),
            ada(),
            Grade::Unlikely,
        ),
        (
            "nothing known of either",
            json!({"resourceType": "Patient"}),
            json!({"resourceType": "Patient"}),
            Grade::Unlikely,
        ),
    ];
    let mut wrong = Vec::new();
    for (case, one, other, grade) in cases {
        let likeness = compared(&one, &other);
        if likeness.grade() != grade {
            wrong.push(format!("{case}: {likeness:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn it_says_what_it_found() {
    let other = anew(json!({"birthDate": "1980-03-11", "telecom": [
        {"system": "phone", "value": "+1 555 0101 477"}]}));
    let likeness = compared(&ada(), &other);
    let found = |element| {
        likeness
            .findings
            .iter()
            .find(|finding| finding.element == element)
            .map(|finding| finding.agreement)
    };
    assert_eq!(found(Element::Given), Some(Agreement::Same));
    assert_eq!(found(Element::BirthDate), Some(Agreement::Close));
    assert_eq!(found(Element::Phone), Some(Agreement::Same));
    assert_eq!(found(Element::SocialSecurity), None);
}

/// What a record may say of a person, from few values so that records agree by chance.
fn anybody() -> impl Strategy<Value = Value> {
    let one_of = |values: &'static [&'static str]| proptest::sample::select(values);
    let name = (
        proptest::option::of(one_of(&[
            "Okafor",
            "Okafro",
            "Smith-Jones",
            "Jones",
            "王",
            "Окафор",
            "Ada",
        ])),
        proptest::collection::vec(
            one_of(&[
                "Ada",
                "Adaeze",
                "A",
                "Okafor",
                "Liz",
                "Elizabeth",
                "小明",
                "Baby",
            ]),
            0..3,
        ),
        proptest::option::of(one_of(&["Jr.", "Sr", "III"])),
    )
        .prop_map(|(family, given, suffix)| {
            let mut name = json!({"given": given});
            if let Some(family) = family {
                name["family"] = family.into();
            }
            if let Some(suffix) = suffix {
                name["suffix"] = json!([suffix]);
            }
            name
        });
    let telecom = (
        one_of(&["phone", "email"]),
        one_of(&[
            "555-010-4477",
            "555-010-4478",
            "0000000000",
            "a@example.org",
            "12",
        ]),
    )
        .prop_map(|(system, value)| json!({"system": system, "value": value}));
    let identifier = (
        one_of(&[
            "http://hl7.org/fhir/sid/us-ssn",
            "urn:rounds:mrn",
            "urn:other",
            "",
        ]),
        one_of(&["900-11-2222", "900-11-2223", "17", "987654320"]),
    )
        .prop_map(|(system, value)| json!({"system": system, "value": value}));
    let address = (
        proptest::option::of(one_of(&["1 Main St", "2 Mill Lane"])),
        proptest::option::of(one_of(&["01101", "01102"])),
        proptest::option::of(one_of(&["Springfield", "Shelbyville"])),
    )
        .prop_map(|(line, post, city)| {
            json!({"line": line.into_iter().collect::<Vec<_>>(), "postalCode": post, "city": city})
        });
    (
        proptest::collection::vec(name, 0..3),
        proptest::option::of(one_of(&[
            "1980-03-14",
            "1980-03-11",
            "1980-01-01",
            "1980-01",
            "1980",
            "x",
            "1951-10-02",
        ])),
        proptest::option::of(one_of(&["female", "male", "other"])),
        proptest::collection::vec(telecom, 0..3),
        proptest::collection::vec(identifier, 0..3),
        proptest::collection::vec(address, 0..2),
        any::<bool>(),
    )
        .prop_map(|(name, birth, sex, telecom, identifier, address, twin)| {
            json!({"resourceType": "Patient", "name": name, "birthDate": birth, "gender": sex,
                "telecom": telecom, "identifier": identifier, "address": address,
                "multipleBirthBoolean": twin})
        })
}

const SLACK: f64 = 1e-9;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_does_not_matter_which_is_which(one in anybody(), other in anybody()) {
        let there = compared(&one, &other).weight;
        let back = compared(&other, &one).weight;
        prop_assert!((there - back).abs() < SLACK, "{there} {back}");
    }

    #[test]
    fn nobody_is_more_alike_than_the_same(one in anybody(), other in anybody()) {
        let same = compared(&one, &one).weight;
        let likeness = compared(&one, &other).weight;
        prop_assert!(likeness <= same + SLACK, "{likeness} {same}");
    }

    #[test]
    fn what_is_not_known_says_nothing(one in anybody()) {
        let nobody = json!({"resourceType": "Patient"});
        prop_assert!(compared(&one, &nobody).weight.abs() < SLACK);
    }

    #[test]
    fn the_order_of_lists_says_nothing(one in anybody(), other in anybody()) {
        let mut turned = one.clone();
        for list in ["name", "telecom", "identifier", "address"] {
            turned[list].as_array_mut().unwrap().reverse();
        }
        let there = compared(&one, &other).weight;
        prop_assert!((there - compared(&turned, &other).weight).abs() < SLACK);
    }

    #[test]
    fn another_social_security_number_always_speaks_against(one in anybody(), other in anybody()) {
        let without = |mut patient: Value, number: Option<&str>| {
            let list = patient["identifier"].as_array_mut().unwrap();
            list.retain(|id| id["system"] != "http://hl7.org/fhir/sid/us-ssn");
            list.extend(number.map(|number| {
                json!({"system": "http://hl7.org/fhir/sid/us-ssn", "value": number})
            }));
            patient
        };
        let silent = compared(&without(one.clone(), None), &without(other.clone(), None)).weight;
        let against = compared(
            &without(one, Some("900-11-2222")),
            &without(other, Some("987-65-4320")),
        ).weight;
        prop_assert!(against < silent - 10.0);
    }
}
