//! Master keys and the data keys that they wrap.

use proptest::prelude::*;
use vault::keys::{MasterKeysError, master_of};
use vault::{DataKey, MasterKeys, OpenError, Place};

use crate::{ONES_KEY, ZERO_KEY, masters, place};

#[test]
fn v2_the_first_master_wraps_and_all_unwrap() {
    let old = masters();
    let key = DataKey::generate().unwrap();
    let wrapped = key.wrap(&old, &place()).unwrap();
    assert_eq!(master_of(&place(), &wrapped).unwrap(), "m1");

    let both = MasterKeys::parse(&format!(" m2:{ONES_KEY} , m1:{ZERO_KEY} ")).unwrap();
    assert_eq!(both.current_id(), "m2");
    assert_eq!(both.ids().collect::<Vec<_>>(), ["m2", "m1"]);
    let again = DataKey::unwrap(&both, &place(), &wrapped).unwrap();
    assert_eq!(again.id(), key.id());

    let rewrapped = again.wrap(&both, &place()).unwrap();
    assert_eq!(master_of(&place(), &rewrapped).unwrap(), "m2");
    let blob = key.for_sealing(1).seal(&place(), b"kept").unwrap();
    let last = DataKey::unwrap(&both, &place(), &rewrapped).unwrap();
    assert_eq!(last.open(&place(), &blob).unwrap()[..], *b"kept");
}

#[test]
fn v5_an_unknown_master_is_named() {
    let wrapped = DataKey::generate()
        .unwrap()
        .wrap(&masters(), &place())
        .unwrap();
    let other = MasterKeys::parse(&format!("m2:{ONES_KEY}")).unwrap();
    let error = DataKey::unwrap(&other, &place(), &wrapped).unwrap_err();
    assert_eq!(
        error,
        OpenError::UnknownMaster {
            at: place().name(),
            master: "m1".into()
        }
    );
}

#[test]
fn v5_a_wrong_master_under_the_same_id_is_refused() {
    let wrapped = DataKey::generate()
        .unwrap()
        .wrap(&masters(), &place())
        .unwrap();
    let other = MasterKeys::parse(&format!("m1:{ONES_KEY}")).unwrap();
    let error = DataKey::unwrap(&other, &place(), &wrapped).unwrap_err();
    assert_eq!(error.code(), "sealed-tampered");
}

#[test]
fn v5_every_flip_and_truncation_of_a_wrapped_key_is_refused() {
    let wrapped = DataKey::generate()
        .unwrap()
        .wrap(&masters(), &place())
        .unwrap();
    for index in 0..wrapped.len() {
        for bit in 0..8 {
            let mut flipped = wrapped.clone();
            flipped[index] ^= 1 << bit;
            assert!(
                DataKey::unwrap(&masters(), &place(), &flipped).is_err(),
                "byte {index}"
            );
        }
        assert!(DataKey::unwrap(&masters(), &place(), &wrapped[..index]).is_err());
    }
    let elsewhere = Place {
        row: "other",
        ..place()
    };
    let error = DataKey::unwrap(&masters(), &elsewhere, &wrapped).unwrap_err();
    assert_eq!(
        error,
        OpenError::Tampered {
            at: elsewhere.name()
        }
    );
}

#[test]
fn malformed_lists_say_which_entry_is_wrong() {
    use MasterKeysError as E;
    let good = format!("m1:{ZERO_KEY}");
    let cases = [
        ("", E::Empty),
        ("  ", E::Empty),
        ("m1", E::Form { entry: 1 }),
        (&format!("{good},"), E::Form { entry: 2 }),
        (&format!(":{ZERO_KEY}"), E::Id { entry: 1 }),
        (&format!("m 1:{ZERO_KEY}"), E::Id { entry: 1 }),
        (
            &format!("{}:{ZERO_KEY}", "m".repeat(33)),
            E::Id { entry: 1 },
        ),
        (&format!("{good},m2:***"), E::Base64 { entry: 2 }),
        (
            &format!("{good},m2:AAAA"),
            E::Length {
                entry: 2,
                length: 3,
            },
        ),
        (&format!("{good},{good}"), E::Repeated { entry: 2 }),
    ];
    for (text, expected) in cases {
        assert_eq!(MasterKeys::parse(text).unwrap_err(), expected, "{text:?}");
    }
}

#[test]
fn v2_a_file_holds_entries_on_lines_with_comments() {
    let text = format!("# newest first\n\nm2:{ONES_KEY}\n  m1:{ZERO_KEY}, m0:{ZERO_KEY}\n");
    let keys = MasterKeys::parse_file(&text).unwrap();
    assert_eq!(keys.ids().collect::<Vec<_>>(), ["m2", "m1", "m0"]);
    assert!(keys.has("m0") && !keys.has("m3"));
    let error = MasterKeys::parse_file("# nothing\n").unwrap_err();
    assert_eq!(error, MasterKeysError::Empty);
    let error = MasterKeys::parse_file(&format!("m1:{ZERO_KEY}\nm2")).unwrap_err();
    assert_eq!(error, MasterKeysError::Form { entry: 2 });
}

#[test]
fn a_generated_entry_reads_back_and_is_never_the_same() {
    let one = MasterKeys::generate_entry("m1").unwrap();
    let two = MasterKeys::generate_entry("m1").unwrap();
    assert_ne!(*one, *two);
    assert_eq!(MasterKeys::parse(&one).unwrap().current_id(), "m1");
    // Padding is a matter of taste of whoever made the key.
    assert!(MasterKeys::parse(one.trim_end_matches('=')).is_ok());
}

#[test]
fn debug_shows_ids_alone() {
    assert_eq!(format!("{:?}", masters()), r#"["m1"]"#);
}

proptest! {
    #[test]
    fn v5_no_bytes_make_unwrap_panic(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
        prop_assert!(DataKey::unwrap(&masters(), &place(), &bytes).is_err());
        let headed = [&[1u8, 2, b'm', b'1'][..], &bytes].concat();
        prop_assert!(DataKey::unwrap(&masters(), &place(), &headed).is_err());
    }

    #[test]
    fn no_text_makes_parse_panic(text in "\\PC{0,80}") {
        let _ = MasterKeys::parse(&text);
    }
}
