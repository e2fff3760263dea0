//! Load on the platform from outside: a small client over TLS, people and records to send, and
//! what processes used meanwhile. The program of this crate runs the platform under mixed load
//! for minutes, kills its server in the middle and looks for what was lost.
//!
//! The client blocks and each connection has a thread of its own: of the ways to ask a server on
//! the same machine, this one takes the least of what is measured.
//!
//! Never: calls into the server's crates. What an integration client cannot do over the wire,
//! this does not do; what it checks besides, it asks the operator's commands.

pub mod chance;
pub mod client;
pub mod drive;
mod error;
pub mod machine;
pub mod page;
pub mod people;
pub mod soak;
pub mod usage;

pub use error::LoadError;
