//! Device chains: whole ones pass, everything else is told by its number.

use ed25519_dalek::SigningKey;
use ledger::chain::{ChainError, Head, Link, append, verify};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

const DEVICE: Uuid = Uuid::from_u128(11);

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn chain(length: u64) -> Vec<Link> {
    let mut head = Head::genesis(DEVICE);
    (0..length)
        .map(|number| {
            let link = append(&head, json!({ "event": number.to_string() }), &key()).unwrap();
            head = link.head();
            link
        })
        .collect()
}

fn check(links: &[Link]) -> Result<Head, ChainError> {
    verify(&Head::genesis(DEVICE), links, &key().verifying_key())
}

#[test]
fn a3_a_whole_chain_passes_in_one_batch_or_in_several() {
    let links = chain(7);
    let head = check(&links).unwrap();
    assert_eq!(head, links[6].head());
    let middle = check(&links[..3]).unwrap();
    assert_eq!(
        verify(&middle, &links[3..], &key().verifying_key()).unwrap(),
        head
    );
    assert_eq!(check(&[]).unwrap(), Head::genesis(DEVICE));
}

#[test]
fn a3_links_survive_the_wire() {
    let links = chain(2);
    let text = serde_json::to_string_pretty(&links).unwrap();
    let again: Vec<Link> = serde_json::from_str(&text).unwrap();
    assert!(check(&again).is_ok());
}

#[test]
fn a3_a_missing_link_is_a_gap() {
    let mut links = chain(5);
    links.remove(2);
    assert_eq!(
        check(&links).unwrap_err(),
        ChainError::Gap {
            expected: 3,
            found: 4
        }
    );
    // At the front as well: a device that drops its first events.
    assert_eq!(
        check(&chain(5)[1..]).unwrap_err(),
        ChainError::Gap {
            expected: 1,
            found: 2
        }
    );
}

#[test]
fn a3_a_replayed_link_is_told() {
    let mut links = chain(3);
    links.push(links[1].clone());
    assert_eq!(
        check(&links).unwrap_err(),
        ChainError::Replay {
            expected: 4,
            found: 2
        }
    );
    let mut zero = chain(1);
    zero[0].number = 0;
    assert_eq!(
        check(&zero).unwrap_err(),
        ChainError::Replay {
            expected: 1,
            found: 0
        }
    );
}

#[test]
fn a3_reordered_links_are_told() {
    let mut links = chain(3);
    links.swap(1, 2);
    assert_eq!(
        check(&links).unwrap_err(),
        ChainError::Gap {
            expected: 2,
            found: 3
        }
    );
    // Renumbered after the swap, they do not continue each other.
    links[1].number = 2;
    assert_eq!(
        check(&links).unwrap_err(),
        ChainError::NotContinuing { number: 2 }
    );
}

#[test]
fn a3_a_rolled_back_device_does_not_continue() {
    // The device was restored to link 2 and went on from there otherwise.
    let links = chain(4);
    let head = check(&links).unwrap();
    let fork = append(&links[1].head(), json!({ "event": "other" }), &key()).unwrap();
    let error = verify(&head, &[fork], &key().verifying_key()).unwrap_err();
    assert_eq!(
        error,
        ChainError::Replay {
            expected: 5,
            found: 3
        }
    );
    // With the numbers made to fit, the hash gives it away.
    let fork = append(
        &Head {
            number: 4,
            hash: links[1].hash.clone(),
        },
        json!({}),
        &key(),
    )
    .unwrap();
    let error = verify(&head, &[fork], &key().verifying_key()).unwrap_err();
    assert_eq!(error, ChainError::NotContinuing { number: 5 });
}

#[test]
fn a3_a_changed_event_or_hash_is_told() {
    let mut links = chain(3);
    links[1].event["event"] = "9".into();
    assert_eq!(
        check(&links).unwrap_err(),
        ChainError::EventChanged { number: 2 }
    );
    // Whoever fixes the hash lacks the key.
    let forger = SigningKey::from_bytes(&[4; 32]);
    links[1] = append(&links[0].head(), links[1].event.clone(), &forger).unwrap();
    assert_eq!(
        check(&links).unwrap_err(),
        ChainError::SignatureWrong { number: 2 }
    );
}

#[test]
fn a3_another_devices_chain_does_not_pass() {
    let error = verify(
        &Head::genesis(Uuid::nil()),
        &chain(1),
        &key().verifying_key(),
    );
    assert_eq!(error.unwrap_err(), ChainError::NotContinuing { number: 1 });
}

#[test]
fn a3_malformed_hex_is_told_and_never_panics() {
    for text in [
        "",
        "zz",
        "00",
        &"A".repeat(64),
        &"é".repeat(32),
        &"0".repeat(66),
    ] {
        for field in ["previous", "hash", "signature"] {
            let mut links = chain(1);
            match field {
                "previous" => links[0].previous = text.to_owned(),
                "hash" => links[0].hash = text.to_owned(),
                _ => links[0].signature = text.to_owned(),
            }
            let error = check(&links).unwrap_err();
            assert_eq!(error, ChainError::Malformed { number: 1 }, "{field} {text}");
        }
        let head = Head {
            number: 3,
            hash: text.to_owned(),
        };
        assert!(append(&head, json!({}), &key()).is_err());
    }
    let full = Head {
        number: u64::MAX,
        hash: "0".repeat(64),
    };
    assert_eq!(
        append(&full, json!({}), &key()).unwrap_err(),
        ChainError::Full
    );
    let any = chain(1);
    assert_eq!(
        verify(&full, &any, &key().verifying_key()).unwrap_err(),
        ChainError::Full
    );
}

#[test]
fn a3_the_hash_never_changes_between_versions() {
    // Stored on servers and workstations; computed by another program.
    let link = append(
        &Head::genesis(DEVICE),
        json!({ "b": "2", "a": "1" }),
        &key(),
    )
    .unwrap();
    assert_eq!(
        link.previous,
        "4abdf998e4d2a1385bb55351b0b5f0642f42dad0d693c0b880d0333fdceb8a85"
    );
    assert_eq!(
        link.hash,
        "26eb169771895b1a7222d7e7f22cdc9e632cd0028512e9a7adfd79303ef54488"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any one edit to any one link of a chain is found.
    #[test]
    fn a3_every_edit_is_found(at in 0usize..6, edit in 0u8..6, flip in 0usize..64) {
        let mut links = chain(6);
        let change = |text: &mut String| {
            let mut bytes = std::mem::take(text).into_bytes();
            let at = flip % bytes.len();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            *text = String::from_utf8(bytes).unwrap();
        };
        match edit {
            0 => links[at].number += 1,
            1 => change(&mut links[at].previous),
            2 => change(&mut links[at].hash),
            3 => change(&mut links[at].signature),
            4 => links[at].event["more"] = true.into(),
            _ => {
                let again = links[at].clone();
                links.insert(at, again);
            }
        }
        prop_assert!(check(&links).is_err());
    }
}
