//! Who may do what, and why: one set of Cedar policies for server and workstation.
//!
//! The policies are in `policies/`, readable and commented, and compiled in. [`decide`] answers
//! with an explanation in words that a screen can show; it is stored with the audit event.
//! What no policy permits is refused.
//!
//! Never: IO, clocks, a decision in Rust code that a policy could make, an answer without an
//! explanation, a record's content in a request.

pub mod class;
pub mod decision;
pub mod role;

pub use class::ResourceClass;
pub use decision::{Action, Decision, LoadError, PolicySet, Request, decide};
pub use role::Role;
