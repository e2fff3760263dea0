//! Getting in: enrolling a device, signing in on it, signing out.

use axum::http::{HeaderMap, Method, Uri};
use ledger::event::{Observer, Outcome};
use ledger::{AccessEvent, Action};
use protocol::dpop;
use protocol::secret::Secret;
use protocol::sign_in::{
    DeviceCard, EnrolRequest, OrganisationCard, Policy, SessionGrant, SignInRequest,
};
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::identity::account::{self, Account, Guarded};
use crate::identity::caller::{Caller, Origin};
use crate::identity::error::IdentityError;
use crate::identity::limit::{self, Source};
use crate::identity::password::PasswordGate;
use crate::identity::session::{self, Begun, EndedBy, WORKING_DAY};
use crate::identity::{device, lease, proof, totp};
use crate::store::error::StoreError;
use crate::store::{tenant, transaction};

/// Rules that every workstation of the clinic follows.
pub const POLICY: Policy = Policy {
    idle_lock_seconds: 300,
    emergency_quota: 3,
    cache_megabytes: None,
};

/// Longest name of a device.
const DEVICE_NAME: usize = 100;

/// The request around a sign-in.
pub struct Asked<'a> {
    /// Its headers, the proof among them.
    pub headers: &'a HeaderMap,
    /// Its path.
    pub uri: &'a Uri,
    /// Where it came from.
    pub origin: &'a Origin,
}

/// Signs in on an enrolled device.
///
/// # Errors
/// [`IdentityError`].
pub async fn sign_in(
    app: &App,
    gate: &PasswordGate,
    asked: &Asked<'_>,
    request: &SignInRequest,
) -> Result<SessionGrant, IdentityError> {
    let key = proved_key(app, asked).await?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    // Said before any password is looked at: it depends on the device's key alone.
    let device = device::by_key(app, &client, &key)
        .await?
        .ok_or(IdentityError::DeviceUnknown)?;
    let source = Source::Device(device);
    free_to_try(app, &client, &request.username, source).await?;
    let found = account::find(app, &client, &request.username).await?;
    drop(client);
    let attempt = Attempt {
        app,
        asked,
        name: &request.username,
        source,
        device: Some(device),
    };
    let (guarded, rehashed) = right_password(gate, &attempt, found, &request.password).await?;
    let known = guarded.account.clone();
    if guarded.disabled {
        return attempt
            .refused(IdentityError::AccountDisabled, Some(&known))
            .await;
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    if !device::is_enrolled(app, &client, device, known.id).await? {
        drop(client);
        return attempt
            .refused(IdentityError::DeviceUnknown, Some(&known))
            .await;
    }
    limit::succeeded(app, &client, &request.username, source).await?;
    if let (Some(old), Some(new)) = (&guarded.password_hash, &rehashed) {
        account::rehash(app, &client, known.id, old, new).await?;
    }
    drop(client);
    let event = attempt.event(Action::SignedIn, Some(&known));
    let begun = begin(app, known.id, device, event).await?;
    grant(app, &known, device, begun).await
}

/// Enrols a device for a user and signs in on it.
///
/// # Errors
/// [`IdentityError`].
pub async fn enrol(
    app: &App,
    gate: &PasswordGate,
    asked: &Asked<'_>,
    request: &EnrolRequest,
) -> Result<SessionGrant, IdentityError> {
    readable(&request.device)?;
    let key = proved_key(app, asked).await?;
    if key != request.device.public_key {
        return Err(IdentityError::ProofWrong("the proof is another key's"));
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let source = Source::Address(asked.origin.address);
    free_to_try(app, &client, &request.username, source).await?;
    let found = account::find(app, &client, &request.username).await?;
    drop(client);
    let attempt = Attempt {
        app,
        asked,
        name: &request.username,
        source,
        device: Some(request.device.id),
    };
    let (guarded, _) = right_password(gate, &attempt, found, &request.password).await?;
    let known = guarded.account.clone();
    if !right_code(app, &guarded, &request.totp).await? {
        return attempt
            .refused(IdentityError::CredentialsWrong, Some(&known))
            .await;
    }
    if guarded.disabled {
        return attempt
            .refused(IdentityError::AccountDisabled, Some(&known))
            .await;
    }
    let event = attempt.event(Action::Enrolled, Some(&known));
    let card = &request.device;
    let begun = transaction::run(app, "enrol", |tx, _| {
        let event = &event;
        Box::pin(async move {
            if !device::enrol(app, tx, card, known.id, None).await? {
                return Err(IdentityError::DeviceUnknown);
            }
            session::end_all(app, tx, known.id, Some(card.id), EndedBy::SignIn).await?;
            let begun = session::begin(app, tx, known.id, Some(card.id), WORKING_DAY).await?;
            append::append(app, tx, event).await?;
            Ok(begun)
        })
    })
    .await;
    match begun {
        Ok(begun) => {
            let client = app.pool.get().await.map_err(StoreError::from)?;
            limit::succeeded(app, &client, &request.username, source).await?;
            drop(client);
            grant(app, &guarded.account, card.id, begun).await
        }
        Err(IdentityError::DeviceUnknown) => {
            attempt
                .refused(IdentityError::DeviceUnknown, Some(&guarded.account))
                .await
        }
        Err(error) => Err(error),
    }
}

/// Whether a one-time code is the account's. It is used up, whatever follows.
pub(super) async fn right_code(
    app: &App,
    guarded: &Guarded,
    code: &Secret,
) -> Result<bool, IdentityError> {
    let Some(sealed) = &guarded.totp_secret else {
        return Ok(false);
    };
    let secret = totp::open(app, guarded.account.id, sealed).await?;
    let Some(step) = totp::step(&secret, code.expose(), app.now()) else {
        return Ok(false);
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    Ok(account::use_totp_step(app, &client, guarded.account.id, step).await?)
}

/// Ends the caller's session.
///
/// # Errors
/// [`IdentityError::Store`].
pub async fn sign_out(app: &App, caller: &Caller) -> Result<(), IdentityError> {
    let event = caller.event(app, Action::SignedOut);
    transaction::run(app, "sign-out", |tx, _| {
        let event = &event;
        Box::pin(async move {
            session::end(app, tx, caller.session, EndedBy::SignOut).await?;
            append::append(app, tx, event).await?;
            Ok(())
        })
    })
    .await
}

pub(super) async fn begin(
    app: &App,
    account: Uuid,
    device: Uuid,
    event: AccessEvent,
) -> Result<Begun, IdentityError> {
    transaction::run(app, "sign-in", |tx, _| {
        let event = &event;
        Box::pin(async move {
            session::end_all(app, tx, account, Some(device), EndedBy::SignIn).await?;
            let begun = session::begin(app, tx, account, Some(device), WORKING_DAY).await?;
            device::prove(app, tx, device, account).await?;
            append::append(app, tx, event).await?;
            Ok(begun)
        })
    })
    .await
}

pub(super) async fn grant(
    app: &App,
    account: &Account,
    device: Uuid,
    begun: Begun,
) -> Result<SessionGrant, IdentityError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let lease = lease::give(app, &client, account.id, device).await?;
    // The table checks that it is positive.
    let room = tenant::cache_megabytes(&client, app.tenant.id).await?;
    let room = u32::try_from(room).ok();
    Ok(SessionGrant {
        token: begun.token,
        expires_at: begun.expires_at,
        user: account.card(),
        organisation: OrganisationCard {
            tenant: app.tenant.id,
            name: app.tenant.name.clone(),
            time_zone: app.tenant.time_zone.clone(),
            recovery_public_key: app.tenant.recovery_public_key.clone(),
            ledger_key: app.ledger.verifier().to_text(),
        },
        policy: Policy {
            cache_megabytes: room,
            ..POLICY
        },
        lease: Some(lease),
    })
}

pub(super) async fn proved_key(app: &App, asked: &Asked<'_>) -> Result<String, IdentityError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let claim = proof::Claim {
        method: &Method::POST,
        uri: asked.uri,
        token: None,
    };
    proof::check(app, &client, asked.headers, &claim)
        .await?
        .map_err(IdentityError::ProofWrong)
}

pub(super) async fn free_to_try(
    app: &App,
    client: &deadpool_postgres::Client,
    name: &str,
    source: Source,
) -> Result<(), IdentityError> {
    match limit::wait(app, client, name, source).await? {
        Some(wait) => Err(IdentityError::TooManyAttempts { wait }),
        None => Ok(()),
    }
}

pub(super) fn readable(card: &DeviceCard) -> Result<(), IdentityError> {
    if card.name.trim().is_empty() || card.name.chars().count() > DEVICE_NAME {
        return Err(IdentityError::Malformed(
            "device.name must have 1 to 100 characters",
        ));
    }
    if !["linux", "windows", "macos"].contains(&card.platform.as_str()) {
        return Err(IdentityError::Malformed(
            "device.platform must be linux, windows or macos",
        ));
    }
    dpop::decode_key(&card.public_key)
        .map(drop)
        .map_err(|_| IdentityError::Malformed("device.public_key is not an Ed25519 key"))
}

async fn right_password(
    gate: &PasswordGate,
    attempt: &Attempt<'_>,
    found: Option<Guarded>,
    given: &Secret,
) -> Result<(Guarded, Option<String>), IdentityError> {
    let stored = found
        .as_ref()
        .and_then(|guarded| guarded.password_hash.clone());
    let compared = gate.compare(given, stored).await?;
    match found {
        Some(guarded) if compared.right => Ok((guarded, compared.rehashed)),
        other => {
            let account = other.map(|guarded| guarded.account);
            attempt
                .refused(IdentityError::CredentialsWrong, account.as_ref())
                .await
        }
    }
}

/// One try to get in.
pub(super) struct Attempt<'a> {
    pub(super) app: &'a App,
    pub(super) asked: &'a Asked<'a>,
    /// What failures are counted under.
    pub(super) name: &'a str,
    pub(super) source: Source,
    pub(super) device: Option<Uuid>,
}

impl Attempt<'_> {
    pub(super) fn event(&self, action: Action, account: Option<&Account>) -> AccessEvent {
        let app = self.app;
        let event = AccessEvent::new(
            Uuid::now_v7(),
            app.now(),
            action,
            self.asked.origin.client(self.device),
            Observer::Server(app.config.public_url.clone()),
        );
        match account {
            Some(account) => event.by(ledger::event::Actor {
                id: account.id,
                name: account.display_name.clone(),
                role: account.role.as_str().to_owned(),
            }),
            // The name that was given is not recorded: it may be a mistyped password.
            None => event,
        }
    }

    /// Counts and records the refusal, then gives it back.
    pub(super) async fn refused<T>(
        &self,
        error: IdentityError,
        account: Option<&Account>,
    ) -> Result<T, IdentityError> {
        let client = self.app.pool.get().await.map_err(StoreError::from)?;
        if error.counts() {
            limit::failed(self.app, &client, self.name, self.source).await?;
        }
        let event = self
            .event(Action::SignInRefused, account)
            .ending(Outcome::Refused)
            .because(error.to_string(), []);
        append::append(self.app, &client, &event).await?;
        Err(error)
    }
}
