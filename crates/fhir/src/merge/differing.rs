//! What differs between two versions, for showing side by side.

use serde_json::Value;

use super::{Field, units};
use crate::resource;
use crate::validate::model::{Definition, Kind, model};

/// The elements on which mine and theirs differ; a list differs as a whole.
pub(super) fn fields(base: &Value, mine: &Value, theirs: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    let root = resource::resource_type(base).unwrap_or("Resource");
    object(
        model().resource(root),
        root,
        Some(base),
        mine,
        theirs,
        &mut found,
    );
    found
}

fn object(
    definition: Option<&Definition>,
    path: &str,
    base: Option<&Value>,
    mine: &Value,
    theirs: &Value,
    found: &mut Vec<Field>,
) {
    let mut names: Vec<&String> = Vec::new();
    for map in [theirs.as_object(), mine.as_object()].into_iter().flatten() {
        for name in map.keys() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    for name in names {
        if definition.is_some_and(|of| of.is("Meta")) && units::is_set_by_server(name) {
            continue;
        }
        let (mine, theirs) = (mine.get(name), theirs.get(name));
        if mine == theirs {
            continue;
        }
        let base = base.and_then(|base| base.get(name));
        let path = format!("{path}.{name}");
        let inner = definition
            .and_then(|of| of.property(name))
            .and_then(|(element, property)| match element.kinds[property.kind].1 {
                Kind::Complex(index) => Some(model().get(index)),
                _ => None,
            })
            .filter(|inner| units::is_mixed(inner));
        if let (Some(inner), Some(mine @ Value::Object(_)), Some(theirs @ Value::Object(_))) =
            (inner, mine, theirs)
        {
            object(Some(inner), &path, base, mine, theirs, found);
        } else {
            found.push(Field {
                path,
                base: base.cloned(),
                mine: mine.cloned(),
                theirs: theirs.cloned(),
            });
        }
    }
}

/// Puts `value` at a path that [`fields`] named: members of objects below the root alone.
pub(super) fn put(resource: &mut Value, path: &str, value: Option<Value>) {
    let mut at = resource;
    let mut names = path.split('.').skip(1).peekable();
    while let Some(name) = names.next() {
        let Value::Object(map) = at else { return };
        if names.peek().is_none() {
            match value {
                Some(value) => map.insert(name.to_owned(), value),
                None => map.remove(name),
            };
            return;
        }
        // A path goes through what both sides have.
        let Some(inner) = map.get_mut(name) else {
            return;
        };
        at = inner;
    }
}
