//! Searching: what resources are found by, what queries mean, and that both agree.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fhir::date::Prefix;
use fhir::outcome::{Issue, IssueType};
use fhir::search::{
    self, IndexData, Modifier, Operand, Query, Summary, SystemMatch, Total, extract, extract_in,
    matches, parse_query, parse_query_in,
};
use jiff::tz::{Offset, TimeZone};
use serde_json::{Value, json};

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(pair)
        .collect()
}

fn ask(kind: &str, query: &str) -> Result<Query, Issue> {
    parse_query(kind, &pairs(query), true)
}

fn found(resource: &Value, query: &str) -> bool {
    let kind = resource["resourceType"].as_str().unwrap();
    matches(
        &ask(kind, query).unwrap_or_else(|issue| panic!("{query}: {issue}")),
        &extract(resource),
    )
}

fn patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "p1",
        "meta": {"lastUpdated": "2024-03-01T10:00:00Z", "tag": [{"system": "urn:t", "code": "demo"}]},
        "identifier": [{"system": "urn:rounds:mrn", "value": "00,1|7"}, {"value": "no-system"}],
        "name": [{"family": "Núñez-O’Hara", "given": ["María José"]}, {"text": "Mia"}],
        "gender": "female", "birthDate": "1980-02-29", "deceasedBoolean": false,
        "telecom": [{"system": "phone", "value": "555-0100"}, {"system": "email", "value": "m@x.example"}],
        "address": [{"line": ["1 Main St"], "city": "Saint-Étienne", "postalCode": "42000"}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "es"}]}}],
        "generalPractitioner": [{"reference": "Practitioner/d"}],
        "managingOrganization": {"identifier": {"system": "urn:npi", "value": "9"}},
    })
}

#[test]
fn people_are_found() {
    for (query, holds) in [
        ("", true),
        ("_id=p1", true),
        ("_id=p2", false),
        ("_id=p2,p1", true),
        ("name=nun", true),
        ("name=NÚÑEZ", true),
        ("name=hara", false),
        ("name=mia", true),
        ("name=jose", true),
        ("name:contains=ohara", true),
        ("name:exact=Mia", true),
        ("name:exact=mia", false),
        ("family=nunez", true),
        ("family=maria", false),
        ("given=maria jo", true),
        ("identifier=urn:rounds:mrn|00\\,1\\|7", true),
        ("identifier=00\\,1\\|7", true),
        ("identifier=urn:other|00\\,1\\|7", false),
        ("identifier=|no-system", true),
        ("identifier=no-system", true),
        ("identifier=|00\\,1\\|7", false),
        ("identifier=urn:rounds:mrn|", true),
        ("identifier=urn:x|", false),
        ("gender=female", true),
        ("gender=male,female", true),
        ("gender:not=male", true),
        ("gender:not=male,female", false),
        (
            "gender=http://hl7.org/fhir/administrative-gender|female",
            true,
        ),
        ("gender:missing=false", true),
        ("gender:missing=true", false),
        ("death-date:missing=true", true),
        ("birthdate=1980-02-29", true),
        ("birthdate=1980-02", true),
        ("birthdate=ge1980-02-29", true),
        ("birthdate=gt1980-02-29", false),
        ("birthdate=lt1981&birthdate=gt1979", true),
        ("birthdate=ne1980", false),
        ("phone=555-0100", true),
        ("email=555-0100", false),
        ("telecom=m@x.example", true),
        ("address=main", true),
        ("address-city=saint-etienne", true),
        ("address-postalcode=42", true),
        ("address-city=main", false),
        ("active:missing=true", true),
        ("deceased=false", true),
        ("deceased=true", false),
        ("language=es", true),
        ("general-practitioner=d", true),
        ("general-practitioner=Practitioner/d", true),
        ("general-practitioner:Practitioner=d", true),
        ("general-practitioner:Organization=d", false),
        ("general-practitioner=Organization/d", false),
        ("organization:identifier=urn:npi|9", true),
        ("organization:identifier=urn:npi|8", false),
        ("_lastUpdated=gt2024-02&_tag=urn:t|demo", true),
        ("_lastUpdated=2024-03-01", true),
        ("_lastUpdated=lt2024-03-01T10:00:00 00:00", false),
        ("name=mia&gender=male", false),
    ] {
        assert_eq!(found(&patient(), query), holds, "{query}");
    }
    let dead = json!({"resourceType": "Patient", "deceasedDateTime": "2024"});
    assert!(found(&dead, "deceased=true") && found(&dead, "death-date=2024"));
    let unsaid = json!({"resourceType": "Patient"});
    assert!(found(&unsaid, "deceased=false") && found(&unsaid, "gender:not=male"));
}

#[test]
fn clinical_records_are_found() {
    let pressure = json!({
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "category": [{"coding": [{"code": "vital-signs"}]}],
        "subject": {"reference": "Patient/p"}, "performer": [{"reference": "Practitioner/d"}],
        "effectivePeriod": {"start": "2024-03-01T10:00:00Z"},
        "component": [{"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                       "valueQuantity": {"value": 120.0, "system": "http://unitsofmeasure.org", "code": "mm[Hg]", "unit": "mmHg"}}],
    });
    let weight = json!({"resourceType": "Observation", "status": "final", "code": {"text": "w"},
        "effectiveDateTime": "2024-03-01T10:00:00Z", "valueQuantity": {"value": 70.5, "unit": "kg"}});
    let visit = json!({"resourceType": "Appointment", "status": "booked", "start": "2024-03-01T10:00:00Z",
        "participant": [{"actor": {"reference": "Patient/p"}}, {"actor": {"reference": "Practitioner/d"}}, {"actor": {"reference": "Location/r"}}]});
    let order = json!({"resourceType": "MedicationRequest", "intent": "order", "authoredOn": "2024-03-01",
        "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "860975"}]}});
    let problem = json!({"resourceType": "Condition", "onsetDateTime": "2020", "recordedDate": "2021-05-05",
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}});
    let plan = json!({"resourceType": "CarePlan", "instantiatesCanonical": ["http://a.example/plan"], "subject": {"reference": "urn:uuid:1"}});
    let event = json!({"resourceType": "AuditEvent", "recorded": "2024-03-01T10:00:00Z", "action": "R",
        "agent": [{"who": {"reference": "Practitioner/d"}}], "entity": [{"what": {"reference": "Patient/p"}}, {"what": {"reference": "Condition/c"}}]});
    for (resource, query, holds) in [
        (&pressure, "patient=p", true),
        (&pressure, "subject=Patient/p", true),
        (&pressure, "subject:Patient=p", true),
        (&pressure, "patient=Patient/q", false),
        (&pressure, "performer=Practitioner/d", true),
        (&pressure, "code=http://loinc.org|85354-9", true),
        (&pressure, "code=8480-6", false),
        (&pressure, "combo-code=8480-6", true),
        (&pressure, "component-code=http://loinc.org|8480-6", true),
        (&pressure, "category=vital-signs", true),
        (&pressure, "date=ge2024-03-01", true),
        (&pressure, "date=lt2024", false),
        (&pressure, "date=ge2030", true),
        (&pressure, "status=final", true),
        (&pressure, "encounter:missing=true", true),
        (&pressure, "component-value-quantity=120||mm[Hg]", true),
        (
            &pressure,
            "component-value-quantity=120|http://unitsofmeasure.org|mm[Hg]",
            true,
        ),
        (&pressure, "combo-value-quantity=gt119", true),
        (
            &pressure,
            "component-value-quantity=120|http://unitsofmeasure.org|kg",
            false,
        ),
        (&pressure, "value-quantity:missing=true", true),
        (&weight, "value-quantity=70.5", true),
        (&weight, "value-quantity=70", false),
        (&weight, "value-quantity=71", true),
        (&weight, "value-quantity=7e1||kg", true),
        (&weight, "value-quantity=ap75", true),
        (&weight, "value-quantity=le70.5||kg", true),
        (&weight, "value-quantity=lt70.5", false),
        (&weight, "code:missing=true", true),
        (&weight, "date=2024-03-01T10:00", true),
        (&visit, "actor=Location/r", true),
        (&visit, "patient=p", true),
        (&visit, "patient=d", false),
        (&visit, "practitioner=d", true),
        (&visit, "location=r", true),
        (&visit, "date=2024-03-01&status=booked,arrived", true),
        (
            &order,
            "intent=order&authoredon=2024-03-01&code=860975",
            true,
        ),
        (&order, "medication:missing=true", true),
        (
            &problem,
            "clinical-status=active&onset-date=2020&recorded-date=ge2021",
            true,
        ),
        (&problem, "onset-date=2020-01", false),
        (&plan, "instantiates-canonical=http://a.example/plan", true),
        (&plan, "subject=urn:uuid:1", true),
        (&plan, "patient:missing=true", true),
        (&event, "patient=p&agent=d&action=R&date=2024-03", true),
        (&event, "entity=Condition/c", true),
        (&event, "patient=d", false),
    ] {
        assert_eq!(
            found(resource, query),
            holds,
            "{} {query}",
            resource["resourceType"]
        );
    }
}

#[test]
fn values_come_once_and_in_order() {
    let patient = json!({"resourceType": "Patient", "name": [{"family": "Lee", "given": ["Ann", "Lee"]}, {"family": "Lee"}]});
    let of = |param: &str| -> Vec<IndexData> {
        extract(&patient)
            .into_iter()
            .filter(|value| value.param == param)
            .map(|value| value.value)
            .collect()
    };
    assert_eq!(
        of("name"),
        [IndexData::Text("Lee".into()), IndexData::Text("Ann".into())]
    );
    assert_eq!(of("family"), [IndexData::Text("Lee".into())]);
    assert_eq!(extract(&json!({})), []);
    assert_eq!(extract(&json!({"resourceType": "Nonsense", "id": "x"})), []);
    // What is not as it should be is passed over, not stumbled on.
    let odd = json!({"resourceType": "Patient", "id": 1, "name": {"family": [1, {}]}, "birthDate": "x",
        "identifier": ["x", {"value": 1}], "telecom": null, "generalPractitioner": [[{"reference": "Practitioner/d"}]]});
    let odd: Vec<_> = extract(&odd)
        .into_iter()
        .filter(|value| value.param != "deceased")
        .collect();
    assert_eq!(odd, []);
}

#[test]
fn days_are_the_clinics() {
    let zone = TimeZone::fixed(Offset::from_hours(-5).unwrap());
    let visit =
        json!({"resourceType": "Appointment", "status": "booked", "start": "2024-03-02T03:30:00Z"});
    let query =
        |zone| parse_query_in("Appointment", &pairs("date=2024-03-01"), true, zone).unwrap();
    assert!(matches(&query(&zone), &extract_in(&visit, &zone)));
    assert!(!matches(&query(&TimeZone::UTC), &extract(&visit)));
    let born = json!({"resourceType": "Patient", "birthDate": "2024-03-01"});
    let query = parse_query_in("Patient", &pairs("birthdate=2024-03-01"), true, &zone).unwrap();
    assert!(matches(&query, &extract_in(&born, &zone)));
}

#[test]
fn queries_are_understood() {
    let query = ask("Patient", "name:exact=A\\,b,c&_sort=-birthdate,family&_count=20&_total=accurate&_cursor=xyz\
        &_include=Patient:general-practitioner:Practitioner&_revinclude=Observation:patient&_revinclude:iterate=Provenance:target&_format=json&_summary=false").unwrap();
    assert_eq!(query.filters.len(), 1);
    assert_eq!(query.filters[0].modifier, Modifier::Exact);
    assert_eq!(
        query.filters[0].values,
        [Operand::Text("A,b".into()), Operand::Text("c".into())]
    );
    let sort: Vec<_> = query
        .sort
        .iter()
        .map(|sort| (sort.param.code, sort.descending))
        .collect();
    assert_eq!(sort, [("birthdate", true), ("family", false)]);
    assert_eq!(
        (query.count, query.total, query.summary),
        (Some(20), Total::Accurate, Summary::False)
    );
    assert_eq!(query.cursor.as_deref(), Some("xyz"));
    let include = &query.includes[0];
    assert_eq!(
        (
            include.source.as_str(),
            include.params[0].code,
            include.target.as_deref(),
            include.iterate
        ),
        (
            "Patient",
            "general-practitioner",
            Some("Practitioner"),
            false
        )
    );
    assert_eq!(query.revincludes[0].source, "Observation");
    assert!(query.revincludes[1].iterate);
    assert!(
        query
            .understood
            .iter()
            .all(|(name, _)| name != "_cursor" && name != "_format")
    );

    let all = ask("Encounter", "_include=Encounter:*").unwrap();
    assert!(all.includes[0].params.len() > 3);
    assert_eq!(ask("Patient", "_count=0").unwrap().summary, Summary::Count);
    let date = ask("Encounter", "date=ge2024-03").unwrap();
    assert!(matches!(
        date.filters[0].values[0],
        Operand::Date {
            prefix: Prefix::Ge,
            ..
        }
    ));
    let gender = ask("Patient", "gender=urn:x|male").unwrap();
    assert_eq!(
        gender.filters[0].values,
        [Operand::Token {
            system: SystemMatch::Any,
            code: Some("male".into())
        }]
    );
    let any = ask("Condition", "patient=1").unwrap();
    assert_eq!(
        any.filters[0].values,
        [Operand::Reference {
            types: vec!["Patient".into()],
            id: "1".into()
        }]
    );
    let away = ask("Condition", "patient=https://x.example/Patient/1").unwrap();
    assert_eq!(
        away.filters[0].values,
        [Operand::Uri("https://x.example/Patient/1".into())]
    );
}

#[test]
fn what_is_not_understood_is_refused_or_told() {
    // Unknown parameters: refused when strict, told when not; the rest still holds.
    for query in [
        "colour=red",
        "_has:Observation:patient:code=1",
        "general-practitioner.name=x",
        "general-practitioner:Practitioner.name=x",
        "_sort=colour",
        "_sort=name,colour",
        "_include=Patient:colour",
        "_include=Nonsense:x",
        "_revinclude=Slot:schedule",
        "_include=Patient:link:Nonsense",
        "_summary=text",
        "phonetic=x",
        "_content=x",
        "_elements=name",
    ] {
        assert_eq!(
            ask("Patient", query).err().map(|issue| issue.code),
            Some(IssueType::NotSupported),
            "{query}"
        );
        let lenient =
            parse_query("Patient", &pairs(&format!("{query}&gender=male")), false).unwrap();
        assert_eq!(
            (lenient.unknown.len(), lenient.filters.len()),
            (1, 1),
            "{query}"
        );
        assert_eq!(lenient.understood.len(), 1);
    }
    // Modifiers and values: refused always, for passing one over would widen the answer.
    for (query, code) in [
        ("name:fuzzy=x", IssueType::NotSupported),
        ("gender:exact=male", IssueType::NotSupported),
        ("birthdate:not=1980", IssueType::NotSupported),
        ("identifier:of-type=a|b|c", IssueType::NotSupported),
        ("general-practitioner:Nonsense=1", IssueType::NotSupported),
        ("_sort:x=name", IssueType::NotSupported),
        ("_include:all=Patient:link", IssueType::NotSupported),
        ("birthdate=yesterday", IssueType::Value),
        ("birthdate=2023-02-30", IssueType::Value),
        ("birthdate=", IssueType::Value),
        ("birthdate=ge", IssueType::Value),
        ("birthdate=1980,", IssueType::Value),
        ("name=", IssueType::Value),
        ("name= ", IssueType::Value),
        ("gender:missing=maybe", IssueType::Value),
        ("identifier=|", IssueType::Value),
        ("identifier=a|b|c", IssueType::Value),
        ("general-practitioner=a b", IssueType::Value),
        ("_count=x", IssueType::Value),
        ("_count=-1", IssueType::Value),
        ("_total=some", IssueType::Value),
        ("_summary=x", IssueType::Value),
        ("_sort=", IssueType::Value),
        ("_sort=name,,", IssueType::Value),
        ("_include=Patient", IssueType::Value),
        ("_cursor=", IssueType::Value),
        ("_include=a:b:c:d", IssueType::Value),
    ] {
        for strict in [true, false] {
            let refused = parse_query("Patient", &pairs(query), strict).err();
            assert_eq!(refused.map(|issue| issue.code), Some(code), "{query}");
        }
    }
    for query in [
        "value-quantity=x",
        "value-quantity=NaN",
        "value-quantity=1|a|b|c",
        "value-quantity=inf",
        "value-quantity=1.",
    ] {
        assert_eq!(
            ask("Observation", query).err().map(|issue| issue.code),
            Some(IssueType::Value),
            "{query}"
        );
    }
    assert!(ask("Questionnaire", "").is_err());
    let flood = format!("_id={}", vec!["x"; 5_000].join(","));
    assert_eq!(
        ask("Patient", &flood).err().map(|issue| issue.code),
        Some(IssueType::TooCostly)
    );
    // Neither the refusal nor the report repeats what was asked.
    let told = ask("Patient", "Canary Name=1").unwrap_err().to_string()
        + &ask("Patient", "birthdate=Canary").unwrap_err().to_string();
    assert!(!told.contains("Canary"), "{told}");
}

#[test]
fn each_parameter_can_be_told_and_searched() {
    for kind in fhir::resource::TYPES {
        for param in search::params(kind) {
            assert!(!param.kind.code().is_empty());
            assert_eq!(
                ask(kind, &format!("{}:missing=true", param.code))
                    .unwrap()
                    .filters
                    .len(),
                1
            );
        }
    }
}
