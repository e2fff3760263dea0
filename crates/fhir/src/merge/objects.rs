//! Merging objects, element by element.

use serde_json::{Map, Value};

use super::units;
use super::{Field, Prefer, Side};
use crate::resource;
use crate::validate::model::{Definition, Element, Kind, model};

/// A merge under way.
pub(super) struct Merging<'a> {
    prefer: Prefer<'a>,
    pub touching: Vec<Field>,
    root: String,
}

/// The three versions of one thing.
#[derive(Clone, Copy)]
pub(super) struct Three<'a> {
    pub base: Option<&'a Value>,
    pub mine: Option<&'a Value>,
    pub theirs: Option<&'a Value>,
}

impl<'a> Three<'a> {
    /// The same child of all three.
    fn child(&self, name: &str) -> Self {
        let of = |value: Option<&'a Value>| value?.get(name);
        Self {
            base: of(self.base),
            mine: of(self.mine),
            theirs: of(self.theirs),
        }
    }

    /// What needs no merge: `Some` of what to keep.
    fn settled(&self) -> Option<Option<&'a Value>> {
        if self.mine == self.theirs || self.theirs == self.base {
            Some(self.mine)
        } else if self.mine == self.base {
            Some(self.theirs)
        } else {
            None
        }
    }

    fn each(&self) -> [Option<&'a Value>; 3] {
        [self.base, self.theirs, self.mine]
    }
}

impl<'p> Merging<'p> {
    pub fn new(base: &Value, prefer: Prefer<'p>) -> Self {
        let root = resource::resource_type(base)
            .unwrap_or("Resource")
            .to_owned();
        Self {
            prefer,
            touching: Vec::new(),
            root,
        }
    }

    /// Merges whole resources.
    pub fn resource(&mut self, base: &Value, mine: &Value, theirs: &Value) -> Value {
        let three = Three {
            base: Some(base),
            mine: Some(mine),
            theirs: Some(theirs),
        };
        let definition = model().resource(&self.root);
        let kind = resource::resource_type(base);
        let same_kind =
            resource::resource_type(mine) == kind && resource::resource_type(theirs) == kind;
        let path = self.root.clone();
        let merged = match (three.settled(), definition) {
            (Some(kept), _) => kept.cloned(),
            (None, Some(definition)) if same_kind => Some(self.object(definition, &path, three)),
            // Of a type that is not known nothing is known but that both changed it.
            _ => self.touch(&path, three),
        };
        merged.unwrap_or_default()
    }

    /// Notes that both sides changed this, and keeps the side that has the word there.
    pub fn touch(&mut self, path: &str, three: Three<'_>) -> Option<Value> {
        self.touching.push(Field {
            path: path.to_owned(),
            base: three.base.cloned(),
            mine: three.mine.cloned(),
            theirs: three.theirs.cloned(),
        });
        match self.prefer.at(path) {
            Side::Mine => three.mine.cloned(),
            Side::Theirs => three.theirs.cloned(),
        }
    }

    /// Merges one value of a kind.
    pub fn value(&mut self, kind: Kind, path: &str, three: Three<'_>) -> Option<Value> {
        if let Some(kept) = three.settled() {
            return kept.cloned();
        }
        let all_objects = three
            .each()
            .iter()
            .all(|value| value.is_some_and(Value::is_object));
        match kind {
            Kind::Complex(index) if all_objects && units::is_mixed(model().get(index)) => {
                // Both took something away and nothing is left: FHIR knows no empty objects.
                Some(self.object(model().get(index), path, three))
                    .filter(|merged| merged.as_object().is_none_or(|map| !map.is_empty()))
            }
            _ => self.touch(path, three),
        }
    }

    /// Merges three objects of one definition.
    fn object(&mut self, definition: &'static Definition, path: &str, three: Three<'_>) -> Value {
        let mut merged = Map::new();
        let mut done: Vec<&str> = Vec::new();
        let names = three
            .each()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object);
        for name in names.flat_map(Map::keys) {
            let Some((element, _)) = definition.property(name.trim_start_matches('_')) else {
                // `resourceType`, and what FHIR does not know: kept as it is, merged as a whole.
                if !done.contains(&name.as_str()) {
                    done.push(name);
                    let child = three.child(name);
                    let kept = match child.settled() {
                        Some(kept) => kept.cloned(),
                        None => self.touch(&format!("{path}.{name}"), child),
                    };
                    merged.extend(kept.map(|kept| (name.clone(), kept)));
                }
                continue;
            };
            let unit = units::unit(definition, element);
            if done.contains(&unit) {
                continue;
            }
            done.push(unit);
            self.unit(definition, unit, path, three, &mut merged);
        }
        Value::Object(merged)
    }

    /// Merges the properties of one unit: usually one, more for choices, primitives with
    /// extensions, and elements that go together.
    fn unit(
        &mut self,
        definition: &'static Definition,
        unit: &'static str,
        path: &str,
        three: Three<'_>,
        merged: &mut Map<String, Value>,
    ) {
        let mut properties: Vec<(&str, &'static Element, Kind)> = Vec::new();
        let names = three
            .each()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object);
        for name in names.flat_map(Map::keys) {
            let Some((element, property)) = definition.property(name.trim_start_matches('_'))
            else {
                continue;
            };
            if units::unit(definition, element) == unit
                && !properties.iter().any(|(known, ..)| known == name)
            {
                properties.push((name, element, element.kinds[property.kind].1));
            }
        }
        let path = format!("{path}.{unit}");
        if let [(name, element, kind)] = properties.as_slice() {
            let child = three.child(name);
            let kept = if definition.is("Meta") && units::is_set_by_server(name) {
                match child.settled() {
                    Some(kept) => kept.cloned(),
                    None => child.theirs.cloned(),
                }
            } else if element.many && !matches!(kind, Kind::Primitive(_)) {
                self.list(*kind, &path, child)
            } else {
                self.value(*kind, &path, child)
            };
            merged.extend(kept.map(|kept| ((*name).to_owned(), kept)));
            return;
        }
        // Several properties are one value: take them together or not at all.
        let gather = |value: Option<&Value>| {
            let map: Map<String, Value> = properties
                .iter()
                .filter_map(|(name, ..)| Some(((*name).to_owned(), value?.get(*name)?.clone())))
                .collect();
            (!map.is_empty()).then_some(Value::Object(map))
        };
        let (base, mine, theirs) = (gather(three.base), gather(three.mine), gather(three.theirs));
        let together = Three {
            base: base.as_ref(),
            mine: mine.as_ref(),
            theirs: theirs.as_ref(),
        };
        let kept = match together.settled() {
            Some(kept) => kept.cloned(),
            None => self.touch(&path, together),
        };
        if let Some(Value::Object(kept)) = kept {
            merged.extend(kept);
        }
    }
}
