//! What the screens show and send: the shapes that cross to the UI.
//!
//! These types are the single source of the generated TypeScript. Times are RFC 3339 strings
//! with the clinic's offset, dates are `YYYY-MM-DD`; texts are ready to show. Nothing here
//! decides anything.

pub mod access;
pub mod activity;
pub mod chart;
pub mod conflict;
pub mod fault;
pub mod note;
pub mod patient;
pub mod problem;
pub mod rehearsal;
pub mod report;
pub mod same_person;
pub mod schedule;
pub mod session;
pub mod today;
pub mod visit;

use serde::{Deserialize, Serialize};
use specta::Type;

/// Where a record stands on its way to the server (row S7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// In the outbox, not sent yet.
    Saved,
    /// Sent, no answer yet.
    Sent,
    /// The server has it.
    Confirmed,
    /// Two versions; a person chooses.
    NeedsYou,
    /// The server refused it.
    Refused,
}

/// Why a view is read: a person opened it, or it is drawn again because something changed.
/// Both are audited; reports tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A person went there.
    Opened,
    /// The screen followed a change.
    Refreshed,
}

/// A record that was just written on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// `Type/id` of the record.
    pub reference: String,
    /// Always [`Standing::Saved`] at first.
    pub standing: Standing,
}
