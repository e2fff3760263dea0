//! The FHIR service over a real database: one private cluster, one database for each test.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod access;
mod at_rest;
mod bad_input;
mod bundles;
mod clinic;
mod concurrency;
mod consents;
mod emergencies;
mod foreign;
mod records;
mod refusals;
mod relations;
mod remembered;
mod scopes;
mod search;
mod search_paging;
mod vault_keys;
mod vault_values;
mod walk;
mod wall;
