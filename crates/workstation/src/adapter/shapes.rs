//! What goes into a request's query and comes out of a FHIR read, in the shapes of the protocol.

use protocol::sync::SyncEntry;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::https::configuration;
use crate::port::server::ServerError;

/// The answer to a FHIR read as the feed would have it.
pub(super) fn entry(
    resource_type: &str,
    id: &str,
    version: Option<u64>,
    bytes: &[u8],
) -> Result<SyncEntry, ServerError> {
    let unreadable = |error: serde_json::Error| ServerError::Unreadable(Box::new(error));
    let resource: Box<RawValue> = serde_json::from_slice(bytes).map_err(unreadable)?;
    let value: Value = serde_json::from_str(resource.get()).map_err(unreadable)?;
    let meta = |name: &str| value.get("meta")?.get(name)?.as_str();
    let version = version
        .or_else(|| meta("versionId")?.parse().ok())
        .ok_or_else(|| ServerError::Unreadable("a version is missing".into()))?;
    let last_updated = meta("lastUpdated")
        .and_then(|at| at.parse().ok())
        .ok_or_else(|| ServerError::Unreadable("the time of a version is missing".into()))?;
    Ok(SyncEntry {
        resource_type: resource_type.to_owned(),
        id: id.to_owned(),
        version,
        last_updated,
        patient: fhir::compartment::patient_of(&value),
        resource: Some(resource),
        author: None,
    })
}

/// The members of a flat object as a query has them.
pub(super) fn pairs(query: &impl Serialize) -> Result<Vec<(String, String)>, ServerError> {
    let Value::Object(members) = serde_json::to_value(query).map_err(configuration)? else {
        return Err(configuration("a query is an object"));
    };
    Ok(members
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect())
}

pub(super) fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
