//! Checking proofs: that an event is in a tree, that a tree continues an older one.
//!
//! The general case is a subtree, leaves `start..end` of a tree, where `start` is a multiple of
//! the smallest power of two that holds the subtree; a whole tree is the subtree that begins
//! at 0.

use crate::tree::{Hash, empty_root, parent};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such leaf or no such tree.
    #[error("the proof is about a place outside the tree")]
    Outside,
    /// The proof has too few or too many hashes.
    #[error("the proof has the wrong length")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

impl ProofError {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Outside => "proof-outside",
            Self::Length => "proof-length",
            Self::Root => "proof-root",
        }
    }
}

/// Checks that `leaf` is leaf `index` of the tree of `size` leaves under `root`.
///
/// # Errors
/// [`ProofError`].
pub fn inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    subtree_inclusion(index, 0, size, leaf, proof, root)
}

/// Checks that the tree of `to` leaves under `newer` continues the tree of `from` leaves under
/// `older`. About a tree without leaves there is nothing to prove: that is refused.
///
/// # Errors
/// [`ProofError`].
pub fn consistency(
    from: u64,
    to: u64,
    older: &Hash,
    newer: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if from == 0 {
        return Err(ProofError::Outside);
    }
    subtree_consistency(0, from, to, older, newer, proof)
}

/// Checks that `leaf` is leaf `index` of the subtree `start..end` under `root`.
///
/// # Errors
/// [`ProofError`].
pub fn subtree_inclusion(
    index: u64,
    start: u64,
    end: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if !is_subtree(start, end) || index < start || index >= end {
        return Err(ProofError::Outside);
    }
    let (mut place, mut last) = (index - start, end - start - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            hash = parent(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = parent(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Checks that the subtree `start..end` under `subtree` is part of the tree of `size` leaves
/// under `root`. Of the empty subtree, which is part of every tree, only its own hash is checked.
///
/// # Errors
/// [`ProofError`].
pub fn subtree_consistency(
    start: u64,
    end: u64,
    size: u64,
    subtree: &Hash,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if end > size {
        return Err(ProofError::Outside);
    }
    if start == end {
        return match (proof, *subtree == empty_root()) {
            ([], true) => Ok(()),
            ([], false) => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        };
    }
    if !is_subtree(start, end) {
        return Err(ProofError::Outside);
    }
    // First and last leaf of the subtree and last leaf of the tree; a shift goes one level up.
    let mut place = Place {
        first: start,
        last: end - 1,
        edge: size - 1,
    };
    if place.last == place.edge {
        while place.first != place.last {
            place.up();
        }
    } else {
        while place.first != place.last && place.last & 1 == 1 {
            place.up();
        }
    }
    let mut rest = proof.iter();
    let begin = if place.first == place.last {
        *subtree
    } else {
        *rest.next().ok_or(ProofError::Length)?
    };
    let (mut of_subtree, mut of_tree) = (begin, begin);
    for sibling in rest {
        if place.edge == 0 {
            return Err(ProofError::Length);
        }
        if place.last & 1 == 1 || place.last == place.edge {
            if place.first < place.last {
                of_subtree = parent(sibling, &of_subtree);
            }
            of_tree = parent(sibling, &of_tree);
            while place.last & 1 == 0 && place.last != 0 {
                place.up();
            }
        } else {
            of_tree = parent(&of_tree, sibling);
        }
        place.up();
    }
    if place.edge != 0 {
        return Err(ProofError::Length);
    }
    if of_subtree == *subtree && of_tree == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

struct Place {
    first: u64,
    last: u64,
    edge: u64,
}

impl Place {
    fn up(&mut self) {
        self.first >>= 1;
        self.last >>= 1;
        self.edge >>= 1;
    }
}

/// Whether the leaves `start..end` can be a subtree.
fn is_subtree(start: u64, end: u64) -> bool {
    start < end
        && (end - start)
            .checked_next_power_of_two()
            .is_some_and(|width| start.is_multiple_of(width))
}
