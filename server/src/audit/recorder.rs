//! Group commit for accesses that change nothing: the events of readers that come at the same
//! time are stored in one statement, and each answer leaves when that is on the disk.
//!
//! A few batches are under way at a time, so that one is being written while another waits for
//! the disk, and those that come meanwhile make up the next: nobody waits for a timer. Whoever
//! waits for an event before the next access has them in that order. The queue is bounded: when
//! the database cannot follow, readers wait, and those that wait too long are refused.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use crate::app::Clock;
use crate::audit::append::{self, Rows};
use crate::store::error::StoreError;

/// Readers that may wait for their turn.
const QUEUE: usize = 1_024;
/// Events of one batch, about: a reader's own are never parted.
const BATCH: usize = 512;
/// Batches under way at a time, each on a connection of its own.
pub const LANES: usize = 3;
/// A reader waits this long at most for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(10);

struct Waiting {
    rows: Rows,
    done: oneshot::Sender<Result<(), Arc<StoreError>>>,
}

/// Stores the events of concurrent readers together.
pub struct Recorder {
    queue: mpsc::Sender<Waiting>,
}

impl Recorder {
    /// Starts the task that stores; it ends with the recorder. Connections come from a pool that
    /// readers do not use: they hold theirs while they wait here.
    pub fn start(pool: Pool, tenant: Uuid, clock: Arc<dyn Clock>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Waiting>(QUEUE);
        tokio::spawn(async move {
            let lanes = Arc::new(Semaphore::new(LANES));
            while let Some(first) = waiting.recv().await {
                // Before the batch is closed: whoever comes while all lanes are taken is in it.
                let Ok(lane) = Arc::clone(&lanes).acquire_owned().await else {
                    return;
                };
                let mut rows = first.rows;
                let mut readers = vec![first.done];
                while rows.len() < BATCH {
                    let Ok(next) = waiting.try_recv() else { break };
                    rows.extend(next.rows);
                    readers.push(next.done);
                }
                let (pool, clock) = (pool.clone(), Arc::clone(&clock));
                tokio::spawn(async move {
                    let stored = store(&pool, tenant, clock.as_ref(), &rows).await;
                    drop(lane);
                    let stored = stored.map_err(Arc::new);
                    for reader in readers {
                        // One that went away needs no answer.
                        let _ = reader.send(stored.clone());
                    }
                });
            }
        });
        Self { queue }
    }

    /// Returns when the events are durable.
    ///
    /// # Errors
    /// When the batch could not be stored, for each of its readers: nothing may be shown.
    pub async fn record(&self, rows: Rows) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (done, stored) = oneshot::channel();
        let sent = tokio::time::timeout(PATIENCE, self.queue.send(Waiting { rows, done })).await;
        match sent {
            Ok(Ok(())) => stored
                .await
                .map_err(|_| StoreError::Overloaded)?
                .map_err(StoreError::Recorder),
            Ok(Err(_)) | Err(_) => Err(StoreError::Overloaded),
        }
    }
}

async fn store(
    pool: &Pool,
    tenant: Uuid,
    clock: &dyn Clock,
    rows: &Rows,
) -> Result<(), StoreError> {
    let client = pool.get().await?;
    append::store(tenant, clock.now(), &client, rows).await
}
