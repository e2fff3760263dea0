//! The key store as its owner uses it: what the serving program may not do.

use deadpool_postgres::{GenericClient, Transaction};
use jiff::Timestamp;
use uuid::Uuid;
use vault::{KeyId, OpenError};

use super::keystore::{Predecessor, Successor, place, succeed};
use super::masters::{Masters, Unopened, together};
use crate::store::error::StoreError;

/// Takes the lock of operators' work for as long as `client` lives. Returns whether nobody else
/// is at work.
///
/// # Errors
/// When the key store refuses.
pub async fn lock(client: &impl GenericClient, tenant: Uuid) -> Result<bool, StoreError> {
    let row = client
        .query_one(
            "SELECT pg_try_advisory_lock(hashtextextended('rounds keys ' || $1::text, 0))",
            &[&tenant.to_string()],
        )
        .await?;
    Ok(row.get(0))
}

/// Tells all servers to drop the keys they hold.
async fn announce(tx: &impl GenericClient, tenant: Uuid) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO key_change (tenant, changes) VALUES ($1, 1) \
         ON CONFLICT (tenant) DO UPDATE SET changes = key_change.changes + 1",
        &[&tenant],
    )
    .await?;
    Ok(())
}

/// Begins to renew all keys, or goes on with what was begun and interrupted. Returns when it
/// began: keys made since are done.
///
/// # Errors
/// When the key store refuses.
pub async fn begin_rotation(
    client: &impl GenericClient,
    tenant: Uuid,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    client
        .execute(
            "INSERT INTO key_work (tenant, kind, started_at) VALUES ($1, 'rotate', $2) \
             ON CONFLICT DO NOTHING",
            &[&tenant, &now],
        )
        .await?;
    let row = client
        .query_one(
            "SELECT started_at FROM key_work WHERE tenant = $1 AND kind = 'rotate'",
            &[&tenant],
        )
        .await?;
    Ok(row.get(0))
}

/// All keys were renewed.
///
/// # Errors
/// When the key store refuses.
pub async fn end_rotation(client: &impl GenericClient, tenant: Uuid) -> Result<(), StoreError> {
    client
        .execute(
            "DELETE FROM key_work WHERE tenant = $1 AND kind = 'rotate'",
            &[&tenant],
        )
        .await?;
    Ok(())
}

/// How many current keys were made before `before`.
///
/// # Errors
/// When the key store refuses.
pub async fn count_older(
    client: &impl GenericClient,
    tenant: Uuid,
    before: Timestamp,
) -> Result<u64, StoreError> {
    let row = client
        .query_one(
            "SELECT count(*) FROM data_key WHERE tenant = $1 AND retired_at IS NULL \
               AND destroyed_at IS NULL AND created_at < $2",
            &[&tenant, &before],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// Which current keys to renew.
#[derive(Debug, Clone, Copy)]
pub enum Renew<'a> {
    /// This patient's.
    Of(&'a str),
    /// At most so many of those made before a moment.
    Older(Timestamp, i64),
}

/// Makes new generations in a transaction of their own. Returns how many.
///
/// # Errors
/// When the key store refuses, a service does not wrap, or there is no randomness.
pub async fn renew(
    client: &mut deadpool_postgres::Client,
    tenant: Uuid,
    masters: &Masters,
    which: Renew<'_>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let rows = match which {
        Renew::Of(patient) => {
            client
                .query(
                    "SELECT id, patient, generation FROM data_key WHERE tenant = $1 \
                       AND patient = $2 AND retired_at IS NULL AND destroyed_at IS NULL",
                    &[&tenant, &patient],
                )
                .await?
        }
        Renew::Older(before, limit) => {
            client
                .query(
                    "SELECT id, patient, generation FROM data_key WHERE tenant = $1 \
                       AND retired_at IS NULL AND destroyed_at IS NULL AND created_at < $2 \
                     ORDER BY patient LIMIT $3",
                    &[&tenant, &before, &limit],
                )
                .await?
        }
    };
    // Wrapped before anything is locked: a service may be slow.
    let making = rows
        .iter()
        .map(|row| async {
            let before = Predecessor {
                tenant,
                patient: row.get(1),
                id: row.get(0),
                generation: row.get(2),
            };
            let next = before.successor(masters).await?;
            Ok((before, next))
        })
        .collect();
    let successions: Vec<(Predecessor<'_>, Successor)> = together(making)
        .await
        .into_iter()
        .collect::<Result<_, StoreError>>()?;
    let tx = client.transaction().await?;
    for (before, next) in &successions {
        // One that a server renewed meanwhile is as new as it should be.
        succeed(&tx, masters.current_id(), before, next, 0, now).await?;
    }
    announce(&tx, tenant).await?;
    tx.commit().await?;
    Ok(rows.len() as u64)
}

/// Keys that another master than the first wraps.
///
/// # Errors
/// When the key store refuses.
pub async fn count_to_rewrap(
    client: &impl GenericClient,
    tenant: Uuid,
    master: &str,
) -> Result<u64, StoreError> {
    let row = client
        .query_one(
            "SELECT count(*) FROM data_key \
             WHERE tenant = $1 AND master <> $2 AND destroyed_at IS NULL",
            &[&tenant, &master],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// How many were looked at; none when there are no more.
    pub seen: u64,
    /// How many were done.
    pub done: u64,
    /// What could not be opened, and the code of the reason.
    pub failed: Vec<(String, &'static str)>,
}

/// Wraps keys under the first master key: those after `last`, at most `limit`, by one statement.
///
/// # Errors
/// When the key store refuses, a service does not answer, or there is no randomness.
pub async fn rewrap(
    client: &deadpool_postgres::Client,
    tenant: Uuid,
    masters: &Masters,
    last: &mut KeyId,
    limit: i64,
) -> Result<Batch, StoreError> {
    let rows = client
        .query(
            "SELECT id, patient, generation, wrapped FROM data_key WHERE tenant = $1 \
               AND master <> $2 AND destroyed_at IS NULL AND id > $3 \
             ORDER BY id LIMIT $4",
            &[&tenant, &masters.current_id(), last, &limit],
        )
        .await?;
    let mut batch = Batch {
        seen: rows.len() as u64,
        ..Batch::default()
    };
    if let Some(row) = rows.last() {
        *last = row.get(0);
    }
    let rewrapping = rows
        .iter()
        .map(|row| async {
            let place = place(tenant, row.get(1), row.get(2));
            match masters.unwrap(&place, row.get(3)).await {
                Ok(key) => Ok(Ok(masters.wrap(&key, &place).await?)),
                Err(Unopened::Value(error)) => Ok(Err(error)),
                Err(Unopened::Service(error)) => Err(StoreError::Kms(error)),
            }
        })
        .collect();
    let rewrapped: Vec<Result<Vec<u8>, OpenError>> = together(rewrapping)
        .await
        .into_iter()
        .collect::<Result<_, StoreError>>()?;
    let (mut ids, mut olds, mut wraps) = (Vec::new(), Vec::new(), Vec::new());
    for (row, rewrapped) in rows.iter().zip(rewrapped) {
        let id: KeyId = row.get(0);
        match rewrapped {
            Ok(wrapped) => {
                ids.push(id);
                olds.push(row.get::<_, &[u8]>(3));
                wraps.push(wrapped);
            }
            Err(error) => batch.failed.push((format!("data_key {id}"), error.code())),
        }
    }
    // Only what still is as it was read.
    batch.done = client
        .execute(
            "UPDATE data_key k SET wrapped = u.wrapped, master = $2 \
             FROM unnest($3::uuid[], $4::bytea[], $5::bytea[]) AS u(id, old, wrapped) \
             WHERE k.tenant = $1 AND k.id = u.id AND k.wrapped = u.old",
            &[&tenant, &masters.current_id(), &ids, &olds, &wraps],
        )
        .await?;
    Ok(batch)
}

/// Keys that still open but seal nothing new.
///
/// # Errors
/// When the key store refuses.
pub async fn retired(client: &impl GenericClient, tenant: Uuid) -> Result<Vec<KeyId>, StoreError> {
    let rows = client
        .query(
            "SELECT id FROM data_key WHERE tenant = $1 AND retired_at IS NOT NULL \
               AND destroyed_at IS NULL",
            &[&tenant],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Erases the keys of a patient, all generations; the rows stay as tombstones. Returns how many
/// keys were erased now.
///
/// # Errors
/// When the key store refuses.
pub async fn destroy(
    tx: &Transaction<'_>,
    tenant: Uuid,
    patient: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let erased = tx
        .execute(
            "UPDATE data_key SET wrapped = NULL, destroyed_at = $3 \
             WHERE tenant = $1 AND patient = $2 AND destroyed_at IS NULL",
            &[&tenant, &patient, &now],
        )
        .await?;
    announce(tx, tenant).await?;
    Ok(erased)
}

/// Writes the table of keys anew, so that its file holds nothing of what was erased.
///
/// # Errors
/// When the key store refuses.
pub async fn sweep(client: &impl GenericClient) -> Result<(), StoreError> {
    client.batch_execute("VACUUM (FULL) data_key").await?;
    Ok(())
}
