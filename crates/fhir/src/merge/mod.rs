//! Three-way merge of two edits of one resource.
//!
//! Edits that do not touch come together; where both sides changed the same thing, and not to the
//! same, the merge says so and a person decides. Lists are matched by what their items are
//! (identifier, code, system and use, target of a reference), not by place. A value that is one
//! statement (an address, a quantity, a coded concept) is never mixed from two, nor are elements
//! that only make sense together (the start and end of an appointment).

mod align;
mod differing;
mod lists;
mod objects;
mod units;

use serde_json::{Map, Value};

use crate::resource;

/// One element on which versions differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Where, as FHIRPath (`Patient.telecom[1].value`). Places in lists are those of the base
    /// where the item stands in it.
    pub path: String,
    /// What both started from.
    pub base: Option<Value>,
    /// What this side made of it.
    pub mine: Option<Value>,
    /// What the other side made of it.
    pub theirs: Option<Value>,
}

/// The outcome of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Both edits together. Where they touch it carries theirs.
    pub merged: Value,
    /// Elements that both sides changed, and not to the same: a person decides.
    pub touching: Vec<Field>,
    /// Every element on which mine and theirs differ, touching or not, for showing side by side.
    pub differing: Vec<Field>,
}

impl Merge {
    /// Whether the machine may keep `merged` without asking.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.touching.is_empty()
    }
}

/// Which side has the word where edits touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Mine,
    Theirs,
}

/// How that is told.
#[derive(Debug, Clone, Copy)]
enum Prefer<'a> {
    /// One side everywhere.
    Always(Side),
    /// Mine at these paths, theirs elsewhere.
    MineAt(&'a [&'a str]),
}

impl Prefer<'_> {
    fn at(self, path: &str) -> Side {
        match self {
            Self::Always(side) => side,
            Self::MineAt(paths) if paths.contains(&path) => Side::Mine,
            Self::MineAt(_) => Side::Theirs,
        }
    }
}

/// Whether concurrent changes of this type always ask a person, even where they do not touch:
/// an allergy, a prescription or a diagnosis is one statement, not a set of fields.
#[must_use]
pub fn always_asks(resource_type: &str) -> bool {
    matches!(
        resource_type,
        "AllergyIntolerance" | "Condition" | "MedicationRequest"
    )
}

/// Merges two edits that started from `base`. What the server sets (version, time of the last
/// update) is taken from theirs and never touches.
#[must_use]
pub fn three_way(base: &Value, mine: &Value, theirs: &Value) -> Merge {
    let (merged, mut touching) = run(base, mine, theirs, Prefer::Always(Side::Theirs));
    let differing = differing::fields(base, mine, theirs);
    if asks_by_type(base, mine, theirs) {
        touching.clone_from(&differing);
        return Merge {
            merged: theirs.clone(),
            touching,
            differing,
        };
    }
    Merge {
        merged,
        touching,
        differing,
    }
}

/// Both edits together, with one side's word wherever they touch; for types that always ask, that
/// side's version whole. The result carries the version that the server knows (theirs).
#[must_use]
pub fn settle(base: &Value, mine: &Value, theirs: &Value, keep_mine: bool) -> Value {
    if asks_by_type(base, mine, theirs) {
        return if keep_mine {
            with_meta_of(mine, theirs)
        } else {
            theirs.clone()
        };
    }
    run(
        base,
        mine,
        theirs,
        Prefer::Always(if keep_mine { Side::Mine } else { Side::Theirs }),
    )
    .0
}

/// Both edits together, with a side chosen for each touching element: mine at the paths of
/// `mine_at`, theirs at the others. The paths are those of [`Merge::touching`]; another is passed
/// over. The result carries the version that the server knows (theirs).
#[must_use]
pub fn combine(base: &Value, mine: &Value, theirs: &Value, mine_at: &[&str]) -> Value {
    if !asks_by_type(base, mine, theirs) {
        return run(base, mine, theirs, Prefer::MineAt(mine_at)).0;
    }
    // Of a type that always asks every difference is chosen, touching or not.
    let mut combined = theirs.clone();
    for field in differing::fields(base, mine, theirs) {
        if mine_at.contains(&field.path.as_str()) {
            differing::put(&mut combined, &field.path, field.mine);
        }
    }
    combined
}

/// Whether both sides changed a resource of a type that always asks, and not to the same.
fn asks_by_type(base: &Value, mine: &Value, theirs: &Value) -> bool {
    let (from, ours, others) = (content(base), content(mine), content(theirs));
    resource::resource_type(base).is_some_and(always_asks)
        && ours != from
        && others != from
        && ours != others
}

/// A resource without what the server sets.
fn content(resource: &Value) -> Value {
    let mut content = resource.clone();
    if let Value::Object(map) = &mut content {
        let bare = map
            .get_mut("meta")
            .and_then(Value::as_object_mut)
            .is_some_and(|meta| {
                meta.retain(|name, _| !units::is_set_by_server(name));
                meta.is_empty()
            });
        if bare {
            map.remove("meta");
        }
    }
    content
}

/// `resource` with the version and time of `other`.
fn with_meta_of(resource: &Value, other: &Value) -> Value {
    let mut kept = content(resource);
    let Value::Object(map) = &mut kept else {
        return kept;
    };
    let set = other
        .get("meta")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let set: Map<String, Value> = set
        .filter(|(name, _)| units::is_set_by_server(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !set.is_empty() {
        let meta = map
            .entry("meta")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(meta) = meta {
            meta.extend(set);
        }
    }
    kept
}

fn run(base: &Value, mine: &Value, theirs: &Value, prefer: Prefer<'_>) -> (Value, Vec<Field>) {
    let mut merging = objects::Merging::new(base, prefer);
    let merged = merging.resource(base, mine, theirs);
    (merged, merging.touching)
}
