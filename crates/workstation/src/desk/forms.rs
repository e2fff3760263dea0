//! What open forms were filled from.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Forms remembered at once; one window has one or two open.
const KEPT: usize = 8;

/// The records that forms were filled from, newest first. Gone when the profile is locked.
#[derive(Default)]
pub(crate) struct Forms(Mutex<VecDeque<(String, u64, Value)>>);

impl Forms {
    /// Remembers what a form was filled from.
    pub(crate) fn remember(&self, id: &str, version: u64, record: Value) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, at, _)| known != id || *at != version);
        all.push_front((id.to_owned(), version, record));
        all.truncate(KEPT);
    }

    /// What a form of this version was filled from.
    pub(crate) fn recall(&self, id: &str, version: u64) -> Option<Value> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .find(|(known, at, _)| known == id && *at == version)
            .map(|(.., record)| record.clone())
    }
}
