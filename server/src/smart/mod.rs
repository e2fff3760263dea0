//! SMART on FHIR for programs: Backend Services (HL7 SMART App Launch 2.2).
//!
//! An operator registers a program with its public keys and scopes. The program proves itself with
//! a signed assertion and gets a token for five minutes, for no more than it was registered for.
//! Scopes only take away: what is left is decided by the same policies as for every program.
//!
//! Never: a secret of a program here; a token that outlives its program's registration; a scoped
//! token outside the FHIR service.

pub mod assertion;
pub mod client;
pub mod configuration;
pub mod scope;
pub mod token;

pub use scope::Scopes;
