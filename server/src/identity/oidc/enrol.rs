//! The first half of an enrolment: the one-time code. The second is the provider's word.

use jiff::{SignedDuration, Timestamp};
use ledger::Action;
use protocol::single_sign_on::EnrolByCode;

use crate::app::App;
use crate::audit::append;
use crate::identity::account;
use crate::identity::device;
use crate::identity::error::IdentityError;
use crate::identity::limit::{self, Source};
use crate::identity::oidc::error::OidcError;
use crate::identity::sign_in::{self, Asked, Attempt};
use crate::store::error::StoreError;
use crate::store::transaction;

/// How long a person has to sign in afterwards: as long as a sign-in in the browser may take, and
/// a little to begin it.
const PATIENCE: SignedDuration = SignedDuration::from_mins(12);

/// Enrols a device by a user's one-time code, until a sign-in follows or the time is over.
///
/// # Errors
/// [`IdentityError`].
pub async fn enrol(
    app: &App,
    asked: &Asked<'_>,
    request: &EnrolByCode,
) -> Result<(), IdentityError> {
    if app.single_sign_on.is_none() {
        return Err(OidcError::Off.into());
    }
    sign_in::readable(&request.device)?;
    let key = sign_in::proved_key(app, asked).await?;
    if key != request.device.public_key {
        return Err(IdentityError::ProofWrong("the proof is another key's"));
    }
    let source = Source::Address(asked.origin.address);
    let client = app.pool.get().await.map_err(StoreError::from)?;
    sign_in::free_to_try(app, &client, &request.username, source).await?;
    let found = account::find(app, &client, &request.username).await?;
    drop(client);
    let attempt = Attempt {
        app,
        asked,
        name: &request.username,
        source,
        device: Some(request.device.id),
    };
    let wrong = IdentityError::CredentialsWrong;
    let Some(guarded) = found else {
        return attempt.refused(wrong, None).await;
    };
    let known = guarded.account.clone();
    if !sign_in::right_code(app, &guarded, &request.totp).await? {
        return attempt.refused(wrong, Some(&known)).await;
    }
    if guarded.disabled {
        let disabled = IdentityError::AccountDisabled;
        return attempt.refused(disabled, Some(&known)).await;
    }
    let words = "By the one-time code; the identity provider's word is to follow.".to_owned();
    let event = attempt
        .event(Action::Enrolled, Some(&known))
        .because(words, []);
    let until = app.now().saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let card = &request.device;
    let enrolled = transaction::run(app, "enrol-by-code", |tx, _| {
        let event = &event;
        Box::pin(async move {
            if !device::enrol(app, tx, card, known.id, Some(until)).await? {
                return Ok(false);
            }
            append::append(app, tx, event).await?;
            Ok::<_, StoreError>(true)
        })
    })
    .await?;
    if !enrolled {
        let unknown = IdentityError::DeviceUnknown;
        return attempt.refused(unknown, Some(&guarded.account)).await;
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    Ok(limit::succeeded(app, &client, &request.username, source).await?)
}
