//! 256 bits that stay in one place on the heap and are wiped there.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::NoRandomness;

/// A 256-bit secret. Boxed, so that moving the owner leaves no copy behind on the stack.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret256(Box<[u8; 32]>);

impl Secret256 {
    /// Fresh from the operating system, filled in place.
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        let mut secret = Self(Box::new([0; 32]));
        getrandom::fill(&mut secret.0[..]).map_err(NoRandomness)?;
        Ok(secret)
    }

    /// All zero, to be filled by `fill`.
    pub(crate) fn filled_by<E>(
        fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut secret = Self(Box::new([0; 32]));
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// A copy of `bytes`; the caller wipes its own.
    pub(crate) fn copied(bytes: &[u8; 32]) -> Self {
        let mut secret = Self(Box::new([0; 32]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret256(…)")
    }
}
