//! Reading what records say that are older than the tables of relations, once.

use jiff::tz::TimeZone;

use crate::access::ties::TieRows;
use crate::app::App;
use crate::store::error::StoreError;
use crate::store::rows::{self, COLUMNS, SealedRow};
use crate::store::transaction;

/// Records read at a time.
const BATCH: i64 = 500;

/// Fills the tables of relations where that is due, before anything is served. Harmless when it is
/// broken off or run by two servers at once: each batch replaces what its records said.
///
/// # Errors
/// When the database refuses.
pub async fn run(app: &App) -> Result<(), StoreError> {
    let client = app.pool.get().await?;
    let due = client
        .query_opt(
            "SELECT FROM relation_due WHERE tenant = $1",
            &[&app.tenant.id],
        )
        .await?;
    if due.is_none() {
        return Ok(());
    }
    drop(client);
    let mut records = 0;
    let types = access::relation::TYPES;
    for resource_type in types.into_iter().chain(["PractitionerRole"]) {
        let mut after = String::new();
        while let Some((last, read)) = batch(app, resource_type, &after).await? {
            after = last;
            records += read;
        }
    }
    let client = app.pool.get().await?;
    client
        .execute(
            "DELETE FROM relation_due WHERE tenant = $1",
            &[&app.tenant.id],
        )
        .await?;
    tracing::info!(records, "relations were read from the records");
    Ok(())
}

/// One batch after an id; gives its last id and its length, or none at the end.
async fn batch(
    app: &App,
    resource_type: &str,
    after: &str,
) -> Result<Option<(String, usize)>, StoreError> {
    transaction::run(app, "fill-relations", |tx, _| {
        Box::pin(async move {
            // Held against writers until the batch is stored: none of them is overwritten.
            let found = tx
                .query(
                    &format!(
                        "SELECT {COLUMNS} FROM (SELECT r.resource_type, r.id, r.version FROM resource r \
                           WHERE r.tenant = $1 AND r.resource_type = $2 AND r.id > $3 AND NOT r.deleted \
                           ORDER BY r.id LIMIT $4 FOR SHARE OF r) r \
                         JOIN resource_version v ON v.tenant = $1 AND v.resource_type = r.resource_type \
                          AND v.id = r.id AND v.version = r.version ORDER BY r.id"
                    ),
                    &[&app.tenant.id, &resource_type, &after, &BATCH],
                )
                .await?;
            let sealed: Vec<SealedRow> = found.iter().map(SealedRow::read).collect();
            let Some(last) = sealed.last().map(|row| row.id.clone()) else {
                return Ok(None);
            };
            let read = sealed.len();
            let zone = TimeZone::get(&app.tenant.time_zone).unwrap_or(TimeZone::UTC);
            let mut ties = TieRows::default();
            for row in rows::open_all(app, sealed).await? {
                // One that does not open says nothing; it was reported where it was found.
                let Ok(row) = row else { continue };
                let Ok(Some(body)) = row.value() else { continue };
                ties.write(resource_type, &row.id, Some(&body), true, &zone, app.now());
            }
            ties.store(tx, app.tenant.id).await?;
            Ok(Some((last, read)))
        })
    })
    .await
}
