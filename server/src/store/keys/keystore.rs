//! The key store's database, as the serving program may use it: keys are made, counted and
//! retired there, each time in a transaction of its own that has ended before a key is used.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use uuid::Uuid;
use vault::{DataKey, KeyId, Place};

use crate::store::error::StoreError;
use crate::store::keys::KeyLimits;
use crate::store::keys::masters::{Masters, together};

/// The key store, seen by one clinic.
pub(super) struct KeyStore {
    pub(super) pool: Pool,
    pub(super) tenant: Uuid,
    pub(super) masters: Masters,
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
    ) -> Result<HashMap<String, Result<Reserved, StoreError>>, StoreError> {
        // Wrapping here costs nothing and saves a question; a service is asked only for those
        // who have no key.
        let known = match self.masters.wraps_here() {
            true => HashSet::new(),
            false => self.known(wanted).await?,
        };
        let making = wanted
            .iter()
            .map(|want| async {
                let key = DataKey::generate()?;
                // Where there is a key already this wraps nothing: should its row be gone, which
                // the store forbids, an empty wrapping opens nothing.
                let wrapped = match known.contains(&want.patient) {
                    true => Vec::new(),
                    false => {
                        let place = place(self.tenant, &want.patient, 0);
                        self.masters.wrap(&key, &place).await?
                    }
                };
                Ok((key, wrapped))
            })
            .collect();
        let made: Vec<(DataKey, Vec<u8>)> = together(making)
            .await
            .into_iter()
            .collect::<Result<_, StoreError>>()?;
        let mut fresh = HashMap::with_capacity(wanted.len());
        let mut taken = HashMap::with_capacity(wanted.len());
        let (mut ids, mut patients, mut wraps, mut batches) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (want, (key, wrapped)) in wanted.iter().zip(made) {
            ids.push(key.id());
            patients.push(want.patient.as_str());
            let batch = self.limits.batch(want.seals);
            batches.push(signed(batch));
            taken.insert(want.patient.as_str(), batch);
            if !wrapped.is_empty() {
                fresh.insert(key.id(), key);
            }
            wraps.push(wrapped);
        }
        let rows = {
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
            client
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
                .await?
        };
        let opening = rows.iter().map(|row| {
            let (id, patient): (Uuid, &str) = (row.get(0), row.get(1));
            let fresh = fresh.remove(&id);
            let seals = taken.get(patient).copied().unwrap_or(0);
            async move {
                let key = match fresh {
                    Some(key) => Ok(key),
                    None => {
                        let place = place(self.tenant, patient, row.get(2));
                        self.masters.unwrap(&place, row.get(3)).await
                    }
                };
                let one = key.map_err(StoreError::from).map(|key| Reserved {
                    key,
                    created_at: row.get(4),
                    seals,
                });
                (patient.to_owned(), one)
            }
        });
        Ok(together(opening.collect()).await.into_iter().collect())
    }

    /// Those who have a key, destroyed or not.
    async fn known(&self, wanted: &[Wanted]) -> Result<HashSet<String>, StoreError> {
        let patients: Vec<&str> = wanted.iter().map(|want| want.patient.as_str()).collect();
        let client = self.pool.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT patient FROM data_key WHERE tenant = $1 AND patient = ANY($2) \
                   AND retired_at IS NULL",
            )
            .await?;
        let rows = client.query(&statement, &[&self.tenant, &patients]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// A new generation of a patient's key, unless the current one still serves (another
    /// instance may have been first).
    pub(super) async fn renew(&self, want: &Wanted, now: Timestamp) -> Result<Current, StoreError> {
        let batch = self.limits.batch(want.seals);
        let row = {
            let client = self.pool.get().await?;
            client
                .query_opt(
                    "SELECT id, generation, wrapped, created_at, reserved, \
                            destroyed_at IS NOT NULL \
                     FROM data_key WHERE tenant = $1 AND patient = $2 AND retired_at IS NULL",
                    &[&self.tenant, &want.patient],
                )
                .await?
        };
        // A patient who was known is never without a current row: a destroyed key's last
        // generation stays as the tombstone.
        let Some(row) = row else {
            return Ok(Current::Again);
        };
        if row.get(5) {
            return Ok(Current::Destroyed);
        }
        let before = Predecessor {
            tenant: self.tenant,
            patient: &want.patient,
            id: row.get(0),
            generation: row.get(1),
        };
        let (created_at, used): (Timestamp, i64) = (row.get(3), row.get(4));
        let fits = used == 0 || used.saturating_add(signed(batch)) <= signed(self.limits.seals);
        if fits && created_at > self.youngest_too_old(now) {
            return self.take(&before, row.get(2), batch, created_at).await;
        }
        let next = before.successor(&self.masters).await?;
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        if !succeed(&tx, self.masters.current_id(), &before, &next, batch, now).await? {
            return Ok(Current::Again);
        }
        tx.commit().await?;
        tracing::info!(generation = before.generation + 1, "a data key was renewed");
        Ok(Current::Key(Reserved {
            key: next.key,
            created_at: now,
            seals: batch,
        }))
    }

    /// Takes a batch of a current key's seals, unless others took too many meanwhile.
    async fn take(
        &self,
        current: &Predecessor<'_>,
        wrapped: &[u8],
        batch: u64,
        created_at: Timestamp,
    ) -> Result<Current, StoreError> {
        let place = place(self.tenant, current.patient, current.generation);
        let key = self.masters.unwrap(&place, wrapped).await?;
        let client = self.pool.get().await?;
        let taken = client
            .execute(
                "UPDATE data_key SET reserved = reserved + $3 WHERE tenant = $1 AND id = $2 \
                   AND retired_at IS NULL AND destroyed_at IS NULL \
                   AND (reserved = 0 OR reserved + $3 <= $4)",
                &[
                    &self.tenant,
                    &current.id,
                    &signed(batch),
                    &signed(self.limits.seals),
                ],
            )
            .await?;
        Ok(match taken {
            0 => Current::Again,
            _ => Current::Key(Reserved {
                key,
                created_at,
                seals: batch,
            }),
        })
    }

    /// Keys made then or earlier are too old to seal.
    fn youngest_too_old(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.limits.age)
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The current key that a new generation replaces.
pub(super) struct Predecessor<'a> {
    pub(super) tenant: Uuid,
    pub(super) patient: &'a str,
    pub(super) id: KeyId,
    pub(super) generation: i32,
}

/// The key of a next generation, wrapped.
pub(super) struct Successor {
    pub(super) key: DataKey,
    wrapped: Vec<u8>,
}

impl Predecessor<'_> {
    /// Makes the key of the next generation. Nothing is stored yet.
    pub(super) async fn successor(&self, masters: &Masters) -> Result<Successor, StoreError> {
        let key = DataKey::generate()?;
        let place = place(self.tenant, self.patient, self.generation + 1);
        let wrapped = masters.wrap(&key, &place).await?;
        Ok(Successor { key, wrapped })
    }
}

/// Retires a current key and stores the next generation, of which `reserved` seals are taken.
/// Returns whether `before` still was the current one; otherwise nothing was done.
pub(super) async fn succeed(
    tx: &impl GenericClient,
    master: &str,
    before: &Predecessor<'_>,
    next: &Successor,
    reserved: u64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let retire = tx
        .prepare_cached(
            "UPDATE data_key SET retired_at = $3 WHERE tenant = $1 AND id = $2 \
               AND retired_at IS NULL AND destroyed_at IS NULL",
        )
        .await?;
    let retired = tx
        .execute(&retire, &[&before.tenant, &before.id, &now])
        .await?;
    if retired == 0 {
        return Ok(false);
    }
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
            &next.key.id(),
            &before.patient,
            &(before.generation + 1),
            &master,
            &next.wrapped,
            &now,
            &signed(reserved),
        ],
    )
    .await?;
    Ok(true)
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
