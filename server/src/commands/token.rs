//! Bearer tokens for programs.

use jiff::SignedDuration;
use ledger::Action;
use protocol::secret::Secret;
use protocol::sign_in::Role;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::user::event;
use crate::identity::account::{self, Account};
use crate::identity::session;
use crate::store::error::StoreError;
use crate::store::transaction;

/// Makes a token for the program `name`, whose account is made if it is not there.
///
/// # Errors
/// [`CommandError`].
pub async fn issue(app: &App, name: &str, days: u16) -> Result<Secret, CommandError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(CommandError::Argument(
            "--name must have 1 to 100 characters",
        ));
    }
    if days == 0 {
        return Err(CommandError::Argument("--days must be at least 1"));
    }
    let program = program(app, name).await?;
    let life = SignedDuration::from_hours(24 * i64::from(days));
    let event = event(app, Action::TokenIssued, "token")
        .because(format!("program {name} ({}), {days} days", program.id), []);
    let begun = transaction::run(app, "token", |tx, _| {
        let (program, event) = (&program, &event);
        Box::pin(async move {
            let begun = session::begin(app, tx, program.id, None, life).await?;
            append::append(app, tx, event).await?;
            Ok::<_, CommandError>(begun)
        })
    })
    .await?;
    Ok(begun.token)
}

/// The account of a program. It has no password, so nobody signs in as it; the name cannot be a
/// user's, because users' names hold no colon.
pub(super) async fn program(app: &App, name: &str) -> Result<Account, CommandError> {
    let username = format!("program:{}", account::normal_name(name));
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let made = Account {
        id: Uuid::new_v4(),
        username: username.clone(),
        display_name: name.to_owned(),
        role: Role::Integration,
        practitioner: None,
    };
    account::add(app, &client, &made, None, None).await?;
    let found = account::find(app, &client, &username).await?;
    match found {
        Some(guarded) if guarded.disabled => Err(CommandError::Argument(
            "the program of this name is disabled",
        )),
        Some(guarded) => Ok(guarded.account),
        None => Err(CommandError::UnknownUser),
    }
}
