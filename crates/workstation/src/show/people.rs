//! Patients in lists and forms.

use cache::PatientCard;
use fhir::person;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::texts::{code_in, display, each, first, first_code, first_concept, sentence, text};
use super::{standing, when};
use crate::view::patient::{PatientForm, PatientRow};

/// System of record numbers made here.
pub const MRN: &str = "urn:rounds:mrn";
/// System of social security numbers.
pub const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";
const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";

/// A row of a list.
#[must_use]
pub fn row(card: &PatientCard, today: Date, zone: &TimeZone) -> PatientRow {
    PatientRow {
        id: card.id.clone(),
        name: if card.name.is_empty() {
            "Unnamed patient".to_owned()
        } else {
            card.name.clone()
        },
        birth_date: card.birth.clone(),
        age: age(card.birth.as_deref(), card.died.as_deref(), today),
        sex: card.sex.clone(),
        mrn: card.mrn.clone(),
        phone: card.phone.clone(),
        last_seen: card.last_seen.as_deref().map(|at| when::day(at, zone)),
        replaced_by: super::pairs::survivor(card),
        standing: standing(card.standing),
    }
}

/// Age in words, or the year of death.
#[must_use]
pub fn age(birth: Option<&str>, died: Option<&str>, today: Date) -> Option<String> {
    match died {
        Some("yes") => return Some("died".to_owned()),
        Some(died) => return Some(format!("died {}", died.get(..4).unwrap_or(died))),
        None => {}
    }
    Some(person::age(birth?, today)).filter(|age| !age.is_empty())
}

/// Whether ranges for adults apply.
#[must_use]
pub fn is_adult(birth: Option<&str>, today: Date) -> bool {
    let year = birth.and_then(|birth| birth.get(..4)?.parse::<i16>().ok());
    year.is_some_and(|year| {
        let full = birth.and_then(|birth| birth.parse::<Date>().ok());
        match full {
            Some(full) => full
                .checked_add(jiff::Span::new().years(18))
                .is_ok_and(|of_age| of_age <= today),
            None => today.year() - year > 18,
        }
    })
}

/// Address in one line.
#[must_use]
pub fn address(patient: &Value) -> Option<String> {
    let address = current_address(patient)?;
    if let Some(text) = text(address, "text") {
        return Some(text.replace('\n', ", "));
    }
    let mut parts: Vec<&str> = each(address, "line").filter_map(Value::as_str).collect();
    parts.extend(text(address, "city"));
    let mut line = parts.join(", ");
    for key in ["state", "postalCode"] {
        if let Some(part) = text(address, key) {
            line.push_str(if key == "state" { ", " } else { " " });
            line.push_str(part);
        }
    }
    (!line.is_empty()).then(|| line.trim_start_matches([',', ' ']).to_owned())
}

fn current_address(patient: &Value) -> Option<&Value> {
    each(patient, "address")
        .find(|address| text(*address, "use") == Some("home"))
        .or_else(|| each(patient, "address").find(|address| text(*address, "use") != Some("old")))
}

/// Language, contact, religion and the like, in words.
#[must_use]
pub fn flags(patient: &Value) -> Vec<String> {
    let mut flags = Vec::new();
    let languages = || each(patient, "communication");
    let preferred = languages()
        .find(|language| language.get("preferred").and_then(Value::as_bool) == Some(true))
        .or_else(|| languages().next())
        .and_then(|language| {
            let language = language.get("language")?;
            let code = first_code(language).unwrap_or_default();
            (!code.starts_with("en"))
                .then(|| super::texts::concept(language))
                .flatten()
        });
    if let Some(language) = preferred {
        flags.push(format!("Speaks {language}"));
    }
    // Of one that was merged the banner says more.
    if patient.get("active").and_then(Value::as_bool) == Some(false)
        && fhir::same_person::replaced_by(patient).is_none()
    {
        flags.push("Record not active".to_owned());
    }
    if patient.get("multipleBirthBoolean").and_then(Value::as_bool) == Some(true)
        || patient.get("multipleBirthInteger").is_some()
    {
        flags.push("Multiple birth".to_owned());
    }
    if let Some(contact) = first(patient, "contact") {
        let name = contact
            .get("name")
            .map(|name| person::display_name(&json!({"name": [name]})));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let relation = first_concept(contact, "relationship")
                .map(|relation| format!(" ({})", relation.to_lowercase()))
                .unwrap_or_default();
            flags.push(format!("Contact: {name}{relation}"));
        }
    }
    if let Some(practitioner) =
        each(patient, "generalPractitioner").find_map(|gp| text(gp, "display"))
    {
        flags.push(format!("Care of {practitioner}"));
    }
    if let Some(organisation) = display(patient, "managingOrganization") {
        flags.push(sentence(organisation));
    }
    flags
}

/// The record number: the identifier of type MR.
#[must_use]
pub fn mrn(patient: &Value) -> Option<&str> {
    each(patient, "identifier")
        .find(|id| is_mrn(id))
        .and_then(|id| text(id, "value"))
}

fn is_mrn(identifier: &Value) -> bool {
    text(identifier, "system") == Some(MRN)
        || identifier.get("type").is_some_and(|kind| {
            code_in(kind, IDENTIFIER_TYPE) == Some("MR") || first_code(kind) == Some("MR")
        })
}

fn is_ssn(identifier: &Value) -> bool {
    text(identifier, "system") == Some(SSN)
}

/// The form of a Patient.
#[must_use]
pub fn form(patient: &Value, version: u64) -> PatientForm {
    let name = official_name(patient).unwrap_or(&Value::Null);
    let given: Vec<&str> = each(name, "given").filter_map(Value::as_str).collect();
    let address = current_address(patient).unwrap_or(&Value::Null);
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let telecom = |system: &str| {
        owned(
            each(patient, "telecom")
                .find(|point| text(*point, "system") == Some(system))
                .and_then(|point| text(point, "value")),
        )
    };
    let street: Vec<&str> = each(address, "line").filter_map(Value::as_str).collect();
    PatientForm {
        id: text(patient, "id").map(str::to_owned),
        version: u32::try_from(version).ok(),
        given: given.join(" "),
        family: owned(text(name, "family")),
        birth_date: owned(text(patient, "birthDate")),
        sex: owned(text(patient, "gender")),
        mrn: owned(mrn(patient)),
        ssn: owned(
            each(patient, "identifier")
                .find(|id| is_ssn(id))
                .and_then(|id| text(id, "value")),
        ),
        phone: telecom("phone"),
        email: telecom("email"),
        street: street.join(", "),
        city: owned(text(address, "city")),
        state: owned(text(address, "state")),
        postal_code: owned(text(address, "postalCode")),
    }
}

fn official_name(patient: &Value) -> Option<&Value> {
    ["official", "usual"]
        .iter()
        .find_map(|wanted| each(patient, "name").find(|name| text(*name, "use") == Some(wanted)))
        .or_else(|| first(patient, "name"))
}

/// Writes a form over a Patient. What the form does not show stays; a field that says what the
/// record says already leaves the record as it is written.
pub fn write_form(patient: &mut Value, form: &PatientForm) {
    let before = self::form(patient, 0);
    let Value::Object(patient) = patient else {
        return;
    };
    if (before.given.as_str(), before.family.as_str())
        != (form.given.as_str(), form.family.as_str())
    {
        write_name(patient, form);
    }
    set_text(patient, "gender", &form.sex);
    set_text(patient, "birthDate", &form.birth_date);
    if before.mrn != form.mrn {
        write_identifier(patient, &form.mrn, is_mrn, || {
            json!({"type": {"coding": [{"system": IDENTIFIER_TYPE, "code": "MR",
                "display": "Medical record number"}]}, "system": MRN})
        });
    }
    if before.ssn != form.ssn {
        write_identifier(patient, &form.ssn, is_ssn, || {
            json!({"type": {"coding": [{"system": IDENTIFIER_TYPE, "code": "SS",
                "display": "Social Security number"}]}, "system": SSN})
        });
    }
    for (system, old, new) in [
        ("phone", &before.phone, &form.phone),
        ("email", &before.email, &form.email),
    ] {
        if old != new {
            write_telecom(patient, system, new);
        }
    }
    let address = |form: &PatientForm| {
        (
            form.street.clone(),
            form.city.clone(),
            form.state.clone(),
            form.postal_code.clone(),
        )
    };
    if address(&before) != address(form) {
        write_address(patient, form);
    }
}

fn list<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Vec<Value>> {
    let entry = map.entry(key).or_insert_with(|| json!([]));
    if !entry.is_array() {
        *entry = json!([]);
    }
    entry.as_array_mut()
}

fn drop_empty_list(map: &mut Map<String, Value>, key: &str) {
    if map
        .get(key)
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        map.shift_remove(key);
    }
}

fn set_text(map: &mut Map<String, Value>, key: &str, value: &str) {
    if value.trim().is_empty() {
        map.shift_remove(key);
    } else if map.get(key).and_then(Value::as_str) != Some(value.trim()) {
        map.insert(key.to_owned(), value.trim().into());
    }
}

fn write_name(patient: &mut Map<String, Value>, form: &PatientForm) {
    let place = {
        let whole = Value::Object(patient.clone());
        official_name(&whole)
            .and_then(|wanted| each(&whole, "name").position(|name| std::ptr::eq(name, wanted)))
    };
    let Some(names) = list(patient, "name") else {
        return;
    };
    let place = place.unwrap_or_else(|| {
        names.insert(0, json!({"use": "official"}));
        0
    });
    let Some(Value::Object(name)) = names.get_mut(place) else {
        return;
    };
    set_text(name, "family", &form.family);
    let given: Vec<Value> = form.given.split_whitespace().map(Value::from).collect();
    if given.is_empty() {
        name.shift_remove("given");
    } else {
        name.insert("given".to_owned(), given.into());
    }
    // A text that was made of the old parts would contradict the new ones.
    name.shift_remove("text");
}

fn write_identifier(
    patient: &mut Map<String, Value>,
    value: &str,
    is_it: fn(&Value) -> bool,
    fresh: fn() -> Value,
) {
    let value = value.trim();
    if let Some(identifiers) = list(patient, "identifier") {
        if value.is_empty() {
            identifiers.retain(|identifier| !is_it(identifier));
        } else if let Some(Value::Object(known)) = identifiers.iter_mut().find(|id| is_it(id)) {
            known.insert("value".to_owned(), value.into());
        } else {
            let mut identifier = fresh();
            identifier["value"] = value.into();
            identifiers.push(identifier);
        }
    }
    drop_empty_list(patient, "identifier");
}

fn write_telecom(patient: &mut Map<String, Value>, system: &str, value: &str) {
    let value = value.trim();
    let is_it = |point: &Value| text(point, "system") == Some(system);
    if let Some(points) = list(patient, "telecom") {
        let place = points.iter().position(is_it);
        match (place, value.is_empty()) {
            (Some(place), true) => {
                points.remove(place);
            }
            (Some(place), false) => {
                if let Some(Value::Object(point)) = points.get_mut(place) {
                    point.insert("value".to_owned(), value.into());
                }
            }
            (None, false) => points.push(json!({"system": system, "value": value, "use": "home"})),
            (None, true) => {}
        }
    }
    drop_empty_list(patient, "telecom");
}

fn write_address(patient: &mut Map<String, Value>, form: &PatientForm) {
    let place = {
        let whole = Value::Object(patient.clone());
        current_address(&whole).and_then(|wanted| {
            each(&whole, "address").position(|address| std::ptr::eq(address, wanted))
        })
    };
    let empty = [&form.street, &form.city, &form.state, &form.postal_code]
        .iter()
        .all(|part| part.trim().is_empty());
    if let Some(addresses) = list(patient, "address") {
        match (place, empty) {
            (Some(place), true) => {
                addresses.remove(place);
            }
            (None, true) => {}
            (place, false) => {
                let place = place.unwrap_or_else(|| {
                    addresses.insert(0, json!({"use": "home"}));
                    0
                });
                if let Some(Value::Object(address)) = addresses.get_mut(place) {
                    if form.street.trim().is_empty() {
                        address.shift_remove("line");
                    } else {
                        address.insert("line".to_owned(), json!([form.street.trim()]));
                    }
                    set_text(address, "city", &form.city);
                    set_text(address, "state", &form.state);
                    set_text(address, "postalCode", &form.postal_code);
                    address.shift_remove("text");
                }
            }
        }
    }
    drop_empty_list(patient, "address");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign() -> Value {
        json!({"resourceType": "Patient", "id": "p", "active": true,
            "extension": [{"url": "http://example.org/x", "valueString": "kept"}],
            "identifier": [
                {"system": "https://github.com/synthetichealth/synthea", "value": "s"},
                {"type": {"coding": [{"system": IDENTIFIER_TYPE, "code": "MR"}]},
                 "system": "http://hospital.smarthealthit.org", "value": "m-1"},
                {"system": SSN, "value": "999-11-2222"}],
            "name": [{"use": "maiden", "family": "Old", "given": ["A"]},
                     {"use": "official", "family": "Okafor", "given": ["Ada", "Mae"], "prefix": ["Mrs."]}],
            "telecom": [{"system": "phone", "value": "555-1", "use": "work"}],
            "gender": "female", "birthDate": "1980-02-29",
            "address": [{"extension": [{"url": "geo"}], "line": ["1 Main St"], "city": "Springfield",
                "state": "MA", "postalCode": "01101", "country": "US"}]})
    }

    #[test]
    fn an_untouched_form_changes_nothing() {
        let mut patient = foreign();
        let form = form(&patient, 3);
        write_form(&mut patient, &form);
        assert_eq!(patient, foreign());
    }

    #[test]
    fn one_field_changes_one_element() {
        let mut patient = foreign();
        let mut changed = form(&patient, 3);
        changed.phone = "555-2".into();
        write_form(&mut patient, &changed);
        let mut expected = foreign();
        expected["telecom"][0]["value"] = json!("555-2");
        assert_eq!(patient, expected);
    }

    #[test]
    fn a_form_written_reads_back() {
        let mut patient = foreign();
        let mut changed = form(&patient, 3);
        changed.given = "Adaeze".into();
        changed.family = "Nwosu".into();
        changed.mrn = "m-2".into();
        changed.ssn = String::new();
        changed.email = "ada@example.org".into();
        changed.street = "2 High St".into();
        changed.city = "Shelbyville".into();
        write_form(&mut patient, &changed);
        assert_eq!(form(&patient, 3), changed);
        assert_eq!(patient["name"][0]["family"], "Old");
        assert_eq!(patient["name"][1]["prefix"][0], "Mrs.");
        assert_eq!(patient["address"][0]["country"], "US");
        assert_eq!(patient["extension"][0]["valueString"], "kept");
    }

    #[test]
    fn a_new_patient_has_what_was_typed_and_no_empty_lists() {
        let mut patient = json!({"resourceType": "Patient", "id": "n"});
        let typed = PatientForm {
            id: None,
            version: None,
            given: "Li".into(),
            family: "Wei".into(),
            birth_date: "2001-01-01".into(),
            sex: "male".into(),
            mrn: "42".into(),
            ssn: String::new(),
            phone: String::new(),
            email: String::new(),
            street: String::new(),
            city: String::new(),
            state: String::new(),
            postal_code: String::new(),
        };
        write_form(&mut patient, &typed);
        assert_eq!(patient["identifier"][0]["system"], MRN);
        assert_eq!(patient["name"][0]["given"], json!(["Li"]));
        assert!(patient.get("telecom").is_none() && patient.get("address").is_none());
    }

    #[test]
    fn who_is_an_adult() {
        let today: Date = "2026-06-15".parse().unwrap();
        assert!(is_adult(Some("2008-06-15"), today));
        assert!(!is_adult(Some("2008-06-16"), today));
        assert!(is_adult(Some("1990"), today));
        assert!(!is_adult(Some("2008"), today));
        assert!(!is_adult(None, today));
    }

    #[test]
    fn foreign_shapes_do_not_panic() {
        for odd in [
            json!(null),
            json!([]),
            json!({"name": "x", "address": [1], "telecom": {}, "contact": [{}]}),
        ] {
            let form = form(&odd, 0);
            let mut odd = odd.clone();
            assert!(address(&odd).is_none_or(|line| !line.is_empty()));
            assert!(flags(&odd).iter().all(|flag| !flag.is_empty()));
            write_form(
                &mut odd,
                &PatientForm {
                    family: "New".into(),
                    street: "s".into(),
                    phone: "1".into(),
                    ..form
                },
            );
        }
    }
}
