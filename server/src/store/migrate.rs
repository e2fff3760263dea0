//! Migrations of the records and of the key store, forward only, run as their owners.

use tokio_postgres::Client;

use crate::store::error::StoreError;

// A new file in the folder is seen when this file changes: V1 records, V2 identity and audit,
// V3 the end of dates, V4 keys apart, V5 the ledger, V6 access and the wall between clinics,
// V7 leases, orders to wipe and what was saved before, V9 single sign-on,
// V10 SMART, V11 records by time, V12 short tokens, V13 changes to what sessions rest on,
// V14 enrolment by code, V15 visits, V16 charts in a user's scope, V17 charts asked for and room,
// V21 chains that are asked for, V22 what operators say of a restored ledger, V23 guests in visits.
mod embedded {
    refinery::embed_migrations!("migrations");
}

// V1 keys.
mod embedded_keys {
    refinery::embed_migrations!("migrations_keys");
}

/// Brings the records' database to the schema of this program. Returns the names of what it ran.
///
/// # Errors
/// When a migration fails (it is rolled back) or one that ran earlier was changed since.
pub async fn run(owner: &mut Client) -> Result<Vec<String>, StoreError> {
    apply(embedded::migrations::runner(), owner).await
}

/// Brings the key store to the schema of this program. Returns the names of what it ran.
///
/// # Errors
/// When a migration fails (it is rolled back) or one that ran earlier was changed since.
pub async fn run_keys(owner: &mut Client) -> Result<Vec<String>, StoreError> {
    apply(embedded_keys::migrations::runner(), owner).await
}

async fn apply(runner: refinery::Runner, owner: &mut Client) -> Result<Vec<String>, StoreError> {
    let report = runner
        .run_async(owner)
        .await
        .map_err(|error| StoreError::Migrate(Box::new(error)))?;
    Ok(report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect())
}
