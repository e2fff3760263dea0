//! An open profile: the type that use cases need. There is no way to one but through the
//! password and the keychain, and dropping it closes the cache and wipes the keys.

mod audit;
mod forms;
pub mod identity;
pub(crate) mod relation;

use std::sync::{Arc, Mutex};

use cache::Cache;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::port::Ports;
use crate::profile::Profile;
use crate::profile::lock_file::LockFile;
use crate::wipe;
use identity::Identity;

pub(crate) use audit::{Asked, Permit, cause};

/// What runs here, for audit events: name and version of the program.
pub const PROGRAM: &str = concat!("Rounds workstation ", env!("CARGO_PKG_VERSION"));

/// An open profile.
pub struct Desk {
    pub(crate) profile: Profile,
    pub(crate) identity: Identity,
    pub(crate) cache: Cache,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) ports: Ports,
    pub(crate) forms: forms::Forms,
    /// What PractitionerRoles call the user, once that was read.
    pub(crate) known_as: Mutex<Option<Vec<String>>>,
    /// Told of every change of records here.
    pub(crate) on_touched: Box<dyn Fn(crate::notice::Touched) + Send + Sync>,
    /// Told of everything that is recorded here.
    pub(crate) on_recorded: Box<dyn Fn(&ledger::AccessEvent) + Send + Sync>,
    /// Held for as long as the profile is open.
    pub(crate) _lock: LockFile,
}

impl Desk {
    /// A desk over a cache that is open already, and so had its key: what opening a profile ends
    /// with, and what measurements begin with.
    #[must_use]
    pub fn new(
        profile: Profile,
        lock: LockFile,
        identity: Identity,
        cache: Cache,
        key: Arc<SigningKey>,
        ports: Ports,
    ) -> Self {
        let mut desk = Self {
            profile,
            identity,
            cache,
            key,
            ports,
            forms: forms::Forms::default(),
            known_as: Mutex::default(),
            on_touched: Box::new(|_| {}),
            on_recorded: Box::new(|_| {}),
            _lock: lock,
        };
        desk.seal_to_organisation();
        desk
    }

    /// Work that may not stay here when its chart leaves is sealed to the organisation as it is
    /// known now.
    fn seal_to_organisation(&mut self) {
        let info = self.profile.recovery_info();
        let public = self.identity.organisation.recovery_public_key.clone();
        self.cache.seal_with(Box::new(move |unsent| {
            let sealed = wipe::seal(&info, unsent, &public);
            if let Err(error) = &sealed {
                tracing::error!(%error, "work that was not sent could not be sealed");
            }
            sealed.ok()
        }));
    }

    /// The server's latest word on who works here.
    pub(crate) fn take_identity(&mut self, identity: Identity) {
        self.identity = identity;
        self.forget_names();
        self.seal_to_organisation();
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The clinic's date.
    pub(crate) fn today(&self) -> Date {
        crate::show::when::date(self.now(), &self.identity.zone)
    }

    /// A moment as the clinic's wall shows it.
    pub(crate) fn wall(&self, at: Timestamp) -> String {
        crate::show::when::moment(at, &self.identity.zone)
    }

    /// The cache. For measurements and scripts; use cases have methods.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Who works here.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("profile", &self.profile.id)
            .finish_non_exhaustive()
    }
}
