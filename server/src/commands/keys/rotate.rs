//! New generations of data keys.

use std::time::Instant;

use ledger::Action;
use serde::Serialize;

use super::{Rotate, Work};
use crate::commands::error::CommandError;
use crate::commands::import::bar;
use crate::commands::user::event;
use crate::store::keys::operate::{self, Renew};

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct Rotated {
    /// Keys that have a new generation.
    renewed: u64,
    /// Whether this went on with a rotation that was interrupted.
    resumed: bool,
}

pub(super) async fn rotate(work: &mut Work, wish: Rotate) -> Result<Rotated, CommandError> {
    match &wish.patient {
        Some(patient) => one(work, patient).await,
        None => all(work, &wish).await,
    }
}

async fn one(work: &mut Work, patient: &str) -> Result<Rotated, CommandError> {
    if patient.is_empty() {
        return Err(CommandError::UnknownPatient);
    }
    let mut recorded = event(&work.app, Action::KeysRotated, "keys rotate")
        .because("a new generation of the patient's data key".to_owned(), []);
    recorded.patients = vec![patient.to_owned()];
    work.record(&recorded).await?;
    let renewed = operate::renew(
        &mut work.keys,
        work.app.tenant.id,
        work.app.keys.masters(),
        Renew::Of(patient),
        work.app.now(),
    )
    .await?;
    if renewed == 0 {
        return Err(CommandError::UnknownPatient);
    }
    Ok(Rotated {
        renewed,
        resumed: false,
    })
}

async fn all(work: &mut Work, wish: &Rotate) -> Result<Rotated, CommandError> {
    let tenant = work.app.tenant.id;
    let now = work.app.now();
    let started = operate::begin_rotation(&work.keys, tenant, now).await?;
    let total = operate::count_older(&work.keys, tenant, started).await?;
    let recorded = event(&work.app, Action::KeysRotated, "keys rotate").because(
        format!("new generations of all data keys: {total} to go"),
        [],
    );
    work.record(&recorded).await?;
    let bar = bar(total, "keys", wish.pace.progress);
    let begun = Instant::now();
    let mut renewed = 0;
    loop {
        let which = Renew::Older(started, i64::from(wish.pace.batch()));
        // A moment after the start: what is made now must not be taken for old again.
        let now = work.app.now().max(started);
        let masters = work.app.keys.masters();
        let done = operate::renew(&mut work.keys, tenant, masters, which, now).await?;
        if done == 0 {
            break;
        }
        renewed += done;
        bar.inc(done);
        wish.pace.keep(begun, renewed).await;
    }
    operate::end_rotation(&work.keys, tenant).await?;
    bar.finish_and_clear();
    Ok(Rotated {
        renewed,
        resumed: started < now,
    })
}
