//! Who can stand in the audit, so that a filter can offer every name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::Action;
use protocol::report::{ListedUser, UserList};

use crate::app::App;
use crate::audit::reading;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// `GET`. For those who may read the audit; a refusal is recorded. The list tells of staff and
/// programs alone, so that showing it is no access to anybody's record.
pub async fn users(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<UserList>, Refusal> {
    reading::pass(&app, &caller, Action::ReportViewed, None).await?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let rows = client
        .query(
            "SELECT id, display_name, role, disabled_at IS NOT NULL FROM account \
             WHERE tenant = $1 ORDER BY lower(display_name), id",
            &[&app.tenant.id],
        )
        .await
        .map_err(StoreError::from)?;
    let users = rows
        .iter()
        .map(|row| ListedUser {
            id: row.get(0),
            name: row.get(1),
            role: row.get(2),
            disabled: row.get(3),
        })
        .collect();
    Ok(Json(UserList { users }))
}
