//! What there is to review, newest first.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use protocol::report::{Closing, Finding, ReviewItem, ReviewKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::app::App;
use crate::review::{closing_place, open::words_place};
use crate::store::error::StoreError;
use crate::store::identity;
use crate::store::keys::OpenKeys;

/// Where a page begins: after the item opened then, with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// When it was opened.
    pub opened: Timestamp,
    /// Its id.
    pub id: Uuid,
}

/// Which items.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// Open or closed ones.
    Closed(bool),
    /// This one.
    One(Uuid),
}

const COLUMNS: &str = "SELECT i.id, i.kind, i.opened_at, i.event, i.account, a.display_name, \
     i.patient, i.device, d.name, i.key_id, i.words, \
     c.closed_at, b.display_name, c.finding, c.key_id, c.words \
     FROM review_item i \
     LEFT JOIN review_closing c ON c.tenant = i.tenant AND c.item = i.id \
     LEFT JOIN account a ON a.tenant = i.tenant AND a.id = i.account \
     LEFT JOIN account b ON b.tenant = i.tenant AND b.id = c.account \
     LEFT JOIN device d ON d.tenant = i.tenant AND d.id = i.device";

/// Items, at most `limit`, beginning after `after`. `names` says whether the reader may know who
/// patients are.
///
/// # Errors
/// When the database or the key store refuses, or words do not open.
pub async fn items(
    app: &App,
    client: &impl GenericClient,
    which: Which,
    after: Option<After>,
    limit: u32,
    names: bool,
) -> Result<Vec<ReviewItem>, StoreError> {
    let (closed, one) = match which {
        Which::Closed(closed) => (Some(closed), None),
        Which::One(id) => (None, Some(id)),
    };
    let statement = client
        .prepare_cached(&format!(
            "{COLUMNS} WHERE i.tenant = $1 \
               AND ($2::boolean IS NULL OR (c.item IS NOT NULL) = $2) \
               AND ($3::uuid IS NULL OR i.id = $3) \
               AND ($4::timestamptz IS NULL OR (i.opened_at, i.id) < ($4, $5)) \
             ORDER BY i.opened_at DESC, i.id DESC LIMIT $6"
        ))
        .await?;
    let opened = after.map(|after| after.opened);
    let id = after.map(|after| after.id);
    let rows = client
        .query(
            &statement,
            &[
                &app.tenant.id,
                &closed,
                &one,
                &opened,
                &id,
                &i64::from(limit),
            ],
        )
        .await?;
    let ids = rows.iter().flat_map(|row| {
        let closing: Option<Uuid> = row.get(14);
        std::iter::once(row.get(9)).chain(closing)
    });
    let keys = app.keys.by_id(ids.collect::<Vec<Uuid>>()).await?;
    let mut patients: Vec<&str> = rows.iter().filter_map(|row| row.get(6)).collect();
    patients.sort_unstable();
    patients.dedup();
    let names = if names {
        identity::names(app, client, &patients).await?
    } else {
        HashMap::new()
    };
    rows.iter()
        .map(|row| item(app, &keys, &names, row))
        .collect()
}

/// How many items are open.
///
/// # Errors
/// When the database refuses.
pub async fn count_open(app: &App, client: &impl GenericClient) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*) FROM review_item i WHERE i.tenant = $1 AND NOT EXISTS \
               (SELECT FROM review_closing c WHERE c.tenant = i.tenant AND c.item = i.id)",
        )
        .await?;
    let row = client.query_one(&statement, &[&app.tenant.id]).await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

fn item(
    app: &App,
    keys: &OpenKeys,
    names: &HashMap<String, String>,
    row: &Row,
) -> Result<ReviewItem, StoreError> {
    let id: Uuid = row.get(0);
    let name = id.to_string();
    let patient: Option<String> = row.get(6);
    let words = |key: Uuid, place, sealed: &[u8]| -> Result<String, StoreError> {
        let opened = keys.need(&key)?.open(&place, sealed)?;
        Ok(String::from_utf8_lossy(&opened).into_owned())
    };
    let closed: Option<Timestamp> = row.get(11);
    let closed = match closed {
        None => None,
        Some(at) => Some(Closing {
            at,
            by: row.get::<_, Option<String>>(12).unwrap_or_default(),
            finding: coded::<Finding>(row.get(13), &name)?,
            words: words(
                row.get(14),
                closing_place(app.tenant.id, &name),
                row.get(15),
            )?,
        }),
    };
    Ok(ReviewItem {
        id,
        kind: coded::<ReviewKind>(row.get(1), &name)?,
        opened_at: row.get(2),
        event: row.get(3),
        user: row.get(4),
        user_name: row.get(5),
        patient_name: patient.as_ref().and_then(|id| names.get(id).cloned()),
        patient,
        device: row.get(7),
        device_name: row.get(8),
        words: words(row.get(9), words_place(app.tenant.id, &name), row.get(10))?,
        closed,
    })
}

/// Codes are stored as they are on the wire.
fn coded<T: DeserializeOwned>(code: &str, row: &str) -> Result<T, StoreError> {
    serde_json::from_value(code.into()).map_err(|_| StoreError::Content {
        table: "review_item.kind",
        row: row.to_owned(),
    })
}
