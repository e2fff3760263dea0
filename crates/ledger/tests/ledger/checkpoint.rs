//! Signed notes and countersignatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use ledger::chain::{self, Head};
use ledger::checkpoint::{Checkpoint, CheckpointError, VerifierKey};
use proptest::prelude::*;
use uuid::Uuid;

const NAME: &str = "rounds.ledger/1";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn verifier(seed: u8) -> VerifierKey {
    VerifierKey::new(NAME, key(seed).verifying_key()).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: NAME.to_owned(),
        size: 42,
        root: [7; 32],
    }
}

#[test]
fn a2_a_checkpoint_is_a_signed_note() {
    let note = checkpoint().sign(&key(1)).unwrap();
    let root = STANDARD.encode([7; 32]);
    assert!(note.starts_with(&format!("{NAME}\n42\n{root}\n\n\u{2014} {NAME} ")));
    assert_eq!(Checkpoint::open(&note, &verifier(1)), Ok(checkpoint()));
    assert_eq!(
        Checkpoint::open(&note, &verifier(2)),
        Err(CheckpointError::Signature)
    );
    // Another log's checkpoint, signed by the same key.
    let other = VerifierKey::new("other", key(1).verifying_key()).unwrap();
    assert_eq!(
        Checkpoint::open(&note, &other),
        Err(CheckpointError::Signature)
    );
    // A witness's signature beside ours, an extension line below the root.
    let witnessed = format!("{note}\u{2014} witness {}\n", STANDARD.encode([9; 68]));
    assert_eq!(Checkpoint::open(&witnessed, &verifier(1)), Ok(checkpoint()));
    for unreadable in [
        "",
        "\n\n",
        NAME,
        &note.replace("42", "042"),
        &note.replace("42", "-1"),
        &note.replace(&root, "AAAA"),
        &note.replace('\u{2014}', "-"),
        note.trim_end(),
        &format!("x{}", "y".repeat(70_000)),
    ] {
        assert_eq!(
            Checkpoint::open(unreadable, &verifier(1)),
            Err(CheckpointError::Unreadable),
            "{unreadable}"
        );
    }
    assert_eq!(
        Checkpoint::open(&note.replace("42", "43"), &verifier(1)),
        Err(CheckpointError::Signature)
    );
}

#[test]
fn a2_verifier_keys_are_those_of_signed_notes() {
    // The key that the documentation of Go's package `note` uses.
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(VerifierKey::parse(text).unwrap().to_text(), text);
    let own = verifier(3);
    assert_eq!(VerifierKey::parse(&own.to_text()), Ok(own.clone()));
    assert_eq!(own.name(), NAME);
    let text = own.to_text();
    let (name, rest) = text.split_once('+').unwrap();
    for wrong in [
        "",
        "a+b",
        &format!("other+{rest}"),
        &text.replace(name, ""),
        &text[..text.len() - 4],
    ] {
        assert_eq!(
            VerifierKey::parse(wrong),
            Err(CheckpointError::Key),
            "{wrong}"
        );
    }
    for name in ["", "a b", "a+b", "a\n"] {
        assert!(VerifierKey::new(name, key(1).verifying_key()).is_err());
    }
}

#[test]
fn a3_a_countersignature_is_for_one_head_of_one_device() {
    let device = Uuid::from_u128(5);
    let head = Head::genesis(device);
    let countersigned = chain::countersign(device, &head, &key(1)).unwrap();
    let check = |device, head: &Head, text: &str, seed: u8| {
        chain::verify_countersignature(device, head, text, &key(seed).verifying_key()).is_ok()
    };
    assert!(check(device, &head, &countersigned, 1));
    assert!(!check(device, &head, &countersigned, 2));
    assert!(!check(Uuid::from_u128(6), &head, &countersigned, 1));
    let later = Head {
        number: 1,
        hash: head.hash.clone(),
    };
    assert!(!check(device, &later, &countersigned, 1));
    assert!(!check(
        device,
        &Head::genesis(Uuid::from_u128(6)),
        &countersigned,
        1
    ));
    assert!(!check(device, &head, "", 1));
}

proptest! {
    #[test]
    fn a2_no_change_of_a_checkpoint_passes(at in any::<prop::sample::Index>(), to in any::<char>()) {
        let note = checkpoint().sign(&key(1)).unwrap();
        let mut letters: Vec<char> = note.chars().collect();
        let at = at.index(letters.len());
        prop_assume!(letters[at] != to);
        letters[at] = to;
        let changed: String = letters.into_iter().collect();
        prop_assert!(Checkpoint::open(&changed, &verifier(1)).is_err());
    }

    #[test]
    fn a2_reading_never_panics(text in ".{0,200}") {
        let _ = Checkpoint::open(&text, &verifier(1));
        let _ = VerifierKey::parse(&text);
    }
}
