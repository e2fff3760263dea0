//! Reading versions by their names.

use deadpool_postgres::GenericClient;

use crate::app::App;
use crate::store::error::StoreError;
use crate::store::rows::{self, BadRow, COLUMNS, Opened, SealedRow};

/// The current version of a resource, a deletion too; none if it never was.
///
/// # Errors
/// When the database refuses.
pub async fn current(
    app: &App,
    client: &impl GenericClient,
    resource_type: &str,
    id: &str,
) -> Result<Option<Result<Opened, BadRow>>, StoreError> {
    let found = many(app, client, &[(resource_type, id)]).await?;
    Ok(found.into_iter().next())
}

/// The current versions of resources, in the order asked; those that never were are left out.
///
/// # Errors
/// When the database refuses.
pub async fn many(
    app: &App,
    client: &impl GenericClient,
    asked: &[(&str, &str)],
) -> Result<Vec<Result<Opened, BadRow>>, StoreError> {
    let rows = sealed(app, client, asked).await?;
    rows::open_all(app, rows).await
}

/// [`many`], still sealed.
///
/// # Errors
/// When the database refuses.
pub async fn sealed(
    app: &App,
    client: &impl GenericClient,
    asked: &[(&str, &str)],
) -> Result<Vec<SealedRow>, StoreError> {
    let types: Vec<&str> = asked
        .iter()
        .map(|(resource_type, _)| *resource_type)
        .collect();
    let ids: Vec<&str> = asked.iter().map(|(_, id)| *id).collect();
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS a(resource_type, id, n) \
             JOIN resource r ON r.tenant = $1 AND r.resource_type = a.resource_type AND r.id = a.id \
             JOIN resource_version v ON v.tenant = $1 AND v.resource_type = r.resource_type \
              AND v.id = r.id AND v.version = r.version ORDER BY a.n"
        ))
        .await?;
    let rows = client
        .query(&statement, &[&app.tenant.id, &types, &ids])
        .await?;
    Ok(rows.iter().map(SealedRow::read).collect())
}

/// Whose the versions of a resource are and were, each owner once; none for no patient.
///
/// # Errors
/// When the database refuses.
pub async fn owners(
    app: &App,
    client: &impl GenericClient,
    resource_type: &str,
    id: &str,
) -> Result<Vec<Option<String>>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT DISTINCT v.patient FROM resource_version v \
             WHERE v.tenant = $1 AND v.resource_type = $2 AND v.id = $3",
        )
        .await?;
    let rows = client
        .query(&statement, &[&app.tenant.id, &resource_type, &id])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// One version of a resource, still sealed.
///
/// # Errors
/// When the database refuses.
pub async fn version(
    app: &App,
    client: &impl GenericClient,
    resource_type: &str,
    id: &str,
    version: u64,
) -> Result<Option<SealedRow>, StoreError> {
    let Ok(version) = i64::try_from(version) else {
        return Ok(None);
    };
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM resource_version v \
             WHERE v.tenant = $1 AND v.resource_type = $2 AND v.id = $3 AND v.version = $4"
        ))
        .await?;
    let rows = client
        .query(&statement, &[&app.tenant.id, &resource_type, &id, &version])
        .await?;
    Ok(rows.first().map(SealedRow::read))
}

/// Versions of one resource, newest first, from below `before` (0: from the newest); of these
/// owners alone, where they are given (empty for no patient).
///
/// # Errors
/// When the database refuses.
pub async fn history(
    app: &App,
    client: &impl GenericClient,
    resource_type: &str,
    id: &str,
    owners: Option<&[String]>,
    before: i64,
    limit: i64,
) -> Result<Vec<Result<Opened, BadRow>>, StoreError> {
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM resource_version v \
             WHERE v.tenant = $1 AND v.resource_type = $2 AND v.id = $3 \
               AND ($4::bigint = 0 OR v.version < $4) \
               AND ($6::text[] IS NULL OR coalesce(v.patient, '') = ANY($6)) \
             ORDER BY v.version DESC LIMIT $5"
        ))
        .await?;
    let rows = client
        .query(
            &statement,
            &[
                &app.tenant.id,
                &resource_type,
                &id,
                &before,
                &limit,
                &owners,
            ],
        )
        .await?;
    rows::open_all(app, rows.iter().map(SealedRow::read).collect()).await
}

/// How many versions a resource has, of these owners alone where they are given.
///
/// # Errors
/// When the database refuses.
pub async fn count_versions(
    app: &App,
    client: &impl GenericClient,
    resource_type: &str,
    id: &str,
    owners: Option<&[String]>,
) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*) FROM resource_version v \
             WHERE v.tenant = $1 AND v.resource_type = $2 AND v.id = $3 \
               AND ($4::text[] IS NULL OR coalesce(v.patient, '') = ANY($4))",
        )
        .await?;
    let row = client
        .query_one(&statement, &[&app.tenant.id, &resource_type, &id, &owners])
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}
