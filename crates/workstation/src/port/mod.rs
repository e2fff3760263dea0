//! What the workstation needs of the world: a keychain, a server, a browser, a clock,
//! randomness.

pub mod browser;
pub mod clock;
pub mod entropy;
pub mod keychain;
pub mod server;

use std::sync::Arc;

/// One of each, shared by everything that runs.
#[derive(Clone)]
pub struct Ports {
    /// Where secrets of a profile are kept.
    pub keychain: Arc<dyn keychain::Keychain>,
    /// The platform.
    pub server: Arc<dyn server::Server>,
    /// Where users sign in with the organisation.
    pub browser: Arc<dyn browser::Browser>,
    /// What time it is.
    pub clock: Arc<dyn clock::Clock>,
    /// Randomness.
    pub entropy: Arc<dyn entropy::Entropy>,
}
