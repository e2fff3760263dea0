//! Data keys of earlier versions lay beside the records: they are moved to the key store.

use tokio_postgres::Client;
use uuid::Uuid;
use vault::Place;

use crate::store::error::StoreError;

/// Moves what is left in the records' `data_key`. Both connections are their owners'. The keys
/// are removed only after the key store has them for good, so that an interrupted move is simply
/// run again. Returns how many were moved.
///
/// # Errors
/// When one of the databases refuses or a wrapped key cannot be read.
pub async fn data_keys(records: &mut Client, keys: &mut Client) -> Result<u64, StoreError> {
    let rows = records
        .query(
            "SELECT k.tenant, k.id, k.patient, k.wrapped, k.created_at, \
                    1024 * 64 \
                    + (SELECT count(*) FROM resource_version v \
                       WHERE v.tenant = k.tenant AND v.key_id = k.id) * 8 \
                    + CASE WHEN k.patient = '' THEN \
                        (SELECT count(*) FROM audit_event e WHERE e.tenant = k.tenant) * 16 \
                      ELSE 0 END \
             FROM data_key k",
            &[],
        )
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let tx = keys.transaction().await?;
    for row in &rows {
        let (tenant, patient): (Uuid, &str) = (row.get(0), row.get(2));
        let wrapped: &[u8] = row.get(3);
        let place = Place {
            tenant,
            table: "data_key",
            row: patient,
            column: "wrapped",
            version: 0,
        };
        let master = vault::keys::master_of(&place, wrapped)?;
        // How often it sealed was not counted: the estimate is well above what is stored.
        tx.execute(
            "INSERT INTO data_key \
               (tenant, id, patient, generation, master, wrapped, created_at, reserved) \
             VALUES ($1, $2, $3, 0, $4, $5, $6, $7) ON CONFLICT (tenant, id) DO NOTHING",
            &[
                &tenant,
                &row.get::<_, Uuid>(1),
                &patient,
                &master,
                &wrapped,
                &row.get::<_, jiff::Timestamp>(4),
                &row.get::<_, i64>(5),
            ],
        )
        .await?;
    }
    tx.commit().await?;
    records.batch_execute("TRUNCATE data_key").await?;
    Ok(rows.len() as u64)
}
