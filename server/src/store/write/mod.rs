//! The one write path: the FHIR API, uploads and imports all come through [`apply`].
//!
//! What it does, in order: lock what is to change and check the conditions, validate, decide
//! whether the caller may, check that references resolve, count versions, seal, index, hold the practitioner's time, and
//! record the access, all within the caller's transaction.
//!
//! Never: a statement that changes records anywhere else.

mod decide;
mod integrity;
mod op;
mod persist;
mod plan;

use deadpool_postgres::Transaction;

use crate::app::App;
use crate::store::error::StoreError;
use crate::store::transaction::{self, Pending, Retryable, Scope};

pub use op::{
    Change, Clash, Expect, Gate, Recording, Refusal, Touched, WriteContext, WriteError, WriteOp,
    Written,
};

/// Applies `ops`, all of them or (with the transaction rolled back by the caller) none.
/// The answer has one entry for each op, in their order. References may point to what other
/// ops of the same call create.
///
/// # Errors
/// [`WriteError`] says which op is refused and why. The transaction must not be committed then.
pub async fn apply(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    ops: Vec<WriteOp>,
) -> Result<Vec<Written>, WriteError> {
    let drafts = plan::drafts(tx, context, ops).await?;
    plan::validate(context, &drafts)?;
    decide::check(tx, context, &drafts).await?;
    integrity::check(tx, context, &drafts).await?;
    persist::store(tx, context, drafts).await
}

/// [`transaction::run`] for work that writes: other servers and workstations hear of it after
/// the commit.
///
/// # Errors
/// What `work` returns, or the store's refusal to begin or commit.
pub async fn commit<'env, T, E, F>(app: &App, name: &'static str, work: F) -> Result<T, E>
where
    F: for<'t> Fn(&'t Transaction<'t>, Scope<'t, 'env>) -> Pending<'t, T, E> + Send + Sync + 'env,
    T: Send,
    E: Retryable + Send,
{
    let value = transaction::run(app, name, work).await?;
    app.announcer.committed();
    Ok(value)
}

impl Retryable for WriteError {
    fn store(&self) -> Option<&StoreError> {
        match &self.refusal {
            Refusal::Store(error) => Some(error),
            _ => None,
        }
    }
}
