//! A rehearsed downtime.

use serde::{Deserialize, Serialize};
use specta::Type;

/// A rehearsal that runs: the server is cut off from this computer on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RehearsalView {
    /// When it ends by itself, clinic time.
    pub until: String,
    /// Minutes until then, begun ones counted.
    pub minutes_left: u32,
}

/// What a rehearsal showed. It names what was done, never who did it or about whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RehearsalReport {
    /// When it began, clinic time.
    pub from: String,
    /// When it ended or will end, clinic time.
    pub until: String,
    /// Whether it still runs.
    pub running: bool,
    /// Things that were done without the server, in all.
    pub done: u32,
    /// Those by kind, most frequent first.
    pub worked: Vec<RehearsalCount>,
    /// What could not be done without the server, most frequent first.
    pub blocked: Vec<RehearsalCount>,
}

/// How often something was done or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RehearsalCount {
    /// Stable code of its audit event, such as `report-viewed`.
    pub what: String,
    /// How often.
    pub times: u32,
}
