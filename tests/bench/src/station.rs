//! A workstation without a window, enrolled with a real server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use testbed::{Platform, UserRecord};
use workstation::Workstation;
use workstation::adapter::https::Https;
use workstation::adapter::system_browser::SystemBrowser;
use workstation::port::Ports;
use workstation::port::clock::SystemClock;
use workstation::port::entropy::SystemEntropy;
use workstation::port::keychain::{Keychain, KeychainError};
use workstation::profile::Places;
use workstation::profile::config::Config;
use workstation::view::fault::Fault;
use workstation::view::session::EnrolForm;
use zeroize::Zeroizing;

use crate::row::RowError;

/// The longest that a first filling may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Secrets in memory. What a keychain costs is measured where there is a desktop.
#[derive(Default)]
struct MemoryKeychain(Mutex<BTreeMap<String, Vec<u8>>>);

impl Keychain for MemoryKeychain {
    fn name(&self) -> String {
        "memory".into()
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.get(account).cloned();
        found.map(Zeroizing::new).ok_or(KeychainError::NoEntry)
    }

    fn set(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(account.into(), secret.into());
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<(), KeychainError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(account);
        Ok(())
    }
}

/// A computer in the clinic.
pub struct Station {
    /// The workstation.
    pub station: Workstation,
    _folder: tempfile::TempDir,
}

impl Station {
    /// An empty computer that trusts this certificate.
    pub fn new(ca: &Path) -> Result<Self, RowError> {
        let folder = tempfile::tempdir()?;
        let places = Places {
            profiles: folder.path().join("profiles"),
            config: folder.path().join("config"),
        };
        let clock = Arc::new(SystemClock::default());
        let entropy = Arc::new(SystemEntropy);
        let server = Https::new(Some(ca), "Rounds-bench", clock.clone(), entropy.clone())
            .map_err(|error| RowError::Missing(error.to_string()))?;
        let ports = Ports {
            keychain: Arc::new(MemoryKeychain::default()),
            server: Arc::new(server),
            browser: Arc::new(SystemBrowser),
            clock,
            entropy,
        };
        Ok(Self {
            station: Workstation::new(places, Config::default(), ports),
            _folder: folder,
        })
    }

    /// Enrols for a user and waits until the cache holds all that the user may have.
    pub async fn fill(&self, platform: &Platform, user: &UserRecord) -> Result<(), RowError> {
        let form = EnrolForm {
            server: platform.base_url(),
            username: user.username.clone(),
            password: user.password.clone(),
            code: code(user)?,
            organisation: false,
        };
        self.station.enrol(form).await.map_err(refused)?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let view = self.station.sync_view().await.map_err(refused)?;
            if let Some(fault) = view.fault {
                return Err(refused(fault));
            }
            if view.first.is_none() && view.confirmed_at.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(RowError::Missing("the cache was not filled".into()))
    }
}

/// A fault as an error.
pub fn refused(fault: Fault) -> RowError {
    RowError::Missing(format!("the workstation: {fault:?}"))
}

/// The user's one-time code for now.
pub fn code(user: &UserRecord) -> Result<String, RowError> {
    let wrong = |error: &dyn std::fmt::Display| RowError::Missing(error.to_string());
    let secret =
        totp_rs::Secret::try_from_base32(&user.totp_secret).map_err(|error| wrong(&error))?;
    let totp = totp_rs::Builder::new()
        .with_secret(secret)
        .build()
        .map_err(|error| wrong(&error))?;
    let now = Timestamp::now().as_second().unsigned_abs();
    Ok(totp.generate(now).to_string())
}
