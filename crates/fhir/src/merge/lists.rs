//! Merging lists, item by item.

use std::collections::BTreeMap;

use serde_json::Value;

use super::align::{align, strong_key, weak_key};
use super::objects::{Merging, Three};
use crate::validate::model::Kind;

/// Longer lists are not brought together item by item: matching costs the square of their length.
const MAX_ITEMS: usize = 1_000;

/// Where an item of the merged list comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Base(usize),
    Mine(usize),
    Theirs(usize),
}

impl Merging<'_> {
    /// Merges a repeating element.
    pub(super) fn list(&mut self, kind: Kind, path: &str, three: Three<'_>) -> Option<Value> {
        if three.mine == three.theirs || three.theirs == three.base {
            return three.mine.cloned();
        }
        if three.mine == three.base {
            return three.theirs.cloned();
        }
        fn items(value: Option<&Value>) -> Option<&[Value]> {
            match value {
                None => Some(&[]),
                Some(Value::Array(items)) => Some(items),
                Some(_) => None,
            }
        }
        let lists = (items(three.base), items(three.mine), items(three.theirs));
        let (Some(base), Some(mine), Some(theirs)) = lists else {
            return self.touch(path, three);
        };
        if base.len().max(mine.len()).max(theirs.len()) > MAX_ITEMS {
            return self.touch(path, three);
        }
        let mark = self.touching.len();
        match self.items(kind, path, base, mine, theirs) {
            Some(merged) => (!merged.is_empty()).then_some(Value::Array(merged)),
            None => {
                // The list touches as a whole; what was found within it is part of that.
                self.touching.truncate(mark);
                self.touch(path, three)
            }
        }
    }

    /// The merged items; `None` when the lists cannot be brought together.
    fn items(
        &mut self,
        kind: Kind,
        path: &str,
        base: &[Value],
        mine: &[Value],
        theirs: &[Value],
    ) -> Option<Vec<Value>> {
        let of_mine = align(kind, base, mine);
        let of_theirs = align(kind, base, theirs);
        let new = |of: &[Option<usize>]| -> Vec<usize> {
            of.iter()
                .enumerate()
                .filter(|(_, of)| of.is_none())
                .map(|(index, _)| index)
                .collect()
        };
        let (new_mine, new_theirs) = (new(&of_mine), new(&of_theirs));

        let mut kept: Vec<Option<Value>> = Vec::with_capacity(base.len());
        let mut both_removed = false;
        for (index, item) in base.iter().enumerate() {
            let at = |of: &[Option<usize>]| of.iter().position(|of| *of == Some(index));
            let (in_mine, in_theirs) = (at(&of_mine), at(&of_theirs));
            both_removed |= in_mine.is_none() && in_theirs.is_none();
            let one = Three {
                base: Some(item),
                mine: in_mine.map(|index| &mine[index]),
                theirs: in_theirs.map(|index| &theirs[index]),
            };
            kept.push(self.value(kind, &format!("{path}[{index}]"), one));
        }

        // Both took the same item away and both put something in its place: not the same edit.
        let same_news = new_mine.len() == new_theirs.len()
            && new_mine
                .iter()
                .all(|m| new_theirs.iter().any(|t| mine[*m] == theirs[*t]));
        if both_removed && !new_mine.is_empty() && !new_theirs.is_empty() && !same_news {
            return None;
        }
        let twins = twins(kind, mine, theirs, &new_mine, &new_theirs)?;
        let order = order(&of_mine, &of_theirs, &twins, &kept, mine, theirs)?;

        let mut merged = Vec::with_capacity(order.len());
        for from in order {
            match from {
                From::Base(index) => merged.extend(kept[index].take()),
                From::Theirs(index) => merged.push(theirs[index].clone()),
                From::Mine(index) => {
                    let twin = twins.iter().find(|(of_mine, _)| *of_mine == index);
                    let Some((_, twin)) = twin.filter(|(_, t)| mine[index] != theirs[*t]) else {
                        merged.push(mine[index].clone());
                        continue;
                    };
                    let one = Three {
                        base: None,
                        mine: Some(&mine[index]),
                        theirs: Some(&theirs[*twin]),
                    };
                    merged.extend(self.touch(&format!("{path}[{}]", base.len() + index), one));
                }
            }
        }
        // One side edited an item into what the other side added: the same, once.
        if is_a_set(mine) && is_a_set(theirs) && !is_a_set(&merged) {
            let mut once: Vec<Value> = Vec::with_capacity(merged.len());
            for item in merged {
                if !once.contains(&item) {
                    once.push(item);
                }
            }
            return Some(once);
        }
        Some(merged)
    }
}

/// Whether no item is there twice.
fn is_a_set(items: &[Value]) -> bool {
    let mut before = items.iter().enumerate();
    before.all(|(index, item)| !items[..index].contains(item))
}

/// New items of both sides that are the same thing, equal or not. `None` when that is not clear.
fn twins(
    kind: Kind,
    mine: &[Value],
    theirs: &[Value],
    new_mine: &[usize],
    new_theirs: &[usize],
) -> Option<Vec<(usize, usize)>> {
    let mut twins: Vec<(usize, usize)> = Vec::new();
    let is_free = |twins: &[(usize, usize)], m: usize, t: usize| {
        twins
            .iter()
            .all(|(of_mine, of_theirs)| *of_mine != m && *of_theirs != t)
    };
    for m in new_mine {
        for t in new_theirs {
            if mine[*m] == theirs[*t] && is_free(&twins, *m, *t) {
                twins.push((*m, *t));
            }
        }
    }
    for key in [strong_key, weak_key] {
        let mut alike: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for m in new_mine
            .iter()
            .filter(|m| twins.iter().all(|(taken, _)| taken != *m))
        {
            if let Some(key) = key(kind, &mine[*m]) {
                alike.entry(key).or_default().0.push(*m);
            }
        }
        for t in new_theirs
            .iter()
            .filter(|t| twins.iter().all(|(_, taken)| taken != *t))
        {
            if let Some(key) = key(kind, &theirs[*t]) {
                alike.entry(key).or_default().1.push(*t);
            }
        }
        for (of_mine, of_theirs) in alike.into_values() {
            match (of_mine.as_slice(), of_theirs.as_slice()) {
                ([], _) | (_, []) => {}
                ([m], [t]) => twins.push((*m, *t)),
                _ => return None,
            }
        }
    }
    Some(twins)
}

/// The order of the merged list. Items stay where the base has them and new ones come last, unless
/// one side put them in an order of its own: then that. `None` when both did.
fn order(
    of_mine: &[Option<usize>],
    of_theirs: &[Option<usize>],
    twins: &[(usize, usize)],
    kept: &[Option<Value>],
    mine: &[Value],
    theirs: &[Value],
) -> Option<Vec<From>> {
    let twin_of_theirs = |index: usize| twins.iter().find(|(_, t)| *t == index).map(|(m, _)| *m);
    let from_mine = |(index, of): (usize, &Option<usize>)| of.map_or(From::Mine(index), From::Base);
    let from_theirs = |(index, of): (usize, &Option<usize>)| match (of, twin_of_theirs(index)) {
        (Some(of), _) => From::Base(*of),
        (None, Some(twin)) => From::Mine(twin),
        (None, None) => From::Theirs(index),
    };
    let mine_order: Vec<From> = of_mine.iter().enumerate().map(from_mine).collect();
    let theirs_order: Vec<From> = of_theirs.iter().enumerate().map(from_theirs).collect();

    let frame = match (is_plain(of_mine), is_plain(of_theirs)) {
        (true, true) => {
            let mut frame: Vec<From> = (0..kept.len()).map(From::Base).collect();
            let new = |order: &[From]| -> Vec<From> {
                order
                    .iter()
                    .copied()
                    .filter(|from| !matches!(from, From::Base(_)))
                    .collect()
            };
            let text = |of: &[Option<usize>], side: &[Value]| -> Vec<String> {
                let new = of.iter().zip(side).filter(|(of, _)| of.is_none());
                new.map(|(_, item)| item.to_string()).collect()
            };
            let (ours, others) = (new(&mine_order), new(&theirs_order));
            // The same list whichever side is called mine.
            let news = if text(of_mine, mine) <= text(of_theirs, theirs) {
                [ours, others].concat()
            } else {
                [others, ours].concat()
            };
            frame.extend(news);
            frame
        }
        (false, true) => mine_order.iter().chain(&theirs_order).copied().collect(),
        (true, false) => theirs_order.iter().chain(&mine_order).copied().collect(),
        (false, false) if mine_order == theirs_order => mine_order,
        (false, false) => return None,
    };
    let mut order: Vec<From> = Vec::with_capacity(frame.len());
    // What one side alone still has (an edit against a removal) is in neither frame for certain.
    for from in frame.into_iter().chain((0..kept.len()).map(From::Base)) {
        if !order.contains(&from) {
            order.push(from);
        }
    }
    Some(order)
}

/// Whether a list keeps the base's order and has what is new at its end.
fn is_plain(of: &[Option<usize>]) -> bool {
    let known = of.iter().take_while(|of| of.is_some()).count();
    of[known..].iter().all(Option::is_none) && of[..known].is_sorted()
}
