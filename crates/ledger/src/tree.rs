//! The Merkle tree of RFC 6962 over the ledger's events: grown leaf by leaf, proved from stored
//! nodes.
//!
//! A [`Frontier`] is all that is needed to append: the roots of the complete subtrees at the
//! right edge. A [`Plan`] names the complete subtrees whose hashes make up a proof; whoever
//! keeps the tree fetches them ([`Node::stored`] says from where) and the plan puts the proof
//! together.

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type Hash = [u8; 32];

/// Levels between those that are stored: beside the leaves only every eighth level is kept, and
/// what lies between is made from at most 256 stored hashes.
pub const STEP: u8 = 8;

/// Root of the tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Hash of a node from those of its children.
pub fn parent(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// A complete subtree: the leaves from `index << level`, `1 << level` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Height above the leaves.
    pub level: u8,
    /// Position among the nodes of its level.
    pub index: u64,
}

/// Where the hash of a [`Node`] comes from: stored hashes of one level, `from` up to `to`
/// (excluded), folded in pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stored {
    /// The level: 0 or a multiple of [`STEP`].
    pub level: u8,
    /// First index.
    pub from: u64,
    /// Index after the last.
    pub to: u64,
}

impl Node {
    /// The stored hashes that its hash is made of.
    pub fn stored(self) -> Stored {
        let level = self.level - self.level % STEP;
        let width = self.level - level;
        Stored {
            level,
            from: self.index << width,
            to: (self.index + 1) << width,
        }
    }
}

/// Root of a complete subtree from the hashes of one of its levels; none unless their number is
/// a power of two.
pub fn fold(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| parent(left, right))
            .collect();
    }
    level.pop()
}

/// The right edge of a tree: roots of its complete subtrees, from the largest to the smallest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Of the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The complete subtrees whose roots make up the frontier of a tree of `size` leaves.
    pub fn nodes(size: u64) -> Vec<Node> {
        cover(0, size)
    }

    /// Of a tree of `size` leaves, from the hashes of [`Frontier::nodes`]; none if their number
    /// is another.
    pub fn of(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf. `formed` is told of each node above the leaves that it completes.
    pub fn push(&mut self, leaf: Hash, mut formed: impl FnMut(Node, Hash)) {
        let (mut hash, mut index) = (leaf, self.size);
        let mut level = 0;
        while index & 1 == 1 {
            // Each bit that is set stands for one peak.
            let Some(left) = self.peaks.pop() else { break };
            hash = parent(&left, &hash);
            index >>= 1;
            level += 1;
            formed(Node { level, index }, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| parent(left, &right)),
        }
    }
}

/// The complete subtrees that the leaves `start..end` fall into, left to right. `start` is a
/// multiple of the largest of them.
fn cover(start: u64, end: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = start;
    for level in (0..64u8).rev() {
        if (end - start) >> level & 1 == 1 {
            nodes.push(Node {
                level,
                index: at >> level,
            });
            at += 1 << level;
        }
    }
    nodes
}

/// Which complete subtrees each hash of a proof is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    parts: Vec<Vec<Node>>,
}

impl Plan {
    /// Of the proof that leaf `index` is in the tree of `size` leaves; none if it is not.
    pub fn inclusion(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut start, mut end) = (0, size);
        let mut parts = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                parts.push(cover(middle, end));
                end = middle;
            } else {
                parts.push(cover(start, middle));
                start = middle;
            }
        }
        parts.reverse();
        Some(Self { parts })
    }

    /// Of the proof that the tree of `to` leaves continues the tree of `from` leaves; none if
    /// there is no such proof (`from` is 0 or above `to`).
    pub fn consistency(from: u64, to: u64) -> Option<Self> {
        if from == 0 || from > to {
            return None;
        }
        let (mut start, mut end) = (0, to);
        let mut parts = Vec::new();
        // While the older tree is all that was descended into, its root is known already.
        let mut known = true;
        while end != from {
            let middle = start + split(end - start);
            if from <= middle {
                parts.push(cover(middle, end));
                end = middle;
            } else {
                parts.push(cover(start, middle));
                start = middle;
                known = false;
            }
        }
        if !known {
            parts.push(cover(start, end));
        }
        parts.reverse();
        Some(Self { parts })
    }

    /// All nodes whose hashes are needed.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.parts.iter().flatten().copied()
    }

    /// The proof; none if `hash_of` knows a node not.
    pub fn assemble(&self, mut hash_of: impl FnMut(Node) -> Option<Hash>) -> Option<Vec<Hash>> {
        self.parts
            .iter()
            .map(|part| {
                let mut right: Option<Hash> = None;
                for node in part.iter().rev() {
                    let left = hash_of(*node)?;
                    right = Some(match right {
                        Some(right) => parent(&left, &right),
                        None => left,
                    });
                }
                right
            })
            .collect()
    }
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
