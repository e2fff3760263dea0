//! What a resource is found by.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// One value under which a resource is found.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexValue {
    /// The parameter (`birthdate`).
    pub param: &'static str,
    /// The value.
    pub value: IndexData,
}

/// A value of a search index.
#[derive(Debug, Clone, PartialEq)]
pub enum IndexData {
    /// A code, identifier, telephone number or truth value. Under a reference parameter: the
    /// identifier of a logical reference, for `:identifier`.
    Token {
        /// Its system, where it has one. Elements of type `code` have none in the record.
        system: Option<String>,
        /// The code.
        code: String,
    },
    /// Words, as they are written; compare after [`crate::person::normalise`].
    Text(String),
    /// Moments from `lo` up to but not including `hi`.
    Date {
        /// The first moment.
        lo: Timestamp,
        /// The first moment after it.
        hi: Timestamp,
    },
    /// A relative reference.
    Reference {
        /// The type of the target.
        resource_type: String,
        /// The id of the target.
        id: String,
    },
    /// An amount.
    Quantity {
        /// How much.
        value: f64,
        /// The system of its unit's code.
        system: Option<String>,
        /// The unit's code.
        code: Option<String>,
        /// The unit in words.
        unit: Option<String>,
    },
    /// A URI, or a reference that is one.
    Uri(String),
}

/// What a resource is found by; dates without a zone are read as UTC.
#[must_use]
pub fn extract(resource: &Value) -> Vec<IndexValue> {
    extract_in(resource, &TimeZone::UTC)
}

/// What a resource is found by; dates without a zone are read in `zone` (the clinic's).
#[must_use]
pub fn extract_in(_resource: &Value, _zone: &TimeZone) -> Vec<IndexValue> {
    Vec::new()
}
