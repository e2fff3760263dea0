//! Keys that were asked for by their ids, and why some of them do not open anything.

use std::collections::HashMap;

use uuid::Uuid;
use vault::{DataKey, KeyId, OpenError};

use super::keystore::{Stored, place};
use super::masters::{Masters, Unopened};
use crate::kms::KmsError;
use crate::store::error::StoreError;

/// Why there is no key of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The key store does not know it.
    #[error("the data key does not exist")]
    Missing,
    /// It was destroyed, and with it all that it sealed.
    #[error("the data key was destroyed")]
    Destroyed,
    /// Its wrapping does not open.
    #[error("the wrapped data key does not open")]
    Unopened(#[from] OpenError),
}

impl KeyFault {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "data-key-missing",
            Self::Destroyed => crate::store::error::RECORD_DESTROYED,
            Self::Unopened(OpenError::UnknownMaster { .. }) => "sealed-unknown-master",
            Self::Unopened(_) => "data-key-unopened",
        }
    }

    fn into_error(self, id: KeyId) -> StoreError {
        match self {
            Self::Missing => StoreError::KeyMissing(id),
            Self::Destroyed => StoreError::RecordDestroyed,
            Self::Unopened(error) => StoreError::Open(error),
        }
    }
}

/// Keys by their ids.
#[derive(Debug, Default)]
pub struct OpenKeys(HashMap<KeyId, Result<DataKey, KeyFault>>);

impl OpenKeys {
    pub(super) fn insert(&mut self, id: KeyId, outcome: Result<DataKey, KeyFault>) {
        self.0.insert(id, outcome);
    }

    /// The key, or why there is none.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn key(&self, id: &KeyId) -> Result<&DataKey, KeyFault> {
        match self.0.get(id) {
            Some(Ok(key)) => Ok(key),
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(KeyFault::Missing),
        }
    }

    /// The key, where its lack is an error of the whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn need(&self, id: &KeyId) -> Result<&DataKey, StoreError> {
        self.key(id).map_err(|fault| fault.into_error(*id))
    }
}

/// Unwraps a stored key.
///
/// # Errors
/// When the service that has its master key does not answer, or may no longer open it: then
/// nothing is known of the key.
pub(super) async fn open(
    masters: &Masters,
    tenant: Uuid,
    row: &Stored,
) -> Result<Result<DataKey, KeyFault>, KmsError> {
    let Some(wrapped) = row.wrapped.as_deref() else {
        return Ok(Err(KeyFault::Destroyed));
    };
    let place = place(tenant, &row.patient, row.generation);
    match masters.unwrap(&place, wrapped).await {
        // The wrapped key names its id, and the row must name the same.
        Ok(key) if key.id() == row.id => Ok(Ok(key)),
        Ok(_) => Ok(Err(KeyFault::Missing)),
        Err(Unopened::Value(error)) => Ok(Err(KeyFault::Unopened(error))),
        Err(Unopened::Service(error)) => Err(error),
    }
}
