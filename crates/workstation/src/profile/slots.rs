//! `slots.json`: the cache key, sealed twice. Holds no key in the clear and no patient data.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vault::recovery::{self, RecoveryError, RecoveryPublic, RecoverySecret};
use vault::slot::{self, ArgonCost, CacheKey, SlotError};
use zeroize::Zeroizing;

use super::{Profile, disk};

/// Why the slots cannot be made, read or opened.
#[derive(Debug, thiserror::Error)]
pub enum SlotsError {
    /// The file cannot be read or written.
    #[error("slots.json cannot be read or written")]
    Io(#[source] io::Error),
    /// The file is damaged.
    #[error("slots.json is damaged")]
    Malformed,
    /// The keychain holds another secret than the one that sealed the slot.
    #[error("the keychain's secret is not the one that sealed the slot")]
    KeychainChanged,
    /// The password does not open the slot.
    #[error("the password does not open the slot")]
    PasswordWrong,
    /// The vault failed.
    #[error("the slot cannot be sealed or opened")]
    Slot(#[source] SlotError),
    /// The recovery slot cannot be sealed or opened.
    #[error("the recovery slot cannot be sealed or opened")]
    Recovery(#[source] RecoveryError),
}

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slots {
    /// Format of this file.
    pub format: u32,
    /// Server of the profile.
    pub server: String,
    /// Sign-in name.
    pub username: String,
    /// This device's id for this profile.
    pub device: Uuid,
    /// When the profile was last opened.
    pub used_at: Timestamp,
    /// The user signs in with the organisation, and the password is this computer's alone: no
    /// server is ever told it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub organisation: bool,
    /// Sealed under keychain and password.
    daily: Daily,
    /// The same under a new password, until the server's word on it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Daily>,
    /// Sealed to the organisation.
    recovery: Recovery,
}

/// The daily slot.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Daily {
    /// Salt of Argon2id, hex.
    salt: String,
    /// Memory of Argon2id, KiB.
    memory_kib: u32,
    /// Passes of Argon2id.
    passes: u32,
    /// Lanes of Argon2id.
    lanes: u32,
    /// Tells a changed keychain from a wrong password. A hash of 256 random bits tells
    /// nothing else.
    keychain_check: String,
    /// The sealed key, base64.
    sealed: String,
}

/// The recovery slot.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recovery {
    /// The key it is sealed to.
    public_key: String,
    /// The sealed key, base64.
    sealed: String,
}

/// Who and where: what stands in the file in the clear.
pub struct Card<'a> {
    /// Server of the profile.
    pub server: &'a str,
    /// Sign-in name.
    pub username: &'a str,
    /// Device id.
    pub device: Uuid,
    /// Now.
    pub now: Timestamp,
    /// Whether the user signs in with the organisation.
    pub organisation: bool,
}

impl Slots {
    /// Seals a cache key in both slots.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn seal(
        profile: &Profile,
        card: &Card<'_>,
        keys: (&CacheKey, &[u8; 32]),
        password: &str,
        public: &RecoveryPublic,
        cost: ArgonCost,
    ) -> Result<Self, SlotsError> {
        let (cache_key, keychain_secret) = keys;
        let sealed = recovery::seal(public, &profile.recovery_info(), cache_key.expose())
            .map_err(SlotsError::Recovery)?;
        Ok(Self {
            format: 1,
            server: card.server.to_owned(),
            username: card.username.to_owned(),
            device: card.device,
            used_at: card.now,
            organisation: card.organisation,
            daily: Daily::seal(profile, cache_key, keychain_secret, password, cost)?,
            next: None,
            recovery: Recovery {
                public_key: public.to_text(),
                sealed: STANDARD.encode(sealed),
            },
        })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`SlotsError::Io`] or [`SlotsError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, SlotsError> {
        let bytes = std::fs::read(path).map_err(SlotsError::Io)?;
        let slots: Self = serde_json::from_slice(&bytes).map_err(|_| SlotsError::Malformed)?;
        if slots.format == 1 {
            Ok(slots)
        } else {
            Err(SlotsError::Malformed)
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When the system refuses; the former file stays.
    pub fn write(&self, path: &Path) -> Result<(), SlotsError> {
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| SlotsError::Io(io::Error::other(error)))?;
        disk::replace(path, &bytes).map_err(SlotsError::Io)
    }

    /// The file without its daily slot: nothing but the recovery secret opens it.
    ///
    /// # Errors
    /// None that can happen; the signature leaves room for one.
    pub fn recovery_alone(&self) -> io::Result<Vec<u8>> {
        let mut value = serde_json::to_value(self).map_err(io::Error::other)?;
        if let Some(members) = value.as_object_mut() {
            members.remove("daily");
            members.remove("next");
        }
        serde_json::to_vec_pretty(&value).map_err(io::Error::other)
    }

    /// Whether the keychain holds the secret that the daily slot was sealed with.
    ///
    /// # Errors
    /// [`SlotsError::KeychainChanged`] when it does not.
    pub fn check_keychain(&self, keychain_secret: &[u8; 32]) -> Result<(), SlotsError> {
        if self.daily.keychain_check == keychain_check(keychain_secret) {
            Ok(())
        } else {
            Err(SlotsError::KeychainChanged)
        }
    }

    /// Opens the daily slot. Slow on purpose.
    ///
    /// # Errors
    /// [`SlotsError::KeychainChanged`], [`SlotsError::PasswordWrong`], or a damaged file.
    pub fn open_daily(
        &self,
        profile: &Profile,
        keychain_secret: &[u8; 32],
        password: &str,
    ) -> Result<CacheKey, SlotsError> {
        self.open_either(profile, keychain_secret, password)
            .map(|(key, _)| key)
    }

    /// Opens the daily slot with its password or with one that shall be its next; tells whether
    /// it was the next.
    ///
    /// # Errors
    /// As of [`Slots::open_daily`].
    pub fn open_either(
        &self,
        profile: &Profile,
        keychain_secret: &[u8; 32],
        password: &str,
    ) -> Result<(CacheKey, bool), SlotsError> {
        self.check_keychain(keychain_secret)?;
        match (
            self.daily.open(profile, keychain_secret, password),
            &self.next,
        ) {
            (Err(SlotsError::PasswordWrong), Some(next)) => {
                let key = next.open(profile, keychain_secret, password)?;
                Ok((key, true))
            }
            (opened, _) => Ok((opened?, false)),
        }
    }

    /// Whether a new password waits for the server's word.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.next.is_some()
    }

    /// Seals the key under a new password as well, beside the present one.
    ///
    /// # Errors
    /// When sealing fails.
    pub fn propose(
        &mut self,
        profile: &Profile,
        keys: (&CacheKey, &[u8; 32]),
        password: &str,
        cost: ArgonCost,
    ) -> Result<(), SlotsError> {
        let (cache_key, keychain_secret) = keys;
        let next = Daily::seal(profile, cache_key, keychain_secret, password, cost)?;
        self.next = Some(next);
        Ok(())
    }

    /// The server's word is known: one of both passwords goes.
    pub fn decide(&mut self, taken: bool) {
        if let Some(next) = self.next.take()
            && taken
        {
            self.daily = next;
        }
    }

    /// Opens the recovery slot.
    ///
    /// # Errors
    /// [`SlotsError::Recovery`] for another organisation's secret.
    pub fn open_recovery(
        &self,
        profile: &Profile,
        secret: &RecoverySecret,
    ) -> Result<CacheKey, SlotsError> {
        let sealed = STANDARD
            .decode(&self.recovery.sealed)
            .map_err(|_| SlotsError::Malformed)?;
        let key = recovery::open(secret, &profile.recovery_info(), &sealed)
            .map_err(SlotsError::Recovery)?;
        let key: &[u8; 32] = key
            .as_slice()
            .try_into()
            .map_err(|_| SlotsError::Malformed)?;
        Ok(CacheKey::from_bytes(key))
    }
}

impl Daily {
    fn open(
        &self,
        profile: &Profile,
        keychain_secret: &[u8; 32],
        password: &str,
    ) -> Result<CacheKey, SlotsError> {
        let salt: [u8; slot::SALT] = hex::decode(&self.salt)
            .ok()
            .and_then(|salt| salt.try_into().ok())
            .ok_or(SlotsError::Malformed)?;
        let sealed = STANDARD
            .decode(&self.sealed)
            .map_err(|_| SlotsError::Malformed)?;
        let cost = ArgonCost {
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        };
        let daily =
            slot::daily_key(keychain_secret, password, &salt, cost).map_err(SlotsError::Slot)?;
        slot::open_cache_key(&daily, &profile.id, &sealed).map_err(|error| match error {
            SlotError::Refused => SlotsError::PasswordWrong,
            other => SlotsError::Slot(other),
        })
    }

    fn seal(
        profile: &Profile,
        cache_key: &CacheKey,
        keychain_secret: &[u8; 32],
        password: &str,
        cost: ArgonCost,
    ) -> Result<Self, SlotsError> {
        let salt = slot::new_salt().map_err(|error| SlotsError::Slot(error.into()))?;
        let daily =
            slot::daily_key(keychain_secret, password, &salt, cost).map_err(SlotsError::Slot)?;
        let sealed =
            slot::seal_cache_key(&daily, &profile.id, cache_key).map_err(SlotsError::Slot)?;
        Ok(Self {
            salt: hex::encode(salt),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            keychain_check: keychain_check(keychain_secret),
            sealed: STANDARD.encode(sealed),
        })
    }
}

fn keychain_check(secret: &[u8; 32]) -> String {
    let hash = Sha256::new()
        .chain_update(b"rounds/keychain-check/1\0")
        .chain_update(secret)
        .finalize();
    hex::encode(&hash[..16])
}

/// Reads 32 bytes that a keychain gave.
#[must_use]
pub fn secret_of(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    if bytes.len() != 32 {
        return None;
    }
    secret.copy_from_slice(bytes);
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile {
            id: "p".into(),
            folder: "/nowhere".into(),
        }
    }

    fn sealed() -> (Slots, CacheKey, RecoverySecret) {
        let key = CacheKey::generate().unwrap();
        let (secret, public) = recovery::keypair().unwrap();
        let card = Card {
            server: "https://localhost:1",
            username: "ada",
            device: Uuid::nil(),
            now: Timestamp::UNIX_EPOCH,
            organisation: false,
        };
        let slots = Slots::seal(
            &profile(),
            &card,
            (&key, &[7; 32]),
            "right",
            &public,
            ArgonCost::LEAST,
        )
        .unwrap();
        (slots, key, secret)
    }

    #[test]
    fn w1_disk_and_password_without_the_keychain_do_not_open() {
        let (slots, ..) = sealed();
        let wrong = slots.open_daily(&profile(), &[8; 32], "right");
        assert!(matches!(wrong, Err(SlotsError::KeychainChanged)));
        // Even a thief who forges the check gets no further.
        let mut forged = slots;
        forged.daily.keychain_check = keychain_check(&[8; 32]);
        let wrong = forged.open_daily(&profile(), &[8; 32], "right");
        assert!(matches!(wrong, Err(SlotsError::PasswordWrong)));
    }

    #[test]
    fn w1_disk_and_keychain_without_the_password_do_not_open() {
        let (slots, ..) = sealed();
        let wrong = slots.open_daily(&profile(), &[7; 32], "wrong");
        assert!(matches!(wrong, Err(SlotsError::PasswordWrong)));
    }

    #[test]
    fn w1_all_three_open_and_so_does_the_recovery_key() {
        let (slots, key, secret) = sealed();
        let daily = slots.open_daily(&profile(), &[7; 32], "right").unwrap();
        assert_eq!(daily.expose(), key.expose());
        let recovered = slots.open_recovery(&profile(), &secret).unwrap();
        assert_eq!(recovered.expose(), key.expose());
        let (other, _) = recovery::keypair().unwrap();
        assert!(slots.open_recovery(&profile(), &other).is_err());
    }

    #[test]
    fn w2_the_file_holds_neither_key_nor_secret() {
        let (slots, key, _) = sealed();
        let text = serde_json::to_string(&slots).unwrap();
        for secret in [key.expose(), &[7; 32]] {
            assert!(!text.contains(&hex::encode(secret)));
            assert!(!text.contains(&STANDARD.encode(secret)));
        }
        assert!(!text.contains("right"));
    }

    #[test]
    fn a_slot_of_another_profile_does_not_open() {
        let (slots, ..) = sealed();
        let other = Profile {
            id: "q".into(),
            folder: "/nowhere".into(),
        };
        let moved = slots.open_daily(&other, &[7; 32], "right");
        assert!(matches!(moved, Err(SlotsError::PasswordWrong)));
    }
}
