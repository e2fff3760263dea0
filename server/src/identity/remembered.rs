//! Sessions that were looked up before.
//!
//! What a session rests on is counted by the database (`session_change`). A remembered session
//! counts for a request if the number, read after the request came, is the one with which the
//! session was read: then nothing changed meanwhile, and a look would find it as it was. An ended
//! session so ends at once, for all servers, as if each request looked it up.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use crate::identity::session::{Live, TokenHash};

/// Sessions remembered at most; beyond it all are forgotten and looked up again.
const HELD: usize = 10_000;

/// Sessions that were looked up before.
#[derive(Default)]
pub struct Remembered(RwLock<Held>);

#[derive(Default)]
struct Held {
    /// The database's number at which all of them were read.
    changes: i64,
    sessions: HashMap<TokenHash, Arc<Live>>,
}

impl Remembered {
    /// Whether there is one of this token that may still count.
    pub fn has(&self, token: &TokenHash) -> bool {
        self.read().sessions.contains_key(token)
    }

    /// The session of a token. `changes` was read from the database after the request came.
    pub fn at(&self, token: &TokenHash, changes: i64, now: Timestamp) -> Option<Arc<Live>> {
        let held = self.read();
        if held.changes != changes {
            return None;
        }
        held.sessions
            .get(token)
            .filter(|live| live.expires_at > now)
            .cloned()
    }

    /// Keeps a session that was read together with `changes`.
    pub fn keep(&self, token: TokenHash, changes: i64, live: &Arc<Live>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if held.changes != changes {
            held.sessions.clear();
            held.changes = changes;
        }
        if held.sessions.len() >= HELD {
            held.sessions.clear();
        }
        held.sessions.insert(token, Arc::clone(live));
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Held> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
