//! A whole Rounds platform on one machine, for tests and for development: a private
//! PostgreSQL cluster, a local certificate authority, and the server as a child process.
//!
//! Everything it starts ends with the process that started it, also when that process is
//! killed: a small watcher per child notices and cleans.
//!
//! Never: production. Never a PostgreSQL that somebody else runs, never a TCP port for the
//! database, never tokio (callers bring their own runtime, or none).

mod account;
mod authority;
mod child;
mod chromium;
mod cluster;
mod error;
mod make;
pub mod memory;
mod platform;
mod server;
mod state;

pub use authority::Authority;
pub use child::{Child, Leftovers};
pub use chromium::CHROMIUM;
pub use cluster::{Cluster, ClusterOptions};
pub use error::TestbedError;
pub use platform::{NewUser, Platform, PlatformOptions};
pub use server::{find_program, free_port};
pub use state::{State, UserRecord};
