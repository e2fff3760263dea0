//! Rows as they come from the database, and opening them.

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tracing::error;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::App;
use crate::store::error::{RECORD_DESTROYED, StoreError};
use crate::store::keys::{KeyFault, OpenKeys};
use crate::store::seal;

/// Columns of a version row, for a query that calls `resource_version` v; in the order that
/// [`SealedRow::read`] takes them.
pub const COLUMNS: &str =
    "v.resource_type, v.id, v.version, v.recorded_at, v.patient, v.deleted, v.key_id, v.body";

/// One version, still sealed.
#[derive(Debug, Clone)]
pub struct SealedRow {
    /// Type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// Version.
    pub version: u64,
    /// `meta.lastUpdated`.
    pub last_updated: Timestamp,
    /// The patient in whose compartment it is.
    pub patient: Option<String>,
    /// Whether this version is a deletion.
    pub deleted: bool,
    /// Key of the body.
    pub key_id: Option<Uuid>,
    /// The body; none for a deletion.
    pub body: Option<Vec<u8>>,
}

impl SealedRow {
    /// Reads [`COLUMNS`] from the start of a row.
    pub fn read(row: &Row) -> Self {
        Self {
            resource_type: row.get(0),
            id: row.get(1),
            // The table checks that it is positive.
            version: row.get::<_, i64>(2).unsigned_abs(),
            last_updated: row.get(3),
            patient: row.get(4),
            deleted: row.get(5),
            key_id: row.get(6),
            body: row.get(7),
        }
    }
}

/// One version, opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// Version.
    pub version: u64,
    /// `meta.lastUpdated`.
    pub last_updated: Timestamp,
    /// The patient in whose compartment it is.
    pub patient: Option<String>,
    /// The resource as JSON text; none for a deletion.
    pub json: Option<Zeroizing<Vec<u8>>>,
}

impl Opened {
    /// The resource as a value; none for a deletion.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn value(&self) -> Result<Option<Value>, BadRow> {
        self.json
            .as_ref()
            .map(|json| serde_json::from_slice(json))
            .transpose()
            .map_err(|_| {
                BadRow::report(
                    &self.resource_type,
                    &self.id,
                    self.version,
                    "content-unreadable",
                )
            })
    }
}

/// A row that does not open. It was logged when it was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resource_version.body of {resource_type}/{id} version {version} does not open ({code})")]
pub struct BadRow {
    /// Type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// Version.
    pub version: u64,
    /// Stable code of the cause.
    pub code: &'static str,
}

impl BadRow {
    fn report(resource_type: &str, id: &str, version: u64, code: &'static str) -> Self {
        // What was destroyed on purpose is no fault.
        if code != RECORD_DESTROYED {
            error!(
                table = "resource_version",
                row = format!("{resource_type}/{id}/{version}"),
                column = "body",
                code,
                "a stored value does not open"
            );
        }
        Self {
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
            version,
            code,
        }
    }
}

/// Opens rows. One that does not open leaves the others alone.
///
/// # Errors
/// When the key store cannot be asked.
pub async fn open_all(
    app: &App,
    rows: Vec<SealedRow>,
) -> Result<Vec<Result<Opened, BadRow>>, StoreError> {
    let keys = app
        .keys
        .by_id(rows.iter().filter_map(|row| row.key_id))
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| open_one(app.tenant.id, &keys, row))
        .collect())
}

fn open_one(tenant: Uuid, keys: &OpenKeys, mut row: SealedRow) -> Result<Opened, BadRow> {
    let body = row.body.take();
    let bad = |code| BadRow::report(&row.resource_type, &row.id, row.version, code);
    let json = match body {
        None => None,
        Some(sealed) => {
            let key = row
                .key_id
                .ok_or(KeyFault::Missing)
                .and_then(|id| keys.key(&id))
                .map_err(|fault| bad(fault.code()))?;
            let opened = seal::open_body(
                key,
                tenant,
                &row.resource_type,
                &row.id,
                row.version,
                sealed,
            )
            .map_err(|error| bad(error.code()))?;
            Some(opened)
        }
    };
    Ok(Opened {
        resource_type: row.resource_type,
        id: row.id,
        version: row.version,
        last_updated: row.last_updated,
        patient: row.patient,
        json,
    })
}
