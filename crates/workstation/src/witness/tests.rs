use ed25519_dalek::SigningKey;

use super::*;

const NAME: &str = "clinic.example/ledger";

fn secret() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn public() -> String {
    VerifierKey::new(NAME, secret().verifying_key())
        .unwrap()
        .to_text()
}

fn tree(size: u64, filling: u8) -> (Tree, String) {
    let mut grown = tree::Frontier::new();
    for n in 0..size {
        grown.push([filling.wrapping_add(n as u8); 32], |_, _| {});
    }
    let tree = Tree {
        origin: NAME.to_owned(),
        size,
        root: grown.root(),
    };
    let note = tree.sign(&secret()).unwrap();
    (tree, note)
}

fn witness(size: u64) -> Witness {
    let (seen, note) = tree(size, 0);
    let mut witness = Witness::default();
    witness.verified(&note, &seen, Timestamp::UNIX_EPOCH);
    witness
}

#[test]
fn a2_what_is_signed_by_another_key_is_not_taken() {
    let witness = witness(3);
    let (_, note) = tree(4, 0);
    assert!(witness.read(&note, &public()).unwrap().is_some());
    let other = VerifierKey::new(NAME, SigningKey::from_bytes(&[8; 32]).verifying_key())
        .unwrap()
        .to_text();
    assert_eq!(witness.read(&note, &other), Err(LedgerFault::Signature));
    // A server that suddenly has no key is no better.
    assert_eq!(witness.read(&note, ""), Err(LedgerFault::Signature));
    assert_eq!(
        witness.read("what?", &public()),
        Err(LedgerFault::Unreadable)
    );
    // One that never had any is not checked.
    assert_eq!(Witness::default().read(&note, ""), Ok(None));
}

#[test]
fn a2_a_tree_that_shrinks_or_changes_is_found_without_a_proof() {
    let witness = witness(3);
    assert_eq!(witness.next(&tree(3, 0).0), Ok(Step::Done));
    assert_eq!(witness.next(&tree(5, 0).0), Ok(Step::Prove(3, 5)));
    assert_eq!(witness.next(&tree(2, 0).0), Err(LedgerFault::Shrunk));
    assert_eq!(witness.next(&tree(3, 1).0), Err(LedgerFault::Inconsistent));
    assert_eq!(Witness::default().next(&tree(3, 0).0), Ok(Step::Done));
}

#[test]
fn a2_only_the_proof_that_was_asked_for_counts() {
    let witness = witness(1);
    let leaf = |n: u8| [n; 32];
    let (seen, _) = tree(2, 0);
    let proof = |from, to, hashes: Vec<String>| ConsistencyProof { from, to, hashes };
    let right = proof(1, 2, vec![hex::encode(leaf(1))]);
    assert_eq!(witness.check(&seen, &right), Ok(()));
    for (wrong, fault) in [
        (proof(1, 3, right.hashes.clone()), LedgerFault::Unreadable),
        (proof(1, 2, vec!["x".into()]), LedgerFault::Unreadable),
        (
            proof(1, 2, vec![right.hashes[0].clone(); 200]),
            LedgerFault::Unreadable,
        ),
        (proof(1, 2, Vec::new()), LedgerFault::Inconsistent),
        (
            proof(1, 2, vec![hex::encode(leaf(2))]),
            LedgerFault::Inconsistent,
        ),
    ] {
        assert_eq!(witness.check(&seen, &wrong), Err(fault), "{wrong:?}");
    }
}

#[test]
fn a2_a_break_keeps_both_notes_is_told_once_and_ends_with_the_kept_tree() {
    let mut witness = witness(1_234);
    let kept = witness.kept.clone().unwrap();
    let (_, other) = tree(7, 9);
    let now = Timestamp::UNIX_EPOCH;
    assert!(witness.broke(LedgerFault::Shrunk, Some(&other), now));
    assert!(!witness.broke(LedgerFault::Shrunk, Some("later"), now));
    assert_eq!(witness.kept.as_ref(), Some(&kept));
    let alarm = witness.untold()[0].clone();
    assert_eq!(alarm.kept.note, kept.note);
    assert_eq!(alarm.seen.as_ref().unwrap().note, other);
    let view = witness.view(&TimeZone::UTC);
    assert_eq!((view.state, view.size), (LedgerState::Broken, Some(1_234)));
    assert!(
        view.words
            .starts_with("The ledger shows 7 entries; this computer has seen 1,234."),
        "{}",
        view.words
    );
    witness.told(&alarm);
    assert!(witness.untold().is_empty());
    let (seen, note) = tree(1_234, 0);
    assert_eq!(witness.next(&seen), Ok(Step::Done));
    witness.verified(&note, &seen, now);
    assert_eq!(witness.view(&TimeZone::UTC).state, LedgerState::Verified);
}

#[test]
fn a3_a_receipt_is_kept_only_with_the_ledgers_signature() {
    let device = Uuid::from_u128(3);
    let head = ledger::chain::Head::genesis(device);
    let receipt = |countersignature: String| AuditReceipt {
        through: head.number,
        head: head.hash.clone(),
        countersignature,
    };
    let mut witness = Witness::default();
    witness.receive(device, &receipt(String::new()), &public());
    assert_eq!(witness, Witness::default());
    let signed = ledger::chain::countersign(device, &head, &secret()).unwrap();
    let good = receipt(signed.clone());
    witness.receive(device, &good, &public());
    assert!(!witness.is_broken());
    assert_eq!(witness.receipt.as_ref(), Some(&good));
    let other = SigningKey::from_bytes(&[9; 32]);
    let forged = ledger::chain::countersign(device, &head, &other).unwrap();
    for _ in 0..2 {
        witness.receive(device, &receipt(forged.clone()), &public());
    }
    assert_eq!(witness.view(&TimeZone::UTC).state, LedgerState::Broken);
    assert_eq!(witness.untold().len(), 1);
    assert_eq!(witness.receipt.as_ref(), Some(&good));
    witness.receive(device, &good, &public());
    assert!(!witness.is_broken());
}

#[test]
fn a2_a_ledger_that_is_never_shown_again_is_hidden() {
    let mut witness = witness(3);
    for _ in 1..PATIENCE {
        assert!(!witness.was_put_off());
    }
    assert!(witness.was_put_off());
    let (seen, note) = tree(3, 0);
    witness.verified(&note, &seen, Timestamp::UNIX_EPOCH);
    assert!(!witness.was_put_off());
    let mut fresh = Witness::default();
    assert!((0..2 * PATIENCE).all(|_| !fresh.was_put_off()));
}

#[test]
fn numbers_are_easy_to_read() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (184_212, "184,212"),
    ] {
        assert_eq!(counted(number), text);
    }
}
