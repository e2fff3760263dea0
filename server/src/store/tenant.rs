//! The clinic's own row, and the secret of its blind index.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use uuid::Uuid;
use vault::Place;
use zeroize::Zeroizing;

use crate::app::Tenant;
use crate::store::error::StoreError;
use crate::store::keys::KeyRing;

/// The clinic and its sealed index key; none before `rounds-server init`.
///
/// # Errors
/// When the database refuses.
pub async fn load(client: &impl GenericClient) -> Result<Option<(Tenant, Vec<u8>)>, StoreError> {
    let row = client
        .query_opt(
            "SELECT tenant, name, time_zone, recovery_public_key, epoch, index_key FROM tenant \
             ORDER BY created_at LIMIT 1",
            &[],
        )
        .await?;
    Ok(row.map(|row| {
        let tenant = Tenant {
            id: row.get(0),
            name: row.get(1),
            time_zone: row.get(2),
            recovery_public_key: row.get(3),
            epoch: row.get(4),
        };
        (tenant, row.get(5))
    }))
}

/// Hours that a lease for work without the server lasts.
///
/// # Errors
/// When the database refuses.
pub async fn lease_hours(client: &impl GenericClient, tenant: Uuid) -> Result<i32, StoreError> {
    let row = client
        .query_one(
            "SELECT lease_hours FROM tenant WHERE tenant = $1",
            &[&tenant],
        )
        .await?;
    Ok(row.get(0))
}

/// Changes it. `client` is the owner's.
///
/// # Errors
/// When the database refuses.
pub async fn set_lease_hours(
    client: &impl GenericClient,
    tenant: Uuid,
    hours: i32,
) -> Result<(), StoreError> {
    client
        .execute(
            "UPDATE tenant SET lease_hours = $2 WHERE tenant = $1",
            &[&tenant, &hours],
        )
        .await?;
    Ok(())
}

/// Begins another life of the records: cursors of the one before do not count any more. `client`
/// is the owner's.
///
/// # Errors
/// When the database refuses.
pub async fn begin_epoch(
    client: &impl GenericClient,
    tenant: Uuid,
    epoch: Uuid,
) -> Result<(), StoreError> {
    client
        .execute(
            "UPDATE tenant SET epoch = $2 WHERE tenant = $1",
            &[&tenant, &epoch],
        )
        .await?;
    Ok(())
}

/// Days before and after an appointment in which its patient's chart is on the practitioner's
/// workstation.
///
/// # Errors
/// When the database refuses.
pub async fn scope_days(
    client: &impl GenericClient,
    tenant: Uuid,
) -> Result<(i32, i32), StoreError> {
    let row = client
        .query_one(
            "SELECT scope_days_ahead, scope_days_behind FROM tenant WHERE tenant = $1",
            &[&tenant],
        )
        .await?;
    Ok((row.get(0), row.get(1)))
}

/// Changes those that are given. `client` is the owner's.
///
/// # Errors
/// When the database refuses.
pub async fn set_scope_days(
    client: &impl GenericClient,
    tenant: Uuid,
    ahead: Option<i32>,
    behind: Option<i32>,
) -> Result<(), StoreError> {
    client
        .execute(
            "UPDATE tenant SET scope_days_ahead = coalesce($2, scope_days_ahead), \
               scope_days_behind = coalesce($3, scope_days_behind) WHERE tenant = $1",
            &[&tenant, &ahead, &behind],
        )
        .await?;
    Ok(())
}

/// Megabytes that the records on a workstation may take.
///
/// # Errors
/// When the database refuses.
pub async fn cache_megabytes(client: &impl GenericClient, tenant: Uuid) -> Result<i32, StoreError> {
    let row = client
        .query_one(
            "SELECT cache_megabytes FROM tenant WHERE tenant = $1",
            &[&tenant],
        )
        .await?;
    Ok(row.get(0))
}

/// Changes it. `client` is the owner's.
///
/// # Errors
/// When the database refuses.
pub async fn set_cache_megabytes(
    client: &impl GenericClient,
    tenant: Uuid,
    megabytes: i32,
) -> Result<(), StoreError> {
    client
        .execute(
            "UPDATE tenant SET cache_megabytes = $2 WHERE tenant = $1",
            &[&tenant, &megabytes],
        )
        .await?;
    Ok(())
}

/// Makes the clinic, its data key and its index key. `tx` is a transaction of the owner.
///
/// # Errors
/// When the database refuses or there is no randomness.
pub async fn create(
    tx: &impl GenericClient,
    keys: &KeyRing,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = keys.own(1, now).await?;
    let mut root = Zeroizing::new([0u8; 32]);
    getrandom::fill(root.as_mut()).map_err(StoreError::NoRandomBytes)?;
    let sealed = key.seal(&index_place(tenant.id), root.as_ref())?;
    tx.execute(
        "INSERT INTO tenant (tenant, name, time_zone, recovery_public_key, epoch, index_key, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &tenant.id,
            &tenant.name,
            &tenant.time_zone,
            &tenant.recovery_public_key,
            &tenant.epoch,
            &sealed,
            &now,
        ],
    )
    .await?;
    Ok(())
}

/// Opens the index key.
///
/// # Errors
/// When its data key is missing or does not open it.
pub async fn open_index_key(
    keys: &KeyRing,
    tenant: Uuid,
    sealed: &[u8],
) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let place = index_place(tenant);
    let id = vault::sealed::key_id_of(&place, sealed)?;
    let found = keys.by_id([id]).await?;
    let opened = found.need(&id)?.open(&place, sealed)?;
    let root: [u8; 32] = opened
        .as_slice()
        .try_into()
        .map_err(|_| StoreError::Content {
            table: "tenant.index_key",
            row: tenant.to_string(),
        })?;
    Ok(Zeroizing::new(root))
}

/// Where the secret of the blind index lives.
pub(crate) fn index_place(tenant: Uuid) -> Place<'static> {
    Place {
        tenant,
        table: "tenant",
        row: "",
        column: "index_key",
        version: 0,
    }
}
