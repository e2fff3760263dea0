//! Which item of an edited list is which item of the list it came from.

use std::collections::HashMap;

use serde_json::Value;

use crate::validate::model::{Kind, model};

/// For each item of `side`, the item of `base` that it is; `None` for new ones.
pub(super) fn align(kind: Kind, base: &[Value], side: &[Value]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; side.len()];
    let mut free: Vec<bool> = vec![true; base.len()];

    // What did not change, in order.
    let mut same: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, item) in base.iter().enumerate().rev() {
        same.entry(item.to_string()).or_default().push(index);
    }
    for (index, item) in side.iter().enumerate() {
        if let Some(of) = same.get_mut(&item.to_string()).and_then(Vec::pop) {
            found[index] = Some(of);
            free[of] = false;
        }
    }
    for key in [own_id, strong_key, weak_key] {
        pair_by(&|item| key(kind, item), base, side, &mut free, &mut found);
    }
    // One item left on both sides of lists that are equally long: it was edited beyond recognition.
    let mut left = free
        .iter()
        .enumerate()
        .filter(|(_, free)| **free)
        .map(|(index, _)| index);
    let mut new = found
        .iter()
        .enumerate()
        .filter(|(_, of)| of.is_none())
        .map(|(index, _)| index);
    if let (true, Some(of), None, Some(index), None) = (
        base.len() == side.len(),
        left.next(),
        left.next(),
        new.next(),
        new.next(),
    ) {
        found[index] = Some(of);
    }
    found
}

/// Pairs what is left by a key that is there once on both sides.
fn pair_by(
    key: &dyn Fn(&Value) -> Option<String>,
    base: &[Value],
    side: &[Value],
    free: &mut [bool],
    found: &mut [Option<usize>],
) {
    let mut keys: HashMap<String, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (index, item) in base.iter().enumerate().filter(|(index, _)| free[*index]) {
        if let Some(key) = key(item) {
            keys.entry(key).or_default().0.push(index);
        }
    }
    for (index, item) in side
        .iter()
        .enumerate()
        .filter(|(index, _)| found[*index].is_none())
    {
        if let Some(key) = key(item) {
            keys.entry(key).or_default().1.push(index);
        }
    }
    for (of, is) in keys.into_values() {
        if let ([of], [is]) = (of.as_slice(), is.as_slice()) {
            found[*is] = Some(*of);
            free[*of] = false;
        }
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Complex(index) => model().get(index).name,
        Kind::Resource => "Resource",
        Kind::Primitive(_) => "",
    }
}

fn own_id(_: Kind, item: &Value) -> Option<String> {
    item.get("id")?.as_str().map(str::to_owned)
}

/// Fields joined to a key; `None` when none of them is there.
fn joined(item: &Value, names: &[&str]) -> Option<String> {
    let parts: Vec<&str> = names
        .iter()
        .map(|name| item.get(name).and_then(Value::as_str).unwrap_or(""))
        .collect();
    parts
        .iter()
        .any(|part| !part.is_empty())
        .then(|| parts.join("|"))
}

/// What tells an item of a list from others of its kind.
pub(super) fn strong_key(kind: Kind, item: &Value) -> Option<String> {
    match type_name(kind) {
        "Identifier" => item
            .get("value")
            .and_then(|_| joined(item, &["system", "value"])),
        "Coding" => joined(item, &["system", "code"]),
        "CodeableConcept" => concept_key(item),
        "ContactPoint" => item
            .get("value")
            .and_then(|_| joined(item, &["system", "value"])),
        "Reference" => joined(item, &["reference"]),
        "Extension" => joined(item, &["url"]),
        name if name.contains('_') => backbone_key(item),
        _ => None,
    }
}

/// What probably tells it: used where the strong key itself was edited, and to see that both sides
/// added the same thing differently.
pub(super) fn weak_key(kind: Kind, item: &Value) -> Option<String> {
    match type_name(kind) {
        "Identifier" => joined(item, &["system"]).or_else(|| concept_key(item.get("type")?)),
        "ContactPoint" => joined(item, &["system", "use"]),
        "HumanName" | "Address" => joined(item, &["use"]),
        _ => None,
    }
}

fn concept_key(concept: &Value) -> Option<String> {
    let coding = concept.get("coding").and_then(|codings| codings.get(0));
    coding
        .and_then(|coding| joined(coding, &["system", "code"]))
        .or_else(|| joined(concept, &["text"]))
}

/// The first of the elements by which FHIR's backbone elements tell themselves apart.
fn backbone_key(item: &Value) -> Option<String> {
    const NUMBERS: &[&str] = &["sequence", "number", "linkId", "uid"];
    const REFERENCES: &[&str] = &[
        "actor",
        "member",
        "individual",
        "who",
        "other",
        "party",
        "reference",
        "location",
        "condition",
        "target",
        "what",
        "detail",
        "coverage",
        "claim",
        "provider",
    ];
    const CONCEPTS: &[&str] = &[
        "code",
        "language",
        "itemCodeableConcept",
        "substance",
        "role",
        "function",
        "type",
    ];
    let number = NUMBERS
        .iter()
        .find_map(|name| Some(format!("{name}={}", item.get(name)?)));
    let reference = || {
        REFERENCES
            .iter()
            .find_map(|name| joined(item.get(name)?, &["reference", "display"]))
    };
    let concept = || {
        CONCEPTS.iter().find_map(|name| match item.get(name)? {
            Value::Array(concepts) => concept_key(concepts.first()?),
            concept => concept_key(concept),
        })
    };
    number.or_else(reference).or_else(concept)
}
