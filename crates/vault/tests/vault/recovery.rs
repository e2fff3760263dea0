//! Sealing to the organisation's recovery key.

use proptest::prelude::*;
use vault::recovery::{self, RecoveryError, RecoveryPublic, RecoverySecret};

#[test]
fn w1_the_recovery_secret_opens_what_was_sealed_to_its_public_key() {
    let (secret, public) = recovery::keypair().unwrap();
    let blob = recovery::seal(&public, b"profile", b"cache key").unwrap();
    assert_eq!(
        recovery::open(&secret, b"profile", &blob).unwrap()[..],
        *b"cache key"
    );
    // Both keys survive being written down.
    let secret = RecoverySecret::parse(&secret.to_text()).unwrap();
    assert_eq!(RecoveryPublic::parse(&public.to_text()).unwrap(), public);
    assert_eq!(secret.public().unwrap(), public);
    assert_eq!(
        recovery::open(&secret, b"profile", &blob).unwrap()[..],
        *b"cache key"
    );
}

#[test]
fn w1_another_secret_or_profile_opens_nothing() {
    let (secret, public) = recovery::keypair().unwrap();
    let (other, _) = recovery::keypair().unwrap();
    let blob = recovery::seal(&public, b"profile", b"cache key").unwrap();
    assert!(matches!(
        recovery::open(&other, b"profile", &blob),
        Err(RecoveryError::Refused)
    ));
    assert!(matches!(
        recovery::open(&secret, b"another", &blob),
        Err(RecoveryError::Refused)
    ));
}

#[test]
fn v5_every_flip_and_truncation_is_refused() {
    let (secret, public) = recovery::keypair().unwrap();
    let blob = recovery::seal(&public, b"profile", b"cache key").unwrap();
    for index in 0..blob.len() {
        let mut flipped = blob.clone();
        flipped[index] ^= 0x10;
        assert!(
            recovery::open(&secret, b"profile", &flipped).is_err(),
            "byte {index}"
        );
        assert!(
            recovery::open(&secret, b"profile", &blob[..index]).is_err(),
            "length {index}"
        );
    }
    assert!(matches!(
        recovery::open(&secret, b"", &[]),
        Err(RecoveryError::Truncated)
    ));
    assert!(matches!(
        recovery::open(&secret, b"", &[9; 80]),
        Err(RecoveryError::UnknownFormat(9))
    ));
}

#[test]
fn a_degenerate_public_key_is_an_error() {
    let zero = RecoveryPublic::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert!(matches!(
        recovery::seal(&zero, b"", b"x"),
        Err(RecoveryError::BadPublicKey(_))
    ));
}

#[test]
fn text_that_is_no_key_is_refused() {
    for text in ["", "AAAA", "not base64!", &"A".repeat(44)] {
        assert!(
            matches!(RecoveryPublic::parse(text), Err(RecoveryError::NotAKey)),
            "{text}"
        );
        assert!(
            matches!(RecoverySecret::parse(text), Err(RecoveryError::NotAKey)),
            "{text}"
        );
    }
}

#[test]
fn debug_hides_the_secret() {
    let (secret, _) = recovery::keypair().unwrap();
    assert_eq!(format!("{secret:?}"), "RecoverySecret(…)");
}

proptest! {
    #[test]
    fn v5_no_bytes_make_open_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let secret = RecoverySecret::parse(&"A".repeat(43)).unwrap();
        prop_assert!(recovery::open(&secret, b"", &bytes).is_err());
        let headed = [&[recovery::FORMAT][..], &bytes].concat();
        prop_assert!(recovery::open(&secret, b"", &headed).is_err());
    }
}
