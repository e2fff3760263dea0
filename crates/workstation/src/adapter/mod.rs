//! The world as it is: Secret Service, HTTPS.

pub mod https;
#[cfg(feature = "cli")]
pub mod keychain_file;
pub(crate) mod rehearsed;
#[cfg(target_os = "linux")]
pub mod secret_service;
mod shapes;
mod sse;
pub mod unusable;
