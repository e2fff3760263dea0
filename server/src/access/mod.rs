//! What the server knows of users and patients, and what it makes of it.
//!
//! [`ties`] keeps what records say, in the transaction that writes them; [`known`] reads it back
//! for one user; [`sight`] decides with it what a caller may see, and `store::write` what a caller
//! may write; [`grants`] gives access on a user's own word, [`routes`] over HTTP; [`fill`] reads
//! records that are older than the tables.
//!
//! Never: a decision that is not `access::PolicySet`'s; a record's content in a table of
//! relations.

pub mod fill;
pub mod grants;
pub mod known;
pub mod routes;
pub mod sight;
pub mod ties;
