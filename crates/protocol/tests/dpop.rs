//! DPoP proofs: one that passes, and each way not to.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use protocol::dpop::{
    DpopError, Expectation, MAX_LENGTH, ProofInput, check, decode_key, encode_key, prove,
};
use serde_json::{Value, json};

const URL: &str = "https://clinic.example:8443/rounds/v1/sync?cursor=abc#x";
const TOKEN: &str = "opaque-token";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

fn now() -> Timestamp {
    "2026-11-23T09:30:00.750Z".parse().unwrap()
}

fn input() -> ProofInput<'static> {
    ProofInput {
        method: "GET",
        url: URL,
        token: Some(TOKEN),
        now: now(),
        jti: "j1",
    }
}

fn expected() -> Expectation<'static> {
    Expectation {
        method: "GET",
        url: URL,
        token: Some(TOKEN),
        now: now(),
        leeway: SignedDuration::from_secs(30),
    }
}

/// Signs any header and claims with [`key`].
fn sign(header: &Value, claims: &Value) -> String {
    sign_text(&header.to_string(), &claims.to_string())
}

fn sign_text(header: &str, claims: &str) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key().sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Header and claims of a proof that passes, to be spoilt.
fn parts() -> (Value, Value) {
    let proof = prove(&key(), input());
    let mut parts = proof.split('.').map(|part| {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default())
            .unwrap_or(Value::Null)
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

#[test]
fn a_proof_passes_for_its_request() {
    let proof = check(&prove(&key(), input()), expected()).unwrap();
    assert_eq!(proof.public_key, key().verifying_key());
    assert_eq!(proof.jti, "j1");
    assert_eq!(proof.issued_at, "2026-11-23T09:30:00Z".parse().unwrap());
}

#[test]
fn a_proof_without_a_token_passes_for_a_sign_in() {
    let proof = prove(
        &key(),
        ProofInput {
            token: None,
            ..input()
        },
    );
    assert!(
        check(
            &proof,
            Expectation {
                token: None,
                ..expected()
            }
        )
        .is_ok()
    );
}

#[test]
fn it_is_shaped_as_rfc_9449_says() {
    let (header, claims) = parts();
    assert_eq!(
        header,
        json!({
            "typ": "dpop+jwt",
            "alg": "EdDSA",
            "jwk": { "kty": "OKP", "crv": "Ed25519", "x": encode_key(&key().verifying_key()) },
        })
    );
    // `ath` computed by another program: base64url(SHA-256("opaque-token")).
    assert_eq!(
        claims,
        json!({
            "jti": "j1",
            "htm": "GET",
            "htu": "https://clinic.example:8443/rounds/v1/sync",
            "iat": 1_795_426_200,
            "ath": "hNPyPam19RsyaVZu_wXT-yNgfu74lWf5zSgLkMoNvFw",
        })
    );
}

#[test]
fn p5_a_proof_for_another_request_does_not_pass() {
    let proof = prove(&key(), input());
    let refused = |expected: Expectation<'_>| check(&proof, expected).unwrap_err();
    assert_eq!(
        refused(Expectation {
            method: "POST",
            ..expected()
        }),
        DpopError::Method
    );
    assert_eq!(
        refused(Expectation {
            method: "get",
            ..expected()
        }),
        DpopError::Method
    );
    assert_eq!(
        refused(Expectation {
            token: Some("other"),
            ..expected()
        }),
        DpopError::Token
    );
    assert_eq!(
        refused(Expectation {
            token: None,
            ..expected()
        }),
        DpopError::UnexpectedToken
    );
    for url in [
        "http://clinic.example:8443/rounds/v1/sync",
        "https://clinic.example/rounds/v1/sync",
        "https://clinic.example:8444/rounds/v1/sync",
        "https://other.example:8443/rounds/v1/sync",
        "https://clinic.example:8443/rounds/v1/upload",
        "https://clinic.example:8443/rounds/v1/sync/",
        "https://user@clinic.example:8443/rounds/v1/sync",
        "/rounds/v1/sync",
        "",
    ] {
        assert_eq!(
            refused(Expectation { url, ..expected() }),
            DpopError::Url,
            "{url}"
        );
    }
    // A proof without a token must not serve a request with one.
    let bare = prove(
        &key(),
        ProofInput {
            token: None,
            ..input()
        },
    );
    assert_eq!(check(&bare, expected()).unwrap_err(), DpopError::Token);
}

#[test]
fn the_same_url_written_otherwise_passes() {
    let proof = prove(
        &key(),
        ProofInput {
            url: "https://clinic.example/a/b?x=1",
            ..input()
        },
    );
    for url in [
        "https://clinic.example/a/b",
        "https://clinic.example:443/a/b",
        "HTTPS://Clinic.Example/a/b?y=2",
        "https://clinic.example/a/./c/../b#z",
    ] {
        assert!(
            check(&proof, Expectation { url, ..expected() }).is_ok(),
            "{url}"
        );
    }
}

#[test]
fn p5_time_bounds_both_ways() {
    let proof = prove(&key(), input());
    let at = |seconds: i64| {
        let now = now() + SignedDuration::from_secs(seconds);
        check(&proof, Expectation { now, ..expected() }).map(|_| ())
    };
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(30), Ok(()));
    assert_eq!(at(32), Err(DpopError::TooOld));
    assert_eq!(at(86_400), Err(DpopError::TooOld));
    assert_eq!(at(-30), Ok(()));
    assert_eq!(at(-31), Err(DpopError::TooNew));
    for iat in [i64::MIN, i64::MAX, -1, 0] {
        let (header, mut claims) = parts();
        claims["iat"] = iat.into();
        assert!(check(&sign(&header, &claims), expected()).is_err(), "{iat}");
    }
}

#[test]
fn p5_a_changed_proof_does_not_pass() {
    let proof = prove(&key(), input());
    let (header, mut claims) = parts();
    claims["htm"] = "POST".into();
    let forged: Vec<String> = proof.split('.').map(str::to_owned).collect();
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let forged = format!("{}.{claims}.{}", forged[0], forged[2]);
    let post = Expectation {
        method: "POST",
        ..expected()
    };
    assert_eq!(check(&forged, post).unwrap_err(), DpopError::Signature);

    // Another key in the header: the signature is not its.
    let mut header = header;
    header["jwk"]["x"] = encode_key(&SigningKey::from_bytes(&[9; 32]).verifying_key()).into();
    let (_, claims) = parts();
    assert_eq!(
        check(&sign(&header, &claims), expected()).unwrap_err(),
        DpopError::Signature
    );
}

#[test]
fn p5_each_malformed_part_has_its_own_error() {
    let spoil = |edit: &dyn Fn(&mut Value, &mut Value)| {
        let (mut header, mut claims) = parts();
        edit(&mut header, &mut claims);
        check(&sign(&header, &claims), expected()).unwrap_err()
    };
    let remove = |value: &mut Value, name: &str| {
        value.as_object_mut().unwrap().remove(name);
    };
    assert_eq!(spoil(&|h, _| h["typ"] = "JWT".into()), DpopError::WrongType);
    assert_eq!(spoil(&|h, _| remove(h, "typ")), DpopError::Header);
    for alg in ["none", "HS256", "ES256", "eddsa"] {
        assert_eq!(
            spoil(&|h, _| h["alg"] = alg.into()),
            DpopError::WrongAlgorithm,
            "{alg}"
        );
    }
    assert_eq!(
        spoil(&|h, _| h["crit"] = json!(["b64"])),
        DpopError::Critical
    );
    assert_eq!(
        spoil(&|h, _| h["jwk"]["d"] = "secret".into()),
        DpopError::PrivateKey
    );
    assert_eq!(spoil(&|h, _| h["jwk"]["kty"] = "EC".into()), DpopError::Key);
    assert_eq!(
        spoil(&|h, _| h["jwk"]["crv"] = "X25519".into()),
        DpopError::Key
    );
    assert_eq!(spoil(&|h, _| h["jwk"]["x"] = "AAAA".into()), DpopError::Key);
    // The neutral point: any signature would fit it.
    let mut weak = [0u8; 32];
    weak[0] = 1;
    let weak = URL_SAFE_NO_PAD.encode(weak);
    assert_eq!(
        spoil(&|h, _| h["jwk"]["x"] = weak.clone().into()),
        DpopError::Key
    );
    assert_eq!(spoil(&|h, _| remove(h, "jwk")), DpopError::Header);
    assert_eq!(spoil(&|h, _| *h = json!([])), DpopError::Header);
    assert_eq!(spoil(&|_, c| *c = json!("x")), DpopError::Claims);
    for name in ["jti", "htm", "htu", "iat"] {
        assert_eq!(spoil(&|_, c| remove(c, name)), DpopError::Claims, "{name}");
        assert_eq!(
            spoil(&|_, c| c[name] = json!({})),
            DpopError::Claims,
            "{name}"
        );
    }
    assert_eq!(
        spoil(&|_, c| c["iat"] = json!(1_795_426_200.5)),
        DpopError::Claims
    );
    assert_eq!(spoil(&|_, c| c["ath"] = json!(7)), DpopError::Claims);
    assert_eq!(spoil(&|_, c| remove(c, "ath")), DpopError::Token);
    assert_eq!(spoil(&|_, c| c["jti"] = "".into()), DpopError::Jti);
    assert_eq!(
        spoil(&|_, c| c["jti"] = "j".repeat(129).into()),
        DpopError::Jti
    );
    assert_eq!(spoil(&|_, c| c["htu"] = "not a url".into()), DpopError::Url);
    assert_eq!(spoil(&|_, c| c["htu"] = "data:x".into()), DpopError::Url);
    // A name twice: which one would count?
    let (header, claims) = parts();
    let twice = claims.to_string().replacen('{', "{\"htm\":\"POST\",", 1);
    let twice = sign_text(&header.to_string(), &twice);
    assert_eq!(check(&twice, expected()).unwrap_err(), DpopError::Claims);
}

#[test]
fn p5_what_is_no_jwt_is_told() {
    let proof = prove(&key(), input());
    let refused = |text: &str| check(text, expected()).unwrap_err();
    assert_eq!(refused(""), DpopError::NotCompact);
    assert_eq!(refused("a.b"), DpopError::NotCompact);
    assert_eq!(refused(&format!("{proof}.x")), DpopError::NotCompact);
    assert_eq!(refused("..."), DpopError::NotCompact);
    assert_eq!(refused(".."), DpopError::Header);
    assert_eq!(refused("*.*.*"), DpopError::NotBase64);
    assert_eq!(refused(&format!("{proof}=")), DpopError::NotBase64);
    assert_eq!(refused(&"a".repeat(MAX_LENGTH + 1)), DpopError::TooLong);
    let cut = proof.rsplit_once('.').unwrap().0;
    assert_eq!(refused(&format!("{cut}.AAAA")), DpopError::Signature);
}

#[test]
fn unknown_extras_and_the_newer_name_of_the_algorithm_are_taken() {
    let (mut header, mut claims) = parts();
    header["alg"] = "Ed25519".into();
    header["jwk"]["kid"] = "k".into();
    claims["nonce"] = "n".into();
    assert!(check(&sign(&header, &claims), expected()).is_ok());
}

#[test]
fn keys_read_back() {
    let public = key().verifying_key();
    assert_eq!(decode_key(&encode_key(&public)).unwrap(), public);
    for text in ["", "AAAA", "*", &"A".repeat(43), &"_".repeat(44)] {
        assert_eq!(decode_key(text).unwrap_err(), DpopError::Key, "{text}");
    }
}

proptest! {
    #[test]
    fn p5_no_text_makes_it_panic(text in "\\PC{0,300}") {
        prop_assert!(check(&text, expected()).is_err());
    }

    #[test]
    fn p5_no_signed_content_makes_it_panic(header in "\\PC{0,60}", claims in "\\PC{0,60}") {
        prop_assert!(check(&sign_text(&header, &claims), expected()).is_err());
    }

    /// Any one character changed, and it does not pass.
    #[test]
    fn p5_every_change_is_found(at in any::<prop::sample::Index>(), by in 1u8..64) {
        const ALPHABET: &[u8] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut proof = prove(&key(), input()).into_bytes();
        let at = at.index(proof.len());
        let old = ALPHABET.iter().position(|c| *c == proof[at]).unwrap_or(0);
        proof[at] = ALPHABET[(old + usize::from(by)) % 64];
        prop_assert!(check(std::str::from_utf8(&proof).unwrap(), expected()).is_err());
    }

    #[test]
    fn every_request_proves_and_checks(
        seed in any::<[u8; 32]>(),
        path in "(/[A-Za-z0-9._~$-]{1,12}){0,5}",
        query in "[a-z=&]{0,20}",
        token in proptest::option::of("[A-Za-z0-9_-]{1,64}"),
        second in 0i64..4_000_000_000,
    ) {
        let key = SigningKey::from_bytes(&seed);
        let url = format!("https://clinic.example{path}?{query}");
        let now = Timestamp::from_second(second).unwrap();
        let input = ProofInput { method: "PUT", url: &url, token: token.as_deref(), now, jti: "j" };
        let expected = Expectation {
            method: "PUT",
            url: &url,
            token: token.as_deref(),
            now,
            leeway: SignedDuration::ZERO,
        };
        let proof = check(&prove(&key, input), expected).unwrap();
        prop_assert_eq!(proof.public_key, key.verifying_key());
        prop_assert_eq!(proof.issued_at, now);
    }
}
