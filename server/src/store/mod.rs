//! Records in PostgreSQL: sealed, versioned, found by keyed hashes.

pub mod announce;
pub mod closed;
pub mod connect;
pub mod error;
pub mod hold;
pub mod identity;
pub mod keys;
pub mod migrate;
pub mod moved;
pub mod read;
pub mod reads;
pub mod rows;
pub mod seal;
pub mod tenant;
pub mod together;
pub mod transaction;
pub mod write;
