//! The key ring: master keys wrap data keys, data keys seal values.
//!
//! A data key opens as often as it likes, but seals only through a [`SealingKey`], which holds
//! as many seals as somebody reserved: random IVs are safe for far fewer than 2^32 of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::NoRandomness;
use crate::gcm::{Gcm, IV, SealError, TAG};
use crate::place::Place;
use crate::sealed::OpenError;
use crate::secret::Secret256;

/// Names a data key. Random, so that ids of several instances never clash.
pub type KeyId = Uuid;

/// First byte of every data key that a master key wraps here.
pub const WRAP_FORMAT: u8 = 1;
/// First byte of every data key that a service wraps.
pub const SERVICE_FORMAT: u8 = 2;

const MAX_MASTER_ID: usize = 32;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The configured master keys. The first wraps, all unwrap.
pub struct MasterKeys {
    // Never empty: `parse` and `generate` see to it.
    keys: Vec<MasterKey>,
}

struct MasterKey {
    id: String,
    held: Held,
}

/// Who has a master key.
enum Held {
    /// This program.
    Here(Gcm),
    /// A key management service, by the URI that names the key there. See [`crate::service`].
    Service(String),
}

/// What is wrong with a list of master keys. Entries are counted from 1; key text is never told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeysError {
    /// No key at all.
    #[error("no master key is given")]
    Empty,
    /// An entry is neither `id:base64` nor `id:URI`.
    #[error("master key {entry} is neither of the form id:base64 nor id:URI")]
    Form {
        /// Which.
        entry: usize,
    },
    /// An id is empty, too long or has characters other than letters, digits, `-`, `_`, `.`.
    #[error("the id of master key {entry} must be 1 to 32 letters, digits, '-', '_' or '.'")]
    Id {
        /// Which.
        entry: usize,
    },
    /// The key is not base64.
    #[error("master key {entry} is not base64")]
    Base64 {
        /// Which.
        entry: usize,
    },
    /// The key has another length than 256 bits.
    #[error("master key {entry} has {length} bytes instead of 32")]
    Length {
        /// Which.
        entry: usize,
        /// Bytes found.
        length: usize,
    },
    /// Two keys have one id.
    #[error("master key {entry} repeats the id of an earlier one")]
    Repeated {
        /// Which.
        entry: usize,
    },
}

impl MasterKeysError {
    /// Stable code.
    pub const CODE: &'static str = "master-keys-malformed";
}

impl MasterKeys {
    /// Reads `id:base64,id:base64,…`; white space around entries is ignored. An entry whose key
    /// is a service's has the key's URI instead: `id:scheme://…`.
    ///
    /// # Errors
    /// [`MasterKeysError`] says which entry is wrong.
    pub fn parse(text: &str) -> Result<Self, MasterKeysError> {
        Self::read(text.split(','))
    }

    /// Reads the text of a file: entries on lines of their own (or with commas between them);
    /// empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`MasterKeysError`] says which entry is wrong.
    pub fn parse_file(text: &str) -> Result<Self, MasterKeysError> {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self::read(lines.flat_map(|line| line.split(',')))
    }

    fn read<'t>(parts: impl Iterator<Item = &'t str>) -> Result<Self, MasterKeysError> {
        let mut keys: Vec<MasterKey> = Vec::new();
        let mut parts = parts.peekable();
        // Splitting nothing gives one empty part.
        let first = parts.next_if(|part| part.trim().is_empty());
        if parts.peek().is_none() {
            return Err(MasterKeysError::Empty);
        }
        for (index, part) in first.into_iter().chain(parts).enumerate() {
            let entry = index + 1;
            let (id, encoded) = part
                .trim()
                .split_once(':')
                .ok_or(MasterKeysError::Form { entry })?;
            if !valid_master_id(id.as_bytes()) {
                return Err(MasterKeysError::Id { entry });
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(MasterKeysError::Repeated { entry });
            }
            // Base64 has no colon.
            if encoded.contains("://") {
                keys.push(MasterKey {
                    id: id.to_owned(),
                    held: Held::Service(encoded.to_owned()),
                });
                continue;
            }
            let bytes = Zeroizing::new(
                BASE64
                    .decode(encoded)
                    .map_err(|_| MasterKeysError::Base64 { entry })?,
            );
            let key: &[u8; 32] =
                bytes
                    .as_slice()
                    .try_into()
                    .map_err(|_| MasterKeysError::Length {
                        entry,
                        length: bytes.len(),
                    })?;
            keys.push(MasterKey {
                id: id.to_owned(),
                held: Held::Here(Gcm::new(key)),
            });
        }
        Ok(Self { keys })
    }

    /// Whether a key of this id is configured.
    pub fn has(&self, id: &str) -> bool {
        self.ids().any(|known| known == id)
    }

    /// A fresh entry `id:base64` for a configuration file, 256 random bits.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate_entry(id: &str) -> Result<Zeroizing<String>, NoRandomness> {
        let key = Secret256::generate()?;
        let encoded = Zeroizing::new(BASE64.encode(key.expose()));
        Ok(Zeroizing::new(format!("{id}:{}", encoded.as_str())))
    }

    /// Id of the key that wraps.
    pub fn current_id(&self) -> &str {
        // `parse` never leaves the list empty; an empty id would still be harmless.
        self.keys.first().map_or("", |key| key.id.as_str())
    }

    /// The keys that services have: id and URI.
    pub fn services(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().filter_map(|key| match &key.held {
            Held::Here(_) => None,
            Held::Service(uri) => Some((key.id.as_str(), uri.as_str())),
        })
    }

    /// Ids of all keys, the wrapping one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// A key that seals values: 256 random bits and the id that sealed values name. Clones share
/// the one secret, which is wiped with the last of them.
#[derive(Clone)]
pub struct DataKey(Arc<Inner>);

struct Inner {
    id: KeyId,
    secret: Secret256,
    gcm: Gcm,
}

/// A data key with a number of seals that were reserved for it.
pub struct SealingKey {
    key: DataKey,
    left: AtomicU64,
}

impl SealingKey {
    /// The id that values sealed with this key carry.
    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    /// Seals `plain` for `place`, with one of the reserved seals.
    ///
    /// # Errors
    /// When all seals are spent, the operating system gives no randomness, or `plain` exceeds
    /// 64 GiB.
    pub fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .map_err(|_| SealError::Spent)?;
        self.key.seal(place, plain)
    }

    /// Opens what was sealed with this key: see [`DataKey::open`].
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and where.
    pub fn open(&self, place: &Place<'_>, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.key.open(place, blob)
    }

    /// The same where it lies: see [`DataKey::open_in_place`].
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and where.
    pub fn open_in_place(
        &self,
        place: &Place<'_>,
        blob: Vec<u8>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.key.open_in_place(place, blob)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealingKey({}, …)", self.key.id())
    }
}

impl DataKey {
    /// A fresh key with a fresh id.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, NoRandomness> {
        let id = uuid::Builder::from_random_bytes(crate::random()?).into_uuid();
        Ok(Self::assemble(id, Secret256::generate()?))
    }

    /// The id that values sealed with this key carry.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// This key for `seals` seals. Whoever calls has reserved them where all instances count
    /// together, durably, before.
    pub fn for_sealing(&self, seals: u64) -> SealingKey {
        SealingKey {
            key: self.clone(),
            left: AtomicU64::new(seals),
        }
    }

    pub(crate) fn gcm(&self) -> &Gcm {
        &self.0.gcm
    }

    /// Wraps this key under the current master key, for one place:
    /// `version byte ‖ length of master id ‖ master id ‖ key id (16) ‖ IV ‖ ciphertext ‖ tag`.
    /// All in front of the IV is authenticated along with the place.
    ///
    /// # Errors
    /// When the operating system gives no randomness, or a service has the current master key.
    pub fn wrap(&self, masters: &MasterKeys, place: &Place<'_>) -> Result<Vec<u8>, SealError> {
        // `parse` lets no empty list through; `TooLong` is the closest true refusal.
        let master = masters.keys.first().ok_or(SealError::TooLong)?;
        let Held::Here(gcm) = &master.held else {
            return Err(SealError::Elsewhere);
        };
        let header = wrap_header(WRAP_FORMAT, &master.id, self.id());
        let aad = wrap_associated_data(&header, place);
        gcm.seal(&header, &aad, self.0.secret.expose())
    }

    /// Unwraps what [`DataKey::wrap`] wrapped for the same place, under any configured master.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and where.
    pub fn unwrap(
        masters: &MasterKeys,
        place: &Place<'_>,
        wrapped: &[u8],
    ) -> Result<Self, OpenError> {
        let parts = Wrapped::split(place, wrapped)?;
        let master = masters.keys.iter().find(|key| key.id == parts.master);
        // Under this id another key was meant when this one was wrapped: here or at a service.
        let Some(Held::Here(gcm)) = master.map(|key| &key.held) else {
            return Err(parts.unknown_master(place));
        };
        if parts.format != WRAP_FORMAT {
            return Err(parts.unknown_master(place));
        }
        let plain = gcm
            .open(&wrap_associated_data(parts.header, place), parts.body)
            .map_err(|refusal| OpenError::refused(refusal, place))?;
        let secret: &[u8; 32] = plain
            .as_slice()
            .try_into()
            .map_err(|_| OpenError::Tampered { at: place.name() })?;
        Ok(Self::assemble(parts.id, Secret256::copied(secret)))
    }

    /// For [`crate::service`] alone.
    pub(crate) fn assemble(id: KeyId, secret: Secret256) -> Self {
        let gcm = Gcm::new(secret.expose());
        Self(Arc::new(Inner { id, secret, gcm }))
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        self.0.secret.expose()
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey({}, …)", self.id())
    }
}

/// The master key that a wrapped data key names. Not authenticated: for choosing what to rewrap.
///
/// # Errors
/// When it is truncated or of an unknown format.
pub fn master_of<'b>(place: &Place<'_>, wrapped: &'b [u8]) -> Result<&'b str, OpenError> {
    Wrapped::split(place, wrapped).map(|parts| parts.master)
}

/// Whether this can name a master key: 1 to 32 letters, digits, `-`, `_` or `.`.
pub fn valid_id(id: &str) -> bool {
    valid_master_id(id.as_bytes())
}

fn valid_master_id(id: &[u8]) -> bool {
    (1..=MAX_MASTER_ID).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

pub(crate) fn wrap_header(format: u8, master: &str, id: KeyId) -> Vec<u8> {
    let mut header = Vec::with_capacity(2 + master.len() + 16);
    header.push(format);
    // `valid_master_id` holds the length under 33.
    header.push(master.len() as u8);
    header.extend_from_slice(master.as_bytes());
    header.extend_from_slice(id.as_bytes());
    header
}

pub(crate) fn wrap_associated_data(header: &[u8], place: &Place<'_>) -> Vec<u8> {
    let mut data = place.associated_data();
    data.extend_from_slice(header);
    data
}

/// A wrapped data key, taken apart. Nothing of it is authenticated yet.
pub(crate) struct Wrapped<'b> {
    pub(crate) format: u8,
    pub(crate) master: &'b str,
    pub(crate) id: KeyId,
    /// All in front of `body`.
    pub(crate) header: &'b [u8],
    pub(crate) body: &'b [u8],
}

impl<'b> Wrapped<'b> {
    pub(crate) fn split(place: &Place<'_>, wrapped: &'b [u8]) -> Result<Self, OpenError> {
        let truncated = || OpenError::Truncated { at: place.name() };
        let (&format, rest) = wrapped.split_first().ok_or_else(truncated)?;
        let least = match format {
            WRAP_FORMAT => IV + 32 + TAG,
            SERVICE_FORMAT => 1,
            _ => {
                return Err(OpenError::UnknownFormat {
                    at: place.name(),
                    format,
                });
            }
        };
        let (&length, rest) = rest.split_first().ok_or_else(truncated)?;
        let (name, rest) = rest
            .split_at_checked(usize::from(length))
            .ok_or_else(truncated)?;
        let tampered = || OpenError::Tampered { at: place.name() };
        if !valid_master_id(name) {
            return Err(tampered());
        }
        let master = std::str::from_utf8(name).map_err(|_| tampered())?;
        let (id, body) = rest.split_first_chunk::<16>().ok_or_else(truncated)?;
        if body.len() < least {
            return Err(truncated());
        }
        let (header, body) = wrapped.split_at(wrapped.len() - body.len());
        Ok(Self {
            format,
            master,
            id: Uuid::from_bytes(*id),
            header,
            body,
        })
    }

    pub(crate) fn unknown_master(&self, place: &Place<'_>) -> OpenError {
        OpenError::UnknownMaster {
            at: place.name(),
            master: self.master.to_owned(),
        }
    }
}
