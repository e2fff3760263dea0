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
}

/// Shows the rules, and changes those that are given.
///
/// # Errors
/// [`CommandError`].
pub(super) async fn policy(app: &App, lease_hours: Option<i32>) -> Result<Rules, CommandError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    if let Some(hours) = lease_hours {
        let event = event(app, Action::PolicyChanged, "policy")
            .because(format!("leases last {hours} hours"), []);
        append::append(app, &client, &event).await?;
        // The serving program may not change the clinic's row.
        let owner = records_owner(&Config::from_env()?).await?;
        tenant::set_lease_hours(&owner, app.tenant.id, hours).await?;
    }
    Ok(Rules {
        lease_hours: tenant::lease_hours(&client, app.tenant.id).await?,
    })
}
