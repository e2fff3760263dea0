//! The workstation's store: one SQLCipher file that holds the records of one user,
//! what was written here and not confirmed yet, and the audit queue.
//!
//! Two things are true after every commit: a change stands together with its outbox entry and
//! its audit link, and a sync page stands together with its cursor and its audit link. The
//! records can be fetched again; outbox, audit queue, drafts and conflicts are treated as the
//! only copy in the world.
//!
//! Every method blocks: call from a thread that may wait.
//!
//! Never: plaintext on disk, a change without its audit link, a record with unsent work
//! overwritten by what the server sent, a network, a clock (the time is an argument),
//! a key in an error or a log, patient data in an error or a log.

mod alike;
mod audit_queue;
mod conflicts;
mod counts;
mod cursor;
mod drafts;
mod error;
mod fates;
mod integrity;
mod key;
mod merging;
mod migrations;
mod open;
mod outbox;
mod patient_terms;
mod patients;
mod place;
mod quarantine;
mod records;
mod rest;
mod restored;
mod room;
mod schedule;
mod scope;
mod set_aside;
mod settings;
mod store;
mod tags;
mod text;
mod unsent;
mod wiping;

pub use alike::Alike;
pub use audit_queue::LoggedEvent;
pub use conflicts::{Conflict, Keep, Side};
pub use counts::Counts;
pub use cursor::{Applied, Position};
pub use drafts::Draft;
pub use error::{OpenError, StoreError};
pub use fates::Settled;
pub use integrity::Integrity;
pub use key::CacheKey;
pub use outbox::{Change, OutboxLine, OutboxState, Refusal, Write};
pub use patients::{PatientCard, PatientHits, Survivor};
pub use quarantine::Quarantined;
pub use records::{Record, RecordRef, Standing};
pub use scope::Sealer;
pub use set_aside::SetAside;
pub use store::{Cache, Reading, Writing};
pub use text::TextHit;
pub use unsent::{Unsent, UnsentChange, UnsentDraft, UnsentRecord, UnsentSealed};

#[cfg(test)]
mod tests;
