//! Workstations: which there are, and ending one.

use clap::{Args, Subcommand};
use ledger::Action;
use serde::Serialize;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::user::event;
use crate::identity::device::{self, Listed};
use crate::identity::session::{self, EndedBy};
use crate::identity::wipe;
use crate::store::error::StoreError;
use crate::store::transaction;

#[derive(Subcommand)]
pub(super) enum DeviceCommand {
    /// Lists workstations: their users, and whether they were told to wipe themselves.
    List,
    /// Ends a workstation's enrolments and sessions.
    Revoke(Revoke),
}

#[derive(Args)]
pub(super) struct Revoke {
    /// Its id, as `device list` shows it.
    #[arg(long)]
    device: Uuid,
    /// Tells it, at its next contact, to save its unsent work sealed and to erase itself.
    #[arg(long)]
    wipe: bool,
    /// Why; recorded.
    #[arg(long, default_value = "no reason given")]
    reason: String,
}

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct Revoked {
    device: Uuid,
    enrolments_ended: u64,
    sessions_ended: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    wipe_order: Option<i64>,
}

/// Lists workstations.
pub(super) async fn list(app: &App) -> Result<Vec<Listed>, CommandError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    Ok(device::list(app, &client).await?)
}

/// Ends a workstation.
pub(super) async fn revoke(app: &App, wish: &Revoke) -> Result<Revoked, CommandError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let known = device::list(app, &client).await?;
    if !known.iter().any(|listed| listed.device == wish.device) {
        return Err(CommandError::Argument("there is no device of this id"));
    }
    drop(client);
    let also = if wish.wipe { ", to be wiped" } else { "" };
    let event = event(app, Action::DeviceRevoked, "device revoke")
        .because(format!("device {}{also}: {}", wish.device, wish.reason), []);
    transaction::run(app, "device-revoke", |tx, _| {
        let event = &event;
        Box::pin(async move {
            let wipe_order = if wish.wipe {
                Some(wipe::order(app, tx, wish.device, &wish.reason).await?)
            } else {
                None
            };
            let enrolments_ended = device::revoke(app, tx, wish.device).await?;
            let sessions_ended =
                session::end_on_device(app, tx, wish.device, EndedBy::Operator).await?;
            append::append(app, tx, event).await?;
            Ok::<_, CommandError>(Revoked {
                device: wish.device,
                enrolments_ended,
                sessions_ended,
                wipe_order,
            })
        })
    })
    .await
}
