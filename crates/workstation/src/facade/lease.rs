//! Watching the lease: work without the server ends with it.

use std::sync::PoisonError;
use std::time::Duration;

use ledger::Action;
use protocol::fault::Code;
use protocol::secret::Secret;
use protocol::sign_in::{SessionGrant, SignInRequest};

use super::{Open, Workstation};
use crate::error::SignInError;
use crate::fault;
use crate::lease::Standing;
use crate::port::server::{Device, ServerError, Session};
use crate::runner::Poke;
use crate::view::fault::Fault;

/// How often the screen is told how long the lease lasts.
pub(super) const TOLD: Duration = Duration::from_secs(60);

impl Workstation {
    /// What the sign-in screen says of the last locking.
    pub(super) fn notice(&self) -> Option<Fault> {
        self.0
            .notice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_notice(&self, notice: Option<Fault>) {
        *self.0.notice.lock().unwrap_or_else(PoisonError::into_inner) = notice;
    }

    /// Signs in before the cache is opened, because there is no lease that would allow to open
    /// it without the server.
    pub(super) async fn sign_in_first(
        &self,
        device: &Device,
        username: &str,
        password: &Secret,
        standing: Standing,
    ) -> Result<(Session, SessionGrant), SignInError> {
        let request = SignInRequest {
            username: username.to_owned(),
            password: password.clone(),
        };
        let refused = match standing {
            Standing::ClockBehind => SignInError::ClockBehind,
            _ => SignInError::LeaseExpired,
        };
        match self.0.ports.server.sign_in(device, &request).await {
            Ok(grant) => {
                let session = Session {
                    device: device.clone(),
                    token: grant.token.clone(),
                };
                Ok((session, grant))
            }
            Err(ServerError::Offline(_)) => Err(refused),
            // Proofs carry the time: a wrong clock makes wrong ones.
            Err(error) if error.code() == Some(Code::ProofWrong) => Err(refused),
            Err(error) => Err(SignInError::Server(error)),
        }
    }

    /// Locks if work without the server is not allowed any more; tells whether it did. What was
    /// not sent is kept.
    pub async fn lock_if_lease_ended(&self) -> bool {
        let now = self.0.ports.clock.now();
        let ended = |open: &Open| {
            if open.line.is_barred() {
                open.lease.revoke();
                return Some("account-disabled");
            }
            match open.lease.standing(now) {
                Standing::Valid(_) => None,
                Standing::ClockBehind => Some("clock-behind"),
                Standing::Expired | Standing::None => Some("lease-expired"),
            }
        };
        if self.opened().as_ref().and_then(ended).is_none() {
            return false;
        }
        let lock = |open: &Open| {
            let code = ended(open);
            if let Some(code) = code {
                tracing::info!(code, "locked");
                // First: whoever finds the profile locked finds the reason.
                self.set_notice(Some(fault::of(code)));
            }
            code.is_some()
        };
        let locked = self.close_if(Action::Locked, lock).await;
        if locked {
            self.announce();
        }
        locked
    }

    /// Time went on: the screen is told how much of the lease is left.
    pub(super) fn tell_the_time(&self) {
        self.poke(Poke::Clock);
    }
}
