//! Blind index: tokens that find a value without showing it.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::secret::Secret256;

/// Bytes of a token: short enough for an index, long enough that clashes do not happen
/// (one in 2^64 at four thousand million values).
pub const TOKEN: usize = 16;

/// Makes tokens for one purpose. Equal values give equal tokens: that is what it leaks.
#[derive(Clone)]
pub struct BlindKey(Secret256);

impl BlindKey {
    /// Derives the key for one purpose from a root that is kept apart from sealing keys.
    pub fn derive(root: &[u8; 32], purpose: &str) -> Self {
        let secret = Secret256::filled_by(|key| {
            Hkdf::<Sha256>::new(Some(b"rounds/blind-index/1"), root).expand(purpose.as_bytes(), key)
        });
        // HKDF-SHA256 refuses only outputs over 255 * 32 bytes; 32 are asked for.
        #[allow(clippy::expect_used)]
        Self(secret.expect("HKDF gives 32 bytes"))
    }

    /// The token of `text` for one tenant and one search parameter: HMAC-SHA256, truncated.
    /// `text` is normalised by the caller; the parts are told apart by their lengths.
    pub fn token(&self, tenant: Uuid, parameter: &str, text: &str) -> [u8; TOKEN] {
        self.parameter(tenant, parameter).token(&[text])
    }

    /// Begins the tokens of one tenant and one search parameter. It holds what is derived from the
    /// key: for the record at hand, not to be kept.
    pub fn parameter(&self, tenant: Uuid, parameter: &str) -> BlindParameter {
        // HMAC takes keys of every length.
        #[allow(clippy::expect_used)]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.expose())
            .expect("HMAC takes 32 bytes");
        mac.update(tenant.as_bytes());
        mac.update(&(parameter.len() as u64).to_be_bytes());
        mac.update(parameter.as_bytes());
        BlindParameter(mac)
    }
}

/// Tokens of one parameter, begun: what they have in common is hashed once.
pub struct BlindParameter(Hmac<Sha256>);

impl BlindParameter {
    /// The token of the text that these pieces make together.
    pub fn token(&self, pieces: &[&str]) -> [u8; TOKEN] {
        let mut mac = self.0.clone();
        for piece in pieces {
            mac.update(piece.as_bytes());
        }
        let full = mac.finalize().into_bytes();
        let mut token = [0u8; TOKEN];
        token.copy_from_slice(&full[..TOKEN]);
        token
    }
}

impl std::fmt::Debug for BlindKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlindKey(…)")
    }
}

impl std::fmt::Debug for BlindParameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlindParameter(…)")
    }
}
