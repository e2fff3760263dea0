//! From an entry's bundle to write operations, each decided by policy.

use access::{Action, Request, ResourceClass};
use fhir::bundle::{self, Method};
use fhir::outcome::{Issue, IssueType};
use fhir::reference;
use fhir::resource;
use protocol::sign_in::Role;
use serde_json::Value;

use crate::app::App;
use crate::store::write::{Expect, WriteOp};

/// Why a bundle is not taken.
#[derive(Debug)]
pub enum BundleError {
    /// It is not what the protocol asks for.
    Invalid(Vec<Issue>),
    /// Policy denies one of its changes.
    Forbidden(Vec<Issue>),
}

/// Reads a bundle that a workstation sends: `PUT Type/id` with `ifNoneMatch: *` or `ifMatch`,
/// and `DELETE Type/id` with `ifMatch`.
///
/// # Errors
/// [`BundleError::Invalid`] names every entry that cannot be taken.
pub fn operations(bundle: &Value) -> Result<Vec<WriteOp>, BundleError> {
    let is = |element: &str, text: &str| bundle.get(element).and_then(Value::as_str) == Some(text);
    if !is("resourceType", "Bundle") || !is("type", "transaction") {
        return Err(invalid("Bundle.type", "a transaction Bundle is needed"));
    }
    let entries = bundle::entries(bundle).map_err(BundleError::Invalid)?;
    if entries.is_empty() {
        return Err(invalid("Bundle.entry", "the Bundle holds nothing"));
    }
    let mut operations = Vec::with_capacity(entries.len());
    for entry in entries {
        let at = |element: &str| format!("Bundle.entry[{}].{element}", entry.index);
        let Some(target) = reference::parse(entry.url) else {
            return Err(invalid(at("request.url"), "the url must be Type/id"));
        };
        let expect = match entry.if_match {
            Some(etag) => match bundle::parse_etag(etag) {
                Some(version) => Some(Expect::Version(version)),
                None => return Err(invalid(at("request.ifMatch"), "this is no version")),
            },
            None => None,
        };
        let absent = none_match(bundle, entry.index);
        operations.push(match (entry.method, expect, absent) {
            (Method::Put, expect, absent) => {
                let expect = match (expect, absent) {
                    (Some(expect), false) => expect,
                    (None, true) => Expect::Absent,
                    _ => {
                        return Err(invalid(
                            at("request"),
                            "PUT needs either ifMatch or ifNoneMatch: *",
                        ));
                    }
                };
                let resource = entry.resource.cloned().unwrap_or_default();
                if resource::resource_type(&resource) != Some(target.resource_type.as_str())
                    || resource::id(&resource) != Some(target.id.as_str())
                {
                    return Err(invalid(
                        at("resource"),
                        "type and id must be those of the url",
                    ));
                }
                WriteOp::Put { resource, expect }
            }
            (Method::Delete, Some(expect), false) => WriteOp::Delete {
                resource_type: target.resource_type,
                id: target.id,
                expect,
            },
            (Method::Delete, _, _) => {
                return Err(invalid(at("request"), "DELETE needs ifMatch"));
            }
            _ => {
                return Err(invalid(
                    at("request.method"),
                    "only PUT and DELETE are taken",
                ));
            }
        });
    }
    Ok(operations)
}

fn none_match(bundle: &Value, index: usize) -> bool {
    bundle.get("entry").and_then(|entries| {
        entries
            .get(index)?
            .get("request")?
            .get("ifNoneMatch")?
            .as_str()
    }) == Some("*")
}

/// Asks policy about every operation.
///
/// # Errors
/// [`BundleError::Forbidden`] with the explanation of the first denial.
pub fn decide(app: &App, role: Role, operations: &[WriteOp]) -> Result<(), BundleError> {
    let Some(role) = access::Role::parse(role.as_str()) else {
        return Err(forbidden("this role is not known"));
    };
    for operation in operations {
        for (action, resource_type) in demands(operation) {
            let class = ResourceClass::of(resource_type);
            let decision = app.policies.decide(&Request::new(role, action, class));
            if !decision.allow() {
                return Err(forbidden(&decision.explanation));
            }
        }
    }
    Ok(())
}

/// What an operation needs to be allowed.
fn demands(operation: &WriteOp) -> Vec<(Action, &str)> {
    match operation {
        WriteOp::Put { resource, expect } => {
            let resource_type = resource::resource_type(resource).unwrap_or_default();
            let action = match expect {
                Expect::Absent => Action::Create,
                _ => Action::Update,
            };
            let mut demands = vec![(action, resource_type)];
            if is_signed(resource) {
                demands.push((Action::Sign, resource_type));
            }
            demands
        }
        WriteOp::Create { resource, .. } => {
            vec![(
                Action::Create,
                resource::resource_type(resource).unwrap_or_default(),
            )]
        }
        WriteOp::Patch { resource_type, .. } => vec![(Action::Update, resource_type)],
        WriteOp::Delete { resource_type, .. } => vec![(Action::Delete, resource_type)],
    }
}

/// A note becomes part of the record when somebody puts their name under it.
fn is_signed(resource: &Value) -> bool {
    resource::resource_type(resource) == Some("DocumentReference")
        && resource.get("docStatus").and_then(Value::as_str) == Some("final")
}

fn invalid(at: impl Into<String>, text: &str) -> BundleError {
    BundleError::Invalid(vec![Issue::error(IssueType::Invalid, text).at(at)])
}

fn forbidden(text: &str) -> BundleError {
    BundleError::Forbidden(vec![Issue::error(IssueType::Forbidden, text)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bundle(request: Value) -> Value {
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [{
            "resource": {"resourceType": "Patient", "id": "p"}, "request": request,
        }]})
    }

    #[test]
    fn takes_what_the_protocol_says_and_nothing_else() {
        let put = |extra: Value| {
            let mut request = json!({"method": "PUT", "url": "Patient/p"});
            for (key, value) in extra.as_object().unwrap() {
                request[key] = value.clone();
            }
            operations(&bundle(request))
        };
        let expect = |result: Result<Vec<WriteOp>, BundleError>| match result.unwrap().remove(0) {
            WriteOp::Put { expect, .. } => expect,
            other => panic!("{other:?}"),
        };
        assert_eq!(expect(put(json!({"ifNoneMatch": "*"}))), Expect::Absent);
        assert_eq!(
            expect(put(json!({"ifMatch": "W/\"4\""}))),
            Expect::Version(4)
        );
        for refused in [
            json!({}),
            json!({"ifMatch": "W/\"4\"", "ifNoneMatch": "*"}),
            json!({"ifMatch": "four"}),
            json!({"url": "Patient/q", "ifNoneMatch": "*"}),
            json!({"url": "Patient?x=y", "ifNoneMatch": "*"}),
            json!({"method": "POST", "url": "Patient"}),
            json!({"method": "DELETE"}),
        ] {
            assert!(
                matches!(put(refused.clone()), Err(BundleError::Invalid(_))),
                "{refused}"
            );
        }
        assert!(operations(&json!({"resourceType": "Bundle", "type": "batch"})).is_err());
    }
}
