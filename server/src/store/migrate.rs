//! Migrations, forward only, run as the database's owner.

use tokio_postgres::Client;

use crate::store::error::StoreError;

// A new file in the folder is seen when this file changes: V1 records, V2 identity and audit,
// V3 the end of dates, V5 the ledger.
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Brings the database to the schema of this program. Returns the names of what it ran.
///
/// # Errors
/// When a migration fails (it is rolled back) or one that ran earlier was changed since.
pub async fn run(owner: &mut Client) -> Result<Vec<String>, StoreError> {
    let report = embedded::migrations::runner()
        .run_async(owner)
        .await
        .map_err(|error| StoreError::Migrate(Box::new(error)))?;
    Ok(report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect())
}
