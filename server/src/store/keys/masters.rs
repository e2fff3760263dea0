//! Where master keys come from, and how data keys are wrapped under them: here, or where a key
//! management service keeps them.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use futures_util::stream::{self, StreamExt as _};
use protocol::secret::Secret;
use uuid::Uuid;
use vault::keys::MasterKeysError;
use vault::service::{self, Envelope};
use vault::{DataKey, MasterKeys, OpenError, Place};
use zeroize::Zeroizing;

use crate::kms::{Context, KeyArn, Kms, KmsError, KmsSettings, UriError};
use crate::store::error::StoreError;

/// Where the list of master keys comes from. Its entries are keys, `id:base64`, or name keys of
/// AWS KMS, `id:awskms:///ARN`.
#[derive(Debug, Clone)]
pub enum MasterSource {
    /// The environment: `entry,entry,…`; the first wraps, all unwrap.
    Text(Secret),
    /// A file that nobody but its owner may read: entries on lines of their own.
    File(PathBuf),
}

/// Why there are no master keys. Names files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum MastersError {
    /// The list is malformed.
    #[error("the list of master keys cannot be read")]
    List(#[from] MasterKeysError),
    /// An entry names a key that cannot be used.
    #[error("the master key `{id}` cannot be used")]
    Uri {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: UriError,
    },
    /// No client for the service.
    #[error("a client for AWS KMS cannot be made")]
    Client(#[source] reqwest::Error),
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others than the owner may read or change the file.
    #[error("{path} is open to others than its owner (mode {mode:04o}): chmod 600")]
    Loose {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl MasterSource {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`MastersError`].
    pub fn load(&self) -> Result<MasterKeys, MastersError> {
        let path = match self {
            Self::Text(text) => return Ok(MasterKeys::parse(text.expose())?),
            Self::File(path) => path,
        };
        let failed = |source| MastersError::File {
            path: path.clone(),
            source,
        };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        // Asked of the open file: the name could lead to another one by now.
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MastersError::Loose {
                path: path.clone(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(failed)?;
        Ok(MasterKeys::parse_file(&text)?)
    }
}

/// The master keys, wherever they are.
pub struct Masters {
    /// All, in their order.
    keys: MasterKeys,
    /// Those that AWS KMS has, by their ids.
    remote: Vec<(String, KeyArn)>,
    kms: Option<Kms>,
}

/// Why a wrapped key was not opened.
pub(super) enum Unopened {
    /// It does not open: what was found is not what was wrapped.
    Value(OpenError),
    /// The service could not be asked, or does not do it.
    Service(KmsError),
}

impl From<OpenError> for Unopened {
    fn from(error: OpenError) -> Self {
        Self::Value(error)
    }
}

impl From<Unopened> for StoreError {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::Value(error) => Self::Open(error),
            Unopened::Service(error) => Self::Kms(error),
        }
    }
}

impl Masters {
    /// Reads the list of `source`. No service is asked.
    ///
    /// # Errors
    /// [`MastersError`].
    pub fn open(source: &MasterSource, kms: &KmsSettings) -> Result<Self, MastersError> {
        let keys = source.load()?;
        let remote = keys
            .services()
            .map(|(id, uri)| match KeyArn::from_uri(uri) {
                Ok(arn) => Ok((id.to_owned(), arn)),
                Err(source) => Err(MastersError::Uri {
                    id: id.to_owned(),
                    source,
                }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let kms = match remote.is_empty() {
            true => None,
            false => Some(Kms::new(kms.clone()).map_err(MastersError::Client)?),
        };
        Ok(Self { keys, remote, kms })
    }

    /// Id of the key that wraps.
    pub fn current_id(&self) -> &str {
        self.keys.current_id()
    }

    /// Ids of all keys, the wrapping one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.ids()
    }

    /// Whether a service has any of them.
    pub(super) fn is_remote(&self) -> bool {
        self.kms.is_some()
    }

    /// Whether wrapping costs nothing: the first key is here.
    pub(super) fn wraps_here(&self) -> bool {
        self.remote(self.current_id()).is_none()
    }

    /// The key of AWS KMS that an id stands for.
    pub fn remote(&self, id: &str) -> Option<&KeyArn> {
        let found = self.remote.iter().find(|(known, _)| known == id);
        found.map(|(_, arn)| arn)
    }

    /// Asks AWS KMS whether each of its keys still stands.
    pub async fn standing(&self) -> Vec<(&str, Result<(), KmsError>)> {
        let Some(kms) = &self.kms else {
            return Vec::new();
        };
        let mut found = Vec::with_capacity(self.remote.len());
        for (id, arn) in &self.remote {
            found.push((id.as_str(), kms.standing(arn).await));
        }
        found
    }

    /// Wraps `key` for `place` under the first master key.
    ///
    /// # Errors
    /// When there is no randomness, or a service does not wrap.
    pub async fn wrap(&self, key: &DataKey, place: &Place<'_>) -> Result<Vec<u8>, StoreError> {
        let id = self.current_id();
        let (Some(kms), Some(arn)) = (&self.kms, self.remote(id)) else {
            return Ok(key.wrap(&self.keys, place)?);
        };
        let envelope = Envelope::new(id, key, place);
        let context = context(place.tenant, &envelope);
        let answer = kms.encrypt(arn, &context, key.for_service()).await?;
        Ok(envelope.close(&answer))
    }

    /// Opens what was wrapped for the same place under any master key.
    pub(super) async fn unwrap(
        &self,
        place: &Place<'_>,
        wrapped: &[u8],
    ) -> Result<DataKey, Unopened> {
        let Some(sealed) = service::split(place, wrapped)? else {
            return Ok(DataKey::unwrap(&self.keys, place, wrapped)?);
        };
        let (Some(kms), Some(arn)) = (&self.kms, self.remote(sealed.master)) else {
            return Err(Unopened::Value(OpenError::UnknownMaster {
                at: place.name(),
                master: sealed.master.to_owned(),
            }));
        };
        let context = context(place.tenant, &sealed.envelope);
        match kms.decrypt(arn, &context, sealed.answer).await {
            Ok(secret) => Ok(sealed.envelope.opened(place, &secret)?),
            Err(KmsError::Ciphertext) => {
                Err(Unopened::Value(OpenError::Tampered { at: place.name() }))
            }
            Err(error) => Err(Unopened::Service(error)),
        }
    }
}

/// Wraps or opens several keys: so many at once as one caller may ask of a service. In order.
pub(super) async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    const AT_ONCE: usize = 16;
    stream::iter(futures).buffered(AT_ONCE).collect().await
}

fn context(tenant: Uuid, envelope: &Envelope) -> Context {
    Context::new(tenant, envelope.binding())
}

impl std::fmt::Debug for Masters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.keys.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("masters");
        let entry = MasterKeys::generate_entry("m1").unwrap();
        std::fs::write(&path, format!("# ours\n{}\n", entry.as_str())).unwrap();
        let source = MasterSource::File(path.clone());
        for (mode, open) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match source.load() {
                Ok(keys) => {
                    assert!(open, "{mode:o}");
                    assert_eq!(keys.current_id(), "m1");
                }
                Err(MastersError::Loose { mode: found, .. }) => {
                    assert!(!open, "{mode:o}");
                    assert_eq!(found, mode);
                }
                Err(error) => panic!("{error}"),
            }
        }
        let missing = MasterSource::File(folder.path().join("none"));
        assert!(matches!(missing.load(), Err(MastersError::File { .. })));
        // Neither the list nor an error shows a key.
        let shown = format!("{:?}", MasterSource::Text(Secret::new(entry.to_string())));
        assert!(!shown.contains(entry.as_str()));
    }
}
