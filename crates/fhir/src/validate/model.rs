//! HL7's element definitions, read once from `data/elements.txt`.
//!
//! A line without indent opens a type; each indented line is an element: its name (`!` required,
//! `*` repeating), its type or types, and its codes or reference targets.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The primitive types of FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primitive {
    Base64Binary,
    Boolean,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Uuid,
    Xhtml,
}

impl Primitive {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "base64Binary" => Self::Base64Binary,
            "boolean" => Self::Boolean,
            "code" => Self::Code,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "decimal" => Self::Decimal,
            "id" => Self::Id,
            "instant" => Self::Instant,
            "integer" => Self::Integer,
            "oid" => Self::Oid,
            "positiveInt" => Self::PositiveInt,
            "string" | "markdown" => Self::String,
            "time" => Self::Time,
            "unsignedInt" => Self::UnsignedInt,
            "uri" | "url" | "canonical" => Self::Uri,
            "uuid" => Self::Uuid,
            "xhtml" => Self::Xhtml,
            _ => return None,
        })
    }
}

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Primitive(Primitive),
    /// Index of a definition.
    Complex(usize),
    /// Any resource.
    Resource,
}

/// One element of a definition; a choice (`value[x]`) is one element with several properties.
#[derive(Debug)]
pub(crate) struct Element {
    /// Its name, without `[x]`.
    pub name: &'static str,
    pub choice: bool,
    pub many: bool,
    /// The codes of a required binding; empty where any code will do.
    pub codes: Vec<&'static str>,
    /// The types a reference may point to; empty for any.
    pub targets: Vec<&'static str>,
    /// Its kinds with their type names: one, or those of the choice.
    pub kinds: Vec<(&'static str, Kind)>,
}

/// A JSON property: one element, or one kind of a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Property {
    /// Index into the definition's elements.
    pub element: usize,
    /// Index into the element's kinds.
    pub kind: usize,
}

/// A resource type, data type or backbone element.
#[derive(Debug)]
pub(crate) struct Definition {
    /// HL7's name (`Patient_Contact`).
    pub name: &'static str,
    pub is_resource: bool,
    pub elements: Vec<Element>,
    properties: HashMap<String, Property>,
    /// Indices of the required elements.
    pub required: Vec<usize>,
}

impl Definition {
    /// The property of this JSON name.
    pub fn property(&self, name: &str) -> Option<(&Element, Property)> {
        let property = *self.properties.get(name)?;
        Some((&self.elements[property.element], property))
    }

    /// The element of this name; a choice by its stem (`value`).
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.name == name)
    }

    /// Whether this is the data type of that name.
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Model {
    definitions: Vec<Definition>,
    by_name: HashMap<&'static str, usize>,
}

impl Model {
    pub fn get(&self, index: usize) -> &Definition {
        &self.definitions[index]
    }

    pub fn named(&self, name: &str) -> Option<&Definition> {
        self.by_name
            .get(name)
            .map(|index| &self.definitions[*index])
    }

    pub fn resource(&self, name: &str) -> Option<&Definition> {
        self.named(name).filter(|definition| definition.is_resource)
    }
}

/// The model, read when it is first needed.
pub(crate) fn model() -> &'static Model {
    static MODEL: LazyLock<Model> = LazyLock::new(|| read(include_str!("../../data/elements.txt")));
    &MODEL
}

/// The JSON name of one kind of a choice: `value` and `dateTime` make `valueDateTime`.
pub(crate) fn choice_property(stem: &str, kind: &str) -> String {
    let mut name = String::with_capacity(stem.len() + kind.len());
    name.push_str(stem);
    let mut letters = kind.chars();
    name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
    name.push_str(letters.as_str());
    name
}

fn read(table: &'static str) -> Model {
    let heads = || table.lines().filter(|line| !line.starts_with(' '));
    let by_name: HashMap<&'static str, usize> = heads()
        .enumerate()
        .map(|(index, head)| (head.strip_suffix(" resource").unwrap_or(head), index))
        .collect();
    let mut definitions: Vec<Definition> = heads()
        .map(|head| Definition {
            name: head.strip_suffix(" resource").unwrap_or(head),
            is_resource: head.ends_with(" resource"),
            elements: Vec::new(),
            properties: HashMap::new(),
            required: Vec::new(),
        })
        .collect();
    let mut open = 0;
    for line in table.lines() {
        let Some(line) = line.strip_prefix(' ') else {
            open = by_name[line.strip_suffix(" resource").unwrap_or(line)];
            continue;
        };
        add_element(&mut definitions[open], line, &by_name);
    }
    Model {
        definitions,
        by_name,
    }
}

fn add_element(
    definition: &mut Definition,
    line: &'static str,
    by_name: &HashMap<&'static str, usize>,
) {
    let mut words = line.split(' ');
    let marked = words.next().unwrap_or_default();
    let types = words.next().unwrap_or_default();
    let arguments: Vec<&'static str> = words
        .next()
        .map(|words| words.split('|').collect())
        .unwrap_or_default();
    let name = marked.trim_end_matches(['!', '*']);
    let (required, many) = (marked.contains('!'), marked.ends_with('*'));
    let (stem, choice) = name
        .strip_suffix("[x]")
        .map_or((name, false), |stem| (stem, true));
    let kinds: Vec<(&'static str, Kind)> = types
        .split('|')
        .map(|name| {
            let kind = match (name, Primitive::of(name)) {
                (_, Some(primitive)) => Kind::Primitive(primitive),
                ("Resource", _) => Kind::Resource,
                _ => Kind::Complex(by_name[name]),
            };
            (name, kind)
        })
        .collect();
    let element = definition.elements.len();
    for (kind, (type_name, _)) in kinds.iter().enumerate() {
        let property = if choice {
            choice_property(stem, type_name)
        } else {
            stem.to_owned()
        };
        definition
            .properties
            .insert(property, Property { element, kind });
    }
    if required {
        definition.required.push(element);
    }
    let is_code = types == "code";
    let (codes, targets) = if is_code {
        (arguments, vec![])
    } else {
        (vec![], arguments)
    };
    definition.elements.push(Element {
        name: stem,
        choice,
        many,
        codes,
        targets,
        kinds,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_whole_table() {
        let model = model();
        assert_eq!(
            model.definitions.iter().filter(|d| d.is_resource).count(),
            146
        );
        for kind in crate::resource::TYPES {
            assert!(model.resource(kind).is_some(), "{kind}");
        }
        // The walk keeps what it has seen in 128 bits.
        assert!(model.definitions.iter().all(|d| d.elements.len() < 128));

        let observation = model.resource("Observation").unwrap();
        let (value, property) = observation.property("valueDateTime").unwrap();
        assert_eq!((value.name, value.choice), ("value", true));
        assert_eq!(
            value.kinds[property.kind],
            ("dateTime", Kind::Primitive(Primitive::DateTime))
        );
        assert!(observation.property("value").is_none());
        let required = |name| {
            observation
                .required
                .iter()
                .any(|index| observation.elements[*index].name == name)
        };
        assert!(required("status") && required("code") && !required("value"));
        assert!(
            observation
                .element("status")
                .unwrap()
                .codes
                .contains(&"entered-in-error")
        );
        assert_eq!(
            observation.element("subject").unwrap().targets,
            ["Device", "Group", "Location", "Patient"]
        );
        assert!(model.resource("HumanName").is_none());
    }
}
