//! One-time codes (RFC 6238): six digits, thirty seconds, a step to either side.

use totp_rs::{Builder, Secret};
use uuid::Uuid;
use vault::Place;
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::append::tenant_key;
use crate::store::error::StoreError;

/// Bytes of a fresh secret, as RFC 4226 recommends.
const SECRET: usize = 20;
/// The least that RFC 4226 takes.
const LEAST: usize = 16;

/// A fresh secret.
///
/// # Errors
/// When there is no randomness.
pub fn fresh() -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut bytes = Zeroizing::new(vec![0u8; SECRET]);
    getrandom::fill(&mut bytes).map_err(StoreError::NoRandomBytes)?;
    Ok(bytes)
}

/// The secret as people type it into their authenticator.
pub fn to_base32(secret: &[u8]) -> String {
    Secret::from(secret).to_base32()
}

/// Reads what people type; none if it is no secret or too short for one.
pub fn from_base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = Secret::try_from_base32(text.trim_end_matches('=').to_uppercase()).ok()?;
    let bytes = Zeroizing::new(secret.as_ref().to_vec());
    (bytes.len() >= LEAST).then_some(bytes)
}

/// The time step that `code` belongs to, if it is right now or was a moment ago.
pub fn step(secret: &[u8], code: &str, now: jiff::Timestamp) -> Option<i64> {
    let now = u64::try_from(now.as_second()).ok()?;
    let totp = Builder::new()
        .with_skew(1)
        .with_secret(secret)
        .build()
        .ok()?;
    totp.check(code.trim(), now)
        .and_then(|step| i64::try_from(step).ok())
}

/// Seals the secret of an account.
///
/// # Errors
/// When the database refuses or there is no randomness.
pub async fn seal(app: &App, account: Uuid, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
    let key = tenant_key(app, 1).await?;
    Ok(key.seal(&place(app.tenant.id, &account.to_string()), secret)?)
}

/// Opens the secret of an account.
///
/// # Errors
/// When it does not open.
pub async fn open(
    app: &App,
    account: Uuid,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let row = account.to_string();
    let place = place(app.tenant.id, &row);
    let id = vault::sealed::key_id_of(&place, sealed)?;
    let keys = app.keys.by_id([id]).await?;
    Ok(keys.need(&id)?.open(&place, sealed)?)
}

/// Where the secret of an account lives.
pub(crate) fn place(tenant: Uuid, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "account",
        row,
        column: "totp_secret",
        version: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1: the last six of the eight digits.
        let secret = b"12345678901234567890";
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            let now = jiff::Timestamp::from_second(time).unwrap();
            assert_eq!(step(secret, code, now), Some(time / 30), "at {time}");
            assert_eq!(step(secret, "000000", now), None);
        }
        let text = to_base32(secret);
        assert_eq!(from_base32(&text).unwrap().as_slice(), secret);
        assert!(from_base32("AAAA").is_none());
    }
}
