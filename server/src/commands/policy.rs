//! The organisation's rules for workstations.

use ledger::Action;
use serde::Serialize;

use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::init::records_owner;
use crate::commands::user::event;
use crate::config::Config;
use crate::store::error::StoreError;
use crate::store::tenant;

/// The rules as they are.
#[derive(Debug, Serialize)]
pub(super) struct Rules {
    lease_hours: i32,
    scope_days_ahead: i32,
    scope_days_behind: i32,
    cache_megabytes: i32,
}

/// What is to be changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// Hours that a user may work on a device without the server.
    pub lease_hours: Option<i32>,
    /// Days before an appointment from which on its chart is on the practitioner's workstation.
    pub scope_days_ahead: Option<i32>,
    /// Days after it for which it stays there.
    pub scope_days_behind: Option<i32>,
    /// Megabytes that the records on a workstation may take.
    pub cache_megabytes: Option<i32>,
}

/// Shows the rules, and changes those that are given.
///
/// # Errors
/// [`CommandError`].
pub(super) async fn policy(app: &App, change: Change) -> Result<Rules, CommandError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let (hours, ahead, behind) = (
        change.lease_hours,
        change.scope_days_ahead,
        change.scope_days_behind,
    );
    let words = [
        hours.map(|hours| format!("leases last {hours} hours")),
        ahead.map(|days| format!("charts come {days} days before an appointment")),
        behind.map(|days| format!("charts stay {days} days after an appointment")),
    ];
    let room = change.cache_megabytes;
    let room_words = room.map(|room| format!("records take {room} megabytes of a workstation"));
    let words: Vec<String> = words.into_iter().flatten().chain(room_words).collect();
    for words in &words {
        let event = event(app, Action::PolicyChanged, "policy").because(words.clone(), []);
        append::append(app, &client, &event).await?;
    }
    if !words.is_empty() {
        // The serving program may not change the clinic's row.
        let owner = records_owner(&Config::from_env()?).await?;
        if let Some(hours) = hours {
            tenant::set_lease_hours(&owner, app.tenant.id, hours).await?;
        }
        tenant::set_scope_days(&owner, app.tenant.id, ahead, behind).await?;
        if let Some(room) = room {
            tenant::set_cache_megabytes(&owner, app.tenant.id, room).await?;
        }
    }
    let (scope_days_ahead, scope_days_behind) = tenant::scope_days(&client, app.tenant.id).await?;
    Ok(Rules {
        lease_hours: tenant::lease_hours(&client, app.tenant.id).await?,
        scope_days_ahead,
        scope_days_behind,
        cache_megabytes: tenant::cache_megabytes(&client, app.tenant.id).await?,
    })
}
