//! Validation: what is refused, where, and that HL7's own schema would not let more through.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fhir::outcome::{IssueType, operation_outcome};
use fhir::validate::{MAX_ISSUES, Validator};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

fn patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "p",
        "meta": {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00.000Z", "profile": ["http://a.example/p"]},
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Ann</div>"},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "Clinic"}],
        "extension": [{"url": "http://a.example/e", "extension": [{"url": "x", "valueCode": "y"}]}],
        "active": true,
        "identifier": [{"use": "usual", "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
                        "system": "urn:rounds:mrn", "value": "100", "period": {"start": "2020"}}],
        "name": [{"use": "official", "family": "Ng\u{a0}Lee", "given": ["Ann", null],
                  "_given": [null, {"extension": [{"url": "http://a.example/r", "valueString": "?"}]}]}],
        "telecom": [{"system": "phone", "value": "1", "rank": 1}],
        "gender": "female",
        "birthDate": "1980-02-29",
        "_birthDate": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": "1980-02-29T10:00:00+01:00"}]},
        "deceasedBoolean": false,
        "multipleBirthInteger": 2,
        "address": [{"line": ["1 A St"], "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/geolocation",
                     "extension": [{"url": "latitude", "valueDecimal": 42.5}]}]}],
        "photo": [{"contentType": "image/png", "data": "QUJD", "size": 3}],
        "communication": [{"language": {"text": "English"}, "preferred": true}],
        "generalPractitioner": [{"reference": "Practitioner/d", "type": "Practitioner"}, {"identifier": {"value": "7"}}],
        "managingOrganization": {"reference": "#o"},
        "link": [{"other": {"reference": "https://other.example/fhir/Patient/9"}, "type": "seealso"}],
    })
}

fn pressure() -> Value {
    json!({
        "resourceType": "Observation", "id": "bp", "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e/_history/2"},
        "effectiveDateTime": "2024-02-29T10:00:00-05:00",
        "component": [
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
             "valueQuantity": {"value": 120, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]},
             "valueQuantity": {"value": 80.5, "comparator": "<="}}],
    })
}

fn appointment() -> Value {
    json!({
        "resourceType": "Appointment", "id": "a", "status": "booked",
        "start": "2024-01-01T10:00:00Z", "end": "2024-01-01T10:30:00Z",
        "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"}],
    })
}

fn edited(base: Value, operation: &str, path: &str, value: Value) -> Value {
    let patch = json!([{"op": operation, "path": path, "value": value}]);
    // Type and id may change here, so not by way of `fhir::patch`.
    let mut edited = base;
    json_patch::patch(
        &mut edited,
        &serde_json::from_value::<json_patch::Patch>(patch).unwrap(),
    )
    .unwrap();
    edited
}

fn places(resource: &Value) -> Vec<(String, IssueType)> {
    let issues = Validator::new()
        .validate(resource)
        .err()
        .unwrap_or_default();
    issues
        .into_iter()
        .map(|issue| (issue.expression.unwrap(), issue.code))
        .collect()
}

#[test]
fn what_is_right_passes() {
    for resource in [patient(), pressure(), appointment()] {
        assert_eq!(Validator::new().validate(&resource), Ok(()));
    }
    for kind in fhir::resource::TYPES {
        // Each type is known; what is required of it is told.
        let issues = Validator::new()
            .validate(&json!({"resourceType": kind}))
            .err();
        for issue in issues.unwrap_or_default() {
            assert!(
                matches!(issue.code, IssueType::Required | IssueType::Invariant),
                "{issue}"
            );
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    use IssueType as I;
    for (base, operation, path, value, place, code) in [
        (
            patient(),
            "replace",
            "/birthDate",
            json!("2023-02-30"),
            "Patient.birthDate",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/birthDate",
            json!("30.02.2023"),
            "Patient.birthDate",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/birthDate",
            json!(1980),
            "Patient.birthDate",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/birthDate",
            json!("1980-01-01T00:00:00Z"),
            "Patient.birthDate",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/birthDate",
            json!(["1980"]),
            "Patient.birthDate",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/birthDate",
            json!(null),
            "Patient.birthDate",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/gender",
            json!("f"),
            "Patient.gender",
            I::CodeInvalid,
        ),
        (
            patient(),
            "replace",
            "/gender",
            json!(""),
            "Patient.gender",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/active",
            json!("true"),
            "Patient.active",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/name",
            json!({"family": "x"}),
            "Patient.name",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/name",
            json!([]),
            "Patient.name",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/name",
            json!([{}]),
            "Patient.name[0]",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/name",
            json!(["x"]),
            "Patient.name[0]",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/name/0/given",
            json!("Ann"),
            "Patient.name[0].given",
            I::Structure,
        ),
        (
            patient(),
            "add",
            "/name/0/given/0",
            json!(null),
            "Patient.name[0].given[0]",
            I::Structure,
        ),
        (
            patient(),
            "add",
            "/name/0/lastName",
            json!("x"),
            "Patient.name[0].lastName",
            I::Structure,
        ),
        (
            patient(),
            "add",
            "/name/0/Family",
            json!("x"),
            "Patient.name[0].Family",
            I::Structure,
        ),
        (
            patient(),
            "add",
            "/name/0/bad name<",
            json!("x"),
            "Patient.name[0]",
            I::Structure,
        ),
        (
            patient(),
            "add",
            "/_name",
            json!({}),
            "Patient.name",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/_birthDate",
            json!({"x": 1}),
            "Patient.birthDate.x",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/telecom/0/rank",
            json!(0),
            "Patient.telecom[0].rank",
            I::Value,
        ),
        (
            patient(),
            "add",
            "/deceasedDateTime",
            json!("2024"),
            "Patient.deceased",
            I::Invariant,
        ),
        (
            patient(),
            "add",
            "/deceased",
            json!(true),
            "Patient.deceased",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/multipleBirthInteger",
            json!(1.5),
            "Patient.multipleBirth.ofType(integer)",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/id",
            json!("a b"),
            "Patient.id",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/photo/0/data",
            json!("%%%"),
            "Patient.photo[0].data",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/text/div",
            json!("<div><script>x</script></div>"),
            "Patient.text.div",
            I::Invariant,
        ),
        (
            patient(),
            "remove",
            "/text/status",
            json!(null),
            "Patient.text.status",
            I::Required,
        ),
        (
            patient(),
            "remove",
            "/communication/0/language",
            json!(null),
            "Patient.communication[0].language",
            I::Required,
        ),
        (
            patient(),
            "remove",
            "/link/0/type",
            json!(null),
            "Patient.link[0].type",
            I::Required,
        ),
        (
            patient(),
            "replace",
            "/identifier/0/period",
            json!({"start": "2024", "end": "2023"}),
            "Patient.identifier[0].period.end",
            I::Invariant,
        ),
        (
            patient(),
            "add",
            "/extension/0/valueString",
            json!("x"),
            "Patient.extension[0]",
            I::Invariant,
        ),
        (
            patient(),
            "remove",
            "/extension/0/url",
            json!(null),
            "Patient.extension[0].url",
            I::Required,
        ),
        (
            patient(),
            "remove",
            "/contained/0/id",
            json!(null),
            "Patient.contained[0]",
            I::Required,
        ),
        (
            patient(),
            "add",
            "/contained/0/contained",
            json!([{"resourceType": "Basic", "id": "b", "code": {"text": "x"}}]),
            "Patient.contained[0]",
            I::Invariant,
        ),
        (
            patient(),
            "replace",
            "/contained/0/name",
            json!(1),
            "Patient.contained[0].name",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/contained/0/resourceType",
            json!("Organisation"),
            "Patient.contained[0]",
            I::Structure,
        ),
        (
            patient(),
            "replace",
            "/managingOrganization/reference",
            json!("#x"),
            "Patient.managingOrganization.reference",
            I::NotFound,
        ),
        (
            patient(),
            "replace",
            "/managingOrganization/reference",
            json!("Patient/1"),
            "Patient.managingOrganization.reference",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/managingOrganization/reference",
            json!("Organisation/1"),
            "Patient.managingOrganization.reference",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/managingOrganization/reference",
            json!("x"),
            "Patient.managingOrganization.reference",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/managingOrganization/reference",
            json!("urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
            "Patient.managingOrganization.reference",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/managingOrganization/reference",
            json!("Organization?name=x"),
            "Patient.managingOrganization.reference",
            I::Value,
        ),
        (
            patient(),
            "replace",
            "/generalPractitioner/0/type",
            json!("Organization"),
            "Patient.generalPractitioner[0].reference",
            I::Invariant,
        ),
        (
            pressure(),
            "replace",
            "/subject/reference",
            json!("Group/1"),
            "Observation.subject.reference",
            I::NotSupported,
        ),
        (
            pressure(),
            "remove",
            "/status",
            json!(null),
            "Observation.status",
            I::Required,
        ),
        (
            pressure(),
            "remove",
            "/code",
            json!(null),
            "Observation.code",
            I::Required,
        ),
        (
            pressure(),
            "replace",
            "/status",
            json!("done"),
            "Observation.status",
            I::CodeInvalid,
        ),
        (
            pressure(),
            "remove",
            "/component/1/code",
            json!(null),
            "Observation.component[1].code",
            I::Required,
        ),
        (
            pressure(),
            "replace",
            "/component/1/valueQuantity/value",
            json!("80"),
            "Observation.component[1].value.ofType(Quantity).value",
            I::Value,
        ),
        (
            pressure(),
            "replace",
            "/component/1/valueQuantity/comparator",
            json!("~"),
            "Observation.component[1].value.ofType(Quantity).comparator",
            I::CodeInvalid,
        ),
        (
            pressure(),
            "replace",
            "/effectiveDateTime",
            json!("2024-02-29T10:00:00"),
            "Observation.effective.ofType(dateTime)",
            I::Value,
        ),
        (
            appointment(),
            "remove",
            "/participant",
            json!(null),
            "Appointment.participant",
            I::Required,
        ),
        (
            appointment(),
            "remove",
            "/end",
            json!(null),
            "Appointment",
            I::Invariant,
        ),
        (
            appointment(),
            "replace",
            "/end",
            json!("2024-01-01T09:00:00Z"),
            "Appointment.end",
            I::Invariant,
        ),
        (
            appointment(),
            "replace",
            "/start",
            json!("2024-01-01"),
            "Appointment.start",
            I::Value,
        ),
        (
            appointment(),
            "replace",
            "/resourceType",
            json!("Nonsense"),
            "Resource",
            I::Structure,
        ),
        (
            appointment(),
            "replace",
            "/resourceType",
            json!("Questionnaire"),
            "Questionnaire",
            I::NotSupported,
        ),
        (
            appointment(),
            "remove",
            "/resourceType",
            json!(null),
            "Resource",
            I::Required,
        ),
    ] {
        let wrong = edited(base, operation, path, value);
        let found = places(&wrong);
        assert!(
            found.contains(&(place.to_owned(), code)),
            "{path}: {found:?}"
        );
        assert!(found.len() <= 3, "one thing is wrong, not more: {found:?}");
    }
    for no_object in [json!(null), json!([]), json!("x"), json!(1)] {
        assert_eq!(
            places(&no_object),
            [("Resource".to_owned(), IssueType::Structure)]
        );
    }
}

#[test]
fn issues_never_repeat_what_the_record_says() {
    let wrong = json!({"resourceType": "Patient", "birthDate": "Canary-1980", "gender": "Canary",
        "name": [{"family": ["Canary"]}], "Canary is a name": 1, "active": "Canary",
        "managingOrganization": {"reference": "Canary/1"}, "generalPractitioner": [{"reference": "Canary"}],
        "link": [{"other": {"reference": "Canary?x=Canary"}}]});
    let told = operation_outcome(&Validator::new().validate(&wrong).unwrap_err()).to_string();
    assert!(!told.contains("Canary"), "{told}");
}

#[test]
fn all_that_is_wrong_is_told_up_to_a_limit() {
    let found =
        places(&json!({"resourceType": "Observation", "status": 1, "component": [{}, {"x": 1}]}));
    let found: BTreeSet<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        found,
        BTreeSet::from([
            "Observation.status",
            "Observation.code",
            "Observation.component[0]",
            "Observation.component[1].x",
            "Observation.component[1].code"
        ])
    );
    let many = json!({"resourceType": "Patient", "name": vec![json!({}); 10_000]});
    assert_eq!(places(&many).len(), MAX_ISSUES);
    let many: Map<String, Value> = (0..10_000).map(|n| (format!("x{n}"), json!(1))).collect();
    let mut many = Value::Object(many);
    many["resourceType"] = "Patient".into();
    assert_eq!(places(&many).len(), MAX_ISSUES);
}

/// Runs on a thread with a stack of this many bytes.
fn on_stack<T: Send>(bytes: usize, run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(bytes)
            .spawn_scoped(scope, run);
        thread.unwrap().join().unwrap()
    })
}

#[test]
fn depth_is_bounded() {
    // By moving, for `json!` copies what it takes in.
    let around = |outer: Value, name: &str, inner: Value| {
        let mut outer = outer;
        outer[name] = Value::Array(vec![inner]);
        outer
    };
    let extensions = |depth: usize| {
        let mut extension = json!({"url": "x", "valueCode": "y"});
        for _ in 0..depth {
            extension = around(json!({"url": "x"}), "extension", extension);
        }
        around(json!({"resourceType": "Patient"}), "extension", extension)
    };
    let bundles = |depth: usize| {
        let mut bundle = json!({"resourceType": "Bundle", "type": "collection"});
        for _ in 0..depth {
            let mut entry = json!({});
            entry["resource"] = bundle;
            bundle = around(
                json!({"resourceType": "Bundle", "type": "collection"}),
                "entry",
                entry,
            );
        }
        bundle
    };
    assert_eq!(places(&extensions(40)), []);
    // Making and dropping such values takes a deep stack; checking them must not.
    on_stack(256 << 20, || {
        for deep in [
            extensions(70),
            extensions(1_000),
            bundles(70),
            bundles(1_000),
        ] {
            let found = on_stack(1 << 20, || places(&deep));
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].1, IssueType::TooLong);
            on_stack(1 << 20, || {
                fhir::reference::each_reference(&deep, |_, _| {})
            });
        }
    });
}

#[test]
fn entries_of_bundles_may_name_each_other() {
    let validator = Validator::new();
    let mut observation = pressure();
    for reference in [
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "Patient?identifier=urn:rounds:mrn|100",
    ] {
        observation["subject"]["reference"] = reference.into();
        assert!(validator.validate(&observation).is_err());
        assert_eq!(validator.validate_entry(&observation), Ok(()));
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": observation, "request": {"method": "POST", "url": "Observation"}}]});
        assert_eq!(validator.validate(&bundle), Ok(()));
    }
    observation["subject"]["reference"] = "Slot?x=1".into();
    assert!(validator.validate_entry(&observation).is_err());
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [
        {"resource": patient(), "request": {"method": "POST", "url": "Patient"}},
        {"resource": {"resourceType": "Patient", "gender": "x"}}]});
    assert_eq!(
        places(&bundle),
        [(
            "Bundle.entry[1].resource.gender".to_owned(),
            IssueType::CodeInvalid
        )]
    );
}

#[test]
fn our_own_outcomes_are_valid() {
    let outcome = operation_outcome(
        &Validator::new()
            .validate(&json!({"resourceType": "Slot"}))
            .unwrap_err(),
    );
    assert_eq!(Validator::new().validate(&outcome), Ok(()));
    let set = fhir::bundle::searchset(
        "https://c.example/fhir/R4",
        Some(1),
        &[("self", "https://c.example/fhir/R4/Patient".to_owned())],
        [
            (fhir::bundle::Mode::Match, patient()),
            (fhir::bundle::Mode::Outcome, outcome),
        ],
    );
    assert_eq!(Validator::new().validate(&set), Ok(()));
}

// ---- Against HL7's JSON schema, when it is at hand ----

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
        Value::Object(map) if how % 2 == 0 => {
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
    let mut refused = 0;
    let mut only_ours = 0;
    let (refused_, only_ours_) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
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
            refused_.set(refused_.get() + i32::from(!theirs));
            only_ours_.set(only_ours_.get() + i32::from(theirs && !ours));
            prop_assert!(
                theirs || !ours,
                "HL7 refuses what we let through: {damaged}"
            );
            Ok(())
        })
        .unwrap();
    refused += refused_.get();
    only_ours += only_ours_.get();
    assert!(refused > 500, "the damage is damage");
    eprintln!("HL7's schema refused {refused} of 2000; we refused {only_ours} more");
}
