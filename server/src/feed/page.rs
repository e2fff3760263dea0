//! One page of the feed, written as JSON straight from the opened bodies.

use deadpool_postgres::GenericClient;
use ledger::Action;
use serde::Serialize;
use tokio_postgres::Row;

use crate::app::App;
use crate::audit::reading;
use crate::feed::cursor::{Cursor, CursorError};
use crate::feed::scope::Scope;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::rows::{self, COLUMNS, Opened, SealedRow};

/// Entries of a page, if the client asks for no number.
pub const USUAL: u32 = 500;
/// Entries of a page at most.
pub const MOST: u32 = 2_000;
/// Bytes of sealed bodies after which a page ends.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;

/// Where a page begins: after a cursor, or at the very beginning.
struct Start {
    first_horizon: u64,
    transaction: u64,
    resource_type: String,
    id: String,
    remaining: u64,
}

/// The page after `cursor` as JSON ([`protocol::sync::SyncPage`]). Its audit event is stored
/// when this returns.
///
/// # Errors
/// [`CursorError`].
pub async fn page(
    app: &App,
    caller: &Caller,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Vec<u8>, CursorError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let scope = Scope::of(app, &client, caller).await?;
    let mark = scope.mark();
    // Every transaction below the horizon has ended, and none can still come to lie there: what
    // commits later, however long it ran, has a number at or above it.
    let horizon = horizon(&client).await?;
    let start = match cursor {
        Some(text) => {
            let cursor = Cursor::open(app, caller.user_id, mark, text).await?;
            Start {
                first_horizon: cursor.first_horizon,
                transaction: cursor.transaction,
                resource_type: cursor.resource_type,
                id: cursor.id,
                remaining: cursor.remaining,
            }
        }
        None => Start {
            first_horizon: horizon,
            transaction: 0,
            resource_type: String::new(),
            id: String::new(),
            remaining: 0,
        },
    };
    let limit = limit.clamp(1, MOST);
    let found = rows_after(app, &client, &scope, &start, horizon, limit).await?;
    let last = found.last.clone();
    let taken = found.rows.len() as u64;
    let remaining = match (found.more, start.remaining.saturating_sub(taken)) {
        (false, _) => 0,
        // Counted once for a run of pages, then carried in the cursor.
        (true, 0) => count_after(app, &client, &scope, &start, horizon)
            .await?
            .saturating_sub(taken),
        (true, left) => left,
    };
    let opened = rows::open_all(app, found.rows).await?;
    let next = Cursor {
        epoch: app.tenant.epoch,
        scope: mark,
        first_horizon: start.first_horizon,
        transaction: last.0.unwrap_or(start.transaction),
        remaining,
        resource_type: last.1.unwrap_or(start.resource_type),
        id: last.2.unwrap_or(start.id),
    };
    let next = next.seal(app, caller.user_id).await?;

    // One that does not open was reported where it was found; it is told from a deletion by not
    // being there at all, and comes when it is mended.
    let entries: Vec<Opened> = opened.into_iter().flatten().collect();
    record(app, caller, &scope, &entries).await?;
    write(&next, &entries, found.more, remaining).map_err(|_| {
        CursorError::Store(StoreError::Content {
            table: "resource_version.body",
            row: "a page of the feed".to_owned(),
        })
    })
}

async fn record(
    app: &App,
    caller: &Caller,
    scope: &Scope,
    entries: &[Opened],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut patients: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.patient.clone())
        .collect();
    patients.sort_unstable();
    patients.dedup();
    let mut event = caller
        .event(app, Action::Synchronised)
        .because(scope.explanation.clone(), scope.policies.clone());
    event.patients = patients;
    reading::record(app, &[event]).await
}

async fn horizon(client: &impl GenericClient) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        .await?;
    let row = client.query_one(&statement, &[]).await?;
    number(row.get(0))
}

struct FoundRows {
    rows: Vec<SealedRow>,
    last: (Option<u64>, Option<String>, Option<String>),
    more: bool,
}

/// Rows of the scope after `start` and below the horizon. A first run of pages leaves out what
/// was deleted before it began.
const FROM: &str = "FROM resource r WHERE r.tenant = $1 AND r.resource_type = ANY($2) \
     AND (r.transaction, r.resource_type, r.id) > ($3::text::xid8, $4, $5) \
     AND r.transaction < $6::text::xid8 \
     AND NOT (r.deleted AND r.transaction < $7::text::xid8) \
     AND NOT coalesce(r.resource_type || '/' || r.patient = ANY($8), false)";

async fn rows_after(
    app: &App,
    client: &impl GenericClient,
    scope: &Scope,
    start: &Start,
    horizon: u64,
    limit: u32,
) -> Result<FoundRows, StoreError> {
    // One row more than asked tells whether there is more. Lengths are summed before bodies are
    // fetched, so that large documents do not fill the memory. `LIMIT 1` keeps the planner from
    // reading all versions to join a page of them.
    let sql = format!(
        "SELECT {COLUMNS}, v.transaction::text, v.number FROM ( \
           SELECT v.*, n.transaction, n.number, \
                  sum(coalesce(octet_length(v.body), 0)) OVER (ORDER BY n.number) \
                    - coalesce(octet_length(v.body), 0) AS before \
           FROM (SELECT r.resource_type, r.id, r.version, r.transaction, \
                        row_number() OVER (ORDER BY r.transaction, r.resource_type, r.id) AS number \
                 {FROM} ORDER BY r.transaction, r.resource_type, r.id LIMIT $9) n \
           JOIN LATERAL (SELECT b.resource_type, b.id, b.version, b.recorded_at, b.patient, \
                                b.deleted, b.key_id, b.body \
                         FROM resource_version b \
                         WHERE b.tenant = $1 AND b.resource_type = n.resource_type \
                           AND b.id = n.id AND b.version = n.version LIMIT 1) v ON true) v \
         WHERE v.before < $10 ORDER BY v.number"
    );
    // Planned anew each time: a plan for any limit and any cursor would fit none.
    let mut rows: Vec<Row> = client
        .query(
            &sql,
            &[
                &app.tenant.id,
                &scope.types,
                &start.transaction.to_string(),
                &start.resource_type,
                &start.id,
                &horizon.to_string(),
                &start.first_horizon.to_string(),
                &scope.closed,
                &(i64::from(limit) + 1),
                &PAGE_BYTES,
            ],
        )
        .await?;
    let asked = usize::try_from(limit).unwrap_or(usize::MAX);
    let fetched = rows.len();
    rows.truncate(asked);
    let last = match rows.last() {
        Some(row) => (
            Some(number(row.get(8))?),
            Some(row.get(0)),
            Some(row.get(1)),
        ),
        None => (None, None, None),
    };
    let more = if fetched > asked {
        true
    } else if fetched == 0 {
        false
    } else {
        // The page may have ended for its size: one look at what comes next.
        let next = Start {
            first_horizon: start.first_horizon,
            transaction: last.0.unwrap_or_default(),
            resource_type: last.1.clone().unwrap_or_default(),
            id: last.2.clone().unwrap_or_default(),
            remaining: 0,
        };
        fetched < asked && any_after(app, client, scope, &next, horizon).await?
    };
    Ok(FoundRows {
        rows: rows.iter().map(SealedRow::read).collect(),
        last,
        more,
    })
}

async fn any_after(
    app: &App,
    client: &impl GenericClient,
    scope: &Scope,
    start: &Start,
    horizon: u64,
) -> Result<bool, StoreError> {
    let statement = client
        .prepare_cached(&format!("SELECT EXISTS (SELECT {FROM})"))
        .await?;
    let row = client
        .query_one(
            &statement,
            &[
                &app.tenant.id,
                &scope.types,
                &start.transaction.to_string(),
                &start.resource_type,
                &start.id,
                &horizon.to_string(),
                &start.first_horizon.to_string(),
                &scope.closed,
            ],
        )
        .await?;
    Ok(row.get(0))
}

async fn count_after(
    app: &App,
    client: &impl GenericClient,
    scope: &Scope,
    start: &Start,
    horizon: u64,
) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(&format!("SELECT count(*) {FROM}"))
        .await?;
    let row = client
        .query_one(
            &statement,
            &[
                &app.tenant.id,
                &scope.types,
                &start.transaction.to_string(),
                &start.resource_type,
                &start.id,
                &horizon.to_string(),
                &start.first_horizon.to_string(),
                &scope.closed,
            ],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

fn number(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|_| StoreError::Content {
        table: "resource.transaction",
        row: text.to_owned(),
    })
}

#[derive(Serialize)]
struct Head<'a> {
    resource_type: &'a str,
    id: &'a str,
    version: u64,
    last_updated: jiff::Timestamp,
    patient: Option<&'a str>,
}

/// Writes the page without parsing a body again: what was sealed was valid JSON, and the seal
/// says that it is what was sealed.
fn write(
    cursor: &str,
    entries: &[Opened],
    more: bool,
    remaining: u64,
) -> Result<Vec<u8>, serde_json::Error> {
    let bodies: usize = entries
        .iter()
        .filter_map(|entry| entry.json.as_ref())
        .map(|json| json.len() + 256)
        .sum();
    let mut page = Vec::with_capacity(bodies + 1024);
    page.extend_from_slice(b"{\"cursor\":");
    serde_json::to_writer(&mut page, cursor)?;
    page.extend_from_slice(b",\"entries\":[");
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            page.push(b',');
        }
        let head = Head {
            resource_type: &entry.resource_type,
            id: &entry.id,
            version: entry.version,
            last_updated: entry.last_updated,
            patient: entry.patient.as_deref(),
        };
        serde_json::to_writer(&mut page, &head)?;
        // The head is an object that is never empty: its closing brace makes room for the body.
        page.pop();
        page.extend_from_slice(b",\"resource\":");
        match &entry.json {
            Some(json) => page.extend_from_slice(json),
            None => page.extend_from_slice(b"null"),
        }
        page.push(b'}');
    }
    page.extend_from_slice(b"],\"more\":");
    serde_json::to_writer(&mut page, &more)?;
    page.extend_from_slice(b",\"remaining\":");
    serde_json::to_writer(&mut page, &remaining)?;
    page.push(b'}');
    Ok(page)
}

#[cfg(test)]
mod tests {
    use protocol::sync::SyncPage;
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn what_is_written_is_what_the_protocol_reads() {
        let opened = |id: &str, json: Option<&str>| Opened {
            resource_type: "Patient".to_owned(),
            id: id.to_owned(),
            version: 3,
            last_updated: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            patient: Some(id.to_owned()),
            json: json.map(|text| Zeroizing::new(text.as_bytes().to_vec())),
        };
        let entries = [
            opened("a", Some("{\"id\":\"a\",\"x\":1.10}")),
            opened("b", None),
        ];
        let bytes = write("curs\"or", &entries, true, 7).unwrap();
        let page: SyncPage = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (page.cursor.as_str(), page.more, page.remaining),
            ("curs\"or", true, 7)
        );
        assert_eq!(page.entries.len(), 2);
        assert_eq!(page.entries[0].version, 3);
        // Decimals keep their digits.
        assert_eq!(
            page.entries[0].resource.as_ref().unwrap().get(),
            "{\"id\":\"a\",\"x\":1.10}"
        );
        assert!(page.entries[1].resource.is_none());
        let empty: SyncPage = serde_json::from_slice(&write("c", &[], false, 0).unwrap()).unwrap();
        assert!(empty.entries.is_empty());
    }
}
