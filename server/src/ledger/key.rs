//! The key that signs checkpoints.

use deadpool_postgres::GenericClient;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::checkpoint::VerifierKey;
use uuid::Uuid;
use vault::Place;
use zeroize::Zeroizing;

use crate::store::error::StoreError;
use crate::store::keys::KeyRing;

/// Name of the clinic's key, which is the origin of its checkpoints.
pub fn name(tenant: Uuid) -> String {
    format!("rounds.ledger/{tenant}")
}

/// The key's seed, opened; made first where the database has none yet.
///
/// # Errors
/// When the database refuses, the seed does not open or there is no randomness.
pub async fn open_or_make(
    client: &impl GenericClient,
    keys: &KeyRing,
    tenant: Uuid,
    now: Timestamp,
) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    if let Some(seed) = open(client, keys, tenant).await? {
        return Ok(seed);
    }
    make(client, keys, tenant, now).await?;
    // Another server may have been first: what is stored counts.
    open(client, keys, tenant)
        .await?
        .ok_or(StoreError::KeyMissing(Uuid::nil()))
}

async fn open(
    client: &impl GenericClient,
    keys: &KeyRing,
    tenant: Uuid,
) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
    let row = client
        .query_opt(
            "SELECT key_id, sealed, verifier FROM ledger_key WHERE tenant = $1",
            &[&tenant],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let id: Uuid = row.get(0);
    let found = keys.by_id([id]).await?;
    let opened = found.need(&id)?.open(&place(tenant), row.get(1))?;
    let unreadable = || StoreError::Content {
        table: "ledger_key.sealed",
        row: tenant.to_string(),
    };
    let seed: [u8; 32] = opened.as_slice().try_into().map_err(|_| unreadable())?;
    let seed = Zeroizing::new(seed);
    let of_seed = verifier(tenant, &seed).ok_or_else(unreadable)?;
    if of_seed.to_text() != row.get::<_, &str>(2) {
        return Err(unreadable());
    }
    Ok(Some(seed))
}

async fn make(
    client: &impl GenericClient,
    keys: &KeyRing,
    tenant: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(seed.as_mut()).map_err(StoreError::NoRandomBytes)?;
    let key = keys.own(1, now).await?;
    let sealed = key.seal(&place(tenant), seed.as_ref())?;
    let verifier = verifier(tenant, &seed).ok_or(StoreError::Content {
        table: "ledger_key.verifier",
        row: tenant.to_string(),
    })?;
    client
        .execute(
            "INSERT INTO ledger_key (tenant, verifier, key_id, sealed, created_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant) DO NOTHING",
            &[&tenant, &verifier.to_text(), &key.id(), &sealed, &now],
        )
        .await?;
    Ok(())
}

fn verifier(tenant: Uuid, seed: &[u8; 32]) -> Option<VerifierKey> {
    VerifierKey::new(name(tenant), SigningKey::from_bytes(seed).verifying_key()).ok()
}

fn place(tenant: Uuid) -> Place<'static> {
    Place {
        tenant,
        table: "ledger_key",
        row: "",
        column: "sealed",
        version: 0,
    }
}
