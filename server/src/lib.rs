//! The platform: a FHIR R4 server over PostgreSQL that seals what it stores, decides every
//! access and records it.
//!
//! Never: PHI in a log, a span, an error or a plain column; a write beside
//! [`store::write`]; an answer with patient data before its audit event is durable; a clock
//! read or an id drawn where [`app::App`] offers one; panics on anything that came from
//! outside.

pub mod access;
pub mod app;
pub mod audit;
pub mod commands;
pub mod config;
pub mod feed;
pub mod fhir_api;
pub mod http;
pub mod identity;
pub mod kms;
pub mod ledger;
pub mod review;
pub mod search;
pub mod smart;
pub mod store;
pub mod visits;
