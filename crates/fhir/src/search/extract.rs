//! What a resource is found by.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::definition::{Condition, ParamKind, Path, SearchParam, params};
use crate::date::DateRange;
use crate::{reference, resource};

/// One value under which a resource is found.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexValue {
    /// The parameter (`birthdate`).
    pub param: &'static str,
    /// The value.
    pub value: IndexData,
}

/// A value of a search index.
#[derive(Debug, Clone, PartialEq)]
pub enum IndexData {
    /// A code, identifier, telephone number or truth value. Under a reference parameter: the
    /// identifier of a logical reference, for `:identifier`.
    Token {
        /// Its system, where it has one. Elements of type `code` have none in the record.
        system: Option<String>,
        /// The code.
        code: String,
    },
    /// Words, as they are written; compare after [`crate::person::normalise`].
    Text(String),
    /// Moments from `lo` up to but not including `hi`. A period without an end reaches to
    /// [`Timestamp::MAX`], one without a start from [`Timestamp::MIN`].
    Date {
        /// The first moment.
        lo: Timestamp,
        /// The first moment after it.
        hi: Timestamp,
    },
    /// A relative reference.
    Reference {
        /// The type of the target.
        resource_type: String,
        /// The id of the target.
        id: String,
    },
    /// An amount.
    Quantity {
        /// How much.
        value: f64,
        /// The system of its unit's code.
        system: Option<String>,
        /// The unit's code.
        code: Option<String>,
        /// The unit in words.
        unit: Option<String>,
    },
    /// A URI, or a reference that is one.
    Uri(String),
}

/// What a resource is found by; dates without a zone are read as UTC.
#[must_use]
pub fn extract(resource: &Value) -> Vec<IndexValue> {
    extract_in(resource, &TimeZone::UTC)
}

/// What a resource is found by; dates without a zone are read in `zone` (the clinic's). Values of
/// one parameter come in the order of the record, each once.
#[must_use]
pub fn extract_in(resource: &Value, zone: &TimeZone) -> Vec<IndexValue> {
    let mut found = Vec::new();
    let Some(kind) = resource::resource_type(resource) else {
        return found;
    };
    for param in params(kind) {
        let start = found.len();
        extract_param(resource, param, zone, &mut |value| {
            found.push(IndexValue {
                param: param.code,
                value,
            });
        });
        once_each(&mut found, start);
    }
    found
}

/// The values of one parameter.
pub(crate) fn extract_param(
    resource: &Value,
    param: &SearchParam,
    zone: &TimeZone,
    found: &mut dyn FnMut(IndexData),
) {
    for path in &param.paths {
        if path.condition == Condition::Exists {
            let mut there = false;
            follow(resource, path, 0, "", &mut |_, value| {
                there |= value != &Value::Bool(false);
            });
            found(IndexData::Token {
                system: None,
                code: there.to_string(),
            });
            continue;
        }
        follow(resource, path, 0, "", &mut |kind, value| {
            if holds(path.condition, value) {
                take(param.kind, kind, value, zone, found);
            }
        });
    }
}

/// Removes what is there twice from `start` on.
fn once_each(found: &mut Vec<IndexValue>, start: usize) {
    if found.len() - start < 2 {
        return;
    }
    let mut seen = HashSet::new();
    let mut index = 0;
    found.retain(|value| {
        index += 1;
        index <= start || seen.insert(format!("{:?}", value.value))
    });
}

/// Visits the values at the end of a path. It descends by the steps of the path alone.
fn follow<'a>(
    value: &'a Value,
    path: &Path,
    step: usize,
    kind: &'static str,
    visit: &mut dyn FnMut(&'static str, &'a Value),
) {
    match (value, path.steps.get(step)) {
        (Value::Array(items), _) => {
            for item in items.iter().filter(|item| !item.is_array()) {
                follow(item, path, step, kind, visit);
            }
        }
        (value, None) => visit(kind, value),
        (Value::Object(map), Some(properties)) => {
            for (name, kind) in properties {
                if let Some(value) = map.get(name) {
                    follow(value, path, step + 1, kind, visit);
                }
            }
        }
        _ => {}
    }
}

fn holds(condition: Condition, value: &Value) -> bool {
    match condition {
        Condition::None | Condition::Exists => true,
        Condition::RefersTo(kind) => {
            reference::literal(value).is_some_and(|found| found.resource_type == kind)
        }
        Condition::System(system) => value.get("system").is_some_and(|is| is == system),
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// Takes the index values out of one element of the type `kind`.
fn take(
    param: ParamKind,
    kind: &str,
    value: &Value,
    zone: &TimeZone,
    found: &mut dyn FnMut(IndexData),
) {
    match param {
        ParamKind::Token => tokens(kind, value, found),
        ParamKind::String => strings(kind, value, found),
        ParamKind::Date => {
            if matches!(kind, "date" | "dateTime" | "instant" | "Period" | "Timing")
                && let Some(DateRange { lo, hi }) = DateRange::of(value, zone)
            {
                found(IndexData::Date { lo, hi });
            }
        }
        ParamKind::Reference => references(value, found),
        ParamKind::Quantity => quantities(kind, value, found),
        ParamKind::Uri => {
            if let Some(uri) = value.as_str() {
                found(IndexData::Uri(uri.to_owned()));
            }
        }
    }
}

fn tokens(kind: &str, value: &Value, found: &mut dyn FnMut(IndexData)) {
    let mut token = |system: Option<String>, code: Option<String>| {
        if let Some(code) = code {
            found(IndexData::Token { system, code });
        }
    };
    match kind {
        "CodeableConcept" => {
            for coding in value
                .get("coding")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                token(text(coding, "system"), text(coding, "code"));
            }
        }
        "Coding" => token(text(value, "system"), text(value, "code")),
        "Identifier" => token(text(value, "system"), text(value, "value")),
        // Its system is the kind of contact, not a namespace.
        "ContactPoint" => token(None, text(value, "value")),
        _ => match value {
            Value::String(code) => token(None, Some(code.clone())),
            Value::Bool(truth) => token(None, Some(truth.to_string())),
            _ => {}
        },
    }
}

fn strings(kind: &str, value: &Value, found: &mut dyn FnMut(IndexData)) {
    let parts: &[&str] = match kind {
        "HumanName" => &["family", "given", "prefix", "suffix", "text"],
        "Address" => &[
            "line",
            "city",
            "district",
            "state",
            "postalCode",
            "country",
            "text",
        ],
        "CodeableConcept" => &["text"],
        _ => {
            if let Some(text) = value.as_str() {
                found(IndexData::Text(text.to_owned()));
            }
            return;
        }
    };
    for part in parts {
        match value.get(part) {
            Some(Value::String(text)) => found(IndexData::Text(text.clone())),
            Some(Value::Array(texts)) => {
                for text in texts.iter().filter_map(Value::as_str) {
                    found(IndexData::Text(text.to_owned()));
                }
            }
            _ => {}
        }
    }
}

fn references(value: &Value, found: &mut dyn FnMut(IndexData)) {
    // A canonical is a reference as well; it is a URI as it stands.
    let literal = value.get("reference").unwrap_or(value).as_str();
    match literal.map(|literal| (reference::parse(literal), literal)) {
        Some((Some(reference), _)) => {
            let reference::Reference { resource_type, id } = reference;
            found(IndexData::Reference { resource_type, id });
        }
        // What is contained is found by no one but its container.
        Some((None, literal)) if !literal.starts_with('#') => {
            found(IndexData::Uri(literal.to_owned()));
        }
        _ => {}
    }
    if let Some(identifier) = value.get("identifier") {
        tokens("Identifier", identifier, found);
    }
}

fn quantities(kind: &str, value: &Value, found: &mut dyn FnMut(IndexData)) {
    let mut quantity = |of: &Value| {
        if let Some(value) = of.get("value").and_then(Value::as_f64) {
            found(IndexData::Quantity {
                value,
                system: text(of, "system"),
                code: text(of, "code"),
                unit: text(of, "unit"),
            });
        }
    };
    match kind {
        // A range is found by its ends.
        "Range" => {
            for end in ["low", "high"] {
                value.get(end).map(&mut quantity);
            }
        }
        "SampledData" => {}
        _ => quantity(value),
    }
}
