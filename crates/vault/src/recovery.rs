//! Sealing to the organisation: HPKE (RFC 9180), base mode, X25519-HKDF-SHA256, AES-256-GCM.
//!
//! Anybody may seal; only the holder of the recovery secret opens, and it is kept off line.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use crate::NoRandomness;
use crate::secret::Secret256;

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// First byte of everything sealed here.
pub const FORMAT: u8 = 1;

const ENCAPPED: usize = 32;
const TAG: usize = 16;

/// The organisation's secret. Printed once, at `init`.
#[derive(Clone)]
pub struct RecoverySecret(Secret256);

/// The organisation's public key, known to every workstation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryPublic([u8; 32]);

/// Why sealing, opening or reading a key failed.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The text is not a key: base64url without padding of 32 bytes.
    #[error("this is not a recovery key")]
    NotAKey,
    /// The operating system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The public key is one that no secret has.
    #[error("the recovery public key cannot be sealed to")]
    BadPublicKey(#[source] hpke::HpkeError),
    /// Too short.
    #[error("the recovery blob is truncated")]
    Truncated,
    /// The first byte is none that this version writes.
    #[error("the recovery blob has unknown format {0}")]
    UnknownFormat(u8),
    /// Wrong secret, wrong `info`, or changed bytes.
    #[error("the recovery blob does not open: another key, another purpose, or changed")]
    Refused,
}

impl RecoveryError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAKey => "recovery-key-malformed",
            Self::NoRandomness(_) => NoRandomness::CODE,
            Self::BadPublicKey(_) => "recovery-key-unusable",
            Self::Truncated => "recovery-truncated",
            Self::UnknownFormat(_) => "recovery-unknown-format",
            Self::Refused => "recovery-refused",
        }
    }
}

impl RecoverySecret {
    /// base64url without padding, for the one time it is shown.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// Reads what [`RecoverySecret::to_text`] wrote.
    ///
    /// # Errors
    /// [`RecoveryError::NotAKey`].
    pub fn parse(text: &str) -> Result<Self, RecoveryError> {
        let bytes = Zeroizing::new(
            URL_SAFE_NO_PAD
                .decode(text.trim())
                .map_err(|_| RecoveryError::NotAKey)?,
        );
        let key: &[u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| RecoveryError::NotAKey)?;
        Ok(Self(Secret256::copied(key)))
    }

    /// The public key of this secret.
    ///
    /// # Errors
    /// [`RecoveryError::NotAKey`], which X25519 never gives for 32 bytes.
    pub fn public(&self) -> Result<RecoveryPublic, RecoveryError> {
        let private =
            PrivateKey::from_bytes(self.0.expose()).map_err(|_| RecoveryError::NotAKey)?;
        Ok(RecoveryPublic(
            X25519HkdfSha256::sk_to_pk(&private).to_bytes().into(),
        ))
    }
}

impl std::fmt::Debug for RecoverySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoverySecret(…)")
    }
}

impl RecoveryPublic {
    /// base64url without padding, as `protocol::sign_in::OrganisationCard` carries it.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads what [`RecoveryPublic::to_text`] wrote.
    ///
    /// # Errors
    /// [`RecoveryError::NotAKey`].
    pub fn parse(text: &str) -> Result<Self, RecoveryError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text.trim())
            .map_err(|_| RecoveryError::NotAKey)?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| RecoveryError::NotAKey)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A fresh key pair.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn keypair() -> Result<(RecoverySecret, RecoveryPublic), RecoveryError> {
    let secret = RecoverySecret(Secret256::generate()?);
    let public = secret.public()?;
    Ok((secret, public))
}

/// Seals `plain` to `public`: `version byte ‖ encapsulated key (32) ‖ ciphertext ‖ tag`.
/// `info` says what for (a profile id, say) and must be given again to open.
///
/// # Errors
/// When the public key is degenerate.
pub fn seal(public: &RecoveryPublic, info: &[u8], plain: &[u8]) -> Result<Vec<u8>, RecoveryError> {
    let key = PublicKey::from_bytes(&public.0).map_err(|_| RecoveryError::NotAKey)?;
    // The library draws its ephemeral key itself and would panic without randomness: ask first.
    crate::random::<1>()?;
    let (encapped, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &key,
        info,
        plain,
        &[FORMAT],
    )
    .map_err(RecoveryError::BadPublicKey)?;
    let mut blob = Vec::with_capacity(1 + ENCAPPED + ciphertext.len());
    blob.push(FORMAT);
    blob.extend_from_slice(&encapped.to_bytes());
    blob.extend_from_slice(&ciphertext);
    Ok(blob)
}

/// Opens what [`seal`] sealed to the public key of `secret` for the same `info`.
///
/// # Errors
/// [`RecoveryError`] tells a truncated blob from one that was sealed otherwise.
pub fn open(
    secret: &RecoverySecret,
    info: &[u8],
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, RecoveryError> {
    let (&format, rest) = blob.split_first().ok_or(RecoveryError::Truncated)?;
    if format != FORMAT {
        return Err(RecoveryError::UnknownFormat(format));
    }
    let (encapped, ciphertext) = rest
        .split_at_checked(ENCAPPED)
        .ok_or(RecoveryError::Truncated)?;
    if ciphertext.len() < TAG {
        return Err(RecoveryError::Truncated);
    }
    let key = PrivateKey::from_bytes(secret.0.expose()).map_err(|_| RecoveryError::NotAKey)?;
    let encapped = EncappedKey::from_bytes(encapped).map_err(|_| RecoveryError::Refused)?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &key,
        &encapped,
        info,
        ciphertext,
        &[FORMAT],
    )
    .map(Zeroizing::new)
    .map_err(|_| RecoveryError::Refused)
}
