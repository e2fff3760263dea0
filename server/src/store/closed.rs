//! Records that are closed for good: their keys were destroyed.

use deadpool_postgres::{GenericClient, Transaction};
use uuid::Uuid;

use crate::app::App;
use crate::store::error::StoreError;
use crate::store::write::{self, Expect, Recording, WriteContext, WriteError, WriteOp};

/// Whether the record of this patient is closed.
///
/// # Errors
/// When the database refuses.
pub async fn is(app: &App, client: &impl GenericClient, patient: &str) -> Result<bool, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT EXISTS (SELECT FROM closed_record WHERE tenant = $1 AND patient = $2)",
        )
        .await?;
    let row = client
        .query_one(&statement, &[&app.tenant.id, &patient])
        .await?;
    Ok(row.get(0))
}

/// Whether there are records of this patient, deleted ones too.
///
/// # Errors
/// When the database refuses.
pub async fn is_known(
    app: &App,
    client: &impl GenericClient,
    patient: &str,
) -> Result<bool, StoreError> {
    let row = client
        .query_one(
            "SELECT EXISTS (SELECT FROM resource WHERE tenant = $1 AND patient = $2)",
            &[&app.tenant.id, &patient],
        )
        .await?;
    Ok(row.get(0))
}

/// Closes a record in the transaction of `tx`: every resource gets a deletion, which takes it out
/// of index, identity and times and tells workstations to let it go, and nothing can be written
/// any more once this commits. Writers that were before are waited for. Returns how many
/// resources were deleted; none if the record was closed before.
///
/// # Errors
/// When the write path refuses.
pub async fn close(
    app: &App,
    tx: &Transaction<'_>,
    author: Uuid,
    patient: &str,
) -> Result<Option<u64>, WriteError> {
    tx.execute(
        "SELECT pg_advisory_xact_lock(record_lock($1, $2))",
        &[&app.tenant.id, &patient],
    )
    .await?;
    if is(app, tx, patient).await? {
        return Ok(None);
    }
    let rows = tx
        .query(
            "SELECT resource_type, id FROM resource \
             WHERE tenant = $1 AND patient = $2 AND NOT deleted ORDER BY resource_type, id",
            &[&app.tenant.id, &patient],
        )
        .await?;
    let ops = rows
        .iter()
        .map(|row| WriteOp::Delete {
            resource_type: row.get(0),
            id: row.get(1),
            expect: Expect::Anything,
        })
        .collect();
    let now = app.now();
    let context = WriteContext {
        app,
        author,
        device: None,
        now,
        recording: Recording::Elsewhere,
        gate: None,
    };
    write::apply(tx, &context, ops).await?;
    tx.execute(
        "INSERT INTO closed_record (tenant, patient, closed_at) VALUES ($1, $2, $3)",
        &[&app.tenant.id, &patient, &now],
    )
    .await?;
    Ok(Some(rows.len() as u64))
}

/// All patients whose records are closed.
///
/// # Errors
/// When the database refuses.
pub async fn all(app: &App, client: &impl GenericClient) -> Result<Vec<String>, StoreError> {
    let rows = client
        .query(
            "SELECT patient FROM closed_record WHERE tenant = $1 ORDER BY patient",
            &[&app.tenant.id],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Which of these records are not closed here: the database is older than their closing.
///
/// # Errors
/// When the database refuses.
pub async fn still_open(
    app: &App,
    client: &impl GenericClient,
    patients: &[String],
) -> Result<Vec<String>, StoreError> {
    let rows = client
        .query(
            "SELECT u.patient FROM unnest($2::text[]) AS u(patient) \
             WHERE NOT EXISTS (SELECT FROM closed_record c \
                               WHERE c.tenant = $1 AND c.patient = u.patient)",
            &[&app.tenant.id, &patients],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
