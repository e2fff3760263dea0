//! Whether a resource is what FHIR R4 says it must be.
//!
//! One walk over the JSON, led by HL7's element definitions, checks shape, types, codes,
//! cardinality, the calendar and references, and names the element of every issue. It compiles
//! nothing per type and needs no regular expressions; the tests hold it against HL7's own JSON
//! schema.

mod invariants;
pub(crate) mod model;
mod primitive;
mod references;
mod walk;

use serde_json::Value;

use crate::outcome::Issue;

/// How deep a resource may be nested. FHIR's own definitions need less than twenty levels;
/// only extensions in extensions and items in items go deeper.
pub const MAX_DEPTH: usize = 64;

/// How many issues are told at most; who has more will not read them.
pub const MAX_ISSUES: usize = 100;

/// Types that Rounds answers with or takes in, but does not keep.
const PASSING: &[&str] = &[
    "Bundle",
    "CapabilityStatement",
    "OperationOutcome",
    "Parameters",
];

/// Checks resources against HL7's definitions and the rules of references.
#[derive(Debug, Clone, Copy, Default)]
pub struct Validator;

impl Validator {
    /// A validator. The definitions are read once a process, when the first resource comes.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Checks a resource as it is stored: its references are `Type/id`, `#contained` or absolute.
    /// Inside a Bundle they may also name other entries, as in [`Self::validate_entry`].
    ///
    /// # Errors
    /// Everything that is wrong with it, up to [`MAX_ISSUES`].
    pub fn validate(&self, resource: &Value) -> Result<(), Vec<Issue>> {
        walk::Walk::over(resource, references::Setting::Stored)
    }

    /// Checks a resource as it stands in a transaction: references may also be `urn:uuid:…` or
    /// conditional (`Practitioner?identifier=…`).
    ///
    /// # Errors
    /// Everything that is wrong with it, up to [`MAX_ISSUES`].
    pub fn validate_entry(&self, resource: &Value) -> Result<(), Vec<Issue>> {
        walk::Walk::over(resource, references::Setting::Bundled)
    }
}
