//! The world as it is: Secret Service, HTTPS, the browser, the desktop's lock.

mod connections;
pub mod https;
#[cfg(feature = "cli")]
pub mod keychain_file;
#[cfg(target_os = "linux")]
pub mod lock_signals;
pub(crate) mod loopback;
pub(crate) mod rehearsed;
#[cfg(target_os = "linux")]
pub mod secret_service;
mod shapes;
mod sse;
mod streams;
pub mod system_browser;
pub mod unusable;
