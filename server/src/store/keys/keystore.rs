//! The key store's database, as the serving program may use it: keys are made, counted and
//! retired there, each time in a transaction of its own that has ended before a key is used.

use std::collections::HashMap;

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use uuid::Uuid;
use vault::{DataKey, KeyId, MasterKeys, OpenError, Place};

use crate::store::error::StoreError;
use crate::store::keys::KeyLimits;

/// The key store, seen by one clinic.
pub(super) struct KeyStore {
    pub(super) pool: Pool,
    pub(super) tenant: Uuid,
    pub(super) masters: MasterKeys,
    pub(super) limits: KeyLimits,
}

/// A key as it is stored.
pub(super) struct Stored {
    pub(super) id: KeyId,
    pub(super) patient: String,
    pub(super) generation: i32,
    pub(super) wrapped: Option<Vec<u8>>,
}

/// What is wanted of a patient's current key.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) patient: String,
    pub(super) seals: u64,
}

/// A current key and how many seals were reserved for this instance.
pub(super) struct Reserved {
    pub(super) key: DataKey,
    pub(super) created_at: Timestamp,
    pub(super) seals: u64,
}

/// A patient's key for new seals, the news that there will never be one again, or that somebody
/// else was at it: to be asked again.
pub(super) enum Current {
    Key(Reserved),
    Destroyed,
    Again,
}

impl KeyStore {
    /// Keys by their ids.
    pub(super) async fn rows(&self, ids: &[KeyId]) -> Result<Vec<Stored>, StoreError> {
        let client = self.pool.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT id, patient, generation, wrapped FROM data_key \
                 WHERE tenant = $1 AND id = ANY($2)",
            )
            .await?;
        let rows = client.query(&statement, &[&self.tenant, &ids]).await?;
        Ok(rows
            .iter()
            .map(|row| Stored {
                id: row.get(0),
                patient: row.get(1),
                generation: row.get(2),
                wrapped: row.get(3),
            })
            .collect())
    }

    /// Patients whose keys were destroyed.
    pub(super) async fn destroyed(&self) -> Result<Vec<String>, StoreError> {
        let client = self.pool.get().await?;
        let rows = client
            .query(
                "SELECT patient FROM data_key WHERE tenant = $1 AND retired_at IS NULL \
                   AND destroyed_at IS NOT NULL ORDER BY patient",
                &[&self.tenant],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Which of these patients have keys that open.
    pub(super) async fn living(&self, patients: &[String]) -> Result<Vec<String>, StoreError> {
        let client = self.pool.get().await?;
        let rows = client
            .query(
                "SELECT DISTINCT patient FROM data_key WHERE tenant = $1 \
                   AND patient = ANY($2) AND destroyed_at IS NULL ORDER BY patient",
                &[&self.tenant, &patients],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// How often an operator changed keys.
    pub(super) async fn changes(&self) -> Result<i64, StoreError> {
        let client = self.pool.get().await?;
        let statement = client
            .prepare_cached("SELECT changes FROM key_change WHERE tenant = $1")
            .await?;
        let row = client.query_opt(&statement, &[&self.tenant]).await?;
        Ok(row.map_or(0, |row| row.get(0)))
    }

    /// Reserves seals of the current keys of `wanted` (each patient once), making a first key
    /// where there is none. Those that are not in the answer have no key that may still be used
    /// so often: see [`KeyStore::renew`]. One that does not open leaves the others alone.
    pub(super) async fn reserve(
        &self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<HashMap<String, Result<Reserved, OpenError>>, StoreError> {
        let mut fresh = HashMap::with_capacity(wanted.len());
        let mut taken = HashMap::with_capacity(wanted.len());
        let (mut ids, mut patients, mut wraps, mut batches) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for want in wanted {
            let key = DataKey::generate()?;
            ids.push(key.id());
            patients.push(want.patient.as_str());
            wraps.push(key.wrap(&self.masters, &place(self.tenant, &want.patient, 0))?);
            let batch = self.limits.batch(want.seals);
            batches.push(signed(batch));
            taken.insert(want.patient.as_str(), batch);
            fresh.insert(key.id(), key);
        }
        let client = self.pool.get().await?;
        // A key that was never used takes a batch of any size, so that no call is too large.
        let statement = client
            .prepare_cached(
                "INSERT INTO data_key AS k \
                   (tenant, id, patient, generation, master, wrapped, created_at, reserved) \
                 SELECT $1, u.id, u.patient, 0, $5, u.wrapped, $7, u.batch \
                 FROM unnest($2::uuid[], $3::text[], $4::bytea[], $6::bigint[]) \
                   AS u(id, patient, wrapped, batch) ORDER BY u.patient \
                 ON CONFLICT (tenant, patient) WHERE retired_at IS NULL \
                 DO UPDATE SET reserved = k.reserved + excluded.reserved \
                 WHERE k.destroyed_at IS NULL AND k.created_at > $9 \
                   AND (k.reserved = 0 OR k.reserved + excluded.reserved <= $8) \
                 RETURNING k.id, k.patient, k.generation, k.wrapped, k.created_at",
            )
            .await?;
        let rows = client
            .query(
                &statement,
                &[
                    &self.tenant,
                    &ids,
                    &patients,
                    &wraps,
                    &self.masters.current_id(),
                    &batches,
                    &now,
                    &signed(self.limits.seals),
                    &self.youngest_too_old(now),
                ],
            )
            .await?;
        let mut reserved = HashMap::with_capacity(rows.len());
        for row in rows {
            let (id, patient): (Uuid, String) = (row.get(0), row.get(1));
            let key = match fresh.remove(&id) {
                Some(key) => Ok(key),
                None => DataKey::unwrap(
                    &self.masters,
                    &place(self.tenant, &patient, row.get(2)),
                    row.get(3),
                ),
            };
            let one = key.map(|key| Reserved {
                key,
                created_at: row.get(4),
                seals: taken.get(patient.as_str()).copied().unwrap_or(0),
            });
            reserved.insert(patient, one);
        }
        Ok(reserved)
    }

    /// A new generation of a patient's key, unless the current one still serves (another
    /// instance may have been first).
    pub(super) async fn renew(&self, want: &Wanted, now: Timestamp) -> Result<Current, StoreError> {
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let batch = self.limits.batch(want.seals);
        let row = tx
            .query_opt(
                "SELECT id, generation, wrapped, created_at, reserved, destroyed_at IS NOT NULL \
                 FROM data_key WHERE tenant = $1 AND patient = $2 AND retired_at IS NULL FOR UPDATE",
                &[&self.tenant, &want.patient],
            )
            .await?;
        let Some(row) = row else {
            // Another instance retired it while this one waited for the row. A destroyed key is
            // never without a current row: its last generation stays as the tombstone.
            return Ok(Current::Again);
        };
        if row.get(5) {
            return Ok(Current::Destroyed);
        }
        let (id, generation): (Uuid, i32) = (row.get(0), row.get(1));
        let (created_at, used): (Timestamp, i64) = (row.get(3), row.get(4));
        let fits = used == 0 || used.saturating_add(signed(batch)) <= signed(self.limits.seals);
        if fits && created_at > self.youngest_too_old(now) {
            let key = DataKey::unwrap(
                &self.masters,
                &place(self.tenant, &want.patient, generation),
                row.get(2),
            )?;
            tx.execute(
                "UPDATE data_key SET reserved = reserved + $3 WHERE tenant = $1 AND id = $2",
                &[&self.tenant, &id, &signed(batch)],
            )
            .await?;
            tx.commit().await?;
            return Ok(Current::Key(Reserved {
                key,
                created_at,
                seals: batch,
            }));
        }
        let key = succeed(
            &tx,
            &self.masters,
            &Predecessor {
                tenant: self.tenant,
                patient: &want.patient,
                id,
                generation,
            },
            batch,
            now,
        )
        .await?;
        tx.commit().await?;
        tracing::info!(generation = generation + 1, "a data key was renewed");
        Ok(Current::Key(Reserved {
            key,
            created_at: now,
            seals: batch,
        }))
    }

    /// Keys made then or earlier are too old to seal.
    fn youngest_too_old(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.limits.age)
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The current key that a new generation replaces; its row is locked.
pub(super) struct Predecessor<'a> {
    pub(super) tenant: Uuid,
    pub(super) patient: &'a str,
    pub(super) id: KeyId,
    pub(super) generation: i32,
}

/// Retires a current key and makes the next generation, of which `reserved` seals are taken.
pub(super) async fn succeed(
    tx: &impl GenericClient,
    masters: &MasterKeys,
    before: &Predecessor<'_>,
    reserved: u64,
    now: Timestamp,
) -> Result<DataKey, StoreError> {
    let generation = before.generation + 1;
    let key = DataKey::generate()?;
    let wrapped = key.wrap(masters, &place(before.tenant, before.patient, generation))?;
    let retire = tx
        .prepare_cached("UPDATE data_key SET retired_at = $3 WHERE tenant = $1 AND id = $2")
        .await?;
    tx.execute(&retire, &[&before.tenant, &before.id, &now])
        .await?;
    let insert = tx
        .prepare_cached(
            "INSERT INTO data_key \
               (tenant, id, patient, generation, master, wrapped, created_at, reserved) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .await?;
    tx.execute(
        &insert,
        &[
            &before.tenant,
            &key.id(),
            &before.patient,
            &generation,
            &masters.current_id(),
            &wrapped,
            &now,
            &signed(reserved),
        ],
    )
    .await?;
    Ok(key)
}

/// Where a wrapped key lives: bound to its patient and generation.
pub(super) fn place(tenant: Uuid, patient: &str, generation: i32) -> Place<'_> {
    Place {
        tenant,
        table: "data_key",
        row: patient,
        column: "wrapped",
        // The table checks that it is not negative.
        version: u64::from(generation.unsigned_abs()),
    }
}

/// Counts stay far below 2^63.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
