//! What is wrong with a request, and the `OperationOutcome` that tells it.

use serde_json::{Map, Value, json};

/// How grave an issue is (`OperationOutcome.issue.severity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The request could not be looked at any further.
    Fatal,
    /// The request was refused.
    Error,
    /// The request was answered, but something of it was passed over.
    Warning,
    /// Nothing is wrong.
    Information,
}

impl Severity {
    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

macro_rules! issue_types {
    ($($(#[$doc:meta])* $name:ident => $code:literal,)*) => {
        /// What kind of issue it is (`OperationOutcome.issue.code`, the codes that Rounds uses).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum IssueType { $($(#[$doc])* $name,)* }

        impl IssueType {
            /// The code on the wire.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

issue_types! {
    /// Content is not valid.
    Invalid => "invalid",
    /// The shape is wrong: malformed JSON, an unknown element, an array where one value belongs.
    Structure => "structure",
    /// A required element is missing.
    Required => "required",
    /// An element's value is not of its type.
    Value => "value",
    /// Two elements contradict each other.
    Invariant => "invariant",
    /// Signing in is needed.
    Login => "login",
    /// The session has ended.
    Expired => "expired",
    /// The caller may not do this.
    Forbidden => "forbidden",
    /// Processing failed.
    Processing => "processing",
    /// The operation, type or parameter is not supported.
    NotSupported => "not-supported",
    /// The record exists already.
    Duplicate => "duplicate",
    /// More than one record matches where one was meant.
    MultipleMatches => "multiple-matches",
    /// There is no such record.
    NotFound => "not-found",
    /// The record was deleted.
    Deleted => "deleted",
    /// The content is too large or too deep.
    TooLong => "too-long",
    /// A code is not one of its element's codes.
    CodeInvalid => "code-invalid",
    /// The answer would be too large.
    TooCostly => "too-costly",
    /// A rule of the clinic forbids it.
    BusinessRule => "business-rule",
    /// The record changed in the meantime.
    Conflict => "conflict",
    /// Passing trouble: try again.
    Transient => "transient",
    /// The store could not keep the record.
    NoStore => "no-store",
    /// An unexpected fault.
    Exception => "exception",
    /// It took too long.
    Timeout => "timeout",
    /// Too many requests.
    Throttled => "throttled",
    /// For information.
    Informational => "informational",
}

/// One thing wrong (or worth saying), fit for logs: it names elements and rules, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{diagnostics}", .expression.as_deref().unwrap_or(""), if .expression.is_some() { ": " } else { "" })]
pub struct Issue {
    /// How grave.
    pub severity: Severity,
    /// What kind.
    pub code: IssueType,
    /// Where, as FHIRPath (`Observation.component[1].code`).
    pub expression: Option<String>,
    /// What a person needs to know.
    pub diagnostics: String,
}

impl Issue {
    /// An error without a place.
    #[must_use]
    pub fn error(code: IssueType, diagnostics: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            expression: None,
            diagnostics: diagnostics.into(),
        }
    }

    /// A warning without a place.
    #[must_use]
    pub fn warning(code: IssueType, diagnostics: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, diagnostics)
        }
    }

    /// An information without a place.
    #[must_use]
    pub fn information(diagnostics: impl Into<String>) -> Self {
        Self {
            severity: Severity::Information,
            ..Self::error(IssueType::Informational, diagnostics)
        }
    }

    /// The same issue, at an element.
    #[must_use]
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression = Some(expression.into());
        self
    }
}

/// The `OperationOutcome` resource that tells these issues. FHIR wants at least one: of none it
/// makes "all is well".
#[must_use]
pub fn operation_outcome(issues: &[Issue]) -> Value {
    let tell = |issue: &Issue| {
        let mut told = Map::new();
        told.insert("severity".into(), issue.severity.code().into());
        told.insert("code".into(), issue.code.code().into());
        if !issue.diagnostics.is_empty() {
            told.insert("diagnostics".into(), issue.diagnostics.clone().into());
        }
        if let Some(expression) = &issue.expression {
            told.insert("expression".into(), json!([expression]));
        }
        Value::Object(told)
    };
    let told: Vec<Value> = if issues.is_empty() {
        vec![tell(&Issue::information("all is well"))]
    } else {
        issues.iter().map(tell).collect()
    };
    json!({"resourceType": "OperationOutcome", "issue": told})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_issue_and_where() {
        let issue = Issue::error(IssueType::Value, "is not a date").at("Patient.birthDate");
        assert_eq!(issue.to_string(), "Patient.birthDate: is not a date");
        let told = operation_outcome(&[issue, Issue::warning(IssueType::NotSupported, "x")]);
        assert_eq!(
            told,
            json!({"resourceType": "OperationOutcome", "issue": [
                {"severity": "error", "code": "value", "diagnostics": "is not a date",
                 "expression": ["Patient.birthDate"]},
                {"severity": "warning", "code": "not-supported", "diagnostics": "x"}]})
        );
        assert_eq!(
            operation_outcome(&[])["issue"][0]["severity"],
            "information"
        );
    }
}
