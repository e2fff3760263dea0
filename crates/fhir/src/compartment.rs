//! The patient compartment: whose record a resource belongs to.

use serde_json::Value;

use crate::{reference, resource};

/// The logical id of the patient in whose compartment a resource is.
#[must_use]
pub fn patient_of(resource: &Value) -> Option<String> {
    if resource::resource_type(resource)? == "Patient" {
        return resource::id(resource).map(str::to_owned);
    }
    ["patient", "subject", "beneficiary"]
        .iter()
        .find_map(|name| reference::literal(resource.get(name)?))
        .filter(|found| found.resource_type == "Patient")
        .map(|found| found.id)
}
