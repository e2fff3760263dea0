//! Proofs of possession: checked against the request, and taken once.

use axum::http::{HeaderMap, Method, Uri};
use deadpool_postgres::GenericClient;
use jiff::SignedDuration;
use protocol::dpop::{self, DpopError, Expectation};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::store::error::StoreError;

/// How far a workstation's clock may be off.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Reason given for a proof that came before.
const USED: &str = "the proof was used before";

/// The request that a proof must be for.
pub struct Claim<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path.
    pub uri: &'a Uri,
    /// The token that came along.
    pub token: Option<&'a str>,
}

/// Checks the proof among `headers`. Gives the key that made it, base64url, or the reason why
/// it does not pass.
///
/// # Errors
/// When the database refuses.
pub async fn check(
    app: &App,
    client: &impl GenericClient,
    headers: &HeaderMap,
    claim: &Claim<'_>,
) -> Result<Result<String, &'static str>, StoreError> {
    let mut proofs = headers.get_all(dpop::HEADER).iter();
    let (Some(proof), None) = (proofs.next(), proofs.next()) else {
        return Ok(Err("exactly one proof is needed"));
    };
    let Ok(proof) = proof.to_str() else {
        return Ok(Err(DpopError::NotCompact.code()));
    };
    let url = format!("{}{}", app.config.public_url, claim.uri.path());
    let expected = Expectation {
        method: claim.method.as_str(),
        url: &url,
        token: claim.token,
        now: app.now(),
        leeway: LEEWAY,
    };
    let proof = match dpop::check(proof, expected) {
        Ok(proof) => proof,
        Err(error) => return Ok(Err(error.code())),
    };
    let digest = Sha256::new()
        .chain_update(proof.public_key.as_bytes())
        .chain_update(proof.jti.as_bytes())
        .finalize();
    // Until the proof is too old by itself; twice the leeway covers every clock.
    let until = app
        .now()
        .saturating_add(LEEWAY.saturating_mul(2))
        .unwrap_or(jiff::Timestamp::MAX);
    let statement = client
        .prepare_cached(
            "INSERT INTO proof (tenant, digest, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let fresh = client
        .execute(&statement, &[&app.tenant.id, &digest.as_slice(), &until])
        .await?;
    if fresh == 0 {
        return Ok(Err(USED));
    }
    Ok(Ok(dpop::encode_key(&proof.public_key)))
}

/// Forgets proofs that are too old to pass. Several servers may do so at once.
///
/// # Errors
/// When the database refuses.
pub async fn forget_old(app: &App, client: &impl GenericClient) -> Result<(), StoreError> {
    client
        .execute(
            "DELETE FROM proof WHERE tenant = $1 AND expires_at < $2",
            &[&app.tenant.id, &app.now()],
        )
        .await?;
    Ok(())
}
