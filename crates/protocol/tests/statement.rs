//! Signed words of the server.

#![allow(clippy::unwrap_used)]

use ed25519_dalek::SigningKey;
use protocol::statement::{Lease, Signed, Statement, StatementError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Another kind with the same members.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Other {
    tenant: Uuid,
}

impl Statement for Other {
    const KIND: &'static [u8] = b"rounds/other/1\0";
}

fn lease() -> Lease {
    Lease {
        tenant: Uuid::from_u128(1),
        user: Uuid::from_u128(2),
        device: Uuid::from_u128(3),
        server: "https://clinic.example".into(),
        issued_at: "2026-01-05T14:30:00Z".parse().unwrap(),
        until: "2026-01-08T14:30:00Z".parse().unwrap(),
    }
}

#[test]
fn w6_a_lease_is_what_was_signed_and_nothing_else() {
    let key = SigningKey::from_bytes(&[5; 32]);
    let public = key.verifying_key();
    let signed = Signed::sign(&lease(), &key).unwrap();
    assert_eq!(signed.open::<Lease>(&public), Ok(lease()));

    let stranger = SigningKey::from_bytes(&[6; 32]).verifying_key();
    let forged = StatementError::Signature;
    assert_eq!(signed.open::<Lease>(&stranger), Err(forged));
    // The text is one of the other kind as well; the signature is not.
    assert_eq!(signed.open::<Other>(&public), Err(forged));
    let mut longer = signed.clone();
    longer.text = longer.text.replace("2026-01-08", "2036-01-08");
    assert_eq!(longer.open::<Lease>(&public), Err(forged));
    for at in 0..signed.signature.len() {
        let mut flipped = signed.clone();
        let digit = if flipped.signature.as_bytes()[at] == b'0' {
            "1"
        } else {
            "0"
        };
        flipped.signature.replace_range(at..=at, digit);
        assert_eq!(flipped.open::<Lease>(&public), Err(forged), "digit {at}");
    }
    for strange in ["", "zz", "ä"] {
        let mut flipped = signed.clone();
        flipped.signature = strange.into();
        assert_eq!(flipped.open::<Lease>(&public), Err(forged));
    }
}
