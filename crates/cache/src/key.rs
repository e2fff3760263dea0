//! The cache key.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The 256 random bits that open a cache. Wiped when dropped, never printed. Boxed, so that
/// moving what holds it leaves no copy behind on a stack.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CacheKey(Box<[u8; 32]>);

impl CacheKey {
    /// Takes the raw key by value. What the caller had of it stays where it was; a real key is
    /// better given [by reference](Self::copied).
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Box::new(bytes))
    }

    /// Copies the raw key, past every stack; the caller wipes its own.
    pub fn copied(bytes: &[u8; 32]) -> Self {
        let mut key = Self(Box::new([0; 32]));
        key.0.copy_from_slice(bytes);
        key
    }

    /// The raw key, for sealing it in a slot.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// SQLCipher's notation for a raw key, `x'…'`: no key derivation is run on it.
    pub(crate) fn raw_notation(&self) -> Zeroizing<String> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // Exact capacity: growing would leave an unwiped copy behind.
        let mut text = Zeroizing::new(String::with_capacity(67));
        text.push_str("x'");
        for byte in self.0.iter() {
            text.push(DIGITS[usize::from(byte >> 4)] as char);
            text.push(DIGITS[usize::from(byte & 15)] as char);
        }
        text.push('\'');
        text
    }
}

impl std::fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_notation_is_what_sqlcipher_reads() {
        let mut bytes = [0u8; 32];
        bytes[0] = 0xab;
        bytes[31] = 0x01;
        let text = CacheKey::new(bytes).raw_notation();
        assert_eq!(text.len(), 67);
        assert!(text.starts_with("x'ab00"));
        assert!(text.ends_with("01'"));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", CacheKey::new([7; 32])), "CacheKey(…)");
    }
}
