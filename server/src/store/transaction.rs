//! Named transactions that are run again when they lost a race.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::Transaction;
use tracing::{debug, warn};

use crate::app::App;
use crate::store::error::StoreError;

/// The work of a transaction, boxed: `Box::pin(async move { … })`.
pub type Pending<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

/// Lets the work borrow from its surroundings; ignore it in the closure (`|tx, _| …`).
pub type Scope<'t, 'env> = [&'t &'env (); 0];

/// An error that knows whether the store is behind it.
pub trait Retryable: From<StoreError> {
    /// The store's error behind this one, if there is one.
    fn store(&self) -> Option<&StoreError>;
}

impl Retryable for StoreError {
    fn store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

/// Runs are tried this often before the race is given up as lost.
const ATTEMPTS: u32 = 6;

/// Runs `work` in one transaction and commits it; rolls back on its error. `name` serves logs.
/// A run that lost a race is repeated from the start, so `work` must have no effect but on `tx`.
///
/// # Errors
/// What `work` returns, or the store's refusal to begin or commit.
pub async fn run<'env, T, E, F>(app: &App, name: &'static str, work: F) -> Result<T, E>
where
    F: for<'t> Fn(&'t Transaction<'t>, Scope<'t, 'env>) -> Pending<'t, T, E> + Send + Sync + 'env,
    T: Send,
    E: Retryable + Send,
{
    let mut attempt = 1;
    loop {
        let outcome = once(app, &work).await;
        let Err(error) = outcome else { return outcome };
        let race = error.store().is_some_and(StoreError::is_race);
        if !race || attempt >= ATTEMPTS {
            if let Some(cause) = error.store() {
                warn!(
                    transaction = name,
                    code = cause.code(),
                    state = cause.sql_state().map(|s| s.code()),
                    attempt,
                    "transaction failed"
                );
            }
            return Err(error);
        }
        debug!(
            transaction = name,
            attempt, "transaction lost a race, runs again"
        );
        // Doubling from 5 ms: the winner of a race is done long before.
        tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
        attempt += 1;
    }
}

async fn once<'env, T, E, F>(app: &App, work: &F) -> Result<T, E>
where
    F: for<'t> Fn(&'t Transaction<'t>, Scope<'t, 'env>) -> Pending<'t, T, E> + Send + Sync + 'env,
    T: Send,
    E: Retryable + Send,
{
    let mut client = app.fixed.get().await.map_err(StoreError::from)?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let value = work(&tx, []).await?;
    tx.commit().await.map_err(StoreError::from)?;
    // Events of the transaction can be given their positions now.
    app.ledger.appended();
    Ok(value)
}
