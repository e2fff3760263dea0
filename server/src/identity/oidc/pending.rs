//! Sign-ins that were begun and wait for their code: one a device, taken once.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vault::Place;
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::append::tenant_key;
use crate::store::error::StoreError;

/// What is kept until the code comes.
pub struct Pending {
    /// SHA-256 of the nonce.
    pub nonce: Vec<u8>,
    /// PKCE code verifier.
    pub verifier: Zeroizing<String>,
    /// Address that the browser comes back to.
    pub redirect: String,
}

/// A sign-in that begins.
pub struct Fresh<'a> {
    /// The state.
    pub state: &'a str,
    /// The nonce.
    pub nonce: &'a str,
    /// PKCE code verifier.
    pub verifier: &'a str,
    /// Address that the browser comes back to.
    pub redirect: &'a str,
    /// Until when it may be finished.
    pub expires_at: Timestamp,
}

/// Keeps a sign-in of a device; one that it had begun before ends.
///
/// # Errors
/// When the database refuses or there is no randomness.
pub async fn keep(
    app: &App,
    client: &impl GenericClient,
    device: Uuid,
    fresh: &Fresh<'_>,
) -> Result<(), StoreError> {
    let key = tenant_key(app, 1).await?;
    let row = device.to_string();
    let verifier = key.seal(&place(app.tenant.id, &row), fresh.verifier.as_bytes())?;
    client
        .execute(
            "INSERT INTO oidc_sign_in (tenant, device, state, nonce, verifier, redirect, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (tenant, device) DO UPDATE SET state = excluded.state, \
               nonce = excluded.nonce, verifier = excluded.verifier, \
               redirect = excluded.redirect, expires_at = excluded.expires_at",
            &[
                &app.tenant.id,
                &device,
                &digest(fresh.state),
                &digest(fresh.nonce),
                &verifier,
                &fresh.redirect,
                &fresh.expires_at,
            ],
        )
        .await?;
    Ok(())
}

/// Takes the sign-in of a device with this state, if it waits for one still.
///
/// # Errors
/// When the database refuses or the verifier does not open.
pub async fn take(
    app: &App,
    client: &impl GenericClient,
    device: Uuid,
    state: &str,
) -> Result<Option<Pending>, StoreError> {
    let taken = client
        .query_opt(
            "DELETE FROM oidc_sign_in WHERE tenant = $1 AND device = $2 AND state = $3 \
             RETURNING nonce, verifier, redirect, expires_at",
            &[&app.tenant.id, &device, &digest(state)],
        )
        .await?;
    let Some(taken) = taken.filter(|row| row.get::<_, Timestamp>(3) > app.now()) else {
        return Ok(None);
    };
    let (sealed, row): (Vec<u8>, String) = (taken.get(1), device.to_string());
    let place = place(app.tenant.id, &row);
    let id = vault::sealed::key_id_of(&place, &sealed)?;
    let keys = app.keys.by_id([id]).await?;
    let opened = keys.need(&id)?.open(&place, &sealed)?;
    let verifier = String::from_utf8(opened.to_vec()).map_err(|_| StoreError::Content {
        table: "oidc_sign_in.verifier",
        row,
    })?;
    Ok(Some(Pending {
        nonce: taken.get(0),
        verifier: Zeroizing::new(verifier),
        redirect: taken.get(2),
    }))
}

/// Forgets what can be finished no more.
///
/// # Errors
/// When the database refuses.
pub async fn forget_old(app: &App, client: &impl GenericClient) -> Result<(), StoreError> {
    client
        .execute(
            "DELETE FROM oidc_sign_in WHERE tenant = $1 AND expires_at < $2",
            &[&app.tenant.id, &app.now()],
        )
        .await?;
    Ok(())
}

fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// Where the verifier of a device's sign-in lives.
fn place(tenant: Uuid, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "oidc_sign_in",
        row,
        column: "verifier",
        version: 0,
    }
}
