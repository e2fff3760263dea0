//! References between resources.

use std::fmt;
use std::fmt::Write as _;

use serde_json::Value;

use crate::resource;

/// A literal, relative reference: `Patient/1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The type of the target.
    pub resource_type: String,
    /// The logical id of the target.
    pub id: String,
}

impl Reference {
    /// A reference to this resource.
    #[must_use]
    pub fn new(resource_type: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            resource_type: resource_type.into(),
            id: id.into(),
        }
    }

    /// The reference to a resource that has type and id.
    #[must_use]
    pub fn of(resource: &Value) -> Option<Self> {
        Some(Self::new(
            resource::resource_type(resource)?,
            resource::id(resource)?,
        ))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource_type, self.id)
    }
}

/// Reads `Type/id` or `Type/id/_history/version` (the version is passed over). The type need only
/// look like one; whether Rounds keeps it is another question.
#[must_use]
pub fn parse(text: &str) -> Option<Reference> {
    let mut parts = text.split('/');
    let (resource_type, id) = (parts.next()?, parts.next()?);
    let versioned = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => true,
        (Some("_history"), Some(version), None) => resource::valid_id(version),
        _ => false,
    };
    let looks_like_a_type = resource_type.starts_with(|c: char| c.is_ascii_uppercase())
        && resource_type.bytes().all(|b| b.is_ascii_alphabetic());
    (versioned && looks_like_a_type && resource::valid_id(id))
        .then(|| Reference::new(resource_type, id))
}

/// The literal reference in a `Reference` element, where it is relative.
#[must_use]
pub fn literal(reference: &Value) -> Option<Reference> {
    parse(reference.get("reference")?.as_str()?)
}

/// Calls `found` with the place (FHIRPath) and text of every literal reference in a resource, of
/// its contained resources too. Walks without recursion.
pub fn each_reference(resource: &Value, mut found: impl FnMut(&str, &str)) {
    let root = resource::resource_type(resource)
        .unwrap_or("Resource")
        .to_owned();
    let mut open = vec![(root, resource)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(text)) = map.get("reference") {
                    found(&format!("{path}.reference"), text);
                }
                // Pushed backwards, so that they are seen in the order they stand.
                for (name, child) in map.iter().rev() {
                    if child.is_object() || child.is_array() {
                        open.push((format!("{path}.{name}"), child));
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().rev() {
                    if item.is_object() {
                        let mut inner = path.clone();
                        // Writing into a String cannot fail.
                        let _ = write!(inner, "[{index}]");
                        open.push((inner, item));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Replaces literal references: where `replace` answers a text, that takes the place of the old.
/// Returns how many were replaced.
pub fn rewrite(resource: &mut Value, mut replace: impl FnMut(&str) -> Option<String>) -> usize {
    let mut replaced = 0;
    let mut open = vec![resource];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                for (name, child) in map {
                    match child {
                        Value::String(text) if name == "reference" => {
                            if let Some(new) = replace(text) {
                                *text = new;
                                replaced += 1;
                            }
                        }
                        Value::Object(_) | Value::Array(_) => open.push(child),
                        _ => {}
                    }
                }
            }
            Value::Array(items) => open.extend(items.iter_mut()),
            _ => {}
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_relative_references_only() {
        assert_eq!(parse("Patient/1"), Some(Reference::new("Patient", "1")));
        assert_eq!(
            parse("Patient/1/_history/2"),
            Some(Reference::new("Patient", "1"))
        );
        for wrong in [
            "",
            "Patient",
            "Patient/",
            "/1",
            "patient/1",
            "Patient/a b",
            "#x",
            "urn:uuid:1",
            "https://a.example/Patient/1",
            "Patient/1/2",
            "Patient/1/_history",
            "Patient/1/",
            "Patient?identifier=1",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(
            parse("Slot/x").map(|r| r.to_string()).as_deref(),
            Some("Slot/x")
        );
    }

    #[test]
    fn finds_and_replaces_every_reference() {
        let mut encounter = json!({
            "resourceType": "Encounter",
            "subject": {"reference": "urn:uuid:p"},
            "participant": [{"individual": {"reference": "Practitioner/1"}},
                            {"individual": {"display": "x"}}],
            "contained": [{"resourceType": "Coverage", "payor": [{"reference": "urn:uuid:p"}]}],
        });
        let mut seen = Vec::new();
        each_reference(&encounter, |path, text| seen.push(format!("{path}={text}")));
        assert_eq!(
            seen,
            [
                "Encounter.subject.reference=urn:uuid:p",
                "Encounter.participant[0].individual.reference=Practitioner/1",
                "Encounter.contained[0].payor[0].reference=urn:uuid:p",
            ]
        );
        let count = rewrite(&mut encounter, |text| {
            (text == "urn:uuid:p").then(|| "Patient/7".to_owned())
        });
        assert_eq!(count, 2);
        assert_eq!(
            encounter["contained"][0]["payor"][0]["reference"],
            "Patient/7"
        );
        assert_eq!(
            encounter["participant"][0]["individual"]["reference"],
            "Practitioner/1"
        );
    }
}
