//! What of a Patient is compared, read once, and every comparison but that of names.

use serde_json::Value;

use super::Agreement::{self, Apart, Close, Crossed, Same};
use super::names::Name;
use super::weights::{self, Odds};
use crate::date::{self, Precision, Written};
use crate::person::{normalise, phone_digits};

const MEDICAL_RECORD: &str = "MR";
const SOCIAL_SECURITY: &str = "SS";
const SOCIAL_SECURITY_SYSTEM: &str = "http://hl7.org/fhir/sid/us-ssn";
const RECORD_NUMBER_SYSTEM: &str = "urn:rounds:mrn";
/// Digits of a telephone number without its country's.
const SUBSCRIBER: usize = 10;
/// Fewer digits are an extension or half a number.
const LEAST_PHONE: usize = 7;

/// A person as a Patient describes them, ready to be compared.
#[derive(Debug, Clone, Default)]
pub struct Person {
    pub(super) names: Vec<Name>,
    pub(super) one_of_several: bool,
    birth: Option<Written>,
    sex: Option<Sex>,
    phones: Vec<String>,
    emails: Vec<String>,
    places: Vec<Place>,
    social_security: Vec<String>,
    record_numbers: Vec<(String, String)>,
    identifiers: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sex {
    Female,
    Male,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: String,
    city: String,
    post: String,
}

impl Person {
    /// Reads a Patient. Elements that are not what they should be are passed over.
    #[must_use]
    pub fn of(patient: &Value) -> Self {
        let text = |key: &str| patient.get(key).and_then(Value::as_str);
        let mut person = Self {
            names: each(patient, "name").filter_map(Name::of).collect(),
            one_of_several: patient.get("multipleBirthInteger").is_some()
                || patient.get("multipleBirthBoolean").and_then(Value::as_bool) == Some(true),
            birth: text("birthDate").and_then(|birth| date::date(birth).ok()),
            sex: match text("gender") {
                Some("female") => Some(Sex::Female),
                Some("male") => Some(Sex::Male),
                _ => None,
            },
            places: each(patient, "address").filter_map(Place::of).collect(),
            ..Self::default()
        };
        for point in each(patient, "telecom") {
            let value = part(point, "value");
            match part(point, "system") {
                "phone" | "sms" => person.phones.extend(phone_of(value)),
                "email" => {
                    let address = normalise(value);
                    if address.contains('@') {
                        person.emails.push(address);
                    }
                }
                _ => {}
            }
        }
        for identifier in each(patient, "identifier") {
            person.add_identifier(identifier);
        }
        person
    }

    fn add_identifier(&mut self, identifier: &Value) {
        let system = part(identifier, "system");
        let value = plain(part(identifier, "value"));
        let is = |code: &str| {
            identifier
                .get("type")
                .into_iter()
                .flat_map(|kind| each(kind, "coding"))
                .any(|coding| part(coding, "code") == code)
        };
        if value.is_empty() {
        } else if system == SOCIAL_SECURITY_SYSTEM || is(SOCIAL_SECURITY) {
            self.social_security.extend(social_security_of(&value));
        } else if system == RECORD_NUMBER_SYSTEM || is(MEDICAL_RECORD) {
            self.record_numbers.push((system.to_owned(), value));
        } else if !system.is_empty() {
            // A number without its system may be anything.
            self.identifiers.push((system.to_owned(), value));
        }
    }
}

impl Place {
    fn of(address: &Value) -> Option<Self> {
        let lines: Vec<&str> = each(address, "line").filter_map(Value::as_str).collect();
        let place = Self {
            line: plain(&lines.join(" ")),
            city: plain(part(address, "city")),
            post: plain(part(address, "postalCode")),
        };
        (!place.line.is_empty() || !place.post.is_empty()).then_some(place)
    }

    /// How two places agree; none when they have nothing to compare.
    fn agreement(&self, other: &Self) -> Option<Agreement> {
        let both = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
        let posts = both(&self.post, &other.post).then(|| self.post == other.post);
        let cities = both(&self.city, &other.city).then(|| self.city == other.city);
        let lines = both(&self.line, &other.line).then(|| self.line == other.line);
        // The post code is a town's more exact name.
        match (lines, posts.or(cities)) {
            (Some(true), Some(true)) => Some(Same),
            (_, Some(true)) => Some(Close),
            (_, Some(false)) => Some(Apart),
            (_, None) => None,
        }
    }
}

pub(super) fn birth(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    let (one, other) = (one.birth?, other.birth?);
    let (a, b) = (one.date, other.date);
    Some(match one.precision.min(other.precision) {
        Precision::Year if a.year() == b.year() => (Close, weights::BIRTH_YEAR),
        Precision::Month if (a.year(), a.month()) == (b.year(), b.month()) => {
            (Close, weights::BIRTH_MONTH)
        }
        Precision::Year | Precision::Month => (Apart, weights::BIRTH_PART_APART),
        _ if a == b && a.month() == 1 && a.day() == 1 => (Same, weights::BIRTH_NEW_YEAR),
        _ if a == b => (Same, weights::BIRTH_SAME),
        _ if a.year() == b.year() && a.month() == b.day() && a.day() == b.month() => {
            (Crossed, weights::BIRTH_CROSSED)
        }
        _ if one_slip(&a.to_string(), &b.to_string()) => (Close, weights::BIRTH_CLOSE),
        _ => (Apart, weights::BIRTH_APART),
    })
}

pub(super) fn sex(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    Some(if one.sex? == other.sex? {
        (Same, weights::SEX_SAME)
    } else {
        (Apart, weights::SEX_APART)
    })
}

pub(super) fn phone(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    Some(match best(&one.phones, &other.phones)? {
        Same => (Same, weights::PHONE_SAME),
        Close | Crossed => (Close, weights::PHONE_CLOSE),
        Apart => (Apart, weights::PHONE_APART),
    })
}

/// People have several: two that differ say nothing.
pub(super) fn email(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    (best(&one.emails, &other.emails)? == Same).then_some((Same, weights::EMAIL_SAME))
}

pub(super) fn address(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    let found = one
        .places
        .iter()
        .flat_map(|a| other.places.iter().filter_map(|b| a.agreement(b)))
        .min()?;
    Some(match found {
        Same => (Same, weights::ADDRESS_SAME),
        Close | Crossed => (Close, weights::ADDRESS_CLOSE),
        Apart => (Apart, weights::ADDRESS_APART),
    })
}

pub(super) fn social_security(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    Some(match best(&one.social_security, &other.social_security)? {
        Same => (Same, weights::SOCIAL_SECURITY_SAME),
        Close | Crossed => (Close, weights::SOCIAL_SECURITY_CLOSE),
        Apart => (Apart, weights::SOCIAL_SECURITY_APART),
    })
}

pub(super) fn record_number(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    shared(&one.record_numbers, &other.record_numbers)
        .then_some((Same, weights::RECORD_NUMBER_SAME))
}

pub(super) fn identifier(one: &Person, other: &Person) -> Option<(Agreement, Odds)> {
    shared(&one.identifiers, &other.identifiers).then_some((Same, weights::IDENTIFIER_SAME))
}

fn shared(one: &[(String, String)], other: &[(String, String)]) -> bool {
    one.iter().any(|a| other.contains(a))
}

/// The best agreement between any of one and any of the other; none when either has none.
fn best(one: &[String], other: &[String]) -> Option<Agreement> {
    one.iter()
        .flat_map(|a| {
            other.iter().map(move |b| {
                if a == b {
                    Same
                } else if one_slip(a, b) {
                    Close
                } else {
                    Apart
                }
            })
        })
        .min()
}

/// Whether one digit makes the difference, or two beside each other.
fn one_slip(one: &str, other: &str) -> bool {
    one.len() == other.len() && strsim::osa_distance(one, other) == 1
}

fn phone_of(text: &str) -> Option<String> {
    let digits = phone_digits(text);
    let from = digits.len().saturating_sub(SUBSCRIBER);
    let number = &digits[from..];
    (number.len() >= LEAST_PHONE && !is_one_digit(number)).then(|| number.to_owned())
}

fn social_security_of(value: &str) -> Option<String> {
    let digits = phone_digits(value);
    (digits.len() == 9 && !is_one_digit(&digits)).then_some(digits)
}

/// `0000000000`: typed to get past a field.
fn is_one_digit(digits: &str) -> bool {
    let mut all = digits.bytes();
    let first = all.next();
    all.all(|digit| Some(digit) == first)
}

/// Letters and digits alone, levelled.
fn plain(text: &str) -> String {
    normalise(text)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}

pub(super) fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn part<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
