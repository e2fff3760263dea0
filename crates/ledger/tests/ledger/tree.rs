//! The tree against its definition and against the foreign vectors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::proof::{self, ProofError};
use ledger::tree::{self, Frontier, Hash, Node, Plan, STEP};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn leaf(number: u64) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(number.to_be_bytes())
        .finalize()
        .into()
}

/// MTH of RFC 6962, 2.1, as it is written there.
fn definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        many => {
            let mut k = 1;
            while k * 2 < many.len() {
                k *= 2;
            }
            tree::parent(&definition(&many[..k]), &definition(&many[k..]))
        }
    }
}

/// What a keeper of the tree stores: leaves and each eighth level.
struct Kept {
    leaves: Vec<Hash>,
    nodes: std::collections::HashMap<Node, Hash>,
    frontier: Frontier,
}

impl Kept {
    fn of(size: u64) -> Self {
        let mut kept = Self {
            leaves: Vec::new(),
            nodes: std::collections::HashMap::new(),
            frontier: Frontier::new(),
        };
        for number in 0..size {
            kept.leaves.push(leaf(number));
            let nodes = &mut kept.nodes;
            kept.frontier.push(leaf(number), |node, hash| {
                if node.level.is_multiple_of(STEP) {
                    nodes.insert(node, hash);
                }
            });
        }
        kept
    }

    fn hash_of(&self, node: Node) -> Option<Hash> {
        let stored = node.stored();
        let hashes: Option<Vec<Hash>> = (stored.from..stored.to)
            .map(|index| match stored.level {
                0 => self.leaves.get(usize::try_from(index).ok()?).copied(),
                level => self.nodes.get(&Node { level, index }).copied(),
            })
            .collect();
        tree::fold(&hashes?)
    }
}

#[test]
fn a2_the_tree_is_that_of_rfc_6962() {
    let kept = Kept::of(700);
    for size in (0..=70).chain([255, 256, 257, 511, 512, 513, 699, 700]) {
        let leaves = &kept.leaves[..size as usize];
        let root = definition(leaves);
        let mut grown = Frontier::new();
        for leaf in leaves {
            grown.push(*leaf, |_, _| {});
        }
        assert_eq!(grown.root(), root, "{size}");
        // The same from what is stored.
        let nodes = Frontier::nodes(size);
        let peaks = nodes.iter().map(|node| kept.hash_of(*node).unwrap());
        let loaded = Frontier::of(size, peaks.collect()).unwrap();
        assert_eq!(loaded, grown);
    }
    assert_eq!(Frontier::of(3, vec![leaf(0)]), None);
    assert_eq!(
        hex::encode(tree::empty_root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn a2_every_proof_of_a_tree_holds_and_no_other() {
    let kept = Kept::of(33);
    let root = |size: u64| definition(&kept.leaves[..size as usize]);
    for size in 1..=33 {
        for index in 0..size {
            let plan = Plan::inclusion(index, size).unwrap();
            let proof = plan.assemble(|node| kept.hash_of(node)).unwrap();
            let check = |index, size, proof: &[Hash]| {
                proof::inclusion(index, size, &leaf(index), proof, &root(size))
            };
            assert_eq!(check(index, size, &proof), Ok(()), "{index} in {size}");
            assert!(
                proof::inclusion(index, size, &leaf(index + 1), &proof, &root(size)).is_err(),
                "another leaf"
            );
            if size > 1 {
                assert_eq!(check(index, size, &proof[1..]), Err(ProofError::Length));
            }
        }
        for from in 1..=size {
            let plan = Plan::consistency(from, size).unwrap();
            let proof = plan.assemble(|node| kept.hash_of(node)).unwrap();
            let check = |older: &Hash| proof::consistency(from, size, older, &root(size), &proof);
            assert_eq!(check(&root(from)), Ok(()), "{from} to {size}");
            assert!(check(&leaf(999)).is_err(), "{from} to {size}");
        }
    }
    assert_eq!(Plan::inclusion(5, 5), None);
    assert_eq!(Plan::consistency(0, 5), None);
    assert_eq!(Plan::consistency(6, 5), None);
    // A node that nobody knows.
    assert_eq!(Plan::inclusion(0, 5).unwrap().assemble(|_| None), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a2_proofs_of_large_trees_hold(size in 1u64..3_000, at in any::<prop::sample::Index>()) {
        let kept = Kept::of(size);
        let root = kept.frontier.root();
        let index = at.index(size as usize) as u64;
        let inclusion = Plan::inclusion(index, size).unwrap();
        let path = inclusion.assemble(|node| kept.hash_of(node)).unwrap();
        prop_assert_eq!(proof::inclusion(index, size, &leaf(index), &path, &root), Ok(()));
        let older = Kept::of(index + 1).frontier.root();
        let plan = Plan::consistency(index + 1, size).unwrap();
        let path = plan.assemble(|node| kept.hash_of(node)).unwrap();
        prop_assert_eq!(proof::consistency(index + 1, size, &older, &root, &path), Ok(()));
        // What is read for it grows with the logarithm.
        let read: u64 = plan.nodes().map(|node| { let s = node.stored(); s.to - s.from }).sum();
        prop_assert!(read < 1_024, "{}", read);
    }
}

/// Foreign vectors, row by row; `wantErr` says what must come of it.
fn vectors(text: &str, check: impl Fn(&Value) -> Option<bool>) -> usize {
    let rows: Vec<Value> = serde_json::from_str(text).unwrap();
    for row in &rows {
        // What does not even have the shape of a hash is refused before anything is computed.
        let holds = check(row).unwrap_or(false);
        assert_eq!(!holds, row["wantErr"].as_bool().unwrap(), "{row:#}");
    }
    rows.len()
}

fn number(row: &Value, name: &str) -> Option<u64> {
    row[name].as_u64()
}

fn hash(value: &Value) -> Option<Hash> {
    STANDARD.decode(value.as_str()?).ok()?.try_into().ok()
}

/// Some vectors compare roots that are no hashes: made as long as one, they stay what they are.
fn root(value: &Value) -> Option<Hash> {
    let mut bytes = STANDARD.decode(value.as_str()?).ok()?;
    bytes.resize(32, 0);
    bytes.try_into().ok()
}

fn proof_of(row: &Value) -> Option<Vec<Hash>> {
    match &row["proof"] {
        Value::Null => Some(Vec::new()),
        list => list.as_array()?.iter().map(hash).collect(),
    }
}

#[test]
fn a2_foreign_vectors_of_inclusion_pass() {
    let whole = vectors(include_str!("../data/merkle/inclusion.json"), |row| {
        let (index, size) = (number(row, "leafIdx")?, number(row, "treeSize")?);
        let (leaf, root) = (hash(&row["leafHash"])?, hash(&row["root"])?);
        Some(proof::inclusion(index, size, &leaf, &proof_of(row)?, &root).is_ok())
    });
    let sub = vectors(
        include_str!("../data/merkle/subtreeinclusion.json"),
        |row| {
            let (index, start, end) = (
                number(row, "leafIdx")?,
                number(row, "start")?,
                number(row, "end")?,
            );
            let (leaf, root) = (hash(&row["leafHash"])?, hash(&row["root"])?);
            Some(proof::subtree_inclusion(index, start, end, &leaf, &proof_of(row)?, &root).is_ok())
        },
    );
    assert!(whole > 90 && sub > 180, "{whole} {sub}");
}

#[test]
fn a2_foreign_vectors_of_consistency_pass() {
    let whole = vectors(include_str!("../data/merkle/consistency.json"), |row| {
        let (from, to) = (number(row, "size1")?, number(row, "size2")?);
        let (older, newer) = (root(&row["root1"])?, root(&row["root2"])?);
        Some(proof::consistency(from, to, &older, &newer, &proof_of(row)?).is_ok())
    });
    let sub = vectors(
        include_str!("../data/merkle/subtreeconsistency.json"),
        |row| {
            let (start, end, size) = (
                number(row, "start")?,
                number(row, "end")?,
                number(row, "size")?,
            );
            let (subtree, whole) = (root(&row["root1"])?, root(&row["root2"])?);
            Some(
                proof::subtree_consistency(start, end, size, &subtree, &whole, &proof_of(row)?)
                    .is_ok(),
            )
        },
    );
    assert!(whole > 90 && sub > 110, "{whole} {sub}");
}
