//! A user's new password.

use ledger::Action;
use ledger::event::Outcome;
use protocol::sign_in::PasswordChange;
use vault::password::{self, ArgonCost};

use crate::app::App;
use crate::audit::append;
use crate::identity::caller::Caller;
use crate::identity::error::IdentityError;
use crate::identity::limit::{self, Source};
use crate::identity::password::{GateError, PasswordGate};
use crate::identity::session::{self, EndedBy};
use crate::identity::{account, password_rules};
use crate::store::error::StoreError;
use crate::store::transaction;

/// Changes the caller's password and ends the user's other sessions. The present password is
/// asked for again, with the limits of a sign-in.
///
/// # Errors
/// [`IdentityError`].
pub async fn change(
    app: &App,
    gate: &PasswordGate,
    caller: &Caller,
    request: &PasswordChange,
) -> Result<(), IdentityError> {
    if let Some(objection) = password_rules::objection(request.next.expose(), &caller.username) {
        return Err(IdentityError::Malformed(objection));
    }
    let source = match caller.device {
        Some(device) => Source::Device(device),
        None => Source::Address(caller.address),
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    if let Some(wait) = limit::wait(app, &client, &caller.username, source).await? {
        return Err(IdentityError::TooManyAttempts { wait });
    }
    let stored = account::find(app, &client, &caller.username)
        .await?
        .filter(|found| found.account.id == caller.user_id && !found.disabled)
        .and_then(|found| found.password_hash);
    drop(client);
    let compared = gate.compare(&request.current, stored.clone()).await?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let event = caller.event(app, Action::UserChanged);
    let (Some(old), true) = (stored, compared.right) else {
        limit::failed(app, &client, &caller.username, source).await?;
        let event = event
            .ending(Outcome::Refused)
            .because("the present password is wrong", []);
        append::append(app, &client, &event).await?;
        return Err(IdentityError::CredentialsWrong);
    };
    limit::succeeded(app, &client, &caller.username, source).await?;
    drop(client);
    let next = request.next.clone();
    let hash =
        tokio::task::spawn_blocking(move || password::hash(next.expose(), ArgonCost::SERVER))
            .await
            .map_err(GateError::from)?
            .map_err(GateError::from)?;
    let event = event.because("password", []);
    transaction::run(app, "password", |tx, _| {
        let (event, old, hash) = (&event, &old, &hash);
        Box::pin(async move {
            account::rehash(app, tx, caller.user_id, old, hash).await?;
            session::end_others(app, tx, caller.user_id, caller.session, EndedBy::Reset).await?;
            append::append(app, tx, event).await?;
            Ok(())
        })
    })
    .await
}
