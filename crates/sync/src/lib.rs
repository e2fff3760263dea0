//! The sync engine, without IO: what happened goes in, what to do comes out.
//!
//! A run goes audit up, changes up, pages down until there are no more, audit up. One
//! thing is asked for at a time, but for the next page, which is asked for while one is stored.
//! What is asked for is named by a ticket: a reply whose ticket is not waited for changes
//! nothing, so replies may be lost, late or doubled.
//!
//! The engine keeps nothing that a restart would miss. What must survive is in the store that
//! carries out [`Operation::Apply`] and the settle operations, each in one transaction.
//!
//! Never: IO, a clock (the time is an argument), randomness (the seed is an argument), tokio,
//! patient data beyond handing a page or a reply on to the store.

mod ahead;
mod backoff;
mod engine;
mod message;
mod state;

pub use backoff::Backoff;
pub use engine::{Config, Engine, Setup};
pub use message::{Failure, Input, Operation, Ticket};
pub use state::{Connection, Fault, FirstFill, Stage, State, Waiting};
