//! Validation: what is refused, and where.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixtures;

use std::collections::BTreeSet;

use fhir::outcome::{IssueType, operation_outcome};
use fhir::validate::{MAX_ISSUES, Validator};
use fixtures::{appointment, patient, pressure};
use serde_json::{Map, Value, json};

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

/// An edit of a right record, and the element and kind of issue that tells it.
const WRONG: &str = r##"patient replace /birthDate = "2023-02-30" => Patient.birthDate value
patient replace /birthDate = "30.02.2023" => Patient.birthDate value
patient replace /birthDate = 1980 => Patient.birthDate value
patient replace /birthDate = "1980-01-01T00:00:00Z" => Patient.birthDate value
patient replace /birthDate = ["1980"] => Patient.birthDate structure
patient replace /birthDate = null => Patient.birthDate structure
patient replace /gender = "f" => Patient.gender code-invalid
patient replace /gender = "" => Patient.gender value
patient replace /active = "true" => Patient.active value
patient replace /name = {"family": "x"} => Patient.name structure
patient replace /name = [] => Patient.name structure
patient replace /name = [{}] => Patient.name[0] structure
patient replace /name = ["x"] => Patient.name[0] structure
patient replace /name/0/given = "Ann" => Patient.name[0].given structure
patient add /name/0/given/0 = null => Patient.name[0].given[0] structure
patient add /name/0/lastName = "x" => Patient.name[0].lastName structure
patient add /name/0/Family = "x" => Patient.name[0].Family structure
patient add /name/0/bad name< = "x" => Patient.name[0] structure
patient add /_name = {} => Patient.name structure
patient replace /_birthDate = {"x": 1} => Patient.birthDate.x structure
patient replace /telecom/0/rank = 0 => Patient.telecom[0].rank value
patient add /deceasedDateTime = "2024" => Patient.deceased invariant
patient add /deceased = true => Patient.deceased structure
patient replace /multipleBirthInteger = 1.5 => Patient.multipleBirth.ofType(integer) value
patient replace /id = "a b" => Patient.id value
patient replace /photo/0/data = "%%%" => Patient.photo[0].data value
patient replace /text/div = "<div><script>x</script></div>" => Patient.text.div invariant
patient remove /text/status = null => Patient.text.status required
patient remove /communication/0/language = null => Patient.communication[0].language required
patient remove /link/0/type = null => Patient.link[0].type required
patient replace /identifier/0/period = {"start": "2024", "end": "2023"} => Patient.identifier[0].period.end invariant
patient add /extension/0/valueString = "x" => Patient.extension[0] invariant
patient remove /extension/0/url = null => Patient.extension[0].url required
patient remove /contained/0/id = null => Patient.contained[0] required
patient add /contained/0/contained = [{"resourceType": "Basic", "id": "b", "code": {"text": "x"}}] => Patient.contained[0] invariant
patient replace /contained/0/name = 1 => Patient.contained[0].name value
patient replace /contained/0/resourceType = "Organisation" => Patient.contained[0] structure
patient replace /managingOrganization/reference = "#x" => Patient.managingOrganization.reference not-found
patient replace /managingOrganization/reference = "Patient/1" => Patient.managingOrganization.reference value
patient replace /managingOrganization/reference = "Organisation/1" => Patient.managingOrganization.reference value
patient replace /managingOrganization/reference = "x" => Patient.managingOrganization.reference value
patient replace /managingOrganization/reference = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520" => Patient.managingOrganization.reference value
patient replace /managingOrganization/reference = "Organization?name=x" => Patient.managingOrganization.reference value
patient replace /generalPractitioner/0/type = "Organization" => Patient.generalPractitioner[0].reference invariant
pressure replace /subject/reference = "Group/1" => Observation.subject.reference not-supported
pressure remove /status = null => Observation.status required
pressure remove /code = null => Observation.code required
pressure replace /status = "done" => Observation.status code-invalid
pressure remove /component/1/code = null => Observation.component[1].code required
pressure replace /component/1/valueQuantity/value = "80" => Observation.component[1].value.ofType(Quantity).value value
pressure replace /component/1/valueQuantity/comparator = "~" => Observation.component[1].value.ofType(Quantity).comparator code-invalid
pressure replace /effectiveDateTime = "2024-02-29T10:00:00" => Observation.effective.ofType(dateTime) value
appointment remove /participant = null => Appointment.participant required
appointment remove /end = null => Appointment invariant
appointment replace /end = "2024-01-01T09:00:00Z" => Appointment.end invariant
appointment replace /start = "2024-01-01" => Appointment.start value
appointment replace /resourceType = "Nonsense" => Resource structure
appointment replace /resourceType = "Questionnaire" => Questionnaire not-supported
appointment remove /resourceType = null => Resource required"##;

#[test]
fn what_is_wrong_is_named() {
    for line in WRONG.lines() {
        let (left, right) = line.rsplit_once(" => ").unwrap();
        let (edit, value) = left.split_once(" = ").unwrap();
        let [base, operation, path] = edit.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!()
        };
        let (place, code) = right.split_once(' ').unwrap();
        let base = match base {
            "patient" => patient(),
            "pressure" => pressure(),
            _ => appointment(),
        };
        let wrong = edited(base, operation, path, serde_json::from_str(value).unwrap());
        let found = places(&wrong);
        let named = |(at, is): &(String, IssueType)| at == place && is.code() == code;
        assert!(found.iter().any(named), "{line}: {found:?}");
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
