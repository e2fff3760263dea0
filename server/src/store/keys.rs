//! The data keys: one for each patient, one for what has no patient.

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use uuid::Uuid;
use vault::{DataKey, MasterKeys, Place};

use crate::store::error::StoreError;

/// Opened keys kept in memory at most; beyond it all are dropped and opened again when needed.
const OPENED: usize = 20_000;

/// "Patient" of the key for what is in no compartment.
pub const NO_PATIENT: &str = "";

/// Opens data keys and makes new ones.
pub struct KeyRing {
    tenant: Uuid,
    masters: MasterKeys,
    opened: RwLock<HashMap<Uuid, DataKey>>,
    /// The key of [`NO_PATIENT`]: made with the clinic, so it never rolls back.
    own: OnceLock<DataKey>,
}

impl KeyRing {
    /// A ring that has opened none yet.
    pub fn new(tenant: Uuid, masters: MasterKeys) -> Self {
        Self {
            tenant,
            masters,
            opened: RwLock::default(),
            own: OnceLock::new(),
        }
    }

    /// Keys by their ids. An id without a row is left out.
    ///
    /// # Errors
    /// When the database refuses or a key does not open.
    pub async fn by_id(
        &self,
        client: &impl GenericClient,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, DataKey>, StoreError> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        {
            let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                match opened.get(&id) {
                    Some(key) => {
                        found.insert(id, key.clone());
                    }
                    None if !missing.contains(&id) => missing.push(id),
                    None => {}
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let statement = client
            .prepare_cached(
                "SELECT id, patient, wrapped FROM data_key WHERE tenant = $1 AND id = ANY($2)",
            )
            .await?;
        for row in client.query(&statement, &[&self.tenant, &missing]).await? {
            let key = self.open(row.get(1), row.get(2))?;
            found.insert(row.get(0), key);
        }
        Ok(found)
    }

    /// The keys of `patients` ([`NO_PATIENT`] for none), made where there are none yet.
    ///
    /// Which key a patient has is asked of the transaction each time, never remembered: a key
    /// made by a transaction that rolls back must not seal anything.
    ///
    /// # Errors
    /// When the database refuses, a key does not open, or there is no randomness.
    pub async fn of_patients(
        &self,
        tx: &impl GenericClient,
        patients: &[&str],
        now: Timestamp,
    ) -> Result<HashMap<String, DataKey>, StoreError> {
        let mut keys = self.existing(tx, patients).await?;
        let fresh: Vec<&str> = patients
            .iter()
            .copied()
            .filter(|p| !keys.contains_key(*p))
            .collect();
        if fresh.is_empty() {
            return Ok(keys);
        }
        let mut made = HashMap::with_capacity(fresh.len());
        let (mut ids, mut wraps) = (Vec::new(), Vec::new());
        for patient in &fresh {
            let key = DataKey::generate()?;
            ids.push(key.id());
            wraps.push(key.wrap(&self.masters, &self.place(patient))?);
            made.insert(key.id(), key);
        }
        let statement = tx
            .prepare_cached(
                "INSERT INTO data_key (tenant, id, patient, wrapped, created_at) \
                 SELECT $1, u.id, u.patient, u.wrapped, $5 \
                 FROM unnest($2::uuid[], $3::text[], $4::bytea[]) AS u(id, patient, wrapped) \
                 ORDER BY u.patient ON CONFLICT (tenant, patient) DO NOTHING \
                 RETURNING id, patient",
            )
            .await?;
        for row in tx
            .query(&statement, &[&self.tenant, &ids, &fresh, &wraps, &now])
            .await?
        {
            if let Some(key) = made.remove(&row.get::<_, Uuid>(0)) {
                keys.insert(row.get(1), key);
            }
        }
        // Another transaction made these first.
        let lost: Vec<&str> = fresh
            .into_iter()
            .filter(|p| !keys.contains_key(*p))
            .collect();
        if !lost.is_empty() {
            keys.extend(self.existing(tx, &lost).await?);
        }
        Ok(keys)
    }

    async fn existing(
        &self,
        tx: &impl GenericClient,
        patients: &[&str],
    ) -> Result<HashMap<String, DataKey>, StoreError> {
        let mut keys = HashMap::with_capacity(patients.len());
        let asked: Vec<&str> = match self.own.get() {
            Some(own) => {
                if patients.contains(&NO_PATIENT) {
                    keys.insert(NO_PATIENT.to_owned(), own.clone());
                }
                patients
                    .iter()
                    .copied()
                    .filter(|patient| *patient != NO_PATIENT)
                    .collect()
            }
            None => patients.to_vec(),
        };
        if asked.is_empty() {
            return Ok(keys);
        }
        let statement = tx
            .prepare_cached(
                "SELECT id, patient, wrapped FROM data_key WHERE tenant = $1 AND patient = ANY($2)",
            )
            .await?;
        for row in tx.query(&statement, &[&self.tenant, &asked]).await? {
            let (id, patient): (Uuid, String) = (row.get(0), row.get(1));
            let known = {
                let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
                opened.get(&id).cloned()
            };
            let key = match known {
                Some(key) => key,
                None => self.open(&patient, row.get(2))?,
            };
            if patient == NO_PATIENT {
                // Losing a race to set it is as good: it is the same key.
                let _ = self.own.set(key.clone());
            }
            keys.insert(patient, key);
        }
        Ok(keys)
    }

    fn open(&self, patient: &str, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        let key = DataKey::unwrap(&self.masters, &self.place(patient), wrapped)?;
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= OPENED {
            opened.clear();
        }
        opened.insert(key.id(), key.clone());
        Ok(key)
    }

    fn place<'a>(&self, patient: &'a str) -> Place<'a> {
        Place {
            tenant: self.tenant,
            table: "data_key",
            row: patient,
            column: "wrapped",
            version: 0,
        }
    }
}
