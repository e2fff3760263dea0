//! A workstation: the engine, the real store, and a runner that can be killed anywhere.

use std::cell::Cell;
use std::path::PathBuf;

use cache::{Cache, CacheKey, StoreError};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use ledger::chain::{self, ChainError, Head, Link};
use protocol::upload::UploadEntry;
use serde_json::json;
use sync::{Config, Engine, Setup, State, Waiting};
use uuid::Uuid;

pub struct Device {
    pub number: usize,
    path: PathBuf,
    /// None between a crash and the next start.
    pub cache: Option<Cache>,
    pub engine: Engine,
    pub state: Option<State>,
    pub wake_at: Option<Timestamp>,
    ids: u64,
    pub starts: u64,
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

impl Device {
    pub fn new(number: usize, folder: &std::path::Path, seed: u64) -> Self {
        let path = folder.join(format!("{number}.db"));
        drop(Cache::create(&path, &CacheKey::new([9; 32]), &genesis(number)).unwrap());
        let mut device = Self {
            number,
            path,
            cache: None,
            engine: Engine::new(Setup::default(), config(), 0),
            state: None,
            wake_at: None,
            ids: seed << 20 | (number as u64) << 16,
            starts: 0,
        };
        device.start();
        device
    }

    /// What a new process finds.
    pub fn start(&mut self) {
        self.cache = None;
        self.starts += 1;
        // Ids that no earlier life of this device gave out.
        let first = (self.ids + self.starts) << 32;
        let next = std::sync::atomic::AtomicU64::new(first);
        let cache = Cache::open(&self.path, &CacheKey::new([9; 32]))
            .unwrap()
            .with_ids(move || {
                Uuid::from_u64_pair(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed), 4)
            });
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
    }

    pub fn cache(&self) -> &Cache {
        self.cache.as_ref().unwrap()
    }

    pub fn waiting(&self) -> Waiting {
        waiting(self.cache())
    }

    pub fn seal(&self) -> impl FnOnce(&Head) -> Result<Link, ChainError> + use<> {
        let number = self.number;
        move |head| {
            let event = json!({ "resourceType": "AuditEvent", "device": number });
            chain::append(head, event, &signing(number))
        }
    }

    pub fn verifying(&self) -> ed25519_dalek::VerifyingKey {
        signing(self.number).verifying_key()
    }

    /// The next batch, marked as sent; none if there is nothing to send.
    pub fn batch(&self) -> Option<Vec<UploadEntry>> {
        let entries = self
            .cache()
            .read(|reading| reading.upload_batch(4))
            .unwrap();
        if entries.is_empty() {
            return None;
        }
        // Never two in flight for one record.
        let mut named: Vec<&str> = entries
            .iter()
            .flat_map(|entry| entry.bundle["entry"].as_array().unwrap())
            .map(|part| part["request"]["url"].as_str().unwrap())
            .collect();
        let count = named.len();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), count);
        let keys: Vec<Uuid> = entries.iter().map(|entry| entry.key).collect();
        self.cache()
            .write("mark-sent", |tx| {
                tx.mark_sent(&keys).map_err(|e: StoreError| e)
            })
            .unwrap();
        Some(entries)
    }
}

pub fn genesis(number: usize) -> Head {
    Head::genesis(Uuid::from_u128(number as u128 + 1))
}

pub fn waiting(cache: &Cache) -> Waiting {
    let counts = cache.read(|reading| reading.counts()).unwrap();
    Waiting {
        to_send: counts.to_send,
        audit_to_send: counts.audit_to_send,
        needs_you: counts.needs_you(),
    }
}

thread_local! {
    /// Moments are told apart by a counter; a clock that stands still would hide mistakes.
    static TICK: Cell<i64> = const { Cell::new(0) };
}

/// A moment after every moment given before.
pub fn after(now: Timestamp) -> Timestamp {
    let tick = TICK.with(|tick| tick.replace(tick.get() + 1));
    now + SignedDuration::from_millis(tick % 1000)
}
