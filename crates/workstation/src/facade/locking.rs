//! Locking. It waits for no network, no keychain and nobody's turn: whoever is opening a profile
//! gives up what was opened so far, and whoever asks the server something stops asking.

use ledger::Action;
use tokio::sync::watch;

use super::{Open, Workstation};
use crate::desk::identity::{KeptSession, SESSION_SETTING};
use crate::error::SignInError;
use crate::fault;
use crate::runner::Runner;
use crate::view::fault::Fault;
use crate::view::session::{SessionView, SyncView};

/// The opening of a profile, from when the password came. Locking ends it.
pub(super) struct Opening(watch::Receiver<u64>);

impl Opening {
    /// Whether it was locked meanwhile.
    pub(super) fn is_over(&self) -> bool {
        // The sender lives as long as the program.
        self.0.has_changed().unwrap_or(true)
    }

    /// Waits for the server or somebody in front of a browser; once it is locked, not any more.
    pub(super) async fn unless_locked<T>(
        &self,
        call: impl Future<Output = T>,
    ) -> Result<T, SignInError> {
        let mut locks = self.0.clone();
        tokio::select! {
            biased;
            _ = locks.changed() => Err(SignInError::LockedMeanwhile),
            answer = call => Ok(answer),
        }
    }
}

/// Waits for the server on behalf of the profile that this runner works in; not any more once it
/// is closed.
pub(super) async fn while_open<T>(
    runner: watch::Receiver<SyncView>,
    call: impl Future<Output = T>,
) -> Result<T, Fault> {
    tokio::select! {
        biased;
        () = Runner::ended(runner) => Err(fault::of("locked")),
        answer = call => Ok(answer),
    }
}

impl Workstation {
    pub(super) fn opening(&self) -> Opening {
        Opening(self.0.locks.subscribe())
    }

    /// Drops every key and closes the cache.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn lock(&self) -> Result<SessionView, Fault> {
        self.end_openings();
        self.close(Action::Locked).await;
        Ok(self.announce())
    }

    /// Locks because the computer says so: its screen was locked, or it goes to sleep.
    pub async fn lock_now(&self, why: &'static str) {
        self.end_openings();
        if self.close(Action::Locked).await {
            tracing::info!(why, "locked");
            self.announce();
        }
    }

    /// Ends the session on the server, if it can be reached, and locks.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn sign_out(&self) -> Result<SessionView, Fault> {
        self.end_openings();
        let session = self.opened().as_ref().and_then(|open| open.line.current());
        self.close(Action::SignedOut).await;
        if let Some(session) = session
            && let Err(error) = self.0.ports.server.sign_out(&session).await
        {
            // The token dies with this process; the server ends the session by itself in time.
            tracing::info!(
                code = fault::server_code(&error),
                "the server was not told of the sign-out"
            );
        }
        Ok(self.announce())
    }

    /// Whoever is opening a profile gives up.
    fn end_openings(&self) {
        self.0.locks.send_modify(|locks| *locks += 1);
    }

    /// Closes the open profile; tells whether one was open.
    pub(super) async fn close(&self, action: Action) -> bool {
        self.close_if(action, |_| true).await
    }

    /// Closes the open profile if that applies to it; tells whether it did.
    pub(super) async fn close_if(
        &self,
        action: Action,
        applies: impl FnOnce(&Open) -> bool,
    ) -> bool {
        let _closing = self.0.closing.lock().await;
        let open = {
            let mut opened = self.opened();
            match opened.as_ref() {
                Some(open) if applies(open) => opened.take(),
                _ => None,
            }
        };
        let Some(open) = open else { return false };
        open.watchman.abort();
        // Whoever locks does not go on speaking.
        drop(open.visiting);
        let lease = open.lease.settle();
        let recorded = self
            .0
            .door
            .work(move |desk| {
                let event = desk.event(action)?;
                desk.write_recorded("lock", &event, |tx| {
                    if action == Action::SignedOut {
                        tx.set(SESSION_SETTING, &None::<KeptSession>)?;
                    }
                    tx.set(crate::lease::SETTING, &lease)
                })?;
                Ok(())
            })
            .await;
        if let Err(error) = recorded {
            // Locking must not fail: an open profile is worse than an event that is missing.
            tracing::error!(code = error.code(), "the locking was not recorded");
        }
        open.runner.stop().await;
        drop(open.pokes);
        self.0.ports.server.forget();
        self.0.door.shut().await;
        if self.0.rehearsal.runs() {
            let rehearsal = self.0.rehearsal.clone();
            if tokio::task::spawn_blocking(move || rehearsal.save_counts())
                .await
                .is_err()
            {
                tracing::warn!("the counts of the rehearsal were not kept");
            }
        }
        true
    }
}
