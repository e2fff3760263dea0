//! Names of a bundle's entries, wherever a resource uses them.

use std::collections::HashMap;

use serde_json::Value;

/// Elements of type url, uri, oid or uuid that may hold the name of an entry. An identifier's
/// value is text even where it looks like one, so `value` is not among them.
const LINKS: [&str; 7] = [
    "reference",
    "url",
    "uri",
    "valueUri",
    "valueUrl",
    "valueUuid",
    "valueOid",
];

/// Replaces every link to an entry of the bundle by `Type/id`, however deep it is nested, in the
/// narrative too.
pub(super) fn resolve(resource: &mut Value, names: &HashMap<String, String>) {
    if names.is_empty() {
        return;
    }
    let mut open = vec![resource];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                for (name, child) in map {
                    match child {
                        Value::String(text) if LINKS.contains(&name.as_str()) => {
                            replace(text, names)
                        }
                        Value::String(text) if name == "div" => replace_in_narrative(text, names),
                        Value::Object(_) | Value::Array(_) => open.push(child),
                        _ => {}
                    }
                }
            }
            Value::Array(items) => open.extend(items.iter_mut()),
            _ => {}
        }
    }
}

fn replace(text: &mut String, names: &HashMap<String, String>) {
    if let Some(target) = names.get(text.as_str()) {
        text.clone_from(target);
    }
}

/// `href="urn:uuid:…"` and `src="urn:uuid:…"`.
fn replace_in_narrative(text: &mut String, names: &HashMap<String, String>) {
    if !text.contains("urn:") {
        return;
    }
    for (name, target) in names.iter().filter(|(name, _)| name.starts_with("urn:")) {
        let quoted = format!("\"{name}\"");
        if text.contains(&quoted) {
            *text = text.replace(&quoted, &format!("\"{target}\""));
        }
    }
}

/// Whether a reference is criteria: `Patient?identifier=…`.
pub(super) fn is_criteria(text: &str) -> bool {
    text.split_once('?').is_some_and(|(kind, _)| {
        kind.starts_with(|c: char| c.is_ascii_uppercase())
            && kind.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_resolved_wherever_links_may_be_and_nowhere_else() {
        let names = HashMap::from([("urn:uuid:a".to_owned(), "Patient/1".to_owned())]);
        let mut resource = json!({
            "identifier": [{"value": "urn:uuid:a"}],
            "subject": {"reference": "urn:uuid:a"},
            "contained": [{"x": [[{"reference": "urn:uuid:a"}]]}],
            "content": [{"attachment": {"url": "urn:uuid:a"}}],
            "extension": [{"valueUri": "urn:uuid:a"}],
            "text": {"div": "<div><a href=\"urn:uuid:a\">x</a> urn:uuid:a</div>"},
        });
        resolve(&mut resource, &names);
        assert_eq!(resource["identifier"][0]["value"], "urn:uuid:a");
        assert_eq!(resource["subject"]["reference"], "Patient/1");
        assert_eq!(
            resource["contained"][0]["x"][0][0]["reference"],
            "Patient/1"
        );
        assert_eq!(resource["content"][0]["attachment"]["url"], "Patient/1");
        assert_eq!(resource["extension"][0]["valueUri"], "Patient/1");
        assert_eq!(
            resource["text"]["div"],
            "<div><a href=\"Patient/1\">x</a> urn:uuid:a</div>"
        );
        assert!(is_criteria("Patient?identifier=1"));
        assert!(!is_criteria("https://x/Patient?a=1"));
    }
}
