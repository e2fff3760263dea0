//! What every synthetic clinic must be: valid, complete, coherent, the same for its seed.

#![allow(
    clippy::unwrap_used,
    reason = "tests stop at the first surprise, in their helpers too"
)]

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::Value;
use synthetic::{Clinic, ClinicError};

const TODAY: Date = date(2026, 3, 4);

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn clinic(seed: u64, patients: u32) -> Clinic {
    Clinic::new(seed, patients, TODAY, zone()).unwrap()
}

fn resources(bundle: &Value) -> impl Iterator<Item = &Value> {
    bundle["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["resource"])
}

fn kind(resource: &Value) -> &str {
    resource["resourceType"].as_str().unwrap()
}

fn name_of(resource: &Value) -> String {
    format!("{}/{}", kind(resource), resource["id"].as_str().unwrap())
}

fn code<'a>(resource: &'a Value, field: &str) -> &'a str {
    resource[field]["coding"][0]["code"]
        .as_str()
        .unwrap_or_default()
}

fn of<'a>(record: &'a [Value], wanted: &'a str) -> impl Iterator<Item = &'a Value> {
    record
        .iter()
        .filter(move |resource| kind(resource) == wanted)
}

fn has_condition(record: &[Value], snomed: &str) -> bool {
    of(record, "Condition").any(|condition| code(condition, "code") == snomed)
}

fn values(record: &[Value], loinc: &str) -> Vec<(String, f64)> {
    of(record, "Observation")
        .filter(|observation| code(observation, "code") == loinc)
        .map(|observation| {
            (
                observation["effectiveDateTime"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                observation["valueQuantity"]["value"].as_f64().unwrap(),
            )
        })
        .collect()
}

fn drugs(record: &[Value]) -> HashSet<&str> {
    of(record, "MedicationRequest")
        .map(|request| code(request, "medicationCodeableConcept"))
        .collect()
}

fn each_reference<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(text) if name == "reference" => found.push(text),
                    _ => each_reference(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, found)),
        _ => {}
    }
}

fn check_whole(clinic: &Clinic) -> Result<usize, String> {
    let validator = fhir::validate::Validator::new();
    let mut known = HashSet::new();
    let mut count = 0;
    for bundle in clinic.bundles(7) {
        for entry in bundle["entry"].as_array().unwrap() {
            let name = name_of(&entry["resource"]);
            if entry["request"]["url"] != name.as_str() || entry["request"]["method"] != "PUT" {
                return Err(format!("{name} is not put under its id"));
            }
            if !known.insert(name.clone()) {
                return Err(format!("{name} comes twice"));
            }
        }
        for resource in resources(&bundle) {
            count += 1;
            if let Err(issues) = validator.validate(resource) {
                return Err(format!("{}: {issues:?}\n{resource:#}", name_of(resource)));
            }
            let id = resource["id"].as_str().unwrap();
            let version = uuid::Uuid::parse_str(id).unwrap().get_version_num();
            if version != 4 {
                return Err(format!("{id} is a UUID of version {version}"));
            }
            let mut references = Vec::new();
            each_reference(resource, &mut references);
            for reference in references {
                if !known.contains(reference) {
                    return Err(format!(
                        "{} refers to {reference}, which is not there",
                        name_of(resource)
                    ));
                }
            }
        }
    }
    Ok(count)
}

#[test]
fn every_resource_is_valid_and_refers_to_what_is_there() {
    let count = check_whole(&clinic(1, 120)).unwrap();
    assert!(count > 120 * 60, "{count} resources");
}

#[test]
fn a_patient_has_a_record_of_the_size_of_a_real_one() {
    let clinic = clinic(4, 300);
    let total: usize = (0..300).map(|index| clinic.patient(index).len()).sum();
    let mean = total / 300;
    assert!((80..=120).contains(&mean), "{mean} resources a patient");
}

#[test]
fn a_seed_is_a_clinic() {
    let all = |seed| clinic(seed, 30).bundles(10).collect::<Vec<_>>();
    assert_eq!(all(5), all(5));
    assert_ne!(all(5), all(6));
    assert_eq!(clinic(5, 30).users(), clinic(5, 30).users());
}

#[test]
fn cutting_into_bundles_changes_nothing() {
    let clinic = clinic(2, 12);
    let flat = |step| {
        clinic
            .bundles(step)
            .flat_map(|b| resources(&b).cloned().collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    assert_eq!(flat(1), flat(50));
}

#[test]
fn impossible_clinics_are_refused() {
    assert_eq!(
        Clinic::new(1, 0, TODAY, zone()).unwrap_err(),
        ClinicError::NoPatients
    );
    let far = date(2400, 1, 1);
    assert_eq!(
        Clinic::new(1, 5, far, zone()).unwrap_err(),
        ClinicError::Date(far)
    );
}

#[test]
fn every_role_can_sign_in_under_a_name_of_its_own() {
    let clinic = clinic(1, 200);
    let roles: HashSet<_> = clinic
        .users()
        .iter()
        .map(|user| user.role.as_str())
        .collect();
    for role in [
        "clinician",
        "nurse",
        "front-desk",
        "security-officer",
        "auditor",
        "administrator",
    ] {
        assert!(roles.contains(role), "{role}");
    }
    let names: HashSet<_> = clinic.users().iter().map(|user| &user.username).collect();
    assert_eq!(names.len(), clinic.users().len());
    let known: HashSet<String> = clinic
        .bundles(1)
        .take(4)
        .flat_map(|bundle| resources(&bundle).map(name_of).collect::<Vec<_>>())
        .collect();
    for user in clinic.users() {
        let clinical = matches!(user.role.as_str(), "clinician" | "nurse");
        assert_eq!(user.practitioner.is_some(), clinical, "{}", user.username);
        if let Some(id) = &user.practitioner {
            assert!(known.contains(&format!("Practitioner/{id}")));
        }
    }
}

#[test]
fn the_diary_has_no_collisions_and_keeps_hours() {
    let clinic = clinic(3, 400);
    let now: Timestamp = TODAY.at(10, 30, 0, 0).to_zoned(zone()).unwrap().timestamp();
    let mut taken: HashMap<String, Vec<(Timestamp, Timestamp)>> = HashMap::new();
    let mut states = HashMap::new();
    let mut today = 0;
    for record in (0..400).map(|index| clinic.patient(index)) {
        for appointment in of(&record, "Appointment") {
            let instant = |field: &str| {
                appointment[field]
                    .as_str()
                    .unwrap()
                    .parse::<Timestamp>()
                    .unwrap()
            };
            let (start, end) = (instant("start"), instant("end"));
            let state = appointment["status"].as_str().unwrap();
            *states.entry(state.to_owned()).or_insert(0) += 1;
            let local = start.to_zoned(zone());
            let until = end.to_zoned(zone());
            today += u32::from(local.date() == TODAY);
            assert!(local.time() >= jiff::civil::time(8, 30, 0, 0));
            assert!(until.time() <= jiff::civil::time(17, 0, 0, 0));
            let noon = jiff::civil::time(12, 0, 0, 0);
            let one = jiff::civil::time(13, 0, 0, 0);
            assert!(
                until.time() <= noon || local.time() >= one,
                "over lunch: {local}"
            );
            match state {
                "fulfilled" | "noshow" => assert!(end <= now),
                "booked" | "arrived" => assert!(start > now),
                "checked-in" => assert!(start <= now && now < end),
                "cancelled" => assert!(appointment["cancelationReason"].is_object()),
                other => panic!("{other}"),
            }
            if state != "cancelled" {
                let practitioner = appointment["participant"][1]["actor"]["reference"]
                    .as_str()
                    .unwrap();
                taken
                    .entry(practitioner.to_owned())
                    .or_default()
                    .push((start, end));
            }
        }
    }
    for times in taken.values_mut() {
        times.sort();
        assert!(
            times.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "{times:?}"
        );
    }
    assert!(today > 20, "{today} appointments today");
    for state in [
        "booked",
        "arrived",
        "checked-in",
        "fulfilled",
        "noshow",
        "cancelled",
    ] {
        assert!(states.contains_key(state), "{state}: {states:?}");
    }
}

#[test]
fn a_later_diary_adds_days_and_touches_nothing_else() {
    let first = clinic(3, 150);
    let later = Clinic::new(
        3,
        150,
        TODAY.saturating_add(jiff::Span::new().days(6)),
        zone(),
    )
    .unwrap();
    let last_booked = TODAY.saturating_add(jiff::Span::new().days(4));
    let mut known: HashSet<String> = HashSet::new();
    let mut old_appointments = HashSet::new();
    for bundle in first.bundles(50) {
        for resource in resources(&bundle) {
            known.insert(name_of(resource));
            if kind(resource) == "Appointment" {
                old_appointments.insert(name_of(resource));
            }
        }
    }
    let mut added = 0;
    for bundle in later.diary_after(last_booked) {
        known.extend(resources(&bundle).map(name_of));
        for resource in resources(&bundle) {
            assert!(matches!(kind(resource), "Slot" | "Appointment"));
            assert!(resource["start"].as_str().unwrap()[..10] > *last_booked.to_string());
            assert!(!old_appointments.contains(&name_of(resource)));
            let mut references = Vec::new();
            each_reference(resource, &mut references);
            for reference in references {
                assert!(known.contains(reference), "{reference}");
            }
            added += usize::from(kind(resource) == "Appointment");
        }
    }
    assert!(added > 20, "{added}");
}

#[test]
fn a_slot_is_busy_exactly_when_somebody_has_it() {
    let clinic = clinic(3, 150);
    let mut busy = HashSet::new();
    let mut slots = HashMap::new();
    for bundle in clinic.bundles(50) {
        for resource in resources(&bundle) {
            match kind(resource) {
                "Slot" => {
                    slots.insert(name_of(resource), resource["status"] == "busy");
                }
                "Appointment" if resource["status"] != "cancelled" => {
                    for slot in resource["slot"].as_array().unwrap() {
                        assert!(busy.insert(slot["reference"].as_str().unwrap().to_owned()));
                    }
                }
                _ => {}
            }
        }
    }
    assert!(!busy.is_empty());
    for (name, taken) in &slots {
        assert_eq!(*taken, busy.contains(name), "{name}");
    }
}

#[test]
fn long_term_conditions_leave_the_traces_they_should() {
    let clinic = clinic(9, 400);
    let mut seen: HashMap<&str, u32> = HashMap::new();
    for record in (0..400).map(|index| clinic.patient(index)) {
        // Who has not been here since the disease was found has nothing to show.
        let visits = of(&record, "Encounter").count();
        if visits < 4 {
            continue;
        }
        let given = drugs(&record);
        let mut expect = |snomed: &'static str, measures: &[&str], drug: &[&str]| {
            if !has_condition(&record, snomed) {
                return;
            }
            *seen.entry(snomed).or_default() += 1;
            for loinc in measures {
                assert!(
                    !values(&record, loinc).is_empty(),
                    "{snomed} without {loinc} in {}",
                    name_of(&record[0])
                );
            }
            assert!(
                drug.is_empty() || drug.iter().any(|drug| given.contains(drug)),
                "{snomed} without {drug:?}"
            );
        };
        expect("44054006", &["4548-4"], &["861007"]);
        expect("59621000", &[], &["314076"]);
        expect("55822004", &["13457-7"], &["617310"]);
        expect("40930008", &["3016-3"], &["966221"]);
        expect("433144002", &["98979-8"], &[]);
        expect("195967001", &[], &["745679"]);
        expect("77386006", &["55283-6"], &["310410"]);
    }
    for snomed in [
        "44054006",
        "59621000",
        "55822004",
        "40930008",
        "433144002",
        "195967001",
        "77386006",
    ] {
        assert!(
            seen.get(snomed).is_some_and(|count| *count > 0),
            "nobody with {snomed}"
        );
    }
}

#[test]
fn the_first_patient_shows_diabetes_coming_under_control() {
    let record = clinic(1, 20).patient(0);
    let course = values(&record, "4548-4");
    assert!(course.len() >= 6, "{course:?}");
    let (first, last) = (course[0].1, course[course.len() - 1].1);
    assert!(first > last + 0.8, "{course:?}");
    assert!(values(&record, "2345-7").len() >= 4);
    let eyes = of(&record, "Procedure")
        .filter(|done| code(done, "code") == "134395001")
        .count();
    assert!(eyes >= 2, "{eyes} eye examinations");
}

#[test]
fn nobody_is_given_what_harms_them() {
    let clinic = clinic(21, 600);
    let (mut allergic, mut pregnant) = (0, 0);
    for record in (0..600).map(|index| clinic.patient(index)) {
        let given = drugs(&record);
        let penicillin =
            of(&record, "AllergyIntolerance").any(|allergy| code(allergy, "code") == "7980");
        if penicillin {
            allergic += 1;
            assert!(!given.contains("308182") && !given.contains("834061"));
        }
        if has_condition(&record, "77386006") {
            pregnant += 1;
            assert_eq!(record[0]["gender"], "female");
            for harmful in ["314076", "314077", "617310"] {
                assert!(!given.contains(harmful), "{harmful} in pregnancy");
            }
        }
    }
    assert!(
        allergic > 10 && pregnant > 3,
        "{allergic} allergic, {pregnant} pregnant"
    );
}

#[test]
fn derived_values_agree_with_what_they_come_from() {
    let clinic = clinic(8, 200);
    let mut checked = 0;
    for record in (0..200).map(|index| clinic.patient(index)) {
        let at = |loinc: &str| {
            values(&record, loinc)
                .into_iter()
                .collect::<HashMap<_, _>>()
        };
        let (weights, heights) = (at("29463-7"), at("8302-2"));
        for (when, index) in values(&record, "39156-5") {
            let metres = heights[&when] / 100.0;
            assert!(
                (weights[&when] / (metres * metres) - index).abs() < 0.3,
                "{when}"
            );
            checked += 1;
        }
        let (ldl, hdl, triglyceride) = (at("13457-7"), at("2085-9"), at("2571-8"));
        for (when, total) in values(&record, "2093-3") {
            let sum = ldl[&when] + hdl[&when] + triglyceride[&when] / 5.0;
            assert!((sum - total).abs() <= 1.0, "{when}: {sum} and {total}");
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn nothing_happens_before_birth_after_death_or_in_the_future() {
    let clinic = clinic(13, 300);
    let now: Timestamp = TODAY.at(10, 30, 0, 0).to_zoned(zone()).unwrap().timestamp();
    let mut dead = 0;
    for record in (0..300).map(|index| clinic.patient(index)) {
        let birth = record[0]["birthDate"].as_str().unwrap();
        let death = record[0]["deceasedDateTime"].as_str();
        dead += u32::from(death.is_some());
        for resource in &record {
            for field in [
                "effectiveDateTime",
                "occurrenceDateTime",
                "performedDateTime",
                "authoredOn",
                "onsetDateTime",
            ] {
                let Some(text) = resource[field].as_str() else {
                    continue;
                };
                assert!(&text[..10] >= birth, "{} before birth", name_of(resource));
                assert!(
                    death.is_none_or(|death| &text[..10] <= death),
                    "{} after death",
                    name_of(resource)
                );
                if let Ok(moment) = text.parse::<Timestamp>() {
                    assert!(
                        moment <= now + jiff::SignedDuration::from_hours(1),
                        "{} in the future",
                        name_of(resource)
                    );
                }
            }
        }
        if death.is_some() {
            assert_eq!(
                of(&record, "Appointment").count(),
                0,
                "a booking for the dead"
            );
        }
    }
    assert!(dead > 2, "{dead}");
}

#[test]
fn children_grow_and_get_each_dose_once() {
    let clinic = clinic(17, 400);
    let mut children = 0;
    for record in (0..400).map(|index| clinic.patient(index)) {
        if record[0]["birthDate"].as_str().unwrap() < "2010" {
            continue;
        }
        children += 1;
        let heights = values(&record, "8302-2");
        assert!(
            heights.windows(2).all(|pair| pair[0].1 <= pair[1].1 + 0.11),
            "{heights:?}"
        );
        let mut doses = HashSet::new();
        for shot in of(&record, "Immunization") {
            if let Some(number) = shot["protocolApplied"][0]["doseNumberPositiveInt"].as_u64() {
                assert!(
                    doses.insert((code(shot, "vaccineCode").to_owned(), number)),
                    "a dose twice"
                );
            }
        }
    }
    assert!(children > 40, "{children}");
}

#[test]
fn names_come_in_many_scripts_and_identifiers_are_nobodys() {
    let clinic = clinic(1, 200);
    let mut numbers = HashSet::new();
    let mut scripts = HashSet::new();
    let (mut newborn, mut centenarian, mut single) = (false, false, false);
    for record in (0..200).map(|index| clinic.patient(index)) {
        let patient = &record[0];
        let own = patient["name"][0]["text"].as_str().unwrap();
        let first = own.chars().find(|c| c.is_alphabetic()).unwrap();
        scripts.insert(match first {
            'А'..='я' | 'Ё' | 'ё' => "Cyrillic",
            '\u{600}'..='\u{6ff}' => "Arabic",
            '\u{900}'..='\u{97f}' => "Devanagari",
            '\u{4e00}'..='\u{9fff}' => "Han",
            _ => "Latin",
        });
        single |= patient["name"][0].get("family").is_none();
        let birth = patient["birthDate"].as_str().unwrap();
        newborn |= birth > "2026-02-01";
        centenarian |= birth < "1926-03-04";
        for identifier in patient["identifier"].as_array().unwrap() {
            let value = identifier["value"].as_str().unwrap();
            assert!(numbers.insert(value.to_owned()), "{value} twice");
            if identifier["system"] == "http://hl7.org/fhir/sid/us-ssn" {
                assert!(
                    value.starts_with('9') || value.starts_with("000"),
                    "{value}"
                );
            }
        }
        for telecom in patient["telecom"].as_array().into_iter().flatten() {
            let value = telecom["value"].as_str().unwrap();
            assert!(
                value.contains(" 555 01") || value.contains("@example."),
                "{value}"
            );
        }
    }
    assert_eq!(scripts.len(), 5, "{scripts:?}");
    assert!(newborn && centenarian && single);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(12))]

    #[test]
    fn any_seed_any_day_any_zone_is_whole(
        seed: u64,
        patients in 1_u32..30,
        days in 0_i64..20_000,
        zone in proptest::sample::select(vec!["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "America/Sao_Paulo"]),
    ) {
        let today = date(1990, 1, 1).saturating_add(jiff::Span::new().days(days));
        let clinic = Clinic::new(seed, patients, today, TimeZone::get(zone).unwrap()).unwrap();
        let whole = check_whole(&clinic);
        proptest::prop_assert!(whole.is_ok(), "{}", whole.unwrap_err());
    }
}
