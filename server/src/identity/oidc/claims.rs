//! What an ID token must claim (OpenID Connect Core, 3.1.3.7). Pure: the signature was checked
//! before.

use jiff::{SignedDuration, Timestamp};
use protocol::fault::Code;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::identity::jose::{Algorithm, JoseError};

/// How ID tokens may be signed.
pub const ALLOWED: [Algorithm; 5] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Ps256,
];

/// How far the provider's clock may be off.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// A token older than this was not made for a sign-in of now, whatever its own end.
const OLDEST: SignedDuration = SignedDuration::from_mins(15);

/// Longest name that is looked up.
const NAME: usize = 256;

/// What a token must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// What the provider calls us.
    pub client_id: &'a str,
    /// SHA-256 of the nonce that was sent.
    pub nonce: &'a [u8],
    /// The time now.
    pub now: Timestamp,
}

/// Why a token does not pass. Nothing in it comes from the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Its form or its signature.
    #[error("{0}")]
    Signature(#[from] JoseError),
    /// A claim is missing or of another kind than it must be.
    #[error("a claim is missing or cannot be read")]
    Malformed,
    /// Another provider's.
    #[error("it is another provider's")]
    Issuer,
    /// For another program.
    #[error("it was made for another program")]
    Audience,
    /// Too old, or from the future.
    #[error("it is too old or not valid yet")]
    Time,
    /// For another sign-in.
    #[error("it was made for another sign-in")]
    Nonce,
}

impl ClaimsError {
    /// As workstations know it.
    pub fn code(self) -> Code {
        match self {
            Self::Signature(JoseError::Algorithm) => Code::TokenAlgorithm,
            Self::Signature(JoseError::KeyUnknown | JoseError::Signature) => Code::TokenSignature,
            Self::Signature(JoseError::Malformed | JoseError::Critical) | Self::Malformed => {
                Code::TokenMalformed
            }
            Self::Issuer => Code::TokenIssuer,
            Self::Audience => Code::TokenAudience,
            Self::Time => Code::TokenExpired,
            Self::Nonce => Code::TokenNonce,
        }
    }
}

/// Checks the claims of a token whose signature fits.
///
/// # Errors
/// [`ClaimsError`] names the first thing that does not fit.
pub fn check(claims: &Value, expected: &Expected<'_>) -> Result<(), ClaimsError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss").ok_or(ClaimsError::Malformed)? != expected.issuer {
        return Err(ClaimsError::Issuer);
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Err(ClaimsError::Malformed),
    };
    let party = text("azp");
    let ours = audience.contains(&expected.client_id)
        && party.is_none_or(|party| party == expected.client_id)
        && (audience.len() == 1 || party.is_some());
    if !ours {
        return Err(ClaimsError::Audience);
    }
    let now = expected.now;
    let (ends, made) = (moment(claims, "exp")?, moment(claims, "iat")?);
    let ends = ends.ok_or(ClaimsError::Malformed)?;
    let made = made.ok_or(ClaimsError::Malformed)?;
    let begins = moment(claims, "nbf")?.unwrap_or(made);
    let late = now.duration_since(ends) >= LEEWAY || now.duration_since(made) > OLDEST;
    let early = begins.max(made).duration_since(now) > LEEWAY;
    if late || early {
        return Err(ClaimsError::Time);
    }
    let nonce = Sha256::digest(text("nonce").unwrap_or_default());
    if !bool::from(nonce.as_slice().ct_eq(expected.nonce)) {
        return Err(ClaimsError::Nonce);
    }
    Ok(())
}

/// The user's name, as the claim says it. An e-mail address counts only if the provider has
/// verified it.
///
/// # Errors
/// [`ClaimsError::Malformed`].
pub fn subject<'c>(claims: &'c Value, claim: &str) -> Result<&'c str, ClaimsError> {
    let verified = claims.get("email_verified").and_then(Value::as_bool);
    if claim == "email" && verified != Some(true) {
        return Err(ClaimsError::Malformed);
    }
    claims
        .get(claim)
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty() && name.len() <= NAME && !name.contains('\0'))
        .ok_or(ClaimsError::Malformed)
}

/// A NumericDate; none if there is no such claim.
fn moment(claims: &Value, name: &str) -> Result<Option<Timestamp>, ClaimsError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    // Fractions are allowed and of no use.
    let seconds = value
        .as_i64()
        .or_else(|| value.as_f64().map(|number| number.floor() as i64))
        .ok_or(ClaimsError::Malformed)?;
    Timestamp::from_second(seconds)
        .map(Some)
        .map_err(|_| ClaimsError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn good() -> Value {
        json!({"iss": "https://id.example", "sub": "248", "aud": "rounds", "exp": NOW + 300,
               "iat": NOW - 1, "nonce": "n", "preferred_username": "ann"})
    }

    fn checked(change: impl FnOnce(&mut Value)) -> Result<(), ClaimsError> {
        let mut claims = good();
        change(&mut claims);
        check(
            &claims,
            &Expected {
                issuer: "https://id.example",
                client_id: "rounds",
                nonce: &Sha256::digest("n"),
                now: Timestamp::from_second(NOW).unwrap(),
            },
        )
    }

    #[test]
    fn p5_each_claim_is_checked() {
        assert_eq!(checked(|_| {}), Ok(()));
        let with = |name: &str, value: Value| checked(|claims| claims[name] = value);
        let without = |name: &str| {
            checked(|claims| {
                claims.as_object_mut().unwrap().remove(name);
            })
        };
        assert_eq!(
            with("iss", "https://id.example/".into()),
            Err(ClaimsError::Issuer)
        );
        for name in ["iss", "aud", "exp", "iat"] {
            assert_eq!(without(name), Err(ClaimsError::Malformed), "{name}");
        }
        assert_eq!(with("aud", "other".into()), Err(ClaimsError::Audience));
        assert_eq!(
            with("aud", json!(["rounds", "b"])),
            Err(ClaimsError::Audience)
        );
        assert_eq!(with("azp", "other".into()), Err(ClaimsError::Audience));
        assert_eq!(with("azp", "rounds".into()), Ok(()));
        assert_eq!(with("aud", json!(["rounds"])), Ok(()));
        assert_eq!(with("exp", (NOW - 60).into()), Err(ClaimsError::Time));
        assert_eq!(with("exp", (NOW - 59).into()), Ok(()));
        assert_eq!(with("iat", (NOW + 61).into()), Err(ClaimsError::Time));
        assert_eq!(with("iat", (NOW - 901).into()), Err(ClaimsError::Time));
        assert_eq!(with("nbf", (NOW + 61).into()), Err(ClaimsError::Time));
        assert_eq!(with("exp", json!(NOW as f64 + 0.5)), Ok(()));
        assert_eq!(with("exp", "soon".into()), Err(ClaimsError::Malformed));
        assert_eq!(with("nonce", "m".into()), Err(ClaimsError::Nonce));
        assert_eq!(without("nonce"), Err(ClaimsError::Nonce));
    }

    #[test]
    fn p5_an_address_counts_only_verified() {
        assert_eq!(subject(&good(), "preferred_username"), Ok("ann"));
        assert_eq!(subject(&good(), "upn"), Err(ClaimsError::Malformed));
        let mut mail = json!({"email": "a@b.example"});
        assert_eq!(subject(&mail, "email"), Err(ClaimsError::Malformed));
        mail["email_verified"] = false.into();
        assert_eq!(subject(&mail, "email"), Err(ClaimsError::Malformed));
        mail["email_verified"] = true.into();
        assert_eq!(subject(&mail, "email"), Ok("a@b.example"));
    }
}
