//! Sealed values: place, key, length and every bit.

use proptest::prelude::*;
use uuid::Uuid;
use vault::sealed::{FORMAT, OVERHEAD, key_id_of};
use vault::{DataKey, OpenError, Place};

use crate::place;

/// Places that differ from [`place`] in one part each, and some that only look like it.
fn other_places() -> Vec<(&'static str, Place<'static>)> {
    vec![
        (
            "tenant",
            Place {
                tenant: Uuid::from_u128(2),
                ..place()
            },
        ),
        (
            "table",
            Place {
                table: "resource_version",
                ..place()
            },
        ),
        (
            "row",
            Place {
                row: "6f1e",
                ..place()
            },
        ),
        (
            "column",
            Place {
                column: "ssn",
                ..place()
            },
        ),
        (
            "version",
            Place {
                version: 4,
                ..place()
            },
        ),
        ("empty row", Place { row: "", ..place() }),
        (
            "shifted boundary",
            Place {
                table: "patient_identity6",
                row: "f1d",
                ..place()
            },
        ),
        (
            "shifted column",
            Place {
                row: "6f1dn",
                column: "ame",
                ..place()
            },
        ),
    ]
}

#[test]
fn v1_what_is_sealed_opens_at_its_place() {
    let key = DataKey::generate().unwrap();
    for plain in [&b""[..], b"Adaeze", &[0u8; 100_000]] {
        let blob = key.for_sealing(1).seal(&place(), plain).unwrap();
        assert_eq!(blob.len(), plain.len() + OVERHEAD);
        assert_eq!(blob[0], FORMAT);
        assert_eq!(key_id_of(&place(), &blob).unwrap(), key.id());
        assert_eq!(key.open(&place(), &blob).unwrap()[..], *plain);
    }
}

#[test]
fn v1_a_value_moved_to_another_place_does_not_open() {
    let key = DataKey::generate().unwrap();
    let here = key.for_sealing(1).seal(&place(), b"Adaeze").unwrap();
    for (what, other) in other_places() {
        let error = key.open(&other, &here).unwrap_err();
        assert_eq!(error, OpenError::Tampered { at: other.name() }, "{what}");
        // And the other way round: a swap, not only a copy.
        let there = key.for_sealing(1).seal(&other, b"Brigid").unwrap();
        assert!(key.open(&place(), &there).is_err(), "{what}");
        assert_eq!(key.open(&other, &there).unwrap()[..], *b"Brigid", "{what}");
    }
}

#[test]
fn v5_every_flipped_bit_is_refused() {
    let key = DataKey::generate().unwrap();
    let blob = key.for_sealing(1).seal(&place(), b"1957-04-12").unwrap();
    for index in 0..blob.len() {
        for bit in 0..8 {
            let mut flipped = blob.clone();
            flipped[index] ^= 1 << bit;
            let error = key.open(&place(), &flipped).unwrap_err();
            assert_eq!(error.at(), &place().name());
            let expected = match index {
                0 => "sealed-unknown-format",
                1..=16 => "sealed-other-key",
                _ => "sealed-tampered",
            };
            assert_eq!(error.code(), expected, "byte {index}, bit {bit}");
        }
    }
}

#[test]
fn v5_every_truncation_and_extension_is_refused() {
    let key = DataKey::generate().unwrap();
    let blob = key.for_sealing(1).seal(&place(), b"1957-04-12").unwrap();
    for length in 0..blob.len() {
        let error = key.open(&place(), &blob[..length]).unwrap_err();
        let expected = if length < OVERHEAD {
            "sealed-truncated"
        } else {
            "sealed-tampered"
        };
        assert_eq!(error.code(), expected, "length {length}");
    }
    let longer = [&blob[..], &[0]].concat();
    assert_eq!(
        key.open(&place(), &longer).unwrap_err().code(),
        "sealed-tampered"
    );
}

#[test]
fn v5_another_key_is_told_by_its_id() {
    let (mine, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
    let blob = mine.for_sealing(1).seal(&place(), b"x").unwrap();
    let error = other.open(&place(), &blob).unwrap_err();
    assert_eq!(
        error,
        OpenError::OtherKey {
            at: place().name(),
            found: mine.id(),
            given: other.id()
        }
    );
}

#[test]
fn v5_a_key_that_only_claims_the_id_opens_nothing() {
    let (mine, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
    let mut blob = mine.for_sealing(1).seal(&place(), b"x").unwrap();
    blob[1..17].copy_from_slice(other.id().as_bytes());
    assert_eq!(
        other.open(&place(), &blob).unwrap_err().code(),
        "sealed-tampered"
    );
}

#[test]
fn v5_errors_name_row_and_column_and_no_content() {
    let key = DataKey::generate().unwrap();
    let blob = key.for_sealing(1).seal(&place(), b"Adaeze").unwrap();
    let error = key.open(&place(), &blob[..20]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "patient_identity.name of row 6f1d is truncated"
    );
    let shown = format!("{key:?}");
    assert_eq!(shown, format!("DataKey({}, …)", key.id()));
}

#[test]
fn v2_a_key_seals_as_often_as_was_reserved_and_no_more() {
    let key = DataKey::generate().unwrap();
    let sealing = key.for_sealing(2);
    let first = sealing.seal(&place(), b"one").unwrap();
    sealing.seal(&place(), b"two").unwrap();
    let error = sealing.seal(&place(), b"three").unwrap_err();
    assert_eq!(error.code(), "seals-spent");
    // Opening is not counted.
    assert_eq!(sealing.open(&place(), &first).unwrap()[..], *b"one");
    assert_eq!(key.open(&place(), &first).unwrap()[..], *b"one");
}

proptest! {
    #[test]
    fn v5_no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let key = DataKey::generate().unwrap();
        prop_assert!(key.open(&place(), &bytes).is_err());
        let _ = key_id_of(&place(), &bytes);
        let headed = [&[FORMAT][..], key.id().as_bytes(), &bytes].concat();
        prop_assert!(key.open(&place(), &headed).is_err());
    }

    #[test]
    fn two_places_never_share_associated_data(
        a in ("[a-z]{0,4}", "[a-z]{0,4}", "[a-z]{0,4}", 0u64..3),
        b in ("[a-z]{0,4}", "[a-z]{0,4}", "[a-z]{0,4}", 0u64..3),
    ) {
        fn make(parts: &(String, String, String, u64)) -> Place<'_> {
            Place {
                tenant: Uuid::nil(),
                table: &parts.0,
                row: &parts.1,
                column: &parts.2,
                version: parts.3,
            }
        }
        prop_assert_eq!(a == b, make(&a).associated_data() == make(&b).associated_data());
    }
}
