//! One page of a report.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use ledger::Action;
use protocol::report::{ReportQuery, ReportSort};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::append::place;
use crate::store::error::StoreError;

/// Where a page begins: after the event with this key, time and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// What it is sorted by.
    pub key: String,
    /// When it happened.
    pub recorded: Timestamp,
    /// Its id.
    pub id: Uuid,
}

/// An event of a report: plain columns, and the document.
#[derive(Debug)]
pub struct Line {
    /// What it is sorted by.
    pub key: String,
    /// Logical id.
    pub id: Uuid,
    /// When it happened.
    pub recorded: Timestamp,
    /// Stable code of the action.
    pub action: String,
    /// Whether it was done.
    pub success: bool,
    /// The account.
    pub user: Option<Uuid>,
    /// Its name.
    pub user_name: Option<String>,
    /// Role at that time.
    pub role: Option<String>,
    /// The workstation.
    pub device: Option<Uuid>,
    /// Its name.
    pub device_name: Option<String>,
    /// The AuditEvent, JSON; none if it does not open, which was logged.
    pub json: Option<Zeroizing<Vec<u8>>>,
}

impl Line {
    /// The place after it.
    pub fn after(&self) -> After {
        After {
            key: self.key.clone(),
            recorded: self.recorded,
            id: self.id,
        }
    }
}

/// The columns that name people and workstations.
const JOINED: &str = "LEFT JOIN account a ON a.tenant = e.tenant AND a.id = e.account \
     LEFT JOIN device d ON d.tenant = e.tenant AND d.id = coalesce(e.client, e.device)";

const WHERE: &str = "e.tenant = $1 \
     AND ($2::text IS NULL OR e.id IN (SELECT p.event FROM audit_event_patient p \
          WHERE p.tenant = $1 AND p.patient = $2)) \
     AND ($3::uuid IS NULL OR e.account = $3) \
     AND ($4::timestamptz IS NULL OR e.recorded_at >= $4) \
     AND ($5::timestamptz IS NULL OR e.recorded_at < $5) \
     AND ($6::text IS NULL OR e.action = $6) \
     AND ($7::boolean IS NULL OR e.success = $7)";

/// Which events a page is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// What somebody did: not what workstations record while they synchronise in the background,
    /// whose users' deeds have events of their own. Programs' fetching and sending stays.
    Deeds,
}

impl Which {
    fn condition(self) -> String {
        match self {
            Self::All => String::new(),
            Self::Deeds => format!(
                " AND NOT (e.action IN ('{}', '{}') AND coalesce(e.client, e.device) IS NOT NULL)",
                Action::Synchronised.code(),
                Action::Uploaded.code()
            ),
        }
    }
}

/// Text that rows are sorted by, before time and id; none where time is what is sorted by.
fn sorted_by(sort: ReportSort) -> Option<&'static str> {
    match sort {
        ReportSort::Recorded => None,
        ReportSort::User => Some("lower(coalesce(a.display_name, ''))"),
        ReportSort::Role => Some("coalesce(e.role, a.role, '')"),
        ReportSort::Action => Some("e.action"),
        ReportSort::Outcome => Some("CASE WHEN e.success THEN 'done' ELSE 'refused' END"),
        ReportSort::Patient => Some("coalesce(s.patient, '')"),
        ReportSort::Device => Some("lower(coalesce(d.name, ''))"),
    }
}

/// Events that fit, at most `limit`, beginning after `after`.
///
/// # Errors
/// When the database or the key store refuses.
pub async fn page(
    app: &App,
    client: &impl GenericClient,
    asked: &ReportQuery,
    which: Which,
    after: Option<&After>,
    limit: u32,
) -> Result<Vec<Line>, StoreError> {
    let sort = asked.sort.unwrap_or_default();
    let (comparison, direction) = if asked.ascending {
        (">", "ASC")
    } else {
        ("<", "DESC")
    };
    // An event about several patients is one access: it stands with the first of them.
    let of_patients = match sort {
        ReportSort::Patient => {
            "LEFT JOIN (SELECT m.event, min(m.patient) AS patient FROM audit_event_patient m \
                        WHERE m.tenant = $1 GROUP BY m.event) s ON s.event = e.id"
        }
        _ => "",
    };
    let (key, beyond, order) = match sorted_by(sort) {
        None => (
            "''::text".to_owned(),
            format!("$8::text IS NOT NULL AND (e.recorded_at, e.id) {comparison} ($9, $10)"),
            String::new(),
        ),
        Some(key) => (
            format!("({key}) COLLATE \"C\""),
            format!(
                "(({key}) COLLATE \"C\", e.recorded_at, e.id) {comparison} ($8::text, $9, $10)"
            ),
            format!("({key}) COLLATE \"C\" {direction}, "),
        ),
    };
    let sql = format!(
        "SELECT {key}, e.id, e.recorded_at, e.action, e.success, e.account, a.display_name, \
                coalesce(e.role, a.role), coalesce(e.client, e.device), d.name, e.key_id, e.body \
         FROM audit_event e {JOINED} {of_patients} \
         WHERE {WHERE}{} AND ($9::timestamptz IS NULL OR {beyond}) \
         ORDER BY {order}e.recorded_at {direction}, e.id {direction} LIMIT $11",
        which.condition()
    );
    let statement = client.prepare_cached(&sql).await?;
    let key = after.map(|after| after.key.as_str());
    let recorded = after.map(|after| after.recorded);
    let id = after.map(|after| after.id);
    let limit = i64::from(limit);
    let mut parameters = filter(app, asked);
    parameters.extend([&key as &(dyn ToSql + Sync), &recorded, &id, &limit]);
    let rows = client.query(&statement, &parameters).await?;
    open(app, &rows).await
}

/// How many events fit.
///
/// # Errors
/// When the database refuses.
pub async fn count(
    app: &App,
    client: &impl GenericClient,
    asked: &ReportQuery,
    which: Which,
) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(&format!(
            "SELECT count(*) FROM audit_event e WHERE {WHERE}{}",
            which.condition()
        ))
        .await?;
    let row = client.query_one(&statement, &filter(app, asked)).await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

fn filter<'q>(app: &'q App, asked: &'q ReportQuery) -> Vec<&'q (dyn ToSql + Sync)> {
    vec![
        &app.tenant.id,
        &asked.patient,
        &asked.user,
        &asked.from,
        &asked.until,
        &asked.action,
        &asked.success,
    ]
}

/// One event that does not open leaves the others alone.
async fn open(app: &App, rows: &[Row]) -> Result<Vec<Line>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get(10)).collect();
    let keys = app.keys.by_id(ids).await?;
    let lines = rows.iter().map(|row| {
        let id: Uuid = row.get(1);
        let name = id.to_string();
        let opened = match keys.key(&row.get(10)) {
            Ok(key) => key
                .open(&place(app.tenant.id, &name), row.get(11))
                .map_err(|error| error.code()),
            Err(fault) => Err(fault.code()),
        };
        if let Err(code) = opened {
            tracing::error!(
                table = "audit_event",
                row = name,
                column = "body",
                code,
                "a stored value does not open"
            );
        }
        Line {
            key: row.get(0),
            id,
            recorded: row.get(2),
            action: row.get(3),
            success: row.get(4),
            user: row.get(5),
            user_name: row.get(6),
            role: row.get(7),
            device: row.get(8),
            device_name: row.get(9),
            json: opened.ok(),
        }
    });
    Ok(lines.collect())
}
