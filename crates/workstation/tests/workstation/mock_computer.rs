//! A keychain and a clock to play with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use workstation::port::clock::Clock;
use workstation::port::keychain::{Keychain, KeychainError};
use zeroize::Zeroizing;

/// How the keychain is.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Well,
    Locked,
    Absent,
}

pub struct MockKeychain {
    pub entries: Mutex<BTreeMap<String, Vec<u8>>>,
    pub mood: Mutex<Mood>,
    /// What reads has to pass here.
    pub asking: Gate,
    /// What deletes has to pass here.
    pub deleting: Gate,
}

/// Where steps can be held up for as long as a test wants to look.
#[derive(Default)]
pub struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    is_shut: bool,
    waiting: u32,
}

impl Gate {
    pub fn shut(&self) {
        self.state.lock().unwrap().is_shut = true;
    }

    pub fn open(&self) {
        self.state.lock().unwrap().is_shut = false;
        self.changed.notify_all();
    }

    pub fn holds_somebody(&self) -> bool {
        self.state.lock().unwrap().waiting > 0
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        while state.is_shut {
            state = self.changed.wait(state).unwrap();
        }
        state.waiting -= 1;
    }
}

impl Default for MockKeychain {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            mood: Mutex::new(Mood::Well),
            asking: Gate::default(),
            deleting: Gate::default(),
        }
    }
}

impl MockKeychain {
    pub fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn ready(&self) -> Result<(), KeychainError> {
        match *self.mood.lock().unwrap() {
            Mood::Well => Ok(()),
            Mood::Locked => Err(KeychainError::Locked),
            Mood::Absent => Err(KeychainError::Absent("no bus".into())),
        }
    }
}

impl Keychain for MockKeychain {
    fn name(&self) -> String {
        "mock".into()
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        self.asking.pass();
        self.ready()?;
        let all = self.entries.lock().unwrap();
        all.get(account)
            .cloned()
            .map(Zeroizing::new)
            .ok_or(KeychainError::NoEntry)
    }

    fn set(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        self.ready()?;
        self.entries
            .lock()
            .unwrap()
            .insert(account.into(), secret.into());
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<(), KeychainError> {
        self.deleting.pass();
        self.ready()?;
        self.entries.lock().unwrap().remove(account);
        Ok(())
    }
}

/// Monday 2026-01-05, 09:30 in New York, until it is moved.
pub struct MockClock {
    millis: AtomicI64,
    steady: AtomicI64,
}

impl Default for MockClock {
    fn default() -> Self {
        let start: Timestamp = "2026-01-05T14:30:00Z".parse().unwrap();
        Self {
            millis: AtomicI64::new(start.as_millisecond()),
            steady: AtomicI64::new(0),
        }
    }
}

impl MockClock {
    /// Sets the clock of the day; the steady one does not notice.
    pub fn set(&self, seconds: i64) {
        self.millis.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn pass(&self, time: Duration) {
        let millis = time.as_millis() as i64;
        self.millis.fetch_add(millis, Ordering::SeqCst);
        self.steady.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millis.load(Ordering::SeqCst)).unwrap()
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.steady.load(Ordering::SeqCst) as u64)
    }
}
