//! What patients are known by, element by element: a list can show a name without opening a
//! record.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use serde_json::{Value, json};
use tracing::error;
use uuid::Uuid;

use crate::app::App;
use crate::store::error::StoreError;
use crate::store::seal;

/// Names of patients for people ("Ada Lovelace"), by logical id, read from the sealed column of
/// the name alone. Who has none, was deleted or destroyed, or whose name does not open is left
/// out (the last was logged).
///
/// # Errors
/// When the database or the key store refuses.
pub async fn names(
    app: &App,
    client: &impl GenericClient,
    patients: &[&str],
) -> Result<HashMap<String, String>, StoreError> {
    if patients.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = client
        .prepare_cached(
            "SELECT patient, version, key_id, name FROM patient_identity \
             WHERE tenant = $1 AND patient = ANY($2) AND name IS NOT NULL",
        )
        .await?;
    let rows = client
        .query(&statement, &[&app.tenant.id, &patients])
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get(2)).collect();
    let keys = app.keys.by_id(ids).await?;
    let mut names = HashMap::with_capacity(rows.len());
    for row in &rows {
        let (patient, version): (&str, i64) = (row.get(0), row.get(1));
        let code = match keys.key(&row.get(2)) {
            Err(fault) => fault.code(),
            Ok(key) => {
                let opened = seal::open_identity(
                    key,
                    app.tenant.id,
                    patient,
                    "name",
                    version.unsigned_abs(),
                    row.get(3),
                );
                match opened.map(|json| serde_json::from_slice::<Value>(&json)) {
                    Ok(Ok(name)) => {
                        let name = fhir::person::display_name(&json!({"name": name}));
                        names.insert(patient.to_owned(), name);
                        continue;
                    }
                    Ok(Err(_)) => "content-unreadable",
                    Err(error) => error.code(),
                }
            }
        };
        if code != crate::store::error::RECORD_DESTROYED {
            error!(
                table = "patient_identity",
                row = patient,
                column = "name",
                code,
                "a stored value does not open"
            );
        }
    }
    Ok(names)
}
