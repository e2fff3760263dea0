//! The ledger after a restore from a backup: what the operator says of it, signed.
//!
//! Workstations that witnessed more than was restored see a ledger that went back. Whether that is
//! a restore or somebody who cut it off, no database can tell; the operator says so, with the
//! reason, and everything that is said can be read in the ledger that goes on.

use deadpool_postgres::GenericClient;
use ledger::AccessEvent;
use protocol::ledger::{LedgerRestore, TreeHead};
use protocol::report::ReviewKind;
use protocol::statement::Signed;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::ledger::{LedgerError, outside};
use crate::review::open::{self, Opening};
use crate::store::error::StoreError;
use crate::store::transaction;

/// The longest reason, in characters.
pub const LONGEST_REASON: usize = 500;

/// Says it: the statement, its event and its review, in one transaction.
///
/// # Errors
/// [`LedgerError`].
pub async fn say(
    app: &App,
    reason: &str,
    event: AccessEvent,
) -> Result<LedgerRestore, LedgerError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let base = newest(app, &client).await?;
    let said = LedgerRestore {
        id: Uuid::now_v7(),
        tenant: app.tenant.id,
        made_at: app.now(),
        reason: reason.to_owned(),
        lost: known_outside(app).filter(|lost| lost.size > base.size),
        base,
    };
    let signed = app.ledger.state(&said)?;
    let words = words(&said);
    let event = event.because(&words, []);
    transaction::run(app, "ledger-restore", |tx, _| {
        let (event, words, said, signed) = (&event, &words, &said, &signed);
        Box::pin(async move {
            tx.execute(
                "INSERT INTO ledger_restore (tenant, id, made_at, statement, signature) \
                 VALUES ($1, $2, $3, $4, $5)",
                &[
                    &app.tenant.id,
                    &said.id,
                    &said.made_at,
                    &signed.text,
                    &signed.signature,
                ],
            )
            .await?;
            append::append(app, tx, event).await?;
            open::open(
                app,
                tx,
                &Opening::of(ReviewKind::LedgerBroken, event, words),
            )
            .await
        })
    })
    .await
    .map_err(LedgerError::Store)?;
    Ok(said)
}

/// All that was said, oldest first.
///
/// # Errors
/// When the database refuses.
pub async fn all(app: &App, client: &impl GenericClient) -> Result<Vec<Signed>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT statement, signature FROM ledger_restore WHERE tenant = $1 \
             ORDER BY made_at, id",
        )
        .await?;
    let rows = client.query(&statement, &[&app.tenant.id]).await?;
    Ok(rows
        .into_iter()
        .map(|row| Signed {
            text: row.get(0),
            signature: row.get(1),
        })
        .collect())
}

/// The newest tree that was signed in what was restored.
async fn newest(app: &App, client: &impl GenericClient) -> Result<TreeHead, StoreError> {
    let row = client
        .query_opt(
            "SELECT size, root FROM ledger_checkpoint WHERE tenant = $1 \
             ORDER BY size DESC LIMIT 1",
            &[&app.tenant.id],
        )
        .await?;
    Ok(match row {
        Some(row) => TreeHead {
            size: row.get::<_, i64>(0).unsigned_abs(),
            root: hex::encode(row.get::<_, Vec<u8>>(1)),
        },
        None => TreeHead {
            size: 0,
            root: hex::encode(ledger::tree::empty_root()),
        },
    })
}

/// The newest tree that the file beside the database knows.
fn known_outside(app: &App) -> Option<TreeHead> {
    let path = app.config.checkpoint_file.as_deref()?;
    let kept = outside::read(path, app.ledger.verifier()).ok().flatten()?;
    Some(TreeHead {
        size: kept.size,
        root: hex::encode(kept.root),
    })
}

/// For the event and the security officer.
fn words(said: &LedgerRestore) -> String {
    let lost = match &said.lost {
        Some(lost) => format!(
            "The newest that is known to be lost is a ledger of {} events with the root {}.",
            lost.size, lost.root
        ),
        None => "Nothing outside the database says what was lost.".to_owned(),
    };
    format!(
        "The records were restored from a backup: {}. The ledger goes on from {} events with the \
         root {}. {lost}",
        said.reason.trim_end_matches('.'),
        said.base.size,
        said.base.root
    )
}
