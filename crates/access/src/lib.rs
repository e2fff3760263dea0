//! Who may do what, and why: one set of Cedar policies for server and workstation.
//!
//! The policies are in `policies/`, readable and commented, and compiled in. [`decide`] answers
//! with a [`Verdict`] and an explanation in words that a screen can show; it is stored with the
//! audit event. What no policy permits is refused.
//!
//! What the policies ask about a user and a patient are [`Facts`]. They are gathered from
//! [`relation::ties`], which reads what single FHIR resources say, and from [`Grant`]s. Server and
//! workstation keep the ties in their own stores and gather by the same rules.
//!
//! Never: IO, clocks, a decision in Rust code that a policy could make, an answer without an
//! explanation, a record's content in a request.

pub mod cases;
pub mod class;
pub mod consent;
pub mod decision;
pub mod facts;
pub mod relation;
pub mod request;
pub mod role;

pub use class::ResourceClass;
pub use decision::{Decision, LoadError, PolicySet, Verdict, decide};
pub use facts::{Facts, Grant, GrantKind, Me, Part};
pub use relation::{Party, Says, Tie};
pub use request::{Action, Request};
pub use role::Role;
