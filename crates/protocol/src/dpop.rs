//! DPoP proofs (RFC 9449) with Ed25519 keys: written by the workstation, checked by the server.
//!
//! A proof says: whoever holds this key made this request, now, with this token. The server
//! compares the key with the one the token is bound to and remembers the `jti` for as long as
//! the proof would pass ([`Expectation::leeway`] both ways), so that it passes once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

/// Name of the request header that carries a proof.
pub const HEADER: &str = "DPoP";

/// Longest proof that is looked at. Ours have about 500 bytes.
pub const MAX_LENGTH: usize = 4096;

/// Longest `jti` that is taken: it is kept for a while.
pub const MAX_JTI: usize = 128;

const TYPE: &str = "dpop+jwt";

/// What a proof is made for.
#[derive(Debug, Clone, Copy)]
pub struct ProofInput<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// URL of the request; query and fragment are left out of the proof.
    pub url: &'a str,
    /// The access token that goes with the request, if one does.
    pub token: Option<&'a str>,
    /// The time now.
    pub now: Timestamp,
    /// Unique to this proof.
    pub jti: &'a str,
}

/// What a proof must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a> {
    /// HTTP method of the request.
    pub method: &'a str,
    /// URL of the request as the client knows it: the public URL, not an inner one.
    pub url: &'a str,
    /// The access token of the request, if it has one.
    pub token: Option<&'a str>,
    /// The time now.
    pub now: Timestamp,
    /// How far the proof's time may lie before or after.
    pub leeway: SignedDuration,
}

/// A proof that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The key that made it. Whose it is, the caller must know.
    pub public_key: VerifyingKey,
    /// Unique to the proof: refuse it the second time.
    pub jti: String,
    /// When it was made, to the second.
    pub issued_at: Timestamp,
}

/// Why a proof does not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// Longer than [`MAX_LENGTH`].
    #[error("the proof is too long")]
    TooLong,
    /// Not three parts divided by dots.
    #[error("the proof is not a compact JWT")]
    NotCompact,
    /// A part is not base64url without padding.
    #[error("a part of the proof is not base64url")]
    NotBase64,
    /// The header is not the JSON object it must be.
    #[error("the header of the proof is malformed")]
    Header,
    /// `typ` is not `dpop+jwt`.
    #[error("the JWT is not a DPoP proof")]
    WrongType,
    /// `alg` is not EdDSA.
    #[error("the proof is not signed with Ed25519")]
    WrongAlgorithm,
    /// The header asks for an extension that must be understood.
    #[error("the proof needs an unknown extension")]
    Critical,
    /// `jwk` is not a usable Ed25519 public key.
    #[error("the key in the proof is not an Ed25519 public key")]
    Key,
    /// `jwk` gives the private key away.
    #[error("the proof carries a private key")]
    PrivateKey,
    /// The claims are not the JSON object they must be.
    #[error("the claims of the proof are malformed")]
    Claims,
    /// `jti` is empty or longer than [`MAX_JTI`].
    #[error("the id of the proof is empty or too long")]
    Jti,
    /// The signature does not fit.
    #[error("the signature of the proof is wrong")]
    Signature,
    /// Made for another method.
    #[error("the proof is for another method")]
    Method,
    /// Made for another URL, or for none.
    #[error("the proof is for another URL")]
    Url,
    /// Made for another token, or for none where one is used.
    #[error("the proof is for another token")]
    Token,
    /// Names a token where none is used.
    #[error("the proof is for a request with a token")]
    UnexpectedToken,
    /// Made too long ago.
    #[error("the proof is too old")]
    TooOld,
    /// Made in the future.
    #[error("the proof is from the future: the clocks differ")]
    TooNew,
}

impl DpopError {
    /// Stable code, for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "proof-too-long",
            Self::NotCompact => "proof-not-compact",
            Self::NotBase64 => "proof-not-base64",
            Self::Header => "proof-header",
            Self::WrongType => "proof-wrong-type",
            Self::WrongAlgorithm => "proof-wrong-algorithm",
            Self::Critical => "proof-critical",
            Self::Key => "proof-key",
            Self::PrivateKey => "proof-private-key",
            Self::Claims => "proof-claims",
            Self::Jti => "proof-jti",
            Self::Signature => "proof-signature",
            Self::Method => "proof-method",
            Self::Url => "proof-url",
            Self::Token => "proof-token",
            Self::UnexpectedToken => "proof-unexpected-token",
            Self::TooOld => "proof-too-old",
            Self::TooNew => "proof-too-new",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    #[serde(default)]
    d: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
}

/// Makes a proof.
pub fn prove(key: &SigningKey, input: ProofInput<'_>) -> String {
    let header = serde_json::json!({
        "typ": TYPE,
        "alg": "EdDSA",
        "jwk": { "kty": "OKP", "crv": "Ed25519", "x": encode_key(&key.verifying_key()) },
    });
    let mut claims = serde_json::json!({
        "jti": input.jti,
        "htm": input.method,
        "htu": input.url.split(['?', '#']).next().unwrap_or(input.url),
        "iat": input.now.as_second(),
    });
    if let Some(token) = input.token {
        claims["ath"] = token_hash(token).into();
    }
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// Checks a proof against the request that it came with.
///
/// # Errors
/// [`DpopError`] names the first thing that does not fit. Nothing in it comes from the proof.
pub fn check(proof: &str, expected: Expectation<'_>) -> Result<Proof, DpopError> {
    if proof.len() > MAX_LENGTH {
        return Err(DpopError::TooLong);
    }
    let (signed, signature) = proof.rsplit_once('.').ok_or(DpopError::NotCompact)?;
    let (header, claims) = signed.split_once('.').ok_or(DpopError::NotCompact)?;
    if claims.contains('.') {
        return Err(DpopError::NotCompact);
    }

    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| DpopError::Header)?;
    let public_key = key_of(&header)?;
    let signature: [u8; 64] = decode(signature)?
        .try_into()
        .map_err(|_| DpopError::Signature)?;
    public_key
        .verify_strict(signed.as_bytes(), &Signature::from_bytes(&signature))
        .map_err(|_| DpopError::Signature)?;

    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| DpopError::Claims)?;
    if claims.jti.is_empty() || claims.jti.len() > MAX_JTI {
        return Err(DpopError::Jti);
    }
    if claims.htm != expected.method {
        return Err(DpopError::Method);
    }
    if !same_target(&claims.htu, expected.url) {
        return Err(DpopError::Url);
    }
    match (expected.token, claims.ath) {
        (None, None) => {}
        (None, Some(_)) => return Err(DpopError::UnexpectedToken),
        (Some(_), None) => return Err(DpopError::Token),
        (Some(token), Some(hash)) => {
            if !bool::from(token_hash(token).as_bytes().ct_eq(hash.as_bytes())) {
                return Err(DpopError::Token);
            }
        }
    }
    let issued_at = Timestamp::from_second(claims.iat).map_err(|_| DpopError::Claims)?;
    let age = expected.now.duration_since(issued_at);
    // The proof's clock has whole seconds: one made this very second must not be from the future.
    if age > expected.leeway.saturating_add(SignedDuration::from_secs(1)) {
        return Err(DpopError::TooOld);
    }
    if age < SignedDuration::ZERO.saturating_sub(expected.leeway) {
        return Err(DpopError::TooNew);
    }
    Ok(Proof {
        public_key,
        jti: claims.jti,
        issued_at,
    })
}

/// A public key as base64url without padding, the form of
/// [`crate::sign_in::DeviceCard::public_key`] and of a JWK's `x`.
pub fn encode_key(key: &VerifyingKey) -> String {
    URL_SAFE_NO_PAD.encode(key.as_bytes())
}

/// Reads what [`encode_key`] wrote.
///
/// # Errors
/// [`DpopError::Key`] if it is no point of the curve or one of its weak points.
pub fn decode_key(text: &str) -> Result<VerifyingKey, DpopError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| DpopError::Key)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| DpopError::Key)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| DpopError::Key)?;
    if key.is_weak() {
        return Err(DpopError::Key);
    }
    Ok(key)
}

fn key_of(header: &Header) -> Result<VerifyingKey, DpopError> {
    if header.typ != TYPE {
        return Err(DpopError::WrongType);
    }
    // RFC 9864 names the same algorithm `Ed25519`; newer libraries write that.
    if header.alg != "EdDSA" && header.alg != "Ed25519" {
        return Err(DpopError::WrongAlgorithm);
    }
    if header.crit.is_some() {
        return Err(DpopError::Critical);
    }
    if header.jwk.d.is_some() {
        return Err(DpopError::PrivateKey);
    }
    if header.jwk.kty != "OKP" || header.jwk.crv != "Ed25519" {
        return Err(DpopError::Key);
    }
    decode_key(&header.jwk.x)
}

fn decode(part: &str) -> Result<Vec<u8>, DpopError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| DpopError::NotBase64)
}

fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

/// Scheme, host, port and path are the same; query and fragment do not count (RFC 9449, 4.3).
/// Parsing normalises case of scheme and host, the default port and dot segments.
fn same_target(claimed: &str, actual: &str) -> bool {
    let target = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        url.has_host().then_some(url)
    };
    match (target(claimed), target(actual)) {
        (Some(claimed), Some(actual)) => claimed == actual,
        _ => false,
    }
}
