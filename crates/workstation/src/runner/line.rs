//! The line to the server: a session, or what is needed to get one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::fault::Code;
use protocol::secret::Secret;
use protocol::sign_in::{SessionGrant, SignInRequest};
use tokio::sync::watch;

use crate::port::server::{Device, Server, ServerError, Session};
use crate::view::fault::Fault;

/// Shared by the runner's requests.
#[derive(Clone)]
pub(crate) struct Line {
    device: Device,
    username: String,
    state: Arc<Mutex<Inner>>,
    sessions: watch::Sender<Option<Session>>,
}

#[derive(Default)]
struct Inner {
    /// Kept until the server has answered once, then wiped.
    password: Option<Secret>,
    /// A sign-in that was made elsewhere, until the runner takes it up.
    granted: Option<Box<SessionGrant>>,
    /// Why there is no session, if it is not the network.
    fault: Option<Fault>,
    /// The server refused this device or its session, and nobody has asked for orders since.
    refused: bool,
}

impl Line {
    /// A line of a device, with a session or a password to get one with.
    pub(crate) fn new(
        device: Device,
        username: String,
        session: Option<Session>,
        password: Option<Secret>,
    ) -> Self {
        Self {
            device,
            username,
            state: Arc::new(Mutex::new(Inner {
                password,
                ..Inner::default()
            })),
            sessions: watch::Sender::new(session),
        }
    }

    fn state(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sessions(&self) -> watch::Receiver<Option<Session>> {
        self.sessions.subscribe()
    }

    pub(crate) fn current(&self) -> Option<Session> {
        self.sessions.borrow().clone()
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.state().fault.clone()
    }

    /// Whether the server said that this user may not work any more.
    pub(crate) fn is_barred(&self) -> bool {
        let state = self.state();
        state
            .fault
            .as_ref()
            .is_some_and(|fault| fault.code == "account-disabled")
    }

    pub(crate) fn give_password(&self, password: Secret) {
        let mut state = self.state();
        state.password = Some(password);
        state.fault = None;
    }

    /// A sign-in was made: its session is the line's from here on.
    pub(crate) fn give_grant(&self, grant: Box<SessionGrant>) {
        self.sessions.send_replace(None);
        *self.state() = Inner {
            granted: Some(grant),
            ..Inner::default()
        };
    }

    /// Whether the server refused since this was last asked.
    pub(crate) fn was_refused(&self) -> bool {
        std::mem::take(&mut self.state().refused)
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Forgets a session that the server does not know any more.
    pub(crate) fn forget(&self) {
        self.state().refused = true;
        self.sessions.send_replace(None);
    }

    /// A session, signing in for one if a password is at hand. A grant tells that this was done.
    pub(crate) async fn session(
        &self,
        server: &dyn Server,
    ) -> Result<(Session, Option<SessionGrant>), ServerError> {
        if let Some(session) = self.current() {
            return Ok((session, None));
        }
        let granted = self.state().granted.take();
        if let Some(grant) = granted {
            return Ok((self.begin(&grant), Some(*grant)));
        }
        let password = self
            .state()
            .password
            .clone()
            .ok_or(ServerError::SessionEnded)?;
        let request = SignInRequest {
            username: self.username.clone(),
            password,
        };
        match server.sign_in(&self.device, &request).await {
            Ok(grant) => {
                *self.state() = Inner::default();
                Ok((self.begin(&grant), Some(grant)))
            }
            Err(error) => {
                if let Some(code) = lasting(&error) {
                    *self.state() = Inner {
                        fault: Some(crate::fault::of(code)),
                        refused: true,
                        ..Inner::default()
                    };
                    return Err(ServerError::SessionEnded);
                }
                Err(error)
            }
        }
    }

    fn begin(&self, grant: &SessionGrant) -> Session {
        let session = Session {
            device: self.device.clone(),
            token: grant.token.clone(),
        };
        self.sessions.send_replace(Some(session.clone()));
        session
    }
}

/// Refusals that trying again does not mend: the password is not kept for another try.
fn lasting(error: &ServerError) -> Option<&'static str> {
    match error.code()? {
        Code::CredentialsWrong => Some("password-refused"),
        Code::AccountDisabled => Some("account-disabled"),
        Code::DeviceUnknown => Some("device-unknown"),
        _ => None,
    }
}
