//! JSON Patch (RFC 6902) over a resource.

use serde_json::Value;

use crate::outcome::{Issue, IssueType};

/// Why a patch did not apply.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The body is not a JSON Patch document.
    #[error("the body is not a JSON Patch document: an array of operations")]
    Malformed(#[source] serde_json::Error),
    /// An operation did not apply: its path is missing or its test failed.
    #[error("operation {operation} of the patch does not apply at {path}")]
    DoesNotApply {
        /// Which operation, counted from 0.
        operation: usize,
        /// Its JSON Pointer.
        path: String,
        /// What the library said.
        #[source]
        source: json_patch::PatchErrorKind,
    },
    /// The patch would change what the server alone sets.
    #[error("a patch may not change {element}")]
    Immutable {
        /// Which element.
        element: &'static str,
    },
}

impl PatchError {
    /// A stable code of the refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "patch-malformed",
            Self::DoesNotApply { .. } => "patch-does-not-apply",
            Self::Immutable { .. } => "patch-immutable",
        }
    }

    /// The refusal as an issue.
    #[must_use]
    pub fn issue(&self) -> Issue {
        let code = match self {
            Self::Malformed(_) => IssueType::Structure,
            Self::DoesNotApply { .. } => IssueType::Processing,
            Self::Immutable { .. } => IssueType::BusinessRule,
        };
        Issue::error(code, self.to_string())
    }
}

/// Applies a JSON Patch document, all of it or nothing. Type and id of the resource stay.
///
/// # Errors
/// When the document is malformed, an operation does not apply, or type or id would change.
pub fn json_patch(resource: &Value, document: &Value) -> Result<Value, PatchError> {
    let patch: json_patch::Patch =
        serde_json::from_value(document.clone()).map_err(PatchError::Malformed)?;
    let mut patched = resource.clone();
    json_patch::patch(&mut patched, &patch).map_err(|error| PatchError::DoesNotApply {
        operation: error.operation,
        path: error.path.to_string(),
        source: error.kind,
    })?;
    for element in ["resourceType", "id"] {
        if patched.get(element) != resource.get(element) {
            return Err(PatchError::Immutable { element });
        }
    }
    Ok(patched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn applies_all_or_nothing() -> Result<(), PatchError> {
        let patient = json!({"resourceType": "Patient", "id": "1", "active": true});
        let patched = json_patch(
            &patient,
            &json!([{"op": "test", "path": "/active", "value": true},
                    {"op": "add", "path": "/gender", "value": "female"}]),
        )?;
        assert_eq!(patched["gender"], "female");

        let refused = json_patch(
            &patient,
            &json!([{"op": "add", "path": "/gender", "value": "female"},
                    {"op": "remove", "path": "/name/0"}]),
        );
        assert!(
            matches!(refused, Err(PatchError::DoesNotApply { operation: 1, ref path, .. }) if path == "/name/0")
        );
        for document in [
            json!({"op": "add"}),
            json!([{"op": "fly", "path": "/x"}]),
            json!("x"),
        ] {
            assert!(matches!(
                json_patch(&patient, &document),
                Err(PatchError::Malformed(_))
            ));
        }
        for path in ["/id", "/resourceType"] {
            let refused = json_patch(
                &patient,
                &json!([{"op": "replace", "path": path, "value": "x"}]),
            );
            assert!(matches!(refused, Err(PatchError::Immutable { .. })));
        }
        assert!(
            json_patch(
                &patient,
                &json!([{"op": "replace", "path": "", "value": 1}])
            )
            .is_err()
        );
        Ok(())
    }
}
