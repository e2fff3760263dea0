//! The tables in `data/` are HL7's schema and search parameters in a short form. When HL7's files
//! are at hand this test makes the tables anew and compares; with `ROUNDS_BLESS=1` it writes them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn foreign(name: &str) -> Option<Value> {
    let root = std::env::var_os("ROUNDS_FOREIGN_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(root.join("fhir").join(name)).ok();
    if text.is_none() {
        eprintln!("skipped: HL7's {name} is not here");
    }
    Some(serde_json::from_str(&text?).unwrap())
}

fn compare(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name);
    if std::env::var_os("ROUNDS_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    for (line, (kept, made)) in kept.lines().zip(made.lines()).enumerate() {
        assert_eq!(kept, made, "{name}, line {}", line + 1);
    }
    assert_eq!(
        kept.len(),
        made.len(),
        "{name} has more or fewer lines than HL7's definitions"
    );
}

const PRIMITIVES: &[&str] = &[
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "dateTime",
    "date",
    "decimal",
    "id",
    "instant",
    "integer",
    "markdown",
    "oid",
    "positiveInt",
    "string",
    "time",
    "unsignedInt",
    "uri",
    "url",
    "uuid",
    "xhtml",
];

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The type of a property: by reference, or, where the schema repeats the pattern of a primitive
/// in place (it does so in choices alone), by the end of its name.
fn type_of(name: &str, property: &Value) -> String {
    if let Some(reference) = property["$ref"].as_str() {
        return match reference.rsplit('/').next().unwrap() {
            "ResourceList" => "Resource".to_owned(),
            other => other.to_owned(),
        };
    }
    if property.get("enum").is_some() {
        return "code".to_owned();
    }
    (*PRIMITIVES
        .iter()
        .find(|p| name.ends_with(&capital(p)))
        .expect("a primitive in a choice"))
    .to_owned()
}

fn codes(property: &Value) -> Option<String> {
    let codes: Vec<_> = property["enum"]
        .as_array()?
        .iter()
        .map(|c| c.as_str().unwrap())
        .collect();
    Some(codes.join("|"))
}

#[test]
fn elements_are_hl7s() {
    let Some(schema) = foreign("fhir.schema.json") else {
        return;
    };
    let required: BTreeSet<&str> = include_str!("../data/required.txt").lines().collect();
    let targets: BTreeMap<&str, &str> = include_str!("../data/targets.txt")
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let mut used = 0;
    let mut made = String::new();
    for (name, definition) in schema["definitions"].as_object().unwrap() {
        let Some(properties) = definition["properties"].as_object() else {
            continue;
        };
        let is_resource = properties
            .get("resourceType")
            .is_some_and(|t| t.get("const").is_some());
        writeln!(made, "{name}{}", if is_resource { " resource" } else { "" }).unwrap();
        let schema_requires: Vec<&str> = definition["required"]
            .as_array()
            .map(|names| names.iter().map(|n| n.as_str().unwrap()).collect())
            .unwrap_or_default();

        // Members of a choice share stem and description.
        let mut choices: BTreeMap<(String, &str), Vec<(&str, String)>> = BTreeMap::new();
        for (name, property) in properties.iter().filter(|(name, _)| !name.starts_with('_')) {
            if property.get("$ref").is_none() && property.get("pattern").is_none() {
                continue;
            }
            let kind = type_of(name, property);
            if let Some(stem) = name.strip_suffix(&capital(&kind)).filter(|s| !s.is_empty()) {
                let key = (stem.to_owned(), property["description"].as_str().unwrap());
                choices.entry(key).or_default().push((name, kind));
            }
        }
        choices.retain(|_, members| members.len() > 1);

        let mut told = BTreeSet::new();
        for (element, property) in properties {
            if element.starts_with('_') || property.get("const").is_some() {
                continue;
            }
            let choice = choices
                .iter()
                .find(|(_, of)| of.iter().any(|(n, _)| n == element));
            let (shown, kind, arguments) = if let Some(((stem, _), members)) = choice {
                let kinds: Vec<_> = members.iter().map(|(_, kind)| kind.as_str()).collect();
                (format!("{stem}[x]"), kinds.join("|"), None)
            } else {
                let inner = property.get("items").unwrap_or(property);
                (element.clone(), type_of(element, inner), codes(inner))
            };
            if !told.insert(shown.clone()) {
                continue;
            }
            let place = format!("{name}.{shown}");
            let must =
                schema_requires.contains(&element.as_str()) || required.contains(place.as_str());
            used += usize::from(required.contains(place.as_str()));
            let many = property["type"] == "array";
            let arguments =
                arguments.or_else(|| targets.get(place.as_str()).map(|t| (*t).to_owned()));
            write!(
                made,
                " {shown}{}{} {kind}",
                if must { "!" } else { "" },
                if many { "*" } else { "" }
            )
            .unwrap();
            if let Some(arguments) = arguments {
                write!(made, " {arguments}").unwrap();
            }
            made.push('\n');
        }
    }
    assert_eq!(
        used,
        required.len(),
        "every line of required.txt names an element"
    );
    compare("elements.txt", &made);
}

/// The parts of a search expression that speak of one type.
fn cut(expression: &str, kind: &str) -> String {
    let parts = expression.split(" | ").map(str::trim).filter(|part| {
        let bare = part.trim_start_matches('(');
        bare.strip_prefix(kind)
            .is_some_and(|rest| rest.starts_with('.'))
            || bare.starts_with("Resource.")
    });
    parts.collect::<Vec<_>>().join(" | ")
}

#[test]
fn search_parameters_are_hl7s() {
    let Some(bundle) = foreign("search-parameters.json") else {
        return;
    };
    // Not offered: composites, positions, sounds-like, and what has no expression of its own
    // (full text, named queries).
    let offered = |parameter: &&Value| {
        !matches!(parameter["type"].as_str(), Some("composite" | "special"))
            && parameter.get("expression").is_some()
            && parameter["code"] != "phonetic"
    };
    let mut made = String::new();
    for kind in fhir::resource::TYPES {
        writeln!(made, "{kind}").unwrap();
        let mut lines = BTreeSet::new();
        for entry in bundle["entry"].as_array().unwrap() {
            let parameter = Some(&entry["resource"]).filter(offered);
            let Some(parameter) = parameter else { continue };
            let bases = parameter["base"].as_array().unwrap();
            let of_all = bases
                .iter()
                .any(|b| b == "Resource" || b == "DomainResource");
            if !of_all && !bases.iter().any(|base| base == kind) {
                continue;
            }
            let expression = cut(parameter["expression"].as_str().unwrap(), kind);
            let targets: Vec<&str> = parameter["target"]
                .as_array()
                .map(|t| t.iter().map(|t| t.as_str().unwrap()).collect())
                .unwrap_or_default();
            let targets: Vec<&str> = targets
                .into_iter()
                .filter(|t| fhir::resource::is_known_type(t))
                .collect();
            lines.insert(format!(
                " {} {} {} = {expression}",
                parameter["code"].as_str().unwrap(),
                parameter["type"].as_str().unwrap(),
                if targets.is_empty() {
                    "-".to_owned()
                } else {
                    targets.join("|")
                },
            ));
        }
        for line in lines {
            writeln!(made, "{line}").unwrap();
        }
    }
    compare("search.txt", &made);
}
