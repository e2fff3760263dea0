//! Master keys and the data keys that they wrap.

use proptest::prelude::*;
use vault::keys::{MasterKeysError, master_of};
use vault::service::{self, Envelope};
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
fn v2_a_service_wraps_what_fits_its_place_and_nothing_else() {
    let uri = "awskms:///arn:aws:kms:eu-west-1:111122223333:key/k";
    let both = MasterKeys::parse(&format!("s1:{uri}, m1:{ZERO_KEY}")).unwrap();
    assert_eq!(both.ids().collect::<Vec<_>>(), ["s1", "m1"]);
    assert_eq!(both.services().collect::<Vec<_>>(), [("s1", uri)]);
    let key = DataKey::generate().unwrap();
    assert_eq!(
        key.wrap(&both, &place()).unwrap_err().code(),
        "master-key-elsewhere"
    );

    let asked = Envelope::new("s1", &key, &place());
    let wrapped = asked.close(b"answer");
    assert_eq!(master_of(&place(), &wrapped).unwrap(), "s1");
    let sealed = service::split(&place(), &wrapped).unwrap().unwrap();
    assert_eq!((sealed.master, sealed.answer), ("s1", &b"answer"[..]));
    assert_eq!(sealed.envelope, asked);
    let again = sealed.envelope.opened(&place(), key.for_service()).unwrap();
    let blob = key.for_sealing(1).seal(&place(), b"kept").unwrap();
    assert_eq!(again.open(&place(), &blob).unwrap()[..], *b"kept");
    for wrong in [&[][..], &[0; 31], &[0; 33]] {
        let error = asked.opened(&place(), wrong).unwrap_err();
        assert_eq!(error.code(), "sealed-tampered");
    }

    // Another place, key or master is another binding; so is any flipped bit in front.
    let elsewhere = [
        Place {
            tenant: uuid::Uuid::from_u128(2),
            ..place()
        },
        Place {
            row: "other",
            ..place()
        },
        Place {
            version: 4,
            ..place()
        },
    ];
    for other in elsewhere {
        let moved = service::split(&other, &wrapped).unwrap().unwrap();
        assert_ne!(moved.envelope.binding(), asked.binding());
    }
    for byte in 2..wrapped.len() - b"answer".len() {
        for bit in 0..8 {
            let mut flipped = wrapped.clone();
            flipped[byte] ^= 1 << bit;
            match service::split(&place(), &flipped) {
                Ok(Some(bent)) => assert_ne!(bent.envelope.binding(), asked.binding()),
                Ok(None) => panic!("byte {byte}"),
                Err(error) => assert_eq!(error.code(), "sealed-tampered"),
            }
        }
    }
    for length in 0..=wrapped.len() - b"answer".len() {
        let error = service::split(&place(), &wrapped[..length]).unwrap_err();
        assert_eq!(error.code(), "sealed-truncated", "{length}");
    }

    // Neither opens what the other wrapped, whatever the ids say.
    let here = key.wrap(&masters(), &place()).unwrap();
    assert_eq!(service::split(&place(), &here).unwrap(), None);
    let error = DataKey::unwrap(&both, &place(), &wrapped).unwrap_err();
    assert_eq!(error.code(), "sealed-unknown-master");
    let renamed = Envelope::new("m1", &key, &place()).close(&[7; 60]);
    let error = DataKey::unwrap(&both, &place(), &renamed).unwrap_err();
    assert_eq!(error.code(), "sealed-unknown-master");
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
