//! A new password. The server and the slot cannot change at the same moment, so for a moment both
//! passwords open the slot: whatever is cut off in between, the user gets in.

use protocol::fault::Code;
use protocol::secret::Secret;
use protocol::sign_in::{PasswordChange, SignInRequest};

use super::Workstation;
use super::locking::while_open;
use super::session::{blocking, local_password};
use crate::error::SignInError;
use crate::fault;
use crate::port::keychain::KeychainError;
use crate::port::server::{Device, ServerError};
use crate::profile::Profile;
use crate::profile::slots::{Slots, secret_of};
use crate::view::fault::Fault;
use crate::view::session::{PasswordForm, SessionView};

impl Workstation {
    /// Changes the open profile's password, on the server and here. The records are not sealed
    /// anew: only what seals their key is.
    ///
    /// # Errors
    /// [`Fault`] with a stable code: `offline` without the server, `password-wrong` for the
    /// present one, `invalid` for one that the server does not take, `password-unsure` when its
    /// answer was lost.
    pub async fn change_password(&self, form: PasswordForm) -> Result<SessionView, Fault> {
        let PasswordForm { current, next } = form;
        let (current, next) = (Secret::new(current), Secret::new(next));
        let turn = self.0.turn.lock().await;
        let (profile, session, views) = match self.opened().as_ref() {
            Some(open) => (
                open.profile.clone(),
                open.line.current(),
                open.runner.views(),
            ),
            None => return Err(fault::of("locked")),
        };
        let who = self.0.door.work(|desk| {
            let ours = desk.identity.organisation_signs_in;
            Ok(ours.then(|| desk.identity.user.username.clone()))
        });
        if let Some(name) = who.await.map_err(Fault::from)? {
            // No server knows this password, so none is asked.
            local_password(next.expose(), &name).map_err(|error| Fault {
                field: Some("next".to_owned()),
                ..Fault::from(error)
            })?;
            let slots = self.propose(profile.clone(), current, next).await;
            let slots = slots.map_err(about_current)?;
            decided(profile, slots, true).await.map_err(Fault::from)?;
            drop(turn);
            return Ok(self.announce());
        }
        let Some(session) = session else {
            return Err(fault::of("offline"));
        };
        let slots = self
            .propose(profile.clone(), current.clone(), next.clone())
            .await
            .map_err(about_current)?;
        let request = PasswordChange { current, next };
        let answer = self.0.ports.server.change_password(&session, &request);
        // Locked meanwhile, both passwords open the slot, and the next unlocking decides.
        let (taken, refusal) = match while_open(views, answer).await? {
            Ok(()) => (true, None),
            Err(error) => match refusal(&error) {
                Some(refusal) => (false, Some(refusal)),
                None => return Err(fault::of("password-unsure")),
            },
        };
        decided(profile, slots, taken).await.map_err(Fault::from)?;
        drop(turn);
        match refusal {
            None => Ok(self.announce()),
            Some(refusal) => Err(refusal),
        }
    }

    /// Both passwords open the slot from here on.
    async fn propose(
        &self,
        profile: Profile,
        current: Secret,
        next: Secret,
    ) -> Result<Slots, SignInError> {
        let (ports, cost) = (self.0.ports.clone(), self.0.cost);
        blocking(move || {
            let mut slots = Slots::read(&profile.slots())?;
            let secret = ports.keychain.get(&profile.secret_account())?;
            let secret = secret_of(&secret).ok_or(KeychainError::Malformed)?;
            let key = slots.open_daily(&profile, &secret, current.expose())?;
            slots.propose(&profile, (&key, &secret), next.expose(), cost)?;
            slots.write(&profile.slots())?;
            Ok(slots)
        })
        .await
    }

    /// After a change whose answer was lost: the server takes one of both, and that one stays.
    pub(super) async fn decide_password(
        &self,
        device: &Device,
        username: &str,
        password: &Secret,
        slots: &mut Slots,
        by_next: bool,
    ) {
        let request = SignInRequest {
            username: username.to_owned(),
            password: password.clone(),
        };
        if self.0.ports.server.sign_in(device, &request).await.is_ok() {
            slots.decide(by_next);
        }
    }
}

/// A wrong password is the present one here.
fn about_current(error: SignInError) -> Fault {
    match Fault::from(error) {
        wrong if wrong.code == "password-wrong" => fault::about("password-wrong", "current"),
        other => other,
    }
}

async fn decided(profile: Profile, mut slots: Slots, taken: bool) -> Result<(), SignInError> {
    blocking(move || {
        slots.decide(taken);
        Ok(slots.write(&profile.slots())?)
    })
    .await
}

/// What the server refused; none where it is not known whether it did as asked.
fn refusal(error: &ServerError) -> Option<Fault> {
    match error {
        ServerError::SessionEnded => Some(fault::of("session-ended")),
        ServerError::Problem(problem) => match problem.code {
            Code::Malformed => Some(Fault {
                what: sentence(problem.detail.as_deref()),
                ..fault::about("invalid", "next")
            }),
            Code::CredentialsWrong => Some(fault::about("password-wrong", "current")),
            Code::Unavailable | Code::Other => None,
            _ => Some(error.into()),
        },
        _ => None,
    }
}

fn sentence(detail: Option<&str>) -> String {
    let text = detail.unwrap_or("the server does not take this password");
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase());
    let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
    sentence.push('.');
    sentence
}
