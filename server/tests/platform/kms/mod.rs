//! Master keys that AWS KMS has.

mod client;
mod ring;
mod service;
mod signature;
