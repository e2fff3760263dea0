//! From a browser's sign-in to a session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ledger::Action;
use protocol::secret::Secret;
use protocol::sign_in::{Role, SessionGrant};
use protocol::single_sign_on::{BeginRequest, Begun, FinishRequest, redirect};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::App;
use crate::identity::account::{self, Account};
use crate::identity::device;
use crate::identity::error::IdentityError;
use crate::identity::limit::{self, Source};
use crate::identity::oidc::claims::{self, ClaimsError, Expected};
use crate::identity::oidc::error::OidcError;
use crate::identity::oidc::pending::{self, Fresh, Pending};
use crate::identity::oidc::provider::{Exchange, Provider, ProviderError};
use crate::identity::sign_in::{self, Asked, Attempt};
use crate::store::error::StoreError;

/// How long a person has to sign in in the browser.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// Longest code and state that are looked at.
const LONGEST: usize = 4 * 1024;

/// What failures are counted under: who tries is not known before the provider says so. No user
/// can be called so, because users' names hold no colon.
const NOBODY_YET: &str = "oidc:";

/// Begins a sign-in on a device that is enrolled for somebody.
///
/// # Errors
/// [`IdentityError`].
pub async fn begin(
    app: &App,
    asked: &Asked<'_>,
    request: &BeginRequest,
) -> Result<Begun, IdentityError> {
    let provider = provider(app)?;
    let device = known_device(app, asked).await?;
    if request.port == 0 {
        return Err(IdentityError::Malformed("port must be 1 to 65535"));
    }
    let now = app.now();
    let document = provider.document(now).await.map_err(OidcError::from)?;
    let redirect = redirect(request.port);
    let (state, nonce, verifier) = (random()?, random()?, random()?);
    let expires_at = now.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let mut url = Url::parse(&document.authorization_endpoint)
        .map_err(|_| OidcError::Provider(ProviderError::Malformed("provider-endpoint")))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.settings.client_id)
        .append_pair("redirect_uri", &redirect)
        .append_pair("scope", &provider.settings.scope)
        .append_pair("state", &state)
        .append_pair("nonce", &nonce)
        .append_pair("code_challenge", &challenge(&verifier))
        .append_pair("code_challenge_method", "S256");
    let fresh = Fresh {
        state: &state,
        nonce: &nonce,
        verifier: &verifier,
        redirect: &redirect,
        expires_at,
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    pending::keep(app, &client, device, &fresh).await?;
    Ok(Begun {
        url: url.into(),
        state: Secret::new(state.to_string()),
        expires_at,
    })
}

/// Finishes a sign-in: the same session as a password begins.
///
/// # Errors
/// [`IdentityError`].
pub async fn finish(
    app: &App,
    asked: &Asked<'_>,
    request: &FinishRequest,
) -> Result<SessionGrant, IdentityError> {
    let provider = provider(app)?;
    let device = known_device(app, asked).await?;
    let attempt = Attempt {
        app,
        asked,
        name: NOBODY_YET,
        source: Source::Device(device),
        device: Some(device),
    };
    let named = match identified(app, provider, device, request).await {
        Ok(named) => named,
        Err(IdentityError::Store(error)) => return Err(error.into()),
        Err(error) => return attempt.refused(error, None).await,
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let found = account::find(app, &client, &named)
        .await?
        .filter(|found| found.account.role != Role::Integration);
    let Some(found) = found else {
        drop(client);
        return attempt
            .refused(OidcError::SubjectUnknown.into(), None)
            .await;
    };
    let known: Account = found.account;
    if found.disabled {
        drop(client);
        return attempt
            .refused(IdentityError::AccountDisabled, Some(&known))
            .await;
    }
    if !device::is_enrolled(app, &client, device, known.id).await? {
        drop(client);
        return attempt
            .refused(IdentityError::DeviceUnknown, Some(&known))
            .await;
    }
    limit::succeeded(app, &client, NOBODY_YET, attempt.source).await?;
    drop(client);
    let words = format!("Single sign-on by {}.", provider.settings.issuer);
    let event = attempt
        .event(Action::SignedIn, Some(&known))
        .because(words, []);
    let begun = sign_in::begin(app, known.id, device, event).await?;
    sign_in::grant(app, &known, device, begun).await
}

fn provider(app: &App) -> Result<&Provider, OidcError> {
    app.single_sign_on.as_ref().ok_or(OidcError::Off)
}

/// The device whose key is proved; it need not wait.
async fn known_device(app: &App, asked: &Asked<'_>) -> Result<Uuid, IdentityError> {
    let key = sign_in::proved_key(app, asked).await?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let device = device::by_key(app, &client, &key)
        .await?
        .ok_or(IdentityError::DeviceUnknown)?;
    sign_in::free_to_try(app, &client, NOBODY_YET, Source::Device(device)).await?;
    Ok(device)
}

/// Whom the provider names for this state and code.
async fn identified(
    app: &App,
    provider: &Provider,
    device: Uuid,
    request: &FinishRequest,
) -> Result<String, IdentityError> {
    let (state, code) = (request.state.expose(), &request.code);
    if state.len() > LONGEST || code.expose().len() > LONGEST {
        return Err(OidcError::Ended.into());
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let pending: Option<Pending> = pending::take(app, &client, device, state).await?;
    // Not held while the provider is asked.
    drop(client);
    let pending = pending.ok_or(OidcError::Ended)?;
    let now = app.now();
    let document = provider.document(now).await.map_err(OidcError::from)?;
    let settings = &provider.settings;
    let issuer_fits = match &request.iss {
        Some(issuer) => *issuer == settings.issuer,
        None => !document.authorization_response_iss_parameter_supported,
    };
    if !issuer_fits {
        return Err(OidcError::from(ClaimsError::Issuer).into());
    }
    let exchange = Exchange {
        code,
        redirect: &pending.redirect,
        verifier: &pending.verifier,
    };
    let token = provider.exchange(&document, &exchange).await?;
    let claimed = provider.verified(&token, now).await?;
    let expected = Expected {
        issuer: &settings.issuer,
        client_id: &settings.client_id,
        nonce: &pending.nonce,
        now,
    };
    claims::check(&claimed, &expected).map_err(OidcError::from)?;
    let named = claims::subject(&claimed, &settings.claim).map_err(OidcError::from)?;
    Ok(named.to_owned())
}

/// 256 random bits as text.
fn random() -> Result<Zeroizing<String>, StoreError> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    getrandom::fill(bytes.as_mut()).map_err(StoreError::NoRandomBytes)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// RFC 7636, S256.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        assert_eq!(
            super::challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
