//! Signing in with the organisation: the server is the identity provider's client, and this
//! program carries a code from the browser to it (decision 0014).
//!
//! What such a sign-in begins is a session with the server. The records on this computer are
//! opened by the password of this computer, which its user chose when it was enrolled and which
//! leaves it never. The session is kept in the sealed cache until it ends, so that unlocking does
//! not ask for the browser again.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use protocol::fault::Code;
use protocol::sign_in::SessionGrant;
use protocol::single_sign_on::{BeginRequest, FinishRequest};
use url::Url;

use super::Workstation;
use super::session::blocking;
use crate::adapter::https::server_url;
use crate::adapter::loopback::{Back, Loopback};
use crate::error::SignInError;
use crate::fault;
use crate::port::keychain::KeychainError;
use crate::port::server::{Device, ServerError};
use crate::profile::Profile;
use crate::profile::slots::secret_of;
use crate::runner::Poke;
use crate::view::fault::Fault;
use crate::view::session::{SessionView, WaysView};

impl Workstation {
    /// How users may sign in at a server.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be asked.
    pub async fn sign_in_ways(&self, server: String) -> Result<WaysView, Fault> {
        let url = server_url(&server).map_err(|what| Fault {
            what: what.to_owned(),
            ..fault::about("invalid", "server")
        })?;
        let ways = self.0.ports.server.ways(&url).await;
        let ways = ways.map_err(|error| Fault::from(&error))?;
        Ok(WaysView {
            organisation: ways.single_sign_on,
        })
    }

    /// Signs the open profile's user in with the organisation, because the session has ended.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn sign_in_again(&self) -> Result<SessionView, Fault> {
        let (device, user) = match self.opened().as_ref() {
            Some(open) => (open.line.device().clone(), open.user.username.clone()),
            None => return Err(fault::of("locked")),
        };
        let grant = self.by_organisation(&device, &user).await;
        let grant = grant.map_err(Fault::from)?;
        self.poke(Poke::SignedIn(Box::new(grant)));
        Ok(self.announce())
    }

    /// Ends the wait for the browser, if there is one.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn cancel_sign_in(&self) -> Result<SessionView, Fault> {
        self.0.browsing.send_replace(false);
        Ok(self.announce())
    }

    /// From the browser to a session of `username`. Nothing of the program waits for it but the
    /// caller, who must not hold the turn: it may take minutes.
    pub(super) async fn by_organisation(
        &self,
        device: &Device,
        username: &str,
    ) -> Result<SessionGrant, SignInError> {
        if self.0.browsing.send_replace(true) {
            // One browser is waited for at a time.
            return Err(SignInError::Interrupted);
        }
        self.announce();
        let mut browsing = self.0.browsing.subscribe();
        let given_up = async {
            // The sender lives as long as the program.
            let _ = browsing.wait_for(|goes_on| !goes_on).await;
        };
        let outcome = tokio::select! {
            outcome = self.browsed(device) => outcome,
            () = given_up => Err(SignInError::Cancelled),
        };
        self.0.browsing.send_replace(false);
        self.announce();
        let grant = outcome?;
        if grant.user.username.to_lowercase() != username.trim().to_lowercase() {
            return Err(SignInError::AnotherUser);
        }
        Ok(grant)
    }

    async fn browsed(&self, device: &Device) -> Result<SessionGrant, SignInError> {
        let server = &self.0.ports.server;
        let loopback = Loopback::take().await.map_err(SignInError::Loopback)?;
        let request = BeginRequest {
            port: loopback.port(),
        };
        let begun = server.begin(device, &request).await?;
        let page = Url::parse(&begun.url)
            .map_err(|_| SignInError::Grant("the page to sign in at is no address"))?;
        let browser = self.0.ports.browser.clone();
        blocking(move || Ok(browser.open(&page)?)).await?;
        let life = begun.expires_at.duration_since(self.0.ports.clock.now());
        let life = life.max(jiff::SignedDuration::ZERO).unsigned_abs();
        let back = tokio::time::timeout(life, loopback.back(&begun.state))
            .await
            .map_err(|_| SignInError::Cancelled)?
            .map_err(SignInError::Loopback)?;
        let Back::Code { code, iss } = back else {
            return Err(SignInError::Cancelled);
        };
        let request = FinishRequest {
            state: begun.state,
            code,
            iss,
        };
        match server.finish(device, &request).await {
            // The device is known, or it could not have begun: it is somebody else's.
            Err(ServerError::Problem(problem)) if problem.code == Code::DeviceUnknown => {
                Err(SignInError::AnotherUser)
            }
            answer => Ok(answer?),
        }
    }

    /// The device of a profile that is locked.
    pub(super) async fn device_of(
        &self,
        profile: &Profile,
        server: &Url,
    ) -> Result<Device, SignInError> {
        let (ports, account) = (self.0.ports.clone(), profile.device_account());
        let seed = blocking(move || {
            let seed = ports.keychain.get(&account)?;
            Ok(secret_of(&seed).ok_or(KeychainError::Malformed)?)
        })
        .await?;
        Ok(Device {
            server: server.clone(),
            key: Arc::new(SigningKey::from_bytes(&seed)),
        })
    }
}
