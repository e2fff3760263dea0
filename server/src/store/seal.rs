//! Sealing what a record holds, each value bound to its place.

use serde_json::Value;
use uuid::Uuid;
use vault::{DataKey, Place, SealingKey};
use zeroize::Zeroizing;

use crate::store::error::StoreError;

/// System of social security numbers.
const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";

/// The sealed columns of `patient_identity`, in the order of [`identity`].
pub const IDENTITY_COLUMNS: [&str; 7] = [
    "name",
    "birth_date",
    "ssn",
    "phone",
    "email",
    "mrn",
    "address",
];

/// Seals the body of a version.
///
/// # Errors
/// When there is no randomness.
pub fn body(
    key: &SealingKey,
    tenant: Uuid,
    resource_type: &str,
    id: &str,
    version: u64,
    json: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let row = row_name(resource_type, id);
    Ok(key.seal(&body_place(tenant, &row, version), json)?)
}

/// Opens the body of a version.
///
/// # Errors
/// When it was changed, moved or sealed under another key.
pub fn open_body(
    key: &DataKey,
    tenant: Uuid,
    resource_type: &str,
    id: &str,
    version: u64,
    sealed: Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let row = row_name(resource_type, id);
    Ok(key.open_in_place(&body_place(tenant, &row, version), sealed)?)
}

/// The sealed columns of a Patient's `patient_identity` row, in the order of
/// [`IDENTITY_COLUMNS`]; none where the patient lacks the element.
///
/// # Errors
/// When there is no randomness.
pub fn identity(
    key: &SealingKey,
    tenant: Uuid,
    patient: &str,
    version: u64,
    resource: &Value,
) -> Result<[Option<Vec<u8>>; 7], StoreError> {
    let mut sealed: [Option<Vec<u8>>; 7] = Default::default();
    for (slot, (column, element)) in sealed
        .iter_mut()
        .zip(IDENTITY_COLUMNS.iter().zip(identity_elements(resource)))
    {
        if let Some(element) = element {
            let json = Zeroizing::new(element.to_string());
            *slot = Some(key.seal(
                &identity_place(tenant, patient, column, version),
                json.as_bytes(),
            )?);
        }
    }
    Ok(sealed)
}

/// Opens one column of `patient_identity`.
///
/// # Errors
/// When it was changed, moved or sealed under another key.
pub fn open_identity(
    key: &DataKey,
    tenant: Uuid,
    patient: &str,
    column: &str,
    version: u64,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    Ok(key.open(&identity_place(tenant, patient, column, version), sealed)?)
}

fn identity_elements(patient: &Value) -> [Option<Value>; 7] {
    let list = |element: &str, keep: &dyn Fn(&Value) -> bool| {
        let kept: Vec<Value> = patient
            .get(element)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|item| keep(item))
            .cloned()
            .collect();
        (!kept.is_empty()).then_some(Value::Array(kept))
    };
    let is_ssn = |item: &Value| item.get("system").and_then(Value::as_str) == Some(SSN);
    let is_mail = |item: &Value| {
        matches!(
            item.get("system").and_then(Value::as_str),
            Some("email" | "url")
        )
    };
    [
        patient.get("name").cloned(),
        patient.get("birthDate").cloned(),
        list("identifier", &is_ssn),
        list("telecom", &|item| !is_mail(item)),
        list("telecom", &is_mail),
        list("identifier", &|item| !is_ssn(item)),
        patient.get("address").cloned(),
    ]
}

fn row_name(resource_type: &str, id: &str) -> String {
    format!("{resource_type}/{id}")
}

/// Where the body of a version lives.
pub(crate) fn body_place(tenant: Uuid, row: &str, version: u64) -> Place<'_> {
    Place {
        tenant,
        table: "resource_version",
        row,
        column: "body",
        version,
    }
}

/// Where an element of identity lives.
pub(crate) fn identity_place<'a>(
    tenant: Uuid,
    patient: &'a str,
    column: &'a str,
    version: u64,
) -> Place<'a> {
    Place {
        tenant,
        table: "patient_identity",
        row: patient,
        column,
        version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_identity_element_lands_in_its_own_column() {
        let patient = json!({
            "resourceType": "Patient", "id": "p",
            "name": [{"family": "Name"}], "birthDate": "1980-01-01",
            "identifier": [{"system": SSN, "value": "999"}, {"system": "urn:rounds:mrn", "value": "M1"}],
            "telecom": [{"system": "phone", "value": "555"}, {"system": "email", "value": "a@b"}],
            "address": [{"city": "Town"}],
        });
        let tenant = Uuid::nil();
        let key = DataKey::generate().unwrap();
        let sealed = identity(&key.for_sealing(7), tenant, "p", 3, &patient).unwrap();
        let open = |at: usize, column: &str, version| {
            let blob = sealed[at].as_deref().unwrap();
            open_identity(&key, tenant, "p", column, version, blob)
        };
        let texts: Vec<String> = IDENTITY_COLUMNS
            .iter()
            .enumerate()
            .map(|(at, column)| String::from_utf8(open(at, column, 3).unwrap().to_vec()).unwrap())
            .collect();
        assert!(texts[0].contains("Name") && texts[1].contains("1980"));
        assert!(texts[2].contains("999") && !texts[2].contains("M1"));
        assert!(texts[3].contains("555") && texts[4].contains("a@b"));
        assert!(texts[5].contains("M1") && texts[6].contains("Town"));
        // A column's value opens in no other column and for no other version.
        assert!(open(0, "address", 3).is_err());
        assert!(open(0, "name", 2).is_err());
    }
}
