//! The Secret Service of Linux desktops (GNOME Keyring, KWallet, KeePassXC) over D-Bus.

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::Duration;

use keyring_core::Error;
use keyring_core::api::CredentialStoreApi;
use zbus_secret_service_keyring_store::Store;
use zeroize::Zeroizing;

use crate::port::keychain::{Keychain, KeychainError};

/// The service name under which all entries lie.
const SERVICE: &str = "rounds";

/// How long a person may take to unlock the keychain when it asks.
const PATIENCE: Duration = Duration::from_secs(40);

/// The adapter. Each call makes its own connection: a keychain that was restarted or unlocked
/// since answers, and one that hangs holds up nobody else.
#[derive(Debug, Default)]
pub struct SecretService;

impl Keychain for SecretService {
    fn name(&self) -> String {
        "Secret Service".to_owned()
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        let account = account.to_owned();
        let text = patiently(move || entry(&account)?.get_secret())?;
        // Stored as hexadecimal text: KWallet keeps nothing but text.
        let text = Zeroizing::new(text);
        hex::decode(text.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| KeychainError::Malformed)
    }

    fn set(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        let account = account.to_owned();
        let text = Zeroizing::new(hex::encode(secret));
        patiently(move || entry(&account)?.set_secret(text.as_bytes()))
    }

    fn delete(&self, account: &str) -> Result<(), KeychainError> {
        let account = account.to_owned();
        match patiently(move || entry(&account)?.delete_credential()) {
            Err(KeychainError::NoEntry) => Ok(()),
            other => other,
        }
    }
}

fn entry(account: &str) -> keyring_core::Result<keyring_core::Entry> {
    let label = HashMap::from([("label", "Rounds")]);
    Store::new()?.build(SERVICE, account, Some(&label))
}

/// Runs a call on a thread of its own and stops waiting when nobody answers. The call itself
/// cannot be taken back; its thread ends when the keychain lets go of it.
fn patiently<T: Send + 'static>(
    call: impl FnOnce() -> keyring_core::Result<T> + Send + 'static,
) -> Result<T, KeychainError> {
    let (done, answer) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("keychain".to_owned())
        .spawn(move || done.send(call()))
        .map_err(|error| KeychainError::Failed(Box::new(error)))?;
    match answer.recv_timeout(PATIENCE) {
        Ok(result) => result.map_err(sort),
        Err(_) => Err(KeychainError::Silent),
    }
}

fn sort(error: Error) -> KeychainError {
    match error {
        Error::NoEntry => KeychainError::NoEntry,
        Error::NoStorageAccess(_) => KeychainError::Locked,
        Error::PlatformFailure(source) if is_locked(&*source) => KeychainError::Locked,
        // Reaching the service and making a session with it is what fails without one.
        Error::PlatformFailure(source) if is_absent(&*source) => KeychainError::Absent(source),
        Error::PlatformFailure(source) => KeychainError::Failed(source),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => KeychainError::Malformed,
        other => KeychainError::Failed(Box::new(other)),
    }
}

fn texts(source: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut all = format!("{source} {source:?}");
    let mut next = source.source();
    while let Some(inner) = next {
        all.push_str(&format!(" {inner} {inner:?}"));
        next = inner.source();
    }
    all
}

/// D-Bus names its errors; the crates in between keep the names in their texts only.
fn is_locked(source: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let text = texts(source);
    text.contains("Error.IsLocked") || text.contains("Prompt was dismissed")
}

fn is_absent(source: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let text = texts(source);
    [
        "ServiceUnknown",
        "NameHasNoOwner",
        "Unavailable",
        "Spawn.",
        "NoReply",
        "Disconnected",
        "InputOutput",
        "I/O error",
        "Address",
        "InterfaceNotFound",
    ]
    .iter()
    .any(|name| text.contains(name))
}
