//! Canonical JSON and leaves.

use ledger::{canonical, leaf_hash};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a2_the_examples_of_rfc_8785_come_out() {
    let value: Value = serde_json::from_str(
        r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
            "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals":[null,true,false]}"#,
    )
    .unwrap();
    assert_eq!(
        String::from_utf8(canonical(&value)).unwrap(),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
         \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
    // Names are sorted by UTF-16 code units, not by code points.
    let sorted = canonical(&json!({ "\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "1": 4 }));
    assert_eq!(
        String::from_utf8(sorted).unwrap(),
        "{\"1\":4,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}"
    );
}

#[test]
fn a2_a_leaf_is_prefixed_so_that_it_is_no_inner_node() {
    // SHA-256 of 0x00 and `{}`, computed by another program.
    assert_eq!(
        hex::encode(leaf_hash(&json!({}))),
        "28a3a18f6cd6406b086e9ffda1f9b8a13dbcf44b0f3f32cb9031a11fd053acf9"
    );
}

proptest! {
    #[test]
    fn a2_order_of_names_and_white_space_do_not_matter(
        pairs in proptest::collection::btree_map("[a-z\u{e9}\u{10400}]{1,4}", "\\PC{0,8}", 0..6)
    ) {
        let forward: serde_json::Map<String, Value> =
            pairs.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let backward: serde_json::Map<String, Value> =
            pairs.iter().rev().map(|(k, v)| (k.clone(), json!(v))).collect();
        let (forward, backward) = (Value::Object(forward), Value::Object(backward));
        prop_assert_eq!(canonical(&forward), canonical(&backward));
        let pretty: Value =
            serde_json::from_str(&serde_json::to_string_pretty(&forward).unwrap()).unwrap();
        prop_assert_eq!(leaf_hash(&forward), leaf_hash(&pretty));
        let again: Value = serde_json::from_slice(&canonical(&forward)).unwrap();
        prop_assert_eq!(again, forward);
    }
}
