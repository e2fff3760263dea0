//! Who is asking: accounts, devices, sessions and the proofs that go with them.

pub mod account;
pub mod caller;
pub mod device;
pub mod error;
pub mod jose;
pub mod lease;
pub mod limit;
pub mod oidc;
pub mod password;
pub mod password_change;
pub mod password_rules;
pub mod proof;
pub mod remembered;
pub mod routes;
pub mod session;
pub mod sign_in;
pub mod totp;
pub mod wipe;
pub mod wipe_routes;
