//! What a program's assertion must claim (RFC 7523 as SMART narrows it). Pure: the signature was
//! checked before.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::identity::jose::{Algorithm, JoseError};

/// How assertions may be signed, as SMART says.
pub const ALLOWED: [Algorithm; 2] = [Algorithm::Rs384, Algorithm::Es384];

/// How far a program's clock may be off.
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// The furthest end of an assertion.
const FURTHEST: SignedDuration = SignedDuration::from_mins(5);

/// Longest `jti` that is kept.
const JTI: usize = 256;

/// Why an assertion does not pass. Nothing in it comes from the assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Its form or its signature.
    #[error("{0}")]
    Signature(#[from] JoseError),
    /// A claim is missing or of another kind than it must be.
    #[error("a claim is missing or cannot be read")]
    Malformed,
    /// `iss` and `sub` are not the program.
    #[error("iss and sub must both be the client id")]
    Client,
    /// For another server.
    #[error("aud must be this token endpoint")]
    Audience,
    /// Too old, or good for too long.
    #[error("exp must be in the future, and not more than five minutes")]
    Time,
    /// It came before.
    #[error("the assertion was used before")]
    Used,
}

/// The program that an assertion names: to look up whose keys must have signed it.
pub fn named(claims: &Value) -> Option<&str> {
    claims.get("iss").and_then(Value::as_str)
}

/// An assertion that passes once.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed<'c> {
    /// Unique to it.
    pub jti: &'c str,
    /// Until when it would pass: so long its `jti` is remembered.
    pub until: Timestamp,
}

/// Checks the claims of an assertion whose signature fits.
///
/// # Errors
/// [`AssertionError`] names the first thing that does not fit.
pub fn check<'c>(
    claims: &'c Value,
    client: &str,
    endpoint: &str,
    now: Timestamp,
) -> Result<Passed<'c>, AssertionError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(client) || text("sub") != Some(client) {
        return Err(AssertionError::Client);
    }
    let ours = match claims.get("aud") {
        Some(Value::String(one)) => one == endpoint,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(endpoint)),
        _ => return Err(AssertionError::Malformed),
    };
    if !ours {
        return Err(AssertionError::Audience);
    }
    let moment = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .map(Some)
            .ok_or(AssertionError::Malformed),
    };
    let ends = moment("exp")?.ok_or(AssertionError::Malformed)?;
    let begins = moment("nbf")?.or(moment("iat")?).unwrap_or(now);
    let fits = now.duration_since(ends) < LEEWAY
        && ends.duration_since(now) <= FURTHEST.saturating_add(LEEWAY)
        && begins.duration_since(now) <= LEEWAY;
    if !fits {
        return Err(AssertionError::Time);
    }
    let jti = text("jti")
        .filter(|jti| (1..=JTI).contains(&jti.len()))
        .ok_or(AssertionError::Malformed)?;
    let until = ends.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX);
    Ok(Passed { jti, until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;
    const ENDPOINT: &str = "https://clinic.example/rounds/v1/smart/token";

    fn checked(change: impl FnOnce(&mut Value)) -> Result<String, AssertionError> {
        let mut claims = json!({"iss": "lab", "sub": "lab", "aud": ENDPOINT, "exp": NOW + 300,
                                "jti": "one"});
        change(&mut claims);
        let now = Timestamp::from_second(NOW).unwrap();
        check(&claims, "lab", ENDPOINT, now).map(|passed| passed.jti.to_owned())
    }

    #[test]
    fn i3_each_claim_of_an_assertion_is_checked() {
        assert_eq!(checked(|_| {}), Ok("one".to_owned()));
        let with = |name: &str, value: Value| checked(|claims| claims[name] = value);
        assert_eq!(with("iss", "other".into()), Err(AssertionError::Client));
        assert_eq!(with("sub", "other".into()), Err(AssertionError::Client));
        assert_eq!(
            with("aud", "https://clinic.example".into()),
            Err(AssertionError::Audience)
        );
        assert!(with("aud", json!(["x", ENDPOINT])).is_ok());
        assert_eq!(with("aud", Value::Null), Err(AssertionError::Malformed));
        assert_eq!(with("exp", (NOW - 60).into()), Err(AssertionError::Time));
        assert_eq!(with("exp", (NOW + 361).into()), Err(AssertionError::Time));
        assert_eq!(with("exp", Value::Null), Err(AssertionError::Malformed));
        assert_eq!(with("nbf", (NOW + 61).into()), Err(AssertionError::Time));
        assert_eq!(with("jti", "".into()), Err(AssertionError::Malformed));
        assert_eq!(
            with("jti", "x".repeat(JTI + 1).into()),
            Err(AssertionError::Malformed)
        );
    }
}
