//! Telling every server that something was committed.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::Notify;
use tracing::warn;
use uuid::Uuid;

/// Channel of PostgreSQL's NOTIFY; the payload is the tenant's id.
pub const CHANNEL: &str = "rounds_changed";

/// The shortest time between two notifications.
const PAUSE: Duration = Duration::from_millis(50);

/// Sends NOTIFY soon after a commit. Not within the transaction: PostgreSQL lets only one
/// transaction that notifies commit at a time, which would line up all writers. A notification
/// that is lost with its server delays workstations until their timer, nothing else.
pub struct Announcer {
    wake: Arc<Notify>,
}

impl Announcer {
    /// Starts the task that notifies; it ends with the announcer.
    pub fn start(pool: Pool, tenant: Uuid) -> Self {
        let wake = Arc::new(Notify::new());
        let sleeper = Arc::downgrade(&wake);
        tokio::spawn(async move {
            loop {
                // Upgraded only while waiting at most a second, so that a dropped announcer is seen.
                let Some(wake) = sleeper.upgrade() else {
                    return;
                };
                if tokio::time::timeout(Duration::from_secs(1), wake.notified())
                    .await
                    .is_err()
                {
                    continue;
                }
                drop(wake);
                if !notify(&pool, tenant).await {
                    warn!("a change could not be announced; workstations will ask by themselves");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { wake }
    }

    /// Something was committed.
    pub fn committed(&self) {
        self.wake.notify_one();
    }
}

/// Notifies at once. Returns whether the database took it.
pub async fn notify(pool: &Pool, tenant: Uuid) -> bool {
    let Ok(client) = pool.get().await else {
        return false;
    };
    client
        .execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &tenant.to_string()])
        .await
        .is_ok()
}
