//! Obeying an order to wipe a profile, open or locked, and going on with one that was cut off.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use protocol::device::{EscrowRequest, MAX_ESCROW, OrdersRequest, WipeReceipt};
use protocol::fault::Code;
use uuid::Uuid;

use super::Workstation;
use super::locking::Opening;
use super::session::blocking;
use crate::adapter::https::server_url;
use crate::error::SignInError;
use crate::fault;
use crate::opening::{self, Opened, OpenedCache};
use crate::port::Ports;
use crate::port::keychain::KeychainError;
use crate::port::server::{Device, ServerError};
use crate::profile::lock_file::LockFile;
use crate::profile::slots::{Slots, secret_of};
use crate::profile::{Profile, ProfileError};
use crate::wipe::{self, Journal, Step};

/// How often a locked program asks for orders.
const ATTENTION: Duration = Duration::from_secs(600);

impl Workstation {
    /// Asks for orders while nobody is signed in: at once, and then from time to time. Runs for
    /// as long as the program does.
    pub async fn attend(self) {
        loop {
            self.check_in().await;
            tokio::time::sleep(ATTENTION).await;
        }
    }

    /// Goes on with wipes that were cut off and asks, for each profile that is locked, whether it
    /// is to be wiped. Needs no password: the device's key is in the keychain.
    pub async fn check_in(&self) {
        let turn = self.0.turn.lock().await;
        let open = self.opened().as_ref().map(|open| open.profile.clone());
        let mut said = None;
        for profile in self.0.places.wiping() {
            said = said.max(said_of(&self.go_on_wiping(&profile).await));
        }
        for (profile, slots) in self.0.places.existing() {
            if open.as_ref() != Some(&profile) {
                let done = self.wipe_if_ordered_while_locked(profile, slots).await;
                said = said.max(said_of(&done));
            }
        }
        drop(turn);
        self.say(said);
    }

    /// Erases every profile on this computer that no other program has open, because the program
    /// is being removed: what the recovery secret opens is left. Gives how many.
    ///
    /// # Errors
    /// Stable codes of what stood in the way of the others.
    pub async fn erase_profiles(&self) -> Result<usize, Vec<&'static str>> {
        let mut erased = 0;
        let mut failed = Vec::new();
        for (profile, _) in self.0.places.existing() {
            let ports = self.0.ports.clone();
            let done = blocking(move || {
                let _lock = LockFile::take(&profile.folder)?;
                let mut journal = Journal::begin(&profile, None, 0)?;
                if journal.step == Step::Ordered {
                    wipe::save_closed(&profile, &mut journal)?;
                }
                wipe::erase(&ports, &profile, &mut journal)?;
                if wipe::forget(&ports, &profile).is_err() {
                    // The system's remover has no desktop: the slot is gone, that is enough.
                    tracing::info!("the keychain was not reached");
                }
                Ok(())
            });
            match done.await {
                Ok(()) => erased += 1,
                Err(error) => failed.push(error.code()),
            }
        }
        if failed.is_empty() {
            Ok(erased)
        } else {
            Err(failed)
        }
    }

    /// Whether the server has an order for this device.
    async fn ordered(&self, device: &Device, id: Uuid, verifier: &str) -> Option<u64> {
        let nonce = self.0.ports.entropy.uuid().ok()?;
        let request = OrdersRequest { nonce };
        match self.0.ports.server.orders(device, &request).await {
            Ok(orders) => wipe::number_of(&orders, id, nonce, verifier),
            Err(error) => {
                let code = fault::server_code(&error);
                tracing::debug!(code, "orders were not asked for");
                None
            }
        }
    }

    /// After the server refused the open profile's session: perhaps it is to be wiped.
    pub(super) async fn wipe_if_ordered(&self) -> bool {
        let device = match self.opened().as_ref() {
            Some(open) if open.line.was_refused() => open.line.device().clone(),
            _ => return false,
        };
        let known = self.0.door.work(|desk| {
            let organisation = &desk.identity.organisation;
            Ok((desk.identity.device, organisation.ledger_key.clone()))
        });
        let Ok((id, verifier)) = known.await else {
            return false;
        };
        let Some(number) = self.ordered(&device, id, &verifier).await else {
            return false;
        };
        let _turn = self.0.turn.lock().await;
        let closing = self.0.closing.lock().await;
        let open = self.opened().take();
        // Locked meanwhile: asked again from there.
        let Some(open) = open else { return false };
        open.watchman.abort();
        open.runner.stop().await;
        let server = open.server.clone();
        let profile = open.profile.clone();
        let saved = self
            .0
            .door
            .work(move |desk| {
                let mut journal = Journal::begin(&desk.profile, Some(server), number)?;
                let unsent = desk.cache.read(|cache| cache.unsent())?;
                let public = desk.identity.organisation.recovery_public_key.clone();
                wipe::save_open(&desk.profile, &mut journal, &unsent, &public)?;
                Ok(())
            })
            .await;
        if let Err(error) = saved {
            tracing::warn!(
                code = error.code(),
                "what is unsent stays in the sealed cache"
            );
        }
        self.0.door.shut().await;
        drop(closing);
        // Whoever reads that it was erased must be able to trust it: nothing is said before.
        let done = self.go_on_wiping(&profile).await;
        // No journal could be begun: the next contact tries again.
        self.say(said_of(&done).or(Some(Said::Unfinished)));
        true
    }

    /// Tells the person in front of the screen what became of an order.
    fn say(&self, said: Option<Said>) {
        let code = match said {
            None => return,
            Some(Said::Unfinished) => {
                tracing::error!("the order to wipe could not be carried out yet");
                "wipe-unfinished"
            }
            Some(Said::Wiped) => "wiped",
        };
        self.set_notice(Some(fault::of(code)));
        self.announce();
    }

    async fn wipe_if_ordered_while_locked(
        &self,
        profile: Profile,
        slots: Slots,
    ) -> Result<(), SignInError> {
        let ports = self.0.ports.clone();
        let keys = blocking({
            let (profile, slots) = (profile.clone(), slots.clone());
            move || {
                let secret = ports.keychain.get(&profile.secret_account())?;
                let verifier = secret_of(&secret)
                    .and_then(|secret| crate::lease::verifier(&profile, &slots, &secret));
                Ok((device_of(&ports, &profile, &slots.server)?, verifier))
            }
        });
        let Ok((Some(device), Some(verifier))) = keys.await else {
            return Ok(());
        };
        let Some(number) = self.ordered(&device, slots.device, &verifier).await else {
            return Ok(());
        };
        let begun = blocking({
            let profile = profile.clone();
            move || {
                // Another program may be working in it: it asks for itself.
                let _lock = LockFile::take(&profile.folder)?;
                Ok(Journal::begin(&profile, Some(slots.server), number)?)
            }
        });
        begun.await?;
        self.go_on_wiping(&profile).await
    }

    /// The server refused a sign-in that had to come first. If that is because of an order, what
    /// the password just opened is saved.
    pub(super) async fn wiped_or(
        &self,
        opening: &Opening,
        error: SignInError,
        device: &Device,
        opened: Opened,
    ) -> SignInError {
        let refused = matches!(
            &error,
            SignInError::Server(error)
                if matches!(error.code(), Some(Code::DeviceUnknown | Code::AccountDisabled))
        );
        let Some(verifier) = opened.lease.verifier().filter(|_| refused) else {
            return error;
        };
        let asked = self.ordered(device, opened.slots.device, &verifier);
        let number = match opening.unless_locked(asked).await {
            Ok(Some(number)) => number,
            Ok(None) => return error,
            Err(locked) => return locked,
        };
        let profile = opened.profile.clone();
        let (ports, server) = (self.0.ports.clone(), opened.slots.server.clone());
        let saved = blocking(move || {
            let mut journal = Journal::begin(&opened.profile, Some(server), number)?;
            if let OpenedCache::Whole(desk, _) = opening::open_cache(&ports, opened)? {
                let unsent = desk.cache.read(|cache| cache.unsent())?;
                let public = desk.identity.organisation.recovery_public_key.clone();
                wipe::save_open(&desk.profile, &mut journal, &unsent, &public)?;
            }
            Ok(())
        });
        if let Err(error) = saved.await {
            tracing::warn!(
                code = error.code(),
                "what is unsent stays in the sealed cache"
            );
        }
        let done = self.go_on_wiping(&profile).await;
        self.say(said_of(&done));
        match done {
            Err(wiped) => wiped,
            Ok(()) => error,
        }
    }

    /// Goes on with the wipe of a profile, if one was begun: [`SignInError::Wiped`] then. The
    /// caller has the turn.
    pub(super) async fn go_on_wiping(&self, profile: &Profile) -> Result<(), SignInError> {
        let Some(mut journal) = Journal::read(profile) else {
            return Ok(());
        };
        let ports = self.0.ports.clone();
        let lock = blocking({
            let folder = profile.folder.clone();
            move || Ok(LockFile::take(&folder)?)
        })
        .await?;
        if journal.step == Step::Ordered {
            journal = self.step(profile, journal, wipe::save_closed).await?;
        }
        let device = blocking({
            let (ports, profile) = (ports.clone(), profile.clone());
            let server = journal.server.clone().unwrap_or_default();
            move || device_of(&ports, &profile, &server)
        })
        .await;
        if let Ok(Some(device)) = &device {
            journal = self.hand_over(profile, journal, device).await?;
        }
        if journal.step == Step::Saved {
            let ports = ports.clone();
            journal = self
                .step(profile, journal, move |profile, journal| {
                    wipe::erase(&ports, profile, journal)
                })
                .await?;
            tracing::info!("a profile was wiped by order of the server");
        }
        let told = match &device {
            Ok(Some(device)) => self.told_wiped(device, &journal).await,
            // Its key is gone: the receipt was given, or nobody can give it.
            Ok(None) => true,
            // The keychain is locked or away: later.
            Err(_) => false,
        };
        if told {
            drop(lock);
            let profile = profile.clone();
            let forgotten = blocking(move || Ok(wipe::forget(&ports, &profile)?)).await;
            if let Err(error) = forgotten {
                let code = error.code();
                tracing::warn!(code, "the device's key is still in the keychain");
            }
        }
        Err(SignInError::Wiped)
    }

    async fn step(
        &self,
        profile: &Profile,
        mut journal: Journal,
        step: impl FnOnce(&Profile, &mut Journal) -> Result<(), ProfileError> + Send + 'static,
    ) -> Result<Journal, SignInError> {
        let profile = profile.clone();
        blocking(move || {
            step(&profile, &mut journal)?;
            Ok(journal)
        })
        .await
    }

    /// Hands the sealed work over; what cannot be handed over stays here, sealed.
    async fn hand_over(
        &self,
        profile: &Profile,
        journal: Journal,
        device: &Device,
    ) -> Result<Journal, SignInError> {
        let Some(sealed) = wipe::escrow(profile).filter(|sealed| sealed.len() <= MAX_ESCROW) else {
            return Ok(journal);
        };
        let request = EscrowRequest {
            number: journal.number,
            profile: profile.id.clone(),
            sealed: STANDARD.encode(sealed),
        };
        match self.0.ports.server.escrow(device, &request).await {
            Ok(_) => self.step(profile, journal, wipe::handed_over).await,
            Err(error) => {
                let code = fault::server_code(&error);
                tracing::warn!(code, "the saved work stays here, sealed");
                Ok(journal)
            }
        }
    }

    /// Gives the receipt; whether nobody waits for it any more.
    async fn told_wiped(&self, device: &Device, journal: &Journal) -> bool {
        let receipt = WipeReceipt {
            number: journal.number,
            kept: journal.kept,
        };
        match self.0.ports.server.wiped(device, &receipt).await {
            Ok(()) => true,
            Err(ServerError::Problem(problem)) => {
                // The order is not known any more, as after a restore of the server.
                matches!(problem.code, Code::Forbidden | Code::DeviceUnknown)
            }
            Err(_) => false,
        }
    }
}

/// What the screen says of orders to wipe. Of several, the last in this list counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// Keys and records are gone. The receipt may still have to be given: the journal stays until
    /// then, and tells of nothing but the order.
    Wiped,
    /// Something is in the way.
    Unfinished,
}

/// What there is to say of how far a wipe came.
fn said_of(done: &Result<(), SignInError>) -> Option<Said> {
    match done {
        Ok(()) => None,
        Err(SignInError::Wiped) => Some(Said::Wiped),
        // The program that works in it asks for itself.
        Err(SignInError::Profile(ProfileError::InUse)) => None,
        Err(_) => Some(Said::Unfinished),
    }
}

/// The device of a profile, if its key is still in the keychain.
fn device_of(
    ports: &Ports,
    profile: &Profile,
    server: &str,
) -> Result<Option<Device>, SignInError> {
    let Ok(server) = server_url(server) else {
        return Ok(None);
    };
    let seed = match ports.keychain.get(&profile.device_account()) {
        Err(KeychainError::NoEntry) => return Ok(None),
        other => other?,
    };
    Ok(secret_of(&seed).map(|seed| Device {
        server,
        key: Arc::new(SigningKey::from_bytes(&seed)),
    }))
}
