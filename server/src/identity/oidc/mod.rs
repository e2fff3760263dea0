//! Single sign-on with the organisation's identity provider (OpenID Connect).
//!
//! The server is the client of the provider; the workstation only opens a browser and hands over
//! what comes back (RFC 8252). So no workstation holds a secret of the provider, and every check
//! is made in one place. What begins is the same session as with a password, on a device that was
//! enrolled for the account before, by password and one-time code or by the code alone: the
//! device's key stays the second factor.
//!
//! Never: a token of the provider kept or logged; an account made because a provider says so.

pub mod claims;
pub mod enrol;
pub mod error;
pub mod flow;
pub mod pending;
pub mod provider;
pub mod routes;
pub mod settings;

pub use error::OidcError;
pub use provider::Provider;
pub use settings::OidcSettings;
