//! Reading the whole ledger again: every event is opened, its leaf made anew, its place and the
//! roots over it compared with what was signed.
//!
//! What is found is told with position and event, as closely as what is left allows. Whoever
//! holds no key can change rows, but can make neither a seal, nor a mark, nor a signature.

mod chunk;
pub mod finding;
mod rest;

use deadpool_postgres::GenericClient;
use ledger::checkpoint::Checkpoint;
use ledger::tree::{Frontier, Hash};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::ledger::{LedgerError, hash_of, nodes, outside, signed};
use crate::store::error::StoreError;
use finding::{Fault, Finding};

/// Events that are read at once.
pub const CHUNK: u64 = 1_000;
/// Findings that are told one by one; further ones are counted.
const TOLD: usize = 1_000;

/// How far a verification has come. Kept between runs, it lets one go on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    tenant: Uuid,
    next: u64,
    peaks: Vec<String>,
    whole: bool,
    /// The first broken root was told: those after it are broken with it.
    root_told: bool,
    patients: u64,
    findings: Vec<Finding>,
    more_findings: u64,
}

/// What a verification came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Events that were read again.
    pub verified: u64,
    /// Size of the newest checkpoint.
    pub size: u64,
    /// Events that were stored after it and wait for their positions.
    pub waiting: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more_findings: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl State {
    /// Nothing was read yet.
    pub fn new(tenant: Uuid) -> Self {
        Self {
            tenant,
            next: 0,
            peaks: Vec::new(),
            whole: true,
            root_told: false,
            patients: 0,
            findings: Vec::new(),
            more_findings: 0,
        }
    }

    /// Events that were read.
    pub fn done(&self) -> u64 {
        self.next
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() < TOLD {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }

    fn frontier(&self) -> Option<Frontier> {
        let peaks: Option<Vec<Hash>> = self
            .peaks
            .iter()
            .map(|peak| hash_of(&hex::decode(peak).ok()?))
            .collect();
        Frontier::of(self.next, peaks?)
    }
}

/// Size of the newest checkpoint: how much there is to read.
///
/// # Errors
/// When the database refuses.
pub async fn size(app: &App) -> Result<u64, StoreError> {
    let client = app.pool.get().await?;
    let row = client
        .query_one(
            "SELECT coalesce(max(size), 0) FROM ledger_checkpoint WHERE tenant = $1",
            &[&app.tenant.id],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// Reads the next events, up to position `end`. Gives whether there are more.
///
/// # Errors
/// When the database or the key store refuses; what is wrong with the ledger is no error.
pub async fn step(app: &App, state: &mut State, end: u64) -> Result<bool, LedgerError> {
    if state.next >= end {
        return Ok(false);
    }
    let to = (state.next + CHUNK).min(end);
    let client = app.pool.get().await.map_err(StoreError::from)?;
    chunk::read(app, &client, state, to, end).await?;
    Ok(state.next < end)
}

/// What does not go event by event: the end of the ledger, what lies outside it, what should not
/// be there.
///
/// # Errors
/// When the database refuses.
pub async fn finish(app: &App, mut state: State, end: u64) -> Result<Report, LedgerError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    rest::checkpoints_and_leaves_end_together(app, &client, &mut state).await?;
    kept_outside(app, &client, &mut state, end).await?;
    rest::events_without_a_position(app, &client, &mut state).await?;
    rest::orphans(app, &client, &mut state).await?;
    rest::chains(app, &client, &mut state).await?;
    if state.whole {
        rest::patients_are_as_many(app, &client, &mut state, end).await?;
    }
    let waiting = rest::waiting(app, &client).await?;
    Ok(Report {
        verified: state.next,
        size: end,
        waiting,
        findings: state.findings,
        more_findings: state.more_findings,
    })
}

/// The checkpoint in the file must be one that this ledger continues.
async fn kept_outside(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
    end: u64,
) -> Result<(), LedgerError> {
    let Some(path) = app.ledger.file.as_deref() else {
        return Ok(());
    };
    let kept: Checkpoint = match outside::read(path, app.ledger.verifier()) {
        Ok(None) => return Ok(()),
        Ok(Some(kept)) => kept,
        Err(error) => {
            state.found(Finding::of(Fault::Outside).saying(error.to_string()));
            return Ok(());
        }
    };
    if kept.size > end {
        // The server may have gone on since the end was looked up.
        let now = size(app).await?;
        if kept.size > now {
            let words = format!(
                "the checkpoint kept outside is of {} events, the ledger of {now}: positions \
                 {now} to {} were cut off",
                kept.size,
                kept.size - 1
            );
            state.found(Finding::of(Fault::CutOff).at(now).saying(words));
            return Ok(());
        }
    }
    let read = nodes::frontier(client, app.tenant.id, kept.size).await?;
    if read.is_none_or(|frontier| frontier.root() != kept.root) {
        let words = format!(
            "the ledger does not continue the checkpoint of {} events kept outside",
            kept.size
        );
        state.found(Finding::of(Fault::Outside).saying(words));
    }
    Ok(())
}

/// Positions as the database counts them.
fn position(number: u64) -> i64 {
    signed(number)
}
