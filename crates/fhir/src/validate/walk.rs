//! The walk over a resource.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::model::{Definition, Element, Kind, Primitive, model};
use super::references::{self, Contained, Setting};
use super::{MAX_DEPTH, MAX_ISSUES, PASSING, invariants, primitive};
use crate::outcome::{Issue, IssueType};
use crate::resource;

/// One step of the way from the root to the element at hand.
enum Step {
    /// An element.
    Element(&'static str),
    /// An element that is a choice, with the type chosen.
    Choice(&'static str, &'static str),
    /// A place in a list.
    Index(usize),
}

/// Where a resource stands in another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Contained,
    Entry,
}

pub(super) struct Walk<'a> {
    root: &'static str,
    path: Vec<Step>,
    depth: usize,
    issues: Vec<Issue>,
    setting: Setting,
    contained: Contained<'a>,
}

impl<'a> Walk<'a> {
    /// Checks a whole resource.
    pub fn over(value: &'a Value, setting: Setting) -> Result<(), Vec<Issue>> {
        let mut walk = Self {
            root: "Resource",
            path: Vec::new(),
            depth: 0,
            issues: Vec::new(),
            setting,
            contained: Vec::new(),
        };
        walk.resource(value, Place::Root);
        if walk.issues.is_empty() {
            Ok(())
        } else {
            Err(walk.issues)
        }
    }

    fn at(&self) -> String {
        let mut path = self.root.to_owned();
        for step in &self.path {
            // Writing into a String cannot fail.
            let _ = match step {
                Step::Element(name) => write!(path, ".{name}"),
                Step::Choice(name, kind) => write!(path, ".{name}.ofType({kind})"),
                Step::Index(index) => write!(path, "[{index}]"),
            };
        }
        path
    }

    fn tell(&mut self, issue: Issue) {
        if self.issues.len() < MAX_ISSUES {
            let place = self.at();
            self.issues.push(issue.at(place));
        }
    }

    fn error(&mut self, code: IssueType, text: impl Into<String>) {
        self.tell(Issue::error(code, text));
    }

    /// An issue at a child of the element at hand; the name may come from the record.
    fn error_below(&mut self, name: &str, code: IssueType, text: impl Into<String>) {
        if self.issues.len() < MAX_ISSUES {
            let place = format!("{}.{name}", self.at());
            self.issues.push(Issue::error(code, text).at(place));
        }
    }

    fn resource(&mut self, value: &'a Value, place: Place) {
        let Value::Object(map) = value else {
            return self.error(IssueType::Structure, "a resource is a JSON object");
        };
        let Some(name) = map.get("resourceType") else {
            return self.error(IssueType::Required, "a resource must say its resourceType");
        };
        let Some(definition) = name.as_str().and_then(|name| model().resource(name)) else {
            return self.error(
                IssueType::Structure,
                "resourceType must be the name of a FHIR R4 resource type",
            );
        };
        let name = definition.name;
        if place == Place::Root {
            self.root = name;
        }
        if place == Place::Contained {
            if !map.contains_key("id") {
                self.error(IssueType::Required, "a contained resource needs an id");
            }
            if map.contains_key("contained") {
                self.error(
                    IssueType::Invariant,
                    "contained resources may not be nested (dom-2)",
                );
            }
        } else {
            if !resource::is_known_type(name) && !PASSING.contains(&name) {
                return self.error(
                    IssueType::NotSupported,
                    format!("{name} resources are not kept here"),
                );
            }
            // A contained resource shares those of its container, so it does not come here.
            let inner = references::contained(value);
            let outer = std::mem::replace(&mut self.contained, inner);
            let setting = self.setting;
            if name == "Bundle" {
                self.setting = Setting::Bundled;
            }
            self.object(definition, map, &[]);
            self.contained = outer;
            self.setting = setting;
            return;
        }
        self.object(definition, map, &[]);
    }

    fn object(
        &mut self,
        definition: &'static Definition,
        map: &'a Map<String, Value>,
        targets: &[&'static str],
    ) {
        if self.depth >= MAX_DEPTH {
            return self.error(
                IssueType::TooLong,
                format!("is nested deeper than {MAX_DEPTH} levels"),
            );
        }
        if map.is_empty() {
            return self.error(IssueType::Structure, "must not be an empty object");
        }
        self.depth += 1;
        // Which elements were there; a definition has less than 128.
        let mut seen = 0u128;
        let mut chosen: Vec<(usize, usize)> = Vec::new();
        for (name, value) in map {
            if self.issues.len() >= MAX_ISSUES {
                break;
            }
            if name == "resourceType" && definition.is_resource {
                continue;
            }
            let (bare, companion) = match name.strip_prefix('_') {
                Some(bare) => (bare, true),
                None => (name.as_str(), false),
            };
            let Some((element, property)) = definition.property(bare) else {
                self.unknown(definition, name);
                continue;
            };
            let bit = 1u128 << property.element;
            let (kind_name, kind) = element.kinds[property.kind];
            if element.choice {
                // `valueString` and `_valueString` are one choice; `valueCode` beside is another.
                match chosen.iter().find(|(of, _)| *of == property.element) {
                    Some((_, other)) if *other != property.kind => {
                        let text =
                            format!("only one of the {}[x] elements may be given", element.name);
                        self.error_below(element.name, IssueType::Invariant, text);
                    }
                    Some(_) => {}
                    None => chosen.push((property.element, property.kind)),
                }
                self.path.push(Step::Choice(element.name, kind_name));
            } else {
                self.path.push(Step::Element(element.name));
            }
            if companion {
                if matches!(kind, Kind::Primitive(_)) {
                    seen |= bit;
                    self.companion(element, map.get(bare), value);
                } else {
                    self.error(
                        IssueType::Structure,
                        "only a primitive has a _ element beside it",
                    );
                }
            } else {
                seen |= bit;
                let beside = || map.get(&format!("_{bare}"));
                self.element(element, kind, value, &beside);
            }
            self.path.pop();
        }
        for index in &definition.required {
            if seen & (1u128 << index) == 0 {
                let element = &definition.elements[*index];
                let shown = if element.choice {
                    format!("{}[x]", element.name)
                } else {
                    element.name.to_owned()
                };
                self.error_below(
                    element.name,
                    IssueType::Required,
                    format!("{shown} is required"),
                );
            }
        }
        if let Some((element, issue)) = invariants::check(definition, map) {
            if element.is_empty() {
                self.tell(issue);
            } else {
                self.path.push(Step::Element(element));
                self.tell(issue);
                self.path.pop();
            }
        }
        if definition.is("Reference") {
            self.reference(map, targets);
        }
        self.depth -= 1;
    }

    fn reference(&mut self, map: &Map<String, Value>, targets: &[&'static str]) {
        if let Err(issue) = references::check(map, targets, self.setting, &self.contained) {
            self.path.push(Step::Element("reference"));
            self.tell(issue);
            self.path.pop();
        }
    }

    fn unknown(&mut self, definition: &Definition, name: &str) {
        let tame = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let owner = definition.name.replace('_', ".");
        if !tame {
            let text = format!("has an element whose name is none of FHIR's for {owner}");
            return self.error(IssueType::Structure, text);
        }
        let hint = definition
            .elements
            .iter()
            .find(|element| element.choice && element.name == name)
            .map(|element| {
                let last = element.kinds.first().map_or("String", |(kind, _)| kind);
                format!(
                    "; it is a choice, written for example {}",
                    super::model::choice_property(element.name, last)
                )
            })
            .or_else(|| {
                definition
                    .elements
                    .iter()
                    .find(|element| element.name.eq_ignore_ascii_case(name))
                    .map(|element| format!("; it is written {}", element.name))
            })
            .unwrap_or_default();
        let text = format!("{owner} has no element of this name{hint}");
        self.error_below(name, IssueType::Structure, text);
    }

    fn element<'b>(
        &mut self,
        element: &'static Element,
        kind: Kind,
        value: &'a Value,
        beside: &dyn Fn() -> Option<&'b Value>,
    ) {
        match (element.many, value) {
            (_, Value::Null) => {
                self.error(
                    IssueType::Structure,
                    "must not be null: leave the element out",
                );
            }
            (true, Value::Array(items)) if items.is_empty() => {
                self.error(
                    IssueType::Structure,
                    "must not be an empty array: leave it out",
                );
            }
            (true, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    if item.is_null() && matches!(kind, Kind::Primitive(_)) {
                        let extended = beside()
                            .and_then(|list| list.get(index))
                            .is_some_and(Value::is_object);
                        if !extended {
                            self.error(
                                IssueType::Structure,
                                "may be null only where its _ element says something",
                            );
                        }
                    } else {
                        self.value(element, kind, item);
                    }
                    self.path.pop();
                    if self.issues.len() >= MAX_ISSUES {
                        return;
                    }
                }
            }
            (true, _) => self.error(
                IssueType::Structure,
                "must be an array: the element repeats",
            ),
            (false, Value::Array(_)) => {
                self.error(
                    IssueType::Structure,
                    "must not be an array: the element comes once",
                );
            }
            (false, _) => self.value(element, kind, value),
        }
    }

    fn value(&mut self, element: &'static Element, kind: Kind, value: &'a Value) {
        match kind {
            Kind::Primitive(primitive) => self.primitive(element, primitive, value),
            Kind::Resource => {
                let place = if element.name == "contained" {
                    Place::Contained
                } else {
                    Place::Entry
                };
                // Depth is counted in objects, so resources in resources count as well.
                self.resource(value, place);
            }
            Kind::Complex(index) => match value {
                Value::Object(map) => self.object(model().get(index), map, &element.targets),
                _ => self.error(IssueType::Structure, "must be an object"),
            },
        }
    }

    fn primitive(&mut self, element: &Element, kind: Primitive, value: &Value) {
        if let Err((code, text)) = primitive::check(kind, value) {
            return self.error(code, text);
        }
        if element.codes.is_empty() {
            return;
        }
        if value
            .as_str()
            .is_some_and(|code| element.codes.contains(&code))
        {
            return;
        }
        let text = if element.codes.len() <= 40 {
            format!("must be one of {}", element.codes.join(", "))
        } else {
            "is not one of the codes that FHIR R4 lists for it".to_owned()
        };
        self.error(IssueType::CodeInvalid, text);
    }

    /// Checks `_name`: the id and extensions of a primitive.
    fn companion(&mut self, element: &Element, primitive: Option<&Value>, value: &'a Value) {
        let Some(definition) = model().named("Element") else {
            return;
        };
        match (element.many, value) {
            (false, Value::Object(map)) => self.object(definition, map, &[]),
            (false, _) => self.error(IssueType::Structure, "its _ element must be an object"),
            (true, Value::Array(items)) if !items.is_empty() => {
                let known = primitive.and_then(Value::as_array).map(Vec::len);
                if known.is_some_and(|known| known != items.len()) {
                    self.error(
                        IssueType::Structure,
                        "its _ element must have as many items as itself (null for none)",
                    );
                }
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    match item {
                        Value::Null => {}
                        Value::Object(map) => self.object(definition, map, &[]),
                        _ => self.error(IssueType::Structure, "its _ element must be an object"),
                    }
                    self.path.pop();
                }
            }
            (true, _) => {
                self.error(IssueType::Structure, "its _ element must be a filled array");
            }
        }
    }
}
