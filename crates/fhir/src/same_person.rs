//! Two Patient records of one person: linked, taken apart again, or told apart for good.
//!
//! By FHIR: the record that is replaced is not active and has a link `replaced-by`, the one that
//! survives a link `replaces`. Nothing else of the record that is replaced changes, and no other
//! record is touched: clinical records stay where they are, under their own patient's key. What
//! the survivor takes over from the other is noted in its link, with what stood there before in a
//! contained Patient, so that whoever has the two records can undo it, off line too.
//!
//! The same choice made twice gives the same records: there is neither a time nor an id in it.

use serde_json::{Map, Value, json};

use crate::reference::{self, Reference};
use crate::resource;

/// Extension of a Patient: another that is somebody else, as a person has decided.
pub const KEPT_APART: &str = "urn:rounds:kept-apart";
/// Extension of a link: the contained Patient with what the survivor had before.
const BEFORE: &str = "urn:rounds:before";
/// Extension of a link: an element that was taken from the other record.
const TAKEN: &str = "urn:rounds:taken";
/// Extension of a link: a list to which the other record's items were added.
const ADDED: &str = "urn:rounds:added";
/// Extension of a link: what `active` was.
const WAS_ACTIVE: &str = "urn:rounds:was-active";

/// Elements that a survivor may take over, in the order in which they are shown.
const ELEMENTS: &[(&str, Items)] = &[
    ("name", Items::Many),
    ("birthDate", Items::One),
    ("gender", Items::One),
    ("identifier", Items::Many),
    ("telecom", Items::Many),
    ("address", Items::Many),
    ("maritalStatus", Items::One),
    ("communication", Items::Many),
    ("contact", Items::Many),
    ("generalPractitioner", Items::Many),
    ("multipleBirthBoolean", Items::One),
    ("multipleBirthInteger", Items::One),
    ("deceasedBoolean", Items::One),
    ("deceasedDateTime", Items::One),
    ("managingOrganization", Items::One),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Items {
    One,
    Many,
}

/// How a survivor takes an element over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// In place of its own.
    Instead,
    /// Beside its own: of lists alone.
    Also,
}

/// An element in which the two differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Name of the element of Patient.
    pub element: &'static str,
    /// What the one says.
    pub one: Option<Value>,
    /// What the other says.
    pub other: Option<Value>,
    /// Whether it is a list, so that both may stand side by side.
    pub is_list: bool,
}

/// Why two records cannot be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// They are one record.
    #[error("a record cannot be merged with itself")]
    Itself,
    /// One of them was merged with another already.
    #[error("one of the records was merged already")]
    Merged,
    /// Something is to be taken over that cannot be.
    #[error("this element cannot be taken over so")]
    Element,
}

/// Both records after a merge or after its undoing.
#[derive(Debug, Clone, PartialEq)]
pub struct Both {
    /// The one that survives, or survived.
    pub survivor: Value,
    /// The one that is replaced, or was.
    pub replaced: Value,
}

/// The logical id of the Patient by which this one was replaced.
#[must_use]
pub fn replaced_by(patient: &Value) -> Option<String> {
    linked(patient, "replaced-by").next()
}

/// The logical ids of the Patients that this one replaces.
#[must_use]
pub fn replaces(patient: &Value) -> Vec<String> {
    linked(patient, "replaces").collect()
}

/// Whether a person has decided that these are two people.
#[must_use]
pub fn are_kept_apart(one: &Value, other: &Value) -> bool {
    says_apart(one, other) || says_apart(other, one)
}

/// All that a Patient says of which other Patients are the same person and which are not.
#[must_use]
pub fn statements(patient: &Value) -> Vec<&Value> {
    let apart = items(patient, "extension")
        .filter(|it| it.get("url").and_then(Value::as_str) == Some(KEPT_APART));
    items(patient, "link").chain(apart).collect()
}

/// `one` with the decision that `other` is somebody else.
#[must_use]
pub fn kept_apart(one: &Value, other: &str) -> Value {
    let mut one = one.clone();
    let target = patient_reference(other);
    let known = items(&one, "extension").any(|extension| {
        extension.get("url").and_then(Value::as_str) == Some(KEPT_APART)
            && extension.get("valueReference") == Some(&target)
    });
    if let (Value::Object(map), false) = (&mut one, known) {
        push(
            map,
            "extension",
            json!({"url": KEPT_APART, "valueReference": target}),
        );
    }
    one
}

/// The elements in which two records differ, of those that one may take over from the other.
#[must_use]
pub fn differences(one: &Value, other: &Value) -> Vec<Difference> {
    ELEMENTS
        .iter()
        .map(|(element, items)| Difference {
            element,
            one: one.get(*element).cloned(),
            other: other.get(*element).cloned(),
            is_list: *items == Items::Many,
        })
        .filter(|difference| difference.one != difference.other)
        .collect()
}

/// Merges two records of one person.
///
/// # Errors
/// [`MergeError`].
pub fn merge(
    survivor: &Value,
    replaced: &Value,
    taken: &[(&str, Take)],
) -> Result<Both, MergeError> {
    let ids = resource::id(survivor).zip(resource::id(replaced));
    let Some((survivor_id, replaced_id)) = ids.filter(|(one, other)| one != other) else {
        return Err(MergeError::Itself);
    };
    if replaced_by(survivor).is_some() || replaced_by(replaced).is_some() {
        return Err(MergeError::Merged);
    }
    let (survivor_id, replaced_id) = (survivor_id.to_owned(), replaced_id.to_owned());
    let mut both = Both {
        survivor: survivor.clone(),
        replaced: replaced.clone(),
    };
    let (Some(kept), Some(lost)) = (both.survivor.as_object_mut(), both.replaced.as_object_mut())
    else {
        return Err(MergeError::Element);
    };

    let mut notes = Vec::new();
    let mut before = Map::new();
    for (element, how) in taken {
        let (name, kind) = ELEMENTS
            .iter()
            .find(|(name, _)| name == element)
            .ok_or(MergeError::Element)?;
        if *how == Take::Also && *kind == Items::One || notes.iter().any(|note| names(note, name)) {
            return Err(MergeError::Element);
        }
        let own = kept.get(*name).cloned();
        let made = made_of(own.as_ref(), lost.get(*name), *how);
        if made == own {
            continue;
        }
        let url = if *how == Take::Also { ADDED } else { TAKEN };
        notes.push(json!({"url": url, "valueCode": name}));
        before.extend(own.map(|own| ((*name).to_owned(), own)));
        set(kept, name, made);
    }
    let mut link = Map::new();
    if !notes.is_empty() {
        let id = fresh_contained_id(kept);
        let mut former = Map::from_iter([
            ("resourceType".to_owned(), json!("Patient")),
            ("id".to_owned(), json!(id)),
        ]);
        former.extend(before);
        push(kept, "contained", Value::Object(former));
        notes.insert(
            0,
            json!({"url": BEFORE, "valueReference": {"reference": format!("#{id}")}}),
        );
        link.insert("extension".to_owned(), Value::Array(notes));
    }
    link.insert("other".to_owned(), patient_reference(&replaced_id));
    link.insert("type".to_owned(), json!("replaces"));
    push(kept, "link", Value::Object(link));

    let mut link = Map::new();
    if let Some(active) = lost.get("active").and_then(Value::as_bool) {
        link.insert(
            "extension".to_owned(),
            json!([{"url": WAS_ACTIVE, "valueBoolean": active}]),
        );
    }
    link.insert("other".to_owned(), patient_reference(&survivor_id));
    link.insert("type".to_owned(), json!("replaced-by"));
    lost.insert("active".to_owned(), json!(false));
    push(lost, "link", Value::Object(link));
    Ok(both)
}

/// Takes two merged records apart: both are as before. What somebody has changed in the survivor
/// since stays changed.
#[must_use]
pub fn undo(survivor: &Value, replaced: &Value) -> Both {
    let mut both = Both {
        survivor: survivor.clone(),
        replaced: replaced.clone(),
    };
    let to = |other: &Value| resource::id(other).map(patient_reference);
    if let (Some(lost), Some(target)) = (both.replaced.as_object_mut(), to(survivor)) {
        for link in take_links(lost, "replaced-by", &target) {
            match extension(&link, WAS_ACTIVE).and_then(|it| it.get("valueBoolean")) {
                Some(active) => lost.insert("active".to_owned(), active.clone()),
                None => lost.shift_remove("active"),
            };
        }
    }
    if let (Some(kept), Some(target)) = (both.survivor.as_object_mut(), to(replaced)) {
        for link in take_links(kept, "replaces", &target) {
            give_back(kept, &link, replaced);
        }
    }
    both
}

/// Gives the survivor back what it had before a merge.
fn give_back(kept: &mut Map<String, Value>, link: &Value, replaced: &Value) {
    let Some(former) = extension(link, BEFORE)
        .and_then(|it| it.pointer("/valueReference/reference")?.as_str())
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|id| take_contained(kept, id))
    else {
        return;
    };
    for note in items(link, "extension") {
        let how = match note.get("url").and_then(Value::as_str) {
            Some(TAKEN) => Take::Instead,
            Some(ADDED) => Take::Also,
            _ => continue,
        };
        let Some(element) = note.get("valueCode").and_then(Value::as_str) else {
            continue;
        };
        let before = former.get(element);
        if kept.get(element) == made_of(before, replaced.get(element), how).as_ref() {
            set(kept, element, before.cloned());
        }
    }
}

/// What an element becomes.
fn made_of(own: Option<&Value>, other: Option<&Value>, how: Take) -> Option<Value> {
    match (how, own, other) {
        (Take::Instead, _, other) => other.cloned(),
        (Take::Also, Some(Value::Array(own)), Some(Value::Array(other))) => {
            let mut all = own.clone();
            all.extend(other.iter().filter(|item| !own.contains(item)).cloned());
            Some(Value::Array(all))
        }
        (Take::Also, own, other) => own.or(other).cloned(),
    }
}

fn linked(patient: &Value, kind: &'static str) -> impl Iterator<Item = String> {
    items(patient, "link")
        .filter(move |link| link.get("type").and_then(Value::as_str) == Some(kind))
        .filter_map(|link| reference::literal(link.get("other")?))
        .filter(|target| target.resource_type == "Patient")
        .map(|target| target.id)
}

fn says_apart(one: &Value, other: &Value) -> bool {
    resource::id(other).is_some_and(|id| {
        items(one, "extension")
            .filter(|it| it.get("url").and_then(Value::as_str) == Some(KEPT_APART))
            .filter_map(|it| reference::literal(it.get("valueReference")?))
            .any(|target| target.resource_type == "Patient" && target.id == id)
    })
}

fn patient_reference(id: &str) -> Value {
    json!({"reference": Reference::new("Patient", id).to_string()})
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn extension<'a>(link: &'a Value, url: &str) -> Option<&'a Value> {
    items(link, "extension").find(|it| it.get("url").and_then(Value::as_str) == Some(url))
}

fn names(note: &Value, element: &str) -> bool {
    note.get("valueCode").and_then(Value::as_str) == Some(element)
}

fn set(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.shift_remove(key),
    };
}

fn push(map: &mut Map<String, Value>, key: &str, item: Value) {
    match map.get_mut(key).and_then(Value::as_array_mut) {
        Some(list) => list.push(item),
        None => {
            map.insert(key.to_owned(), json!([item]));
        }
    }
}

/// Takes the links of a kind to a target out.
fn take_links(map: &mut Map<String, Value>, kind: &str, target: &Value) -> Vec<Value> {
    take(map, "link", |link| {
        link.get("type").and_then(Value::as_str) == Some(kind)
            && link.pointer("/other/reference") == target.get("reference")
    })
}

fn take_contained(map: &mut Map<String, Value>, id: &str) -> Option<Value> {
    take(map, "contained", |it| resource::id(it) == Some(id)).pop()
}

/// Takes items out of a list; a list that is empty then goes: FHIR knows none.
fn take(map: &mut Map<String, Value>, key: &str, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
    let Some(list) = map.get_mut(key).and_then(Value::as_array_mut) else {
        return Vec::new();
    };
    let (taken, rest) = std::mem::take(list).into_iter().partition(is_it);
    *list = rest;
    if list.is_empty() {
        map.shift_remove(key);
    }
    taken
}

/// `before-1`, or the next that is free.
fn fresh_contained_id(map: &Map<String, Value>) -> String {
    let known: Vec<&str> = map
        .get("contained")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(resource::id)
        .collect();
    let mut number = known.len() + 1;
    while known.contains(&format!("before-{number}").as_str()) {
        number += 1;
    }
    format!("before-{number}")
}
