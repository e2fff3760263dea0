//! The daily slot: keychain and password, both or nothing.

use vault::slot::{
    ArgonCost, CacheKey, DailyKey, SALT, SlotError, daily_key, new_salt, open_cache_key,
    seal_cache_key,
};

const KEYCHAIN: [u8; 32] = [5; 32];
const PASSWORD: &str = "correct horse battery staple";

fn key(keychain: &[u8; 32], password: &str, salt: &[u8; SALT]) -> DailyKey {
    daily_key(keychain, password, salt, ArgonCost::LEAST).unwrap()
}

#[test]
fn w1_keychain_and_password_together_open_the_slot() {
    let salt = new_salt().unwrap();
    let cache = CacheKey::generate().unwrap();
    let slot = seal_cache_key(&key(&KEYCHAIN, PASSWORD, &salt), "profile", &cache).unwrap();
    let opened = open_cache_key(&key(&KEYCHAIN, PASSWORD, &salt), "profile", &slot).unwrap();
    assert_eq!(opened.expose(), cache.expose());
}

#[test]
fn w1_either_alone_opens_nothing() {
    let salt = new_salt().unwrap();
    let cache = CacheKey::generate().unwrap();
    let slot = seal_cache_key(&key(&KEYCHAIN, PASSWORD, &salt), "profile", &cache).unwrap();
    let mut other_salt = salt;
    other_salt[0] ^= 1;
    let wrong = [
        ("no keychain", key(&[0; 32], PASSWORD, &salt), "profile"),
        ("no password", key(&KEYCHAIN, "", &salt), "profile"),
        (
            "wrong password",
            key(&KEYCHAIN, "correct horse battery stable", &salt),
            "profile",
        ),
        (
            "other salt",
            key(&KEYCHAIN, PASSWORD, &other_salt),
            "profile",
        ),
        ("other profile", key(&KEYCHAIN, PASSWORD, &salt), "profile2"),
    ];
    for (what, daily, profile) in wrong {
        assert!(
            matches!(
                open_cache_key(&daily, profile, &slot),
                Err(SlotError::Refused)
            ),
            "{what}"
        );
    }
    let dearer = ArgonCost {
        passes: 2,
        ..ArgonCost::LEAST
    };
    let daily = daily_key(&KEYCHAIN, PASSWORD, &salt, dearer).unwrap();
    assert!(matches!(
        open_cache_key(&daily, "profile", &slot),
        Err(SlotError::Refused)
    ));
}

#[test]
fn v5_every_flip_and_truncation_is_refused() {
    let daily = key(&KEYCHAIN, PASSWORD, &[1; SALT]);
    let cache = CacheKey::generate().unwrap();
    let slot = seal_cache_key(&daily, "profile", &cache).unwrap();
    for index in 0..slot.len() {
        let mut flipped = slot.clone();
        flipped[index] ^= 0x80;
        assert!(
            open_cache_key(&daily, "profile", &flipped).is_err(),
            "byte {index}"
        );
        assert!(
            open_cache_key(&daily, "profile", &slot[..index]).is_err(),
            "length {index}"
        );
    }
}

#[test]
fn absurd_costs_from_a_changed_file_are_refused_before_any_memory_is_taken() {
    for cost in [
        ArgonCost {
            memory_kib: u32::MAX,
            ..ArgonCost::LEAST
        },
        ArgonCost {
            passes: u32::MAX,
            ..ArgonCost::LEAST
        },
        ArgonCost {
            lanes: u32::MAX,
            ..ArgonCost::LEAST
        },
        ArgonCost {
            memory_kib: 0,
            passes: 0,
            lanes: 0,
        },
    ] {
        let error = daily_key(&KEYCHAIN, PASSWORD, &[1; SALT], cost).unwrap_err();
        assert_eq!(error.code(), "slot-cost-out-of-bounds");
    }
}

#[test]
fn the_daily_key_never_changes_between_versions() {
    // A change here locks every workstation out: its slot would not open any more.
    let daily = key(&KEYCHAIN, PASSWORD, &[1; SALT]);
    let slot = hex::decode(concat!(
        "0156b986b3be10b6c3db7bcb9386e09ed7dd5ebd691d742c3efe2461e4b4ed71",
        "04e7291389ba7c6fb2e769fa5d97677dee0df42467b2d6540476c00320",
    ))
    .unwrap();
    let opened = open_cache_key(&daily, "profile", &slot).unwrap();
    assert_eq!(opened.expose(), &[9; 32]);
}

#[test]
fn debug_hides_keys() {
    assert_eq!(
        format!("{:?}", CacheKey::from_bytes(&[1; 32])),
        "CacheKey(…)"
    );
    assert_eq!(
        format!("{:?}", key(&KEYCHAIN, PASSWORD, &[1; SALT])),
        "DailyKey(…)"
    );
}
