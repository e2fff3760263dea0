//! A workstation: the engine, the real store, and what is left of both after a crash.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use cache::{Cache, CacheKey};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use ledger::chain::{self, ChainError, Head, Link};
use serde_json::{Value, json};
use sync::{Config, Engine, Setup, State, Waiting};
use uuid::Uuid;

use crate::server::Name;

/// Workstations at most.
pub const MOST: usize = 3;

pub struct Device {
    pub number: usize,
    path: PathBuf,
    cache: Option<Cache>,
    pub engine: Engine,
    pub state: Option<State>,
    /// When its timer rings, in true time.
    pub wake_at: Option<Timestamp>,
    /// How far its clock is from the true time.
    pub skew: SignedDuration,
    pub full: bool,
    pub cut: bool,
    /// A form that somebody has open: the record as it was then.
    pub form: Option<(Name, Value)>,
    ids: u64,
    pub starts: u64,
    /// Whether something was stored since the last look at it.
    pub changed: bool,
    /// The words that waited in the outbox at that look.
    pub outbox: BTreeSet<String>,
    /// The words that were sealed here.
    pub sealed: BTreeSet<String>,
}

pub fn config() -> Config {
    Config {
        poll: SignedDuration::from_secs(60),
        request_timeout: SignedDuration::from_secs(30),
        first_wait: SignedDuration::from_secs(1),
        longest_wait: SignedDuration::from_secs(60),
    }
}

fn signing(number: usize) -> SigningKey {
    SigningKey::from_bytes(&[number as u8 + 1; 32])
}

fn key() -> CacheKey {
    CacheKey::new([9; 32])
}

/// An empty cache of each device: making the schema anew for each seed would take most of the
/// time.
fn empty(number: usize) -> &'static [u8] {
    static EMPTY: [OnceLock<Vec<u8>>; MOST] = [const { OnceLock::new() }; MOST];
    EMPTY[number].get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        drop(Cache::create(&path, &key(), &genesis(number)).unwrap());
        std::fs::read(path).unwrap()
    })
}

impl Device {
    pub fn new(number: usize, folder: &Path, seed: u64) -> Self {
        let path = folder.join(format!("{number}.db"));
        std::fs::write(&path, empty(number)).unwrap();
        let mut device = Self {
            number,
            path,
            cache: None,
            engine: Engine::new(Setup::default(), config(), 0),
            state: None,
            wake_at: None,
            skew: SignedDuration::ZERO,
            full: false,
            cut: false,
            form: None,
            ids: seed << 8 | number as u64,
            starts: 0,
            changed: true,
            outbox: BTreeSet::new(),
            sealed: BTreeSet::new(),
        };
        device.start();
        device
    }

    /// What a new process finds.
    pub fn start(&mut self) {
        self.cache = None;
        self.starts += 1;
        // Ids that no earlier life of this device gave out.
        let next = AtomicU64::new(self.starts << 32);
        let ids = self.ids;
        let mut cache = Cache::open(&self.path, &key())
            .unwrap()
            .with_ids(move || Uuid::from_u64_pair(ids, next.fetch_add(1, Ordering::Relaxed)));
        cache.seal_with(Box::new(|unsent| serde_json::to_vec(unsent).ok()));
        let position = cache.read(|reading| reading.position()).unwrap();
        let setup = Setup {
            cursor: position.cursor,
            filled: position.filled,
            fill_stopped: false,
            stored: position.stored,
            remaining: position.remaining,
            confirmed_at: position.confirmed_at,
            waiting: waiting(&cache),
        };
        self.engine = Engine::new(setup, config(), self.ids + self.starts);
        self.cache = Some(cache);
        self.wake_at = None;
        self.form = None;
        self.changed = true;
    }

    pub fn cache(&self) -> &Cache {
        self.cache.as_ref().unwrap()
    }

    pub fn waiting(&self) -> Waiting {
        waiting(self.cache())
    }

    /// Signs an event that says `what`.
    pub fn seal(&self, what: &str) -> impl FnOnce(&Head) -> Result<Link, ChainError> + use<> {
        let (number, what) = (self.number, what.to_owned());
        move |head| {
            let event = json!({ "resourceType": "AuditEvent", "device": number, "what": what });
            chain::append(head, event, &signing(number))
        }
    }

    pub fn verifying(&self) -> ed25519_dalek::VerifyingKey {
        signing(self.number).verifying_key()
    }
}

pub fn genesis(number: usize) -> Head {
    Head::genesis(Uuid::from_u128(number as u128 + 1))
}

fn waiting(cache: &Cache) -> Waiting {
    let counts = cache.read(|reading| reading.counts()).unwrap();
    Waiting {
        to_send: counts.to_send,
        audit_to_send: counts.audit_to_send,
        needs_you: counts.needs_you(),
    }
}
