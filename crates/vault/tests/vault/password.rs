//! Password hashes of the server.

use vault::password::{ArgonCost, PasswordError, hash, outdated, verify};

#[test]
fn p5_the_password_is_known_again_and_no_other() {
    let stored = hash("Tr0ub4dor&3", ArgonCost::LEAST).unwrap();
    assert!(
        stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"),
        "{stored}"
    );
    assert!(verify("Tr0ub4dor&3", &stored).unwrap());
    assert!(!verify("Tr0ub4dor&4", &stored).unwrap());
    assert!(!verify("", &stored).unwrap());
    assert_ne!(stored, hash("Tr0ub4dor&3", ArgonCost::LEAST).unwrap());
}

#[test]
fn p5_a_hash_of_another_implementation_is_known() {
    // A test vector of the reference implementation.
    let stored =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    assert!(verify("password", stored).unwrap());
}

#[test]
fn a_dearer_policy_makes_old_hashes_outdated() {
    let stored = hash("x", ArgonCost::LEAST).unwrap();
    assert!(!outdated(&stored, ArgonCost::LEAST).unwrap());
    assert!(outdated(&stored, ArgonCost::SERVER).unwrap());
}

#[test]
fn v5_what_is_stored_may_be_anything() {
    let good = hash("x", ArgonCost::LEAST).unwrap();
    for length in 0..good.len() {
        // A hash cut short is another, shorter hash: it must not pass, whatever else.
        assert!(
            !matches!(verify("x", &good[..length]), Ok(true)),
            "length {length}"
        );
    }
    for stored in [
        "",
        "plain",
        "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=16$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8,t=1,p=1",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=x,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha256$i=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert!(verify("x", stored).is_err(), "{stored}");
    }
    assert!(matches!(
        hash(
            "x",
            ArgonCost {
                memory_kib: u32::MAX,
                passes: 1,
                lanes: 1
            }
        ),
        Err(PasswordError::Cost(_))
    ));
}
