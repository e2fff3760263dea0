//! What the desktop does without a window: enrolling, unlocking, locking, the use cases of a
//! clinic's day, and keeping in step with the server.
//!
//! A use case decides by the policies, acts, and returns only after its audit event is durable.
//! It needs an open profile ([`desk::Desk`]), and there is no way to one but through the password
//! and the keychain. Locking drops it: the cache is closed and the keys are wiped.
//!
//! Never: a window, SQL, patient data in an error, a log or a span; never deletes a cache, never
//! falls back to an unsealed one; never shows or changes a record before its audit event is on
//! the disk; never keeps a password once the server has answered.

pub mod adapter;
pub mod desk;
pub mod door;
pub mod error;
mod facade;
pub mod fault;
mod lease;
pub mod log;
mod memory;
mod notice;
mod opening;
pub mod port;
pub mod profile;
pub mod recovered;
pub mod rehearsal;
mod runner;
pub mod show;
pub mod view;
mod visiting;
mod wipe;
mod witness;
mod work;

pub use facade::Workstation;
pub use notice::Notice;
