//! What a patient can be found by.

use std::borrow::Cow;

use fhir::person;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Kind numbers of search terms; they are on disk.
pub(crate) const NAME: i64 = 0;
pub(crate) const BIRTH: i64 = 1;
pub(crate) const RECORD: i64 = 2;
pub(crate) const PHONE: i64 = 3;

/// The parts of a Patient that lists and search need. Everything else is passed over unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatientParts<'a> {
    /// Kept raw: the display name follows FHIR's rules on the whole element.
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub birth_date: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub gender: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    identifier: Vec<Identifier<'a>>,
    #[serde(borrow, default)]
    telecom: Vec<Telecom<'a>>,
    #[serde(default)]
    deceased_boolean: bool,
    #[serde(borrow, default)]
    deceased_date_time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    link: Vec<Link<'a>>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow, default)]
    other: Option<Other<'a>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Other<'a> {
    #[serde(borrow, default)]
    reference: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Identifier<'a> {
    #[serde(borrow, default)]
    system: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Concept<'a>>,
}

#[derive(Deserialize)]
struct Concept<'a> {
    #[serde(borrow, default)]
    coding: Vec<Coding<'a>>,
}

#[derive(Deserialize)]
struct Coding<'a> {
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Telecom<'a> {
    #[serde(borrow, default)]
    system: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    value: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct HumanName<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    family: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    given: Vec<Option<Cow<'a, str>>>,
}

impl PatientParts<'_> {
    /// The name for people.
    pub fn display_name(&self) -> String {
        let Some(raw) = self.name else {
            return String::new();
        };
        let Ok(name) = serde_json::from_str::<serde_json::Value>(raw.get()) else {
            return String::new();
        };
        person::display_name(&serde_json::json!({ "resourceType": "Patient", "name": name }))
    }

    /// The medical record number: the identifier of type MR, or the one given out here.
    pub fn mrn(&self) -> Option<&str> {
        self.identifier
            .iter()
            .find(|identifier| {
                identifier.system.as_deref() == Some("urn:rounds:mrn")
                    || identifier.kind.as_ref().is_some_and(|kind| {
                        kind.coding
                            .iter()
                            .any(|coding| coding.code.as_deref() == Some("MR"))
                    })
            })
            .and_then(|identifier| identifier.value.as_deref())
    }

    /// The first telephone number.
    pub fn phone(&self) -> Option<&str> {
        self.phones().next()
    }

    /// When the patient died, as written, or `yes`.
    pub fn died(&self) -> Option<&str> {
        self.deceased_date_time
            .as_deref()
            .or(self.deceased_boolean.then_some("yes"))
    }

    /// The logical id of the Patient that replaced this one.
    pub fn replaced_by(&self) -> Option<&str> {
        self.link
            .iter()
            .filter(|link| link.kind.as_deref() == Some("replaced-by"))
            .find_map(|link| {
                link.other
                    .as_ref()?
                    .reference
                    .as_deref()?
                    .strip_prefix("Patient/")
            })
    }

    fn phones(&self) -> impl Iterator<Item = &str> {
        self.telecom
            .iter()
            .filter(|telecom| matches!(telecom.system.as_deref(), Some("phone" | "sms")))
            .filter_map(|telecom| telecom.value.as_deref())
    }

    /// Family names first, normalised: how lists are ordered.
    pub fn sort_key(&self) -> String {
        let names = self.names();
        let Some(name) = names.first() else {
            return String::new();
        };
        let mut parts: Vec<&str> = Vec::new();
        parts.extend(name.family.as_deref());
        parts.extend(name.given.iter().flatten().map(AsRef::as_ref));
        if parts.is_empty() {
            parts.extend(name.text.as_deref());
        }
        person::normalise(&parts.join(" "))
    }

    fn names(&self) -> Vec<HumanName<'_>> {
        self.name
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default()
    }

    /// Every search term with its kind, each once.
    pub fn terms(&self) -> Vec<(i64, String)> {
        let mut terms = Vec::new();
        for name in self.names() {
            let written = name
                .family
                .iter()
                .chain(name.given.iter().flatten())
                .chain(&name.text);
            for text in written {
                terms.extend(person::tokens(text).into_iter().map(|token| (NAME, token)));
            }
        }
        if let Some(birth) = &self.birth_date {
            terms.push((BIRTH, digits(birth)));
        }
        if let Some(mrn) = self.mrn() {
            terms.push((RECORD, record_number(mrn)));
        }
        for phone in self.phones() {
            let all = digits(phone);
            // People say a number without its country code, or its last digits alone.
            for length in [10, 7, 4] {
                if all.len() > length {
                    terms.push((PHONE, all[all.len() - length..].to_owned()));
                }
            }
            terms.push((PHONE, all));
        }
        terms.retain(|(_, term)| !term.is_empty());
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

/// The digits of a text.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A record number as it is compared: letters and digits alone, lower case.
pub(crate) fn record_number(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The ways a typed word may be meant as a birth date, as beginnings of `yyyymmdd`.
pub(crate) fn birth_beginnings(word: &str) -> Vec<String> {
    let parts: Vec<&str> = word
        .split(['-', '/', '.'])
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty()
        || !parts
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_digit()))
    {
        return Vec::new();
    }
    match parts.as_slice() {
        [one] if (2..=8).contains(&one.len()) => vec![(*one).to_owned()],
        [year, month] if year.len() == 4 && month.len() <= 2 => {
            vec![format!("{year}{}", beginning(month))]
        }
        [year, month, day] if year.len() == 4 && month.len() <= 2 && day.len() <= 2 => {
            vec![format!("{year}{month:0>2}{}", beginning(day))]
        }
        // 3/14/1980 and 14.3.1980: which of the two is the month depends on who writes.
        [one, two, year] if year.len() == 4 && one.len() <= 2 && two.len() <= 2 => {
            let mut ways = vec![
                format!("{year}{one:0>2}{two:0>2}"),
                format!("{year}{two:0>2}{one:0>2}"),
            ];
            ways.dedup();
            ways
        }
        _ => Vec::new(),
    }
}

/// The last part of a date while it is typed: `1` may become `12`, `4` can only be `04`.
fn beginning(part: &str) -> String {
    match part {
        "0" | "1" | "2" | "3" => part.to_owned(),
        _ => format!("{part:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_write_them() {
        assert_eq!(birth_beginnings("1980-03-14"), ["19800314"]);
        assert_eq!(birth_beginnings("3/14/1980"), ["19800314", "19801403"]);
        assert_eq!(birth_beginnings("14.03.1980"), ["19801403", "19800314"]);
        assert_eq!(birth_beginnings("1980"), ["1980"]);
        assert_eq!(birth_beginnings("1980-1"), ["19801"]);
        assert_eq!(birth_beginnings("1980-4"), ["198004"]);
        assert_eq!(birth_beginnings("smith"), Vec::<String>::new());
        assert_eq!(birth_beginnings("-"), Vec::<String>::new());
    }

    #[test]
    fn parts_are_read_and_the_rest_passed_over() {
        let json = r#"{"resourceType":"Patient","id":"1","birthDate":"1980-03-14",
            "name":[{"family":"Ok\u00e1for","given":["Ada","Mae"]}],
            "identifier":[{"type":{"coding":[{"code":"SS"}]},"value":"999"},
                          {"type":{"coding":[{"code":"MR"}]},"value":"MRN-17"}],
            "telecom":[{"system":"email","value":"a@b"},{"system":"phone","value":"+1 (555) 010-4477"}],
            "contact":[{"name":{"family":"Other"}}]}"#;
        let parts: PatientParts<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(parts.mrn(), Some("MRN-17"));
        assert_eq!(parts.phone(), Some("+1 (555) 010-4477"));
        let terms = parts.terms();
        for expected in [
            (BIRTH, "19800314"),
            (RECORD, "mrn17"),
            (PHONE, "15550104477"),
            (PHONE, "5550104477"),
            (PHONE, "0104477"),
            (PHONE, "4477"),
        ] {
            assert!(
                terms.iter().any(|(k, t)| (*k, t.as_str()) == expected),
                "{expected:?}"
            );
        }
        assert!(!terms.iter().any(|(_, term)| term == "other"));
    }
}
