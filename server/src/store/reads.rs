//! Current versions by their names, read together: one statement brings what concurrent requests
//! ask for, and the number by which remembered sessions are told to count.

use deadpool_postgres::Pool;
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::rows::{COLUMNS, SealedRow};
use crate::store::together::{Together, Work};

/// Batches under way at a time, each on a connection of its own.
pub const LANES: usize = 2;

/// Type and logical id.
pub type Name = (String, String);

/// What was read after the request came, in one snapshot.
#[derive(Debug)]
pub struct Found {
    /// How often anything changed that sessions rest on.
    pub changes: i64,
    /// The current versions, deletions too, in the order asked; those that never were are left
    /// out.
    pub rows: Vec<SealedRow>,
}

/// Reads for all requests.
pub struct Reads(Together<Statement>);

impl Reads {
    /// Starts the lanes. Connections come from a pool that requests do not use: they may hold
    /// theirs while they wait here.
    pub fn start(pool: Pool, tenant: Uuid) -> Self {
        Self(Together::start(Statement { pool, tenant }, LANES))
    }

    /// Reads the current versions of these names; of none, only the number.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn current(&self, names: Vec<Name>) -> Result<Found, StoreError> {
        self.0.ask(names).await
    }
}

struct Statement {
    pool: Pool,
    tenant: Uuid,
}

impl Work for Statement {
    type Asked = Vec<Name>;
    type Given = Found;

    fn weight(asked: &Vec<Name>) -> usize {
        asked.len().max(1)
    }

    async fn run(&self, asked: Vec<Vec<Name>>) -> Result<Vec<Found>, StoreError> {
        let client = self.pool.get().await?;
        let (mut requests, mut types, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for (request, names) in (0i32..).zip(&asked) {
            for (resource_type, id) in names {
                requests.push(request);
                types.push(resource_type.as_str());
                ids.push(id.as_str());
            }
        }
        // OFFSET 0 keeps the order of the joins: the other way round every version of a record would
        // be looked at for its current one.
        let statement = client
            .prepare_cached(&format!(
                "SELECT {COLUMNS}, s.changes, a.request \
                 FROM (SELECT coalesce((SELECT c.changes FROM session_change c \
                                        WHERE c.tenant = $1), 0) AS changes) s \
                 LEFT JOIN (unnest($2::int[], $3::text[], $4::text[]) WITH ORDINALITY \
                              AS a(request, resource_type, id, n) \
                   CROSS JOIN LATERAL \
                     (SELECT c.version FROM resource c WHERE c.tenant = $1 \
                       AND c.resource_type = a.resource_type AND c.id = a.id OFFSET 0) r \
                   JOIN resource_version v ON v.tenant = $1 AND v.resource_type = a.resource_type \
                    AND v.id = a.id AND v.version = r.version) ON true \
                 ORDER BY a.n"
            ))
            .await?;
        let rows = client
            .query(&statement, &[&self.tenant, &requests, &types, &ids])
            .await?;
        // There is one row at least, without a version if none was found.
        let changes = rows.first().map_or(0, |row| row.get(8));
        let mut found: Vec<Found> = asked
            .iter()
            .map(|names| Found {
                changes,
                rows: Vec::with_capacity(names.len()),
            })
            .collect();
        for row in &rows {
            let request = row.get::<_, Option<i32>>(9).map(i32::unsigned_abs);
            if let Some(found) = request.and_then(|request| found.get_mut(request as usize)) {
                found.rows.push(SealedRow::read(row));
            }
        }
        Ok(found)
    }
}
