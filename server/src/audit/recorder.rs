//! Group commit for accesses that change nothing: the events of readers that come at the same
//! time are stored in one statement, and each answer leaves when that is on the disk.

use std::sync::Arc;

use deadpool_postgres::Pool;
use uuid::Uuid;

use crate::app::Clock;
use crate::audit::append::{self, Rows};
use crate::store::error::StoreError;
use crate::store::together::{Together, Work};

/// Batches under way at a time, each on a connection of its own.
pub const LANES: usize = 2;

/// Stores the events of concurrent readers together.
pub struct Recorder(Together<Storing>);

impl Recorder {
    /// Starts the lanes; they end with the recorder. Connections come from a pool that
    /// readers do not use: they may hold theirs while they wait here.
    pub fn start(pool: Pool, tenant: Uuid, clock: Arc<dyn Clock>) -> Self {
        let work = Storing {
            pool,
            tenant,
            clock,
        };
        Self(Together::start(work, LANES))
    }

    /// Returns when the events are durable.
    ///
    /// # Errors
    /// When the batch could not be stored, for each of its readers: nothing may be shown.
    pub async fn record(&self, rows: Rows) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.0.ask(rows).await
    }
}

struct Storing {
    pool: Pool,
    tenant: Uuid,
    clock: Arc<dyn Clock>,
}

impl Work for Storing {
    type Asked = Rows;
    type Given = ();

    fn weight(asked: &Rows) -> usize {
        asked.len()
    }

    async fn run(&self, asked: Vec<Rows>) -> Result<Vec<()>, StoreError> {
        let readers = asked.len();
        let rows: Rows = asked.into_iter().flatten().collect();
        let client = self.pool.get().await?;
        append::store(self.tenant, self.clock.now(), &client, &rows).await?;
        Ok(vec![(); readers])
    }
}
