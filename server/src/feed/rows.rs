//! Rows of a page, in their order: whole types and charts by name, changes by commit.

use deadpool_postgres::GenericClient;
use tokio_postgres::types::ToSql;

use crate::app::App;
use crate::feed::cursor::Name;
use crate::feed::scope::Scope;
use crate::store::error::StoreError;
use crate::store::rows::{COLUMNS, SealedRow};

/// Bytes of sealed bodies after which a page ends.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;
/// Charts that one statement looks through.
pub const CHARTS: usize = 32;

/// What a page can still take.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Rows.
    pub rows: usize,
    bytes: i64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows.
    pub rows: Vec<SealedRow>,
    /// Transaction of the last row.
    pub transaction: u64,
    /// Whether there was no more to find.
    pub ended: bool,
}

impl Found {
    /// The last row's name.
    pub fn last(&self) -> Option<Name> {
        self.rows.last().map(|row| Name {
            resource_type: row.resource_type.clone(),
            id: row.id.clone(),
        })
    }
}

type Parameters<'p> = Vec<&'p (dyn ToSql + Sync)>;

impl Room {
    /// Of a page of so many rows.
    pub fn of(rows: u32) -> Self {
        Self {
            rows: usize::try_from(rows).unwrap_or(usize::MAX),
            bytes: PAGE_BYTES,
        }
    }

    /// Whether nothing more can be taken.
    pub fn is_full(self) -> bool {
        self.rows == 0 || self.bytes <= 0
    }

    /// Takes what `names` finds: a statement that gives type, id, version, transaction and a
    /// running number, ends with `LIMIT` as its next parameter, and whose first parameter is the
    /// tenant.
    async fn take(
        &mut self,
        client: &impl GenericClient,
        names: &str,
        parameters: Parameters<'_>,
    ) -> Result<Found, StoreError> {
        // One row more than is taken tells whether there is more. Lengths are summed before bodies
        // are fetched, so that large documents do not fill the memory. `LIMIT 1` keeps the planner
        // from reading all versions to join a page of them.
        let limit = parameters.len() + 1;
        let bytes = limit + 1;
        let sql = format!(
            "SELECT {COLUMNS}, v.transaction::text, v.found FROM ( \
               SELECT v.*, n.transaction, n.number, count(*) OVER () AS found, \
                      sum(coalesce(octet_length(v.body), 0)) OVER (ORDER BY n.number) \
                        - coalesce(octet_length(v.body), 0) AS before \
               FROM ({names} LIMIT ${limit}) n \
               JOIN LATERAL (SELECT b.resource_type, b.id, b.version, b.recorded_at, b.patient, \
                                    b.deleted, b.key_id, b.body \
                             FROM resource_version b \
                             WHERE b.tenant = $1 AND b.resource_type = n.resource_type \
                               AND b.id = n.id AND b.version = n.version LIMIT 1) v ON true) v \
             WHERE v.before < ${bytes} ORDER BY v.number"
        );
        let asked = i64::try_from(self.rows)
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        let mut parameters: Parameters<'_> = parameters;
        parameters.push(&asked);
        parameters.push(&self.bytes);
        // Planned anew each time: a plan for any limit and any place would fit none.
        let mut rows = client.query(&sql, &parameters).await?;
        let found = rows
            .first()
            .map_or(0, |row| row.get::<_, i64>(9).unsigned_abs());
        let fetched = rows.len() as u64;
        rows.truncate(self.rows);
        let transaction = match rows.last() {
            Some(row) => number(row.get(8))?,
            None => 0,
        };
        let rows: Vec<SealedRow> = rows.iter().map(SealedRow::read).collect();
        let ended = fetched == found && rows.len() as u64 == found;
        self.rows -= rows.len();
        self.bytes -= rows
            .iter()
            .filter_map(|row| row.body.as_ref())
            .map(|body| i64::try_from(body.len()).unwrap_or(i64::MAX))
            .sum::<i64>();
        if !ended {
            // Cut for its rows or for its bytes: either way the page is full.
            self.bytes = 0;
        }
        Ok(Found {
            rows,
            transaction,
            ended,
        })
    }

    /// Records of one type, after an id.
    pub async fn open(
        &mut self,
        app: &App,
        client: &impl GenericClient,
        scope: &Scope,
        resource_type: &str,
        after: &str,
    ) -> Result<Found, StoreError> {
        let names = "SELECT r.resource_type, r.id, r.version, r.transaction, \
                            row_number() OVER (ORDER BY r.id) AS number FROM resource r \
                     WHERE r.tenant = $1 AND r.resource_type = $2 AND r.id > $3 AND NOT r.deleted \
                       AND NOT coalesce(r.resource_type || '/' || r.patient = ANY($4), false) \
                     ORDER BY r.id";
        let parameters: Parameters<'_> =
            vec![&app.tenant.id, &resource_type, &after, &scope.closed];
        self.take(client, names, parameters).await
    }

    /// Records that belong to no patient, after one of them.
    pub async fn loose(
        &mut self,
        app: &App,
        client: &impl GenericClient,
        scope: &Scope,
        after: &Name,
    ) -> Result<Found, StoreError> {
        let names = "SELECT r.resource_type, r.id, r.version, r.transaction, \
                            row_number() OVER (ORDER BY r.resource_type, r.id) AS number \
                     FROM resource r \
                     WHERE r.tenant = $1 AND r.patient IS NULL AND r.resource_type = ANY($2) \
                       AND (r.resource_type, r.id) > ($3, $4) AND NOT r.deleted \
                     ORDER BY r.resource_type, r.id";
        let parameters: Parameters<'_> = vec![
            &app.tenant.id,
            &scope.loose,
            &after.resource_type,
            &after.id,
        ];
        self.take(client, names, parameters).await
    }

    /// Charts of patients, in their order; of the first of them what comes after a record.
    /// `closed`: what of them does not come, `Type/` and the patient's id.
    pub async fn charts(
        &mut self,
        app: &App,
        client: &impl GenericClient,
        scope: &Scope,
        patients: &[&str],
        closed: &[String],
        after: &Name,
    ) -> Result<Found, StoreError> {
        let names = "SELECT r.resource_type, r.id, r.version, r.transaction, \
                            row_number() OVER (ORDER BY p.place, r.resource_type, r.id) AS number \
                     FROM unnest($2::text[]) WITH ORDINALITY AS p (patient, place) \
                     JOIN LATERAL ( \
                       SELECT r.resource_type, r.id, r.version, r.transaction FROM resource r \
                       WHERE r.tenant = $1 AND r.patient = p.patient COLLATE \"C\" \
                         AND r.resource_type = ANY($3) AND NOT r.deleted \
                         AND NOT r.resource_type || '/' || r.patient = ANY($4) \
                         AND (p.place > 1 OR (r.resource_type, r.id) > ($5, $6)) \
                       ORDER BY r.resource_type, r.id) r ON true \
                     ORDER BY p.place, r.resource_type, r.id";
        let parameters: Parameters<'_> = vec![
            &app.tenant.id,
            &patients,
            &scope.chart,
            &closed,
            &after.resource_type,
            &after.id,
        ];
        self.take(client, names, parameters).await
    }
}

/// What changes are followed from and in which scope.
#[derive(Debug, Clone)]
pub struct Followed<'a> {
    /// What the role may keep.
    pub scope: &'a Scope,
    /// Patients whose charts are kept.
    pub patients: Vec<&'a str>,
    /// What of them is not: `Type/` and the patient's id.
    pub closed: Vec<String>,
    /// The last change that was sent.
    pub transaction: u64,
    /// Its name.
    pub last: &'a Name,
    /// Below it every transaction has ended, and none can still come to lie there.
    pub horizon: u64,
    /// Below it, the reader has nothing that a deletion could remove.
    pub first_horizon: u64,
}

/// Changes after a place and below the horizon. A record that was in one of the charts and lies in
/// another patient's now is among them; it is sent as gone.
const CHANGES: &str = "FROM resource r WHERE r.tenant = $1 \
     AND (r.transaction, r.resource_type, r.id) > ($2::text::xid8, $3, $4) \
     AND r.transaction < $5::text::xid8 \
     AND NOT (r.deleted AND r.transaction < $6::text::xid8) \
     AND (r.resource_type = ANY($7) \
          OR r.patient IS NULL AND r.resource_type = ANY($8) \
          OR r.resource_type = ANY($9) AND r.patient IS NOT NULL \
             AND (r.patient = ANY($10) \
                  OR r.version > 1 AND EXISTS ( \
                       SELECT FROM resource_version b WHERE b.tenant = $1 \
                         AND b.resource_type = r.resource_type AND b.id = r.id \
                         AND b.version < r.version AND b.patient = ANY($10)))) \
     AND NOT coalesce(r.resource_type || '/' || r.patient = ANY($11), false)";

/// What of [`Followed`] is put into words for the database.
struct Texts<'t> {
    /// Transactions.
    numbers: [String; 3],
    /// Everything that is closed.
    closed: Vec<&'t str>,
}

impl Followed<'_> {
    fn texts(&self) -> Texts<'_> {
        let numbers = [self.transaction, self.horizon, self.first_horizon];
        let closed = self.scope.closed.iter().chain(&self.closed);
        Texts {
            numbers: numbers.map(|number| number.to_string()),
            closed: closed.map(String::as_str).collect(),
        }
    }

    fn parameters<'p>(&'p self, app: &'p App, texts: &'p Texts<'p>) -> Parameters<'p> {
        vec![
            &app.tenant.id,
            &texts.numbers[0],
            &self.last.resource_type,
            &self.last.id,
            &texts.numbers[1],
            &texts.numbers[2],
            &self.scope.open,
            &self.scope.loose,
            &self.scope.chart,
            &self.patients,
            &texts.closed,
        ]
    }

    /// Takes changes.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn take(
        &self,
        app: &App,
        client: &impl GenericClient,
        room: &mut Room,
    ) -> Result<Found, StoreError> {
        let texts = self.texts();
        let names = format!(
            "SELECT r.resource_type, r.id, r.version, r.transaction, \
                    row_number() OVER (ORDER BY r.transaction, r.resource_type, r.id) AS number \
             {CHANGES} ORDER BY r.transaction, r.resource_type, r.id"
        );
        let mut found = room
            .take(client, &names, self.parameters(app, &texts))
            .await?;
        for row in &mut found.rows {
            let moved = row.patient.as_deref().is_some_and(|patient| {
                !self.scope.open.contains(&row.resource_type.as_str())
                    && !self.patients.contains(&patient)
            });
            if moved {
                // Whose it is now is nobody's business here.
                row.patient = None;
                row.deleted = true;
                row.key_id = None;
                row.body = None;
            }
        }
        Ok(found)
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn count(&self, app: &App, client: &impl GenericClient) -> Result<u64, StoreError> {
        let texts = self.texts();
        let sql = format!("SELECT count(*) {CHANGES}");
        let parameters = self.parameters(app, &texts);
        let row = client.query_one(&sql, &parameters).await?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }
}

/// How many records come whole: of open types and of no patient where `outside`, and of charts.
///
/// # Errors
/// When the database refuses.
pub async fn count_whole(
    app: &App,
    client: &impl GenericClient,
    scope: &Scope,
    outside: bool,
    patients: &[&str],
) -> Result<u64, StoreError> {
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM resource r WHERE $2 AND r.tenant = $1 \
                       AND r.resource_type = ANY($3) AND NOT r.deleted) \
                  + (SELECT count(*) FROM resource r WHERE $2 AND r.tenant = $1 \
                       AND r.patient IS NULL AND r.resource_type = ANY($4) AND NOT r.deleted) \
                  + (SELECT count(*) FROM resource r WHERE r.tenant = $1 \
                       AND r.patient = ANY($5) AND r.resource_type = ANY($6) AND NOT r.deleted)",
            &[
                &app.tenant.id,
                &outside,
                &scope.open,
                &scope.loose,
                &patients,
                &scope.chart,
            ],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// Below it every transaction has ended, and none can still come to lie there: what commits later,
/// however long it ran, has a number at or above it.
///
/// # Errors
/// When the database refuses.
pub async fn horizon(client: &impl GenericClient) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        .await?;
    let row = client.query_one(&statement, &[]).await?;
    number(row.get(0))
}

fn number(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(|_| StoreError::Content {
        table: "resource.transaction",
        row: text.to_owned(),
    })
}
