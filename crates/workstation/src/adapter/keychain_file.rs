//! DEVELOPMENT ONLY: a "keychain" that is a readable file. It protects nothing; it stands in
//! where there is no desktop, in scripts and outside tests. Never packaged: the feature `cli`
//! is off in the desktop program.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::port::keychain::{Keychain, KeychainError};
use crate::profile::disk;

/// Secrets in a JSON file.
#[derive(Debug)]
pub struct InsecureKeychainFile(pub PathBuf);

impl InsecureKeychainFile {
    fn read(&self) -> Result<BTreeMap<String, String>, KeychainError> {
        match std::fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| KeychainError::Malformed),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(KeychainError::Failed(Box::new(error))),
        }
    }

    fn write(&self, all: &BTreeMap<String, String>) -> Result<(), KeychainError> {
        let bytes =
            serde_json::to_vec_pretty(all).map_err(|error| KeychainError::Failed(error.into()))?;
        disk::replace(&self.0, &bytes).map_err(|error| KeychainError::Failed(Box::new(error)))
    }
}

impl Keychain for InsecureKeychainFile {
    fn name(&self) -> String {
        "insecure file (development only)".to_owned()
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        let all = self.read()?;
        let text = all.get(account).ok_or(KeychainError::NoEntry)?;
        hex::decode(text)
            .map(Zeroizing::new)
            .map_err(|_| KeychainError::Malformed)
    }

    fn set(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        let mut all = self.read()?;
        all.insert(account.to_owned(), hex::encode(secret));
        self.write(&all)
    }

    fn delete(&self, account: &str) -> Result<(), KeychainError> {
        let mut all = self.read()?;
        all.remove(account);
        self.write(&all)
    }
}
