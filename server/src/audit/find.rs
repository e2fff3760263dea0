//! Reading audit events, for reports and for the FHIR service.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::append::place;
use crate::store::error::StoreError;

/// What to look for. Every part that is given must fit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this event.
    pub id: Option<Uuid>,
    /// Recorded at or after this.
    pub from: Option<Timestamp>,
    /// Recorded before this.
    pub until: Option<Timestamp>,
    /// About this patient.
    pub patient: Option<String>,
    /// Done by this account.
    pub account: Option<Uuid>,
    /// One of these actions; none for all.
    pub actions: Vec<String>,
    /// Whether it was done.
    pub success: Option<bool>,
}

/// Where a page begins: after the event recorded then, with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// `recorded` of the last event seen.
    pub recorded: Timestamp,
    /// Its id.
    pub id: Uuid,
}

/// An event as it was stored.
#[derive(Debug, Clone)]
pub struct Found {
    /// Logical id.
    pub id: Uuid,
    /// When it happened.
    pub recorded: Timestamp,
    /// When it was stored.
    pub stored: Timestamp,
    /// The AuditEvent, JSON; or the code of the reason why it does not open, which was logged.
    pub json: Result<Zeroizing<Vec<u8>>, &'static str>,
}

/// Oldest first, or newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// Events that fit, at most `limit`, beginning after `after`.
///
/// # Errors
/// When the database refuses or the key store cannot be asked.
pub async fn page(
    app: &App,
    client: &impl GenericClient,
    filter: &Filter,
    order: Order,
    after: Option<After>,
    limit: u32,
) -> Result<Vec<Found>, StoreError> {
    let (comparison, direction) = match order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    let sql = format!(
        "SELECT e.id, e.recorded_at, e.stored_at, e.key_id, e.body FROM audit_event e \
         WHERE {WHERE} AND ($9::timestamptz IS NULL OR (e.recorded_at, e.id) {comparison} ($9, $10)) \
         ORDER BY e.recorded_at {direction}, e.id {direction} LIMIT $11"
    );
    let statement = client.prepare_cached(&sql).await?;
    let after_time = after.map(|after| after.recorded);
    let after_id = after.map(|after| after.id);
    let rows = client
        .query(
            &statement,
            &[
                &app.tenant.id,
                &filter.id,
                &filter.from,
                &filter.until,
                &filter.patient,
                &filter.account,
                &filter.actions,
                &filter.success,
                &after_time,
                &after_id,
                &i64::from(limit),
            ],
        )
        .await?;
    open(app, &rows).await
}

/// How many events fit.
///
/// # Errors
/// When the database refuses.
pub async fn count(
    app: &App,
    client: &impl GenericClient,
    filter: &Filter,
) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM audit_event e WHERE {WHERE}");
    let statement = client.prepare_cached(&sql).await?;
    let row = client
        .query_one(
            &statement,
            &[
                &app.tenant.id,
                &filter.id,
                &filter.from,
                &filter.until,
                &filter.patient,
                &filter.account,
                &filter.actions,
                &filter.success,
            ],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

const WHERE: &str = "e.tenant = $1 AND ($2::uuid IS NULL OR e.id = $2) \
     AND ($3::timestamptz IS NULL OR e.recorded_at >= $3) \
     AND ($4::timestamptz IS NULL OR e.recorded_at < $4) \
     AND ($5::text IS NULL OR e.id IN (SELECT p.event FROM audit_event_patient p \
          WHERE p.tenant = $1 AND p.patient = $5)) \
     AND ($6::uuid IS NULL OR e.account = $6) \
     AND (cardinality($7::text[]) = 0 OR e.action = ANY($7)) \
     AND ($8::boolean IS NULL OR e.success = $8)";

async fn open(app: &App, rows: &[Row]) -> Result<Vec<Found>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get(3)).collect();
    let keys = app.keys.by_id(ids).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let (id, key): (Uuid, Uuid) = (row.get(0), row.get(3));
            let name = id.to_string();
            let json = keys
                .key(&key)
                .map_err(|fault| fault.code())
                .and_then(|key| {
                    key.open(&place(app.tenant.id, &name), row.get(4))
                        .map_err(|error| error.code())
                });
            if let Err(code) = &json {
                tracing::error!(
                    table = "audit_event",
                    row = name,
                    column = "body",
                    code,
                    "a stored value does not open"
                );
            }
            Found {
                id,
                recorded: row.get(1),
                stored: row.get(2),
                json,
            }
        })
        .collect())
}
