//! Everything under the newest keys: data keys under the first master key, values under their
//! patient's current data key.

use std::time::Instant;

use indicatif::ProgressBar;
use ledger::Action;
use serde::Serialize;
use uuid::Uuid;

use super::reseal;
use super::{Pace, Work};
use crate::commands::error::CommandError;
use crate::commands::import::bar;
use crate::commands::user::event;
use crate::store::keys::operate;

/// What was done.
#[derive(Debug, Default, Serialize)]
pub(super) struct Reencrypted {
    /// Data keys that the first master key wraps now.
    rewrapped: u64,
    /// Bodies of versions, rows of identity, and secrets that a current key seals now.
    resealed: u64,
    /// Values that do not open, and why. They stay as they are.
    pub(super) failed: Vec<Failed>,
}

/// A value that does not open.
#[derive(Debug, Serialize)]
pub(super) struct Failed {
    value: String,
    code: &'static str,
}

/// How far the work is, and how fast it may be.
pub(super) struct Progress {
    pub(super) pace: Pace,
    bar: ProgressBar,
    begun: Instant,
    seen: u64,
    failed: Vec<Failed>,
}

impl Progress {
    /// Counts a batch, and waits if it was too fast.
    pub(super) async fn add(&mut self, seen: u64, failed: Vec<(String, &'static str)>) {
        self.seen += seen;
        self.bar.inc(seen);
        self.failed.extend(
            failed
                .into_iter()
                .map(|(value, code)| Failed { value, code }),
        );
        self.pace.keep(self.begun, self.seen).await;
    }
}

pub(super) async fn reencrypt(work: &mut Work, pace: Pace) -> Result<Reencrypted, CommandError> {
    let tenant = work.app.tenant.id;
    let first = work.app.keys.masters().current_id().to_owned();
    let keys = operate::count_to_rewrap(&work.keys, tenant, &first).await?;
    let values = reseal::find(work).await?;
    let words =
        format!("{keys} data keys under master key {first}, {values} values under current keys");
    let recorded = event(&work.app, Action::KeysRotated, "keys reencrypt").because(words, []);
    work.record(&recorded).await?;
    let mut progress = Progress {
        pace,
        bar: bar(keys + values, "values", pace.progress),
        begun: Instant::now(),
        seen: 0,
        failed: Vec::new(),
    };
    let mut done = Reencrypted {
        rewrapped: rewrap(work, &mut progress).await?,
        ..Reencrypted::default()
    };
    done.resealed += reseal::bodies(work, &mut progress).await?;
    done.resealed += reseal::identities(work, &mut progress).await?;
    done.resealed += reseal::secrets(work, &mut progress).await?;
    progress.bar.finish_and_clear();
    done.failed = progress.failed;
    Ok(done)
}

async fn rewrap(work: &mut Work, progress: &mut Progress) -> Result<u64, CommandError> {
    let tenant = work.app.tenant.id;
    let mut last = Uuid::nil();
    let mut done = 0;
    loop {
        let batch = operate::rewrap(
            &work.keys,
            tenant,
            work.app.keys.masters(),
            &mut last,
            i64::from(progress.pace.batch()),
        )
        .await?;
        if batch.seen == 0 {
            return Ok(done);
        }
        done += batch.done;
        progress.add(batch.seen, batch.failed).await;
    }
}
