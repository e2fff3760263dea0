//! AWS KMS, which keeps a master key that never leaves it: wraps data keys, opens them, and says
//! whether a key still stands. [`crate::store::keys`] decides what is asked of it.
//!
//! Never: a key in a log or an error; a request that is not signed; plain HTTP beyond this machine.

mod arn;
mod client;
mod credentials;
mod error;
mod settings;

pub use arn::{KeyArn, UriError};
pub use client::{Context, Kms};
pub use credentials::CredentialsError;
pub use error::KmsError;
pub use settings::{CredentialSource, KmsSettings};
