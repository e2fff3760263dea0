//! Giving committed events their positions, and signing what results.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{GenericClient, Transaction};
use ledger::AccessEvent;
use ledger::checkpoint::Checkpoint;
use ledger::event::{Client, Observer, Outcome};
use ledger::tree::{Frontier, Hash, STEP};
use protocol::report::ReviewKind;
use tokio::sync::watch;
use tracing::{error, warn};
use uuid::Uuid;

use crate::app::App;
use crate::ledger::{LedgerError, hash_of, nodes, outside, signed};
use crate::review;
use crate::store::error::StoreError;

/// Looks by itself after this long: for what other servers or commands stored.
const LOOK: Duration = Duration::from_secs(1);
/// Between two runs, so that a busy hour makes checkpoints of hundreds of events.
const PAUSE: Duration = Duration::from_millis(100);
/// Events that are held in memory at once.
const CHUNK: i32 = 2_000;

/// Runs the sequencer until `stopping` turns true.
pub fn start(app: &Arc<App>, mut stopping: watch::Receiver<bool>) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            let wake = Arc::clone(&app.ledger.wake);
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                () = wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(error) = run(&app).await {
                warn!(code = error.code(), "events wait for their positions");
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
}

/// Gives every event that was committed and has no position the next one, and signs a
/// checkpoint. Gives the checkpoint; none when there was nothing to do.
///
/// # Errors
/// [`LedgerError`]. A tree that does not continue its last checkpoint is not signed any further:
/// the first time that is found it raises an alert, and events wait until somebody looked.
pub async fn run(app: &App) -> Result<Option<Checkpoint>, LedgerError> {
    match once(app).await {
        Ok(None) => Ok(None),
        Ok(Some((checkpoint, note))) => {
            keep_outside(app, &note);
            Ok(Some(checkpoint))
        }
        Err(error) => {
            if let LedgerError::Broken { size, reason } = &error {
                alert(app, *size, reason).await?;
            }
            Err(error)
        }
    }
}

async fn once(app: &App) -> Result<Option<(Checkpoint, String)>, LedgerError> {
    let mut client = app.steady.get().await.map_err(StoreError::from)?;
    let tx = client.transaction().await?;
    // One sequencer at a time over all servers; the turn ends with the transaction.
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&turn(app.tenant.id)])
        .await?;
    let last = last(&tx, app.tenant.id).await?;
    let portal = match &last {
        Some(last) if last.foreign => unplaced(&tx, app).await?,
        last => committed_since(&tx, app, last.as_ref()).await?,
    };
    let mut rows = tx.query_portal(&portal, CHUNK).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let snapshot: String = first.get(2);
    let mut frontier = edge(app, &tx, last.as_ref()).await?;
    while !rows.is_empty() {
        let mut chunk = Chunk::default();
        for row in &rows {
            let event: Uuid = row.get(0);
            let leaf = hash_of(row.get(1)).ok_or_else(|| StoreError::Content {
                table: "audit_event.leaf",
                row: event.to_string(),
            })?;
            chunk.push(app, &mut frontier, event, leaf);
        }
        chunk.insert(&tx, app.tenant.id).await?;
        rows = tx.query_portal(&portal, CHUNK).await?;
    }
    let (size, root) = (frontier.size(), frontier.root());
    let note = app.ledger.sign(size, root)?;
    tx.execute(
        "INSERT INTO ledger_checkpoint (tenant, size, root, snapshot, signed_at, note) \
         VALUES ($1, $2, $3, $4::text::pg_snapshot, $5, $6)",
        &[
            &app.tenant.id,
            &signed(size),
            &root.as_slice(),
            &snapshot,
            &app.now(),
            &note,
        ],
    )
    .await?;
    tx.commit().await?;
    app.ledger.edge().frontier = Some(frontier);
    let origin = app.ledger.verifier().name().to_owned();
    Ok(Some((Checkpoint { origin, size, root }, note)))
}

/// The last checkpoint, as the sequencer needs it.
struct Last {
    size: u64,
    root: Vec<u8>,
    /// Transactions from this one on had not begun.
    beyond: String,
    /// Transactions below it that had not ended.
    running: Vec<String>,
    /// The snapshot is of another cluster: this database was restored from a dump.
    foreign: bool,
}

async fn last(tx: &Transaction<'_>, tenant: Uuid) -> Result<Option<Last>, StoreError> {
    let statement = tx
        .prepare_cached(
            "SELECT size, root, pg_snapshot_xmax(snapshot)::text, \
                    ARRAY(SELECT pg_snapshot_xip(snapshot)::text), \
                    pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot()) \
             FROM ledger_checkpoint WHERE tenant = $1 ORDER BY size DESC LIMIT 1",
        )
        .await?;
    let row = tx.query_opt(&statement, &[&tenant]).await?;
    Ok(row.map(|row| Last {
        size: row.get::<_, i64>(0).unsigned_abs(),
        root: row.get(1),
        beyond: row.get(2),
        running: row.get(3),
        foreign: row.get(4),
    }))
}

/// Events of transactions that the last checkpoint's snapshot did not see and this one does:
/// exactly those without a position, found by the index of commits.
async fn committed_since(
    tx: &Transaction<'_>,
    app: &App,
    last: Option<&Last>,
) -> Result<tokio_postgres::Portal, StoreError> {
    let statement = tx
        .prepare_cached(
            "SELECT e.id, e.leaf, pg_current_snapshot()::text FROM audit_event e \
             WHERE e.tenant = $1 \
               AND (e.transaction >= $2::text::xid8 OR e.transaction = ANY($3::text[]::xid8[])) \
             ORDER BY e.transaction, e.id",
        )
        .await?;
    let nothing = Vec::new();
    let beyond = last.map_or("0", |last| last.beyond.as_str());
    let running = last.map_or(&nothing, |last| &last.running);
    Ok(tx
        .bind(&statement, &[&app.tenant.id, &beyond, &running])
        .await?)
}

/// The same after a restore into another cluster, whose transactions have other numbers: all
/// events are looked through once.
async fn unplaced(tx: &Transaction<'_>, app: &App) -> Result<tokio_postgres::Portal, StoreError> {
    let statement = tx
        .prepare_cached(
            "SELECT e.id, e.leaf, pg_current_snapshot()::text FROM audit_event e \
             WHERE e.tenant = $1 \
               AND NOT EXISTS (SELECT FROM ledger_leaf l WHERE l.tenant = $1 AND l.event = e.id) \
             ORDER BY e.transaction, e.id",
        )
        .await?;
    Ok(tx.bind(&statement, &[&app.tenant.id]).await?)
}

/// The right edge to append to: remembered from the last run, or read; in both cases it leads to
/// the root that was signed last.
async fn edge(
    app: &App,
    tx: &impl GenericClient,
    last: Option<&Last>,
) -> Result<Frontier, LedgerError> {
    let (size, root) = match last {
        Some(last) => (last.size, hash_of(&last.root)),
        None => (0, Some(ledger::tree::empty_root())),
    };
    let broken = |size, reason| LedgerError::Broken { size, reason };
    if let Some(kept) = kept_outside(app)
        && kept.size > size
    {
        return Err(broken(
            kept.size,
            "the database holds fewer events than the checkpoint kept outside it",
        ));
    }
    let remembered = app.ledger.edge().frontier.clone();
    if let Some(remembered) = remembered {
        if remembered.size() > size {
            return Err(broken(
                remembered.size(),
                "the database holds fewer events than this server signed",
            ));
        }
        if remembered.size() == size {
            return if Some(remembered.root()) == root {
                Ok(remembered)
            } else {
                Err(broken(size, "the signed root was changed"))
            };
        }
    }
    let read = nodes::frontier(tx, app.tenant.id, size)
        .await?
        .ok_or_else(|| broken(size, "leaves are missing"))?;
    if Some(read.root()) == root {
        Ok(read)
    } else {
        Err(broken(size, "the leaves do not lead to the signed root"))
    }
}

/// What is inserted at once.
#[derive(Default)]
struct Chunk {
    positions: Vec<i64>,
    events: Vec<Uuid>,
    leaves: Vec<Vec<u8>>,
    marks: Vec<Vec<u8>>,
    levels: Vec<i16>,
    numbers: Vec<i64>,
    hashes: Vec<Vec<u8>>,
}

impl Chunk {
    fn push(&mut self, app: &App, frontier: &mut Frontier, event: Uuid, leaf: Hash) {
        let position = frontier.size();
        let mark = app.ledger.mark(app.tenant.id, position, event, &leaf);
        self.positions.push(signed(position));
        self.events.push(event);
        self.leaves.push(leaf.to_vec());
        self.marks.push(mark.to_vec());
        frontier.push(leaf, |node, hash| {
            if node.level.is_multiple_of(STEP) {
                self.levels.push(i16::from(node.level));
                self.numbers.push(signed(node.index));
                self.hashes.push(hash.to_vec());
            }
        });
    }

    async fn insert(&self, tx: &Transaction<'_>, tenant: Uuid) -> Result<(), StoreError> {
        let statement = tx
            .prepare_cached(
                "INSERT INTO ledger_leaf (tenant, position, event, leaf, mark) \
                 SELECT $1, u.position, u.event, u.leaf, u.mark \
                 FROM unnest($2::bigint[], $3::uuid[], $4::bytea[], $5::bytea[]) \
                   AS u(position, event, leaf, mark)",
            )
            .await?;
        tx.execute(
            &statement,
            &[
                &tenant,
                &self.positions,
                &self.events,
                &self.leaves,
                &self.marks,
            ],
        )
        .await?;
        if self.levels.is_empty() {
            return Ok(());
        }
        let statement = tx
            .prepare_cached(
                "INSERT INTO ledger_node (tenant, level, number, hash) \
                 SELECT $1, u.level, u.number, u.hash \
                 FROM unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS u(level, number, hash)",
            )
            .await?;
        tx.execute(
            &statement,
            &[&tenant, &self.levels, &self.numbers, &self.hashes],
        )
        .await?;
        Ok(())
    }
}

fn kept_outside(app: &App) -> Option<Checkpoint> {
    let path = app.ledger.file.as_deref()?;
    match outside::read(path, app.ledger.verifier()) {
        Ok(kept) => kept,
        Err(error) => {
            warn!(%error, "the checkpoint file cannot be read");
            None
        }
    }
}

fn keep_outside(app: &App, note: &str) {
    let Some(path) = app.ledger.file.as_deref() else {
        return;
    };
    if let Err(error) = outside::write(path, note) {
        warn!(%error, "the checkpoint file cannot be written");
    }
}

/// Once in the life of a process: the sequencer would otherwise say it each second.
async fn alert(app: &App, size: u64, reason: &str) -> Result<(), StoreError> {
    if std::mem::replace(&mut app.ledger.edge().broken, true) {
        return Ok(());
    }
    error!(size, reason, "the ledger does not continue its checkpoint");
    let words = format!("The ledger does not continue its checkpoint of {size} events: {reason}.");
    let client = Client {
        device: None,
        name: "sequencer".to_owned(),
        address: None,
    };
    let observer = Observer::Server(app.config.public_url.clone());
    let event = AccessEvent::new(
        Uuid::now_v7(),
        app.now(),
        ledger::Action::LedgerBroken,
        client,
        observer,
    )
    .ending(Outcome::Failed)
    .because(&words, []);
    review::raise(app, &event, ReviewKind::LedgerBroken, &words).await
}

/// Key of the advisory lock: one for each clinic.
fn turn(tenant: Uuid) -> i64 {
    let (high, low) = tenant.as_u64_pair();
    // Any fixed number: apart from the locks of uploads, which are keys of changes.
    (high ^ low ^ 0x6c65_6467_6572_0001) as i64
}
