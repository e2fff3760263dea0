//! The data keys, as the serving program uses them: generations for each patient, and for what
//! has no patient. They live in a database of their own, apart from what they seal.
//!
//! A key is committed in the key store before anything is sealed with it, whatever becomes of
//! the transaction that wanted it; so which key a patient has can be remembered. What is
//! remembered counts for one lease: after it, the key store must have said again that no
//! operator changed keys meanwhile.
//!
//! Master keys are here, or AWS KMS has them; then each data key that is not held is opened by
//! asking there, and its outage is like one of the key store for what is not held.
//!
//! Never: a seal that was not reserved in the key store; a key in memory for longer than a lease
//! after it was destroyed; a row of the key store locked while a service is asked.

mod keystore;
mod limits;
mod masters;
mod opened;
pub mod operate;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use deadpool_postgres::Pool;
use jiff::Timestamp;
use uuid::Uuid;
use vault::{DataKey, KeyId, SealingKey};

use crate::store::error::StoreError;
use keystore::{Current, KeyStore, Reserved, Wanted};

pub use limits::KeyLimits;
pub use masters::{MasterSource, Masters, MastersError};
pub use opened::{KeyFault, OpenKeys};

/// Keys of each kind kept in memory at most; beyond it all are dropped and fetched again when
/// needed.
const HELD: usize = 20_000;

/// "Patient" of the key for what is in no compartment.
pub const NO_PATIENT: &str = "";

/// Opens data keys, makes new ones, and counts what they seal.
pub struct KeyRing {
    store: KeyStore,
    held: RwLock<Held>,
    /// What callers want of the next flight to the key store.
    wanted: Mutex<HashMap<String, u64>>,
    /// One flight at a time: what is wanted meanwhile goes with the next one, together.
    flight: tokio::sync::Mutex<()>,
}

/// What is remembered.
struct Held {
    /// Keys that open, and those that will not.
    opened: HashMap<KeyId, Result<DataKey, KeyFault>>,
    /// Current keys, by patient.
    current: HashMap<String, Arc<Sealer>>,
    /// Grows when everything is dropped: what was asked for before must not be kept after.
    epoch: u64,
    /// The key store's count of changes at the last look.
    changes: i64,
    /// When that look began; none before the first.
    seen: Option<Instant>,
}

/// A current key and what this instance still may seal with it.
struct Sealer {
    key: DataKey,
    created_at: Timestamp,
    left: AtomicU64,
}

impl Sealer {
    fn take(&self, seals: u64) -> Option<SealingKey> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(seals)
            })
            .ok()?;
        Some(self.key.for_sealing(seals))
    }
}

impl KeyRing {
    /// A ring that holds no key yet. `pool` leads to the key store.
    pub fn new(pool: Pool, tenant: Uuid, masters: Masters, limits: KeyLimits) -> Arc<Self> {
        Arc::new(Self {
            store: KeyStore {
                pool,
                tenant,
                masters,
                limits,
            },
            held: RwLock::new(Held {
                opened: HashMap::new(),
                current: HashMap::new(),
                epoch: 0,
                changes: 0,
                seen: None,
            }),
            wanted: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        })
    }

    /// Asks the key store for changes from now on, and a key management service whether its
    /// master keys stand, until the ring is dropped.
    pub fn watch(self: &Arc<Self>) {
        if self.store.masters.is_remote() {
            self.watch_service();
        }
        let ring = Arc::downgrade(self);
        let pause = self.store.limits.poll;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(ring) = ring.upgrade() else { return };
                if let Err(error) = ring.look().await {
                    tracing::warn!(code = error.code(), "the key store does not answer");
                }
            }
        });
    }

    /// An outage of the service leaves what is held: it is not the owner's word. A key that was
    /// disabled, deleted or withdrawn is; all that is held goes, and what is needed is asked for
    /// again.
    fn watch_service(self: &Arc<Self>) {
        let ring = Arc::downgrade(self);
        let pause = self.store.limits.standing;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(ring) = ring.upgrade() else { return };
                for (id, standing) in ring.store.masters.standing().await {
                    let Err(error) = standing else { continue };
                    tracing::warn!(
                        master = id,
                        code = error.code(),
                        "a master key does not stand"
                    );
                    if error.is_order() {
                        ring.forget();
                    }
                }
            }
        });
    }

    /// The configured master keys.
    pub fn masters(&self) -> &Masters {
        &self.store.masters
    }

    /// The bounds on the use of keys.
    pub fn limits(&self) -> KeyLimits {
        self.store.limits
    }

    /// Keys by their ids, for opening. One that is missing, destroyed or does not open leaves
    /// the others alone.
    ///
    /// # Errors
    /// When the key store cannot be asked, or a service that has a master key.
    pub async fn by_id(
        &self,
        ids: impl IntoIterator<Item = KeyId>,
    ) -> Result<OpenKeys, StoreError> {
        self.in_lease().await?;
        let mut found = OpenKeys::default();
        let mut missing: Vec<KeyId> = Vec::new();
        let epoch = {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                match held.opened.get(&id) {
                    Some(outcome) => found.insert(id, outcome.clone()),
                    None => missing.push(id),
                }
            }
            held.epoch
        };
        if missing.is_empty() {
            return Ok(found);
        }
        missing.sort_unstable();
        missing.dedup();
        let rows = self.store.rows(&missing).await?;
        let opening = rows
            .iter()
            .map(|row| async {
                let outcome = opened::open(&self.store.masters, self.store.tenant, row).await;
                (row.id, outcome)
            })
            .collect();
        let outcomes = masters::together(opening).await;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.opened.len() + rows.len() > HELD {
            held.opened.clear();
        }
        let mut failed = None;
        for (id, outcome) in outcomes {
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            if held.epoch == epoch && !matches!(outcome, Err(KeyFault::Unopened(_))) {
                held.opened.insert(id, outcome.clone());
            }
            found.insert(id, outcome);
        }
        // What was opened stays; but nobody may take for absent what was only not asked.
        failed.map_or(Ok(found), |error| Err(error.into()))
    }

    /// Keys for sealing, one for each `(patient, seals)` in their order ([`NO_PATIENT`] for what
    /// is in no compartment). Each seals as often as was asked. First keys and new generations
    /// are made as they are needed.
    ///
    /// # Errors
    /// [`StoreError::RecordDestroyed`] if a patient's keys were destroyed; otherwise when the
    /// key store cannot be asked, a key does not open, or there is no randomness.
    pub async fn sealing(
        &self,
        asked: &[(&str, u64)],
        now: Timestamp,
    ) -> Result<Vec<SealingKey>, StoreError> {
        let mut keys: Vec<Option<SealingKey>> = Vec::new();
        keys.resize_with(asked.len(), || None);
        // Each turn either gives a key or fails; with tiny limits one call may need many
        // generations.
        loop {
            self.in_lease().await?;
            let oldest = now
                .checked_sub(self.store.limits.age)
                .unwrap_or(Timestamp::UNIX_EPOCH);
            let mut lacking: HashMap<&str, u64> = HashMap::new();
            {
                let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
                for (slot, (patient, seals)) in keys.iter_mut().zip(asked) {
                    if slot.is_some() {
                        continue;
                    }
                    *slot = held
                        .current
                        .get(*patient)
                        .filter(|sealer| sealer.created_at > oldest)
                        .and_then(|sealer| sealer.take(*seals));
                    if slot.is_none() {
                        let most = lacking.entry(patient).or_default();
                        *most = (*most).max(*seals);
                    }
                }
            }
            if lacking.is_empty() {
                return Ok(keys.into_iter().flatten().collect());
            }
            self.fetch(&lacking, now).await?;
        }
    }

    /// The key for what is in no patient's compartment, for so many seals.
    ///
    /// # Errors
    /// As [`KeyRing::sealing`].
    pub async fn own(&self, seals: u64, now: Timestamp) -> Result<SealingKey, StoreError> {
        let mut keys = self.sealing(&[(NO_PATIENT, seals)], now).await?;
        keys.pop().ok_or(StoreError::KeyMissing(Uuid::nil()))
    }

    /// Patients whose keys were destroyed.
    ///
    /// # Errors
    /// When the key store cannot be asked.
    pub async fn destroyed(&self) -> Result<Vec<String>, StoreError> {
        self.store.destroyed().await
    }

    /// Which of these patients have keys that open.
    ///
    /// # Errors
    /// When the key store cannot be asked.
    pub async fn living(&self, patients: &[String]) -> Result<Vec<String>, StoreError> {
        self.store.living(patients).await
    }

    /// Drops all that is remembered.
    pub fn forget(&self) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.drop_all();
    }

    /// Brings current keys with reserved seals. Callers at the same moment share a flight.
    async fn fetch(&self, lacking: &HashMap<&str, u64>, now: Timestamp) -> Result<(), StoreError> {
        {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            for (patient, seals) in lacking {
                let most = wanted.entry((*patient).to_owned()).or_default();
                *most = (*most).max(*seals);
            }
        }
        let _flight = self.flight.lock().await;
        let wanted: Vec<Wanted> = {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted
                .drain()
                .map(|(patient, seals)| Wanted { patient, seals })
                .collect()
        };
        if wanted.is_empty() {
            // Another caller's flight brought what this one wanted, or failed: see again.
            return Ok(());
        }
        let epoch = self.epoch();
        let mut reserved = self.store.reserve(&wanted, now).await?;
        let mut brought = Vec::with_capacity(wanted.len());
        let mut failed = None;
        for want in wanted {
            let outcome = match reserved.remove(&want.patient) {
                Some(Ok(one)) => Ok(one),
                Some(Err(error)) => Err(error),
                None => match self.store.renew(&want, now).await? {
                    Current::Key(one) => Ok(one),
                    Current::Destroyed => Err(StoreError::RecordDestroyed),
                    Current::Again => continue,
                },
            };
            match outcome {
                Ok(one) => brought.push((want.patient, one)),
                // Somebody else's patient is somebody else's error.
                Err(error) if lacking.contains_key(want.patient.as_str()) => failed = Some(error),
                Err(_) => {}
            }
        }
        self.keep(brought, epoch);
        failed.map_or(Ok(()), Err)
    }

    fn keep(&self, brought: Vec<(String, Reserved)>, epoch: u64) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.epoch != epoch {
            return;
        }
        if held.current.len() + brought.len() > HELD {
            held.current.clear();
            held.opened.clear();
        }
        for (patient, one) in brought {
            held.opened.insert(one.key.id(), Ok(one.key.clone()));
            held.current.insert(
                patient,
                Arc::new(Sealer {
                    key: one.key,
                    created_at: one.created_at,
                    left: AtomicU64::new(one.seals),
                }),
            );
        }
    }

    fn epoch(&self) -> u64 {
        self.held
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .epoch
    }

    /// Returns when what is remembered counts.
    async fn in_lease(&self) -> Result<(), StoreError> {
        let seen = {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            held.seen
        };
        if seen.is_some_and(|seen| seen.elapsed() < self.store.limits.lease) {
            return Ok(());
        }
        self.look().await
    }

    /// Asks the key store whether keys were changed, and drops all if they were.
    async fn look(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        let changes = self.store.changes().await?;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.changes != changes {
            held.drop_all();
            held.changes = changes;
        }
        held.seen = held.seen.max(Some(begun));
        Ok(())
    }
}

impl Held {
    fn drop_all(&mut self) {
        self.opened.clear();
        self.current.clear();
        self.epoch += 1;
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("masters", &self.store.masters)
            .field("limits", &self.store.limits)
            .finish_non_exhaustive()
    }
}
