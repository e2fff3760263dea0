//! The rules of references.

use serde_json::{Map, Value};

use crate::outcome::{Issue, IssueType};
use crate::{reference, resource};

/// Where the resource stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// By itself: every reference must already be one.
    Stored,
    /// In a bundle, whose entries may name each other.
    Bundled,
}

/// The contained resources of the resource at hand, by id.
pub(super) type Contained<'a> = Vec<(&'a str, &'a str)>;

/// Collects the contained resources (id, type).
pub(super) fn contained(resource: &Value) -> Contained<'_> {
    let list = resource.get("contained").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|inner| Some((resource::id(inner)?, resource::resource_type(inner)?)))
        .collect()
}

/// Checks the literal of a `Reference`. `targets` are the types it may point to; none means any.
pub(super) fn check(
    element: &Map<String, Value>,
    targets: &[&str],
    setting: Setting,
    contained: &[(&str, &str)],
) -> Result<(), Issue> {
    // A literal that is no string has been told already.
    let Some(text) = element.get("reference").and_then(Value::as_str) else {
        return Ok(());
    };
    let refuse = |code, text: &str| Err(Issue::error(code, text));
    let kind = if let Some(id) = text.strip_prefix('#') {
        if id.is_empty() {
            return Ok(());
        }
        match contained.iter().find(|(known, _)| *known == id) {
            Some((_, kind)) => *kind,
            None => return refuse(IssueType::NotFound, "no contained resource has this id"),
        }
    } else if text.starts_with("urn:") {
        return match setting {
            Setting::Bundled => Ok(()),
            Setting::Stored => refuse(
                IssueType::Value,
                "urn: references are resolved inside a transaction alone; here write Type/id",
            ),
        };
    } else if text.contains("://") {
        // Another server's; what it points to is not ours to know.
        return if text.contains(char::is_whitespace) {
            refuse(IssueType::Value, "a URL has no spaces")
        } else {
            Ok(())
        };
    } else if let Some((kind, _)) = text.split_once('?') {
        if setting == Setting::Stored {
            return refuse(
                IssueType::Value,
                "conditional references are resolved inside a transaction alone; here write Type/id",
            );
        }
        known(kind)?
    } else if reference::parse(text).is_some() {
        known(text.split('/').next().unwrap_or_default())?
    } else {
        return refuse(
            IssueType::Value,
            "a reference is written Type/id, #id of a contained resource, or an absolute URL",
        );
    };
    if !targets.is_empty() && !targets.contains(&kind) {
        return Err(Issue::error(
            IssueType::Value,
            format!("may refer to {}, not to {kind}", targets.join(", ")),
        ));
    }
    match element.get("type").and_then(Value::as_str) {
        Some(said) if said.rsplit('/').next() != Some(kind) => refuse(
            IssueType::Invariant,
            "Reference.type and the type in Reference.reference differ",
        ),
        _ => Ok(()),
    }
}

/// A type in a reference that can be followed.
fn known(kind: &str) -> Result<&str, Issue> {
    if resource::is_known_type(kind) {
        return Ok(kind);
    }
    if super::model::model().resource(kind).is_some() {
        return Err(Issue::error(
            IssueType::NotSupported,
            format!(
                "{kind} resources are not kept here, so this reference cannot be followed; \
                 contain the resource or refer to it by identifier"
            ),
        ));
    }
    Err(Issue::error(
        IssueType::Value,
        "a reference is written Type/id with the name of a FHIR R4 resource type",
    ))
}
