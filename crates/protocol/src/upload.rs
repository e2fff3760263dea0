//! Sending what was written off line: entry by entry, each with its own fate.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::sync::SyncEntry;

/// Entries in the order they were made. Later entries may build on earlier ones.
#[derive(Debug, Serialize, Deserialize)]
pub struct UploadRequest {
    /// The life of the database that the changes were made on, as the last page named it. In
    /// another one their versions mean nothing: the request is refused whole, `cursor-gone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<String>,
    /// How many links of the device's audit chain the server has acknowledged. One that holds fewer
    /// was restored since, and refuses the request in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<u64>,
    /// At most [`MAX_ENTRIES`].
    pub entries: Vec<UploadEntry>,
}

/// Entries a single request may hold.
pub const MAX_ENTRIES: usize = 100;

/// One change that is applied whole or not at all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UploadEntry {
    /// Idempotency key: the same key is applied once, however often it arrives.
    pub key: Uuid,
    /// A FHIR transaction Bundle: `PUT Type/id` with `ifNoneMatch: "*"` (create with the
    /// client's id) or with `ifMatch: W/"n"` (update), or `DELETE Type/id` with `ifMatch`.
    pub bundle: Value,
}

/// Fates in the order of the entries.
#[derive(Debug, Serialize, Deserialize)]
pub struct UploadReply {
    /// One for each entry of the request.
    pub fates: Vec<UploadFate>,
}

/// What became of one entry.
#[derive(Debug, Serialize, Deserialize)]
pub struct UploadFate {
    /// The entry's key.
    pub key: Uuid,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a change. Tagged from outside (`{"conflict": {…}}`): a tag among the fields
/// would make serde read the fields twice, which the raw JSON in [`SyncEntry`] does not allow.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Stored, now or at an earlier try; the versions it made.
    Accepted {
        /// One for each resource of the bundle.
        versions: Vec<StoredVersion>,
    },
    /// Somebody else changed it first (stale `If-Match`, or the id is taken).
    /// The current state of every resource that clashed comes along.
    Conflict {
        /// The server's current versions.
        current: Vec<SyncEntry>,
    },
    /// The server will not take this, now or later: an OperationOutcome says why.
    Refused {
        /// Stable code: `invalid`, `forbidden`, `time-taken`, `not-found`.
        code: String,
        /// The FHIR OperationOutcome.
        outcome: Value,
    },
}

/// A version that the server made.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct StoredVersion {
    /// FHIR resource type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// `meta.versionId`.
    pub version: u64,
    /// `meta.lastUpdated`.
    pub last_updated: jiff::Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_is_read_back_as_it_was_written() {
        let current = r#"{"resource_type":"Patient","id":"1","version":2,
            "last_updated":"2026-11-23T10:00:00Z","patient":"1",
            "resource":{"resourceType":"Patient","id":"1"}}"#;
        let fates = [
            r#"{"accepted":{"versions":[]}}"#.to_owned(),
            format!(r#"{{"conflict":{{"current":[{current}]}}}}"#),
            r#"{"refused":{"code":"invalid","outcome":{}}}"#.to_owned(),
        ];
        for fate in fates {
            let read: Fate = serde_json::from_str(&fate).expect(&fate);
            let written = serde_json::to_string(&read).expect("fates can be written");
            let again: Fate = serde_json::from_str(&written).expect(&written);
            assert_eq!(
                std::mem::discriminant(&read),
                std::mem::discriminant(&again),
                "{written}"
            );
        }
    }
}
