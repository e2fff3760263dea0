//! Enrolling and unlocking.

use std::sync::{Arc, Mutex, PoisonError};

use cache::StoreError;
use ledger::Action;
use ledger::chain::Head;
use protocol::audit::AuditBatch;
use protocol::dpop;
use protocol::fault::Code;
use protocol::secret::Secret;
use protocol::sign_in::{DeviceCard, EnrolRequest, SessionGrant, SignInRequest};
use protocol::single_sign_on::EnrolByCode;

use super::idle::{Idle, watch};
use super::locking::Opening;
use super::{Open, Workstation};
use crate::adapter::https::server_url;
use crate::desk::Desk;
use crate::error::SignInError;
use crate::fault;
use crate::lease::{LeaseKeeper, Standing};
use crate::notice::Notice;
use crate::opening::{self, FreshKeys, Opened, OpenedCache, Prepared};
use crate::port::server::{Device, ServerError, Session};
use crate::profile::config::Config;
use crate::profile::lock_file::LockFile;
use crate::profile::{ProfileError, disk};
use crate::runner::{Ground, Line, Poke, Runner};
use crate::view::fault::Fault;
use crate::view::session::{EnrolForm, Phase, ProfileView, SessionView, Theme, UnlockForm};
use crate::visiting::Visiting;

/// Characters of a password that no server counts wrong guesses of.
const LOCAL_PASSWORD: usize = 12;

impl Workstation {
    /// Where the program stands.
    ///
    /// # Errors
    /// None today; the signature leaves room for one.
    pub async fn session_view(&self) -> Result<SessionView, Fault> {
        Ok(self.session())
    }

    pub(super) fn session(&self) -> SessionView {
        let profiles: Vec<ProfileView> = self
            .0
            .places
            .existing()
            .into_iter()
            .map(|(_, slots)| ProfileView {
                username: slots.username,
                server: slots.server,
                organisation: slots.organisation,
            })
            .collect();
        let (phase, user, server) = match self.opened().as_ref() {
            Some(open) if open.runner.view().first.is_some() => (
                Phase::Filling,
                Some(open.user.clone()),
                Some(open.server.clone()),
            ),
            Some(open) => (
                Phase::Unlocked,
                Some(open.user.clone()),
                Some(open.server.clone()),
            ),
            None if profiles.is_empty() => (Phase::FirstStart, None, None),
            None => (Phase::Locked, None, None),
        };
        let server = server
            .or_else(|| profiles.first().map(|profile| profile.server.clone()))
            .or_else(|| self.0.config.server.clone());
        SessionView {
            phase,
            server,
            profiles,
            user,
            browsing: *self.0.browsing.borrow(),
            notice: self.notice(),
        }
    }

    /// Enrols this computer for a user and starts to fill the cache.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn enrol(&self, form: EnrolForm) -> Result<SessionView, Fault> {
        let EnrolForm {
            server,
            username,
            password,
            code,
            organisation,
        } = form;
        let (password, code) = (Secret::new(password), Secret::new(code));
        self.enrolled(&server, &username, password, code, organisation)
            .await
            .map_err(|error| told(error, "enrol"))?;
        Ok(self.announce())
    }

    async fn enrolled(
        &self,
        server: &str,
        username: &str,
        password: Secret,
        code: Secret,
        organisation: bool,
    ) -> Result<(), SignInError> {
        let url = server_url(server).map_err(|what| SignInError::Invalid {
            field: "server",
            what,
        })?;
        let username = username.trim().to_owned();
        if username.is_empty() {
            return Err(SignInError::Invalid {
                field: "username",
                what: "Who are you?",
            });
        }
        let digits: String = code
            .expose()
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(SignInError::Invalid {
                field: "code",
                what: "The code has six digits.",
            });
        }
        if organisation {
            local_password(password.expose(), &username)?;
        }
        let opening = self.opening();
        let turn = self.0.turn.lock().await;
        self.close(Action::Locked).await;
        let ports = self.0.ports.clone();
        let profile = self.0.places.profile(&url, &username);
        let fresh = FreshKeys::draw(&ports)?;
        let place = blocking({
            let ports = ports.clone();
            move || {
                disk::folder(&profile.folder).map_err(ProfileError::from)?;
                let lock = LockFile::take(&profile.folder)?;
                opening::probe_keychain(&ports, &profile)?;
                Ok(Prepared { profile, lock })
            }
        })
        .await?;
        let device = Device {
            server: url.clone(),
            key: fresh.key.clone(),
        };
        let card = DeviceCard {
            id: fresh.device,
            name: device_name(),
            platform: std::env::consts::OS.to_owned(),
            public_key: dpop::encode_key(&fresh.key.verifying_key()),
        };
        let totp = Secret::new(digits);
        let (grant, _turn) = if organisation {
            let request = EnrolByCode {
                username: username.clone(),
                totp,
                device: card,
            };
            let known = ports.server.enrol_by_code(&device, &request);
            opening.unless_locked(known).await??;
            drop(turn);
            let grant = opening.unless_locked(self.by_organisation(&device, &username));
            let grant = grant.await??;
            let turn = self.0.turn.lock().await;
            // Somebody may have unlocked another profile while the browser was waited for.
            self.close(Action::Locked).await;
            (grant, turn)
        } else {
            let request = EnrolRequest {
                username: username.clone(),
                password: password.clone(),
                totp,
                device: card,
            };
            let grant = ports.server.enrol(&device, &request);
            (opening.unless_locked(grant).await??, turn)
        };
        let session = Session {
            device: device.clone(),
            token: grant.token.clone(),
        };
        let cost = self.0.cost;
        let (desk, lease) = blocking({
            let url = url.clone();
            let secret = (password, organisation);
            move || opening::make_profile(&ports, place, &url, &fresh, secret, &grant, cost)
        })
        .await?;
        if self.0.config.server.is_none() {
            let origin = url.origin().ascii_serialization();
            let folder = self.0.places.config.clone();
            let kept = blocking(move || {
                Config::change(&folder, |config| config.server = Some(origin))
                    .map_err(|error| ProfileError::from(error).into())
            })
            .await;
            if kept.is_err() {
                // The profile names its server; only the next enrolment types it again.
                tracing::warn!("config.json was not written");
            }
        }
        let line = Line::new(device, username, Some(session), None);
        self.begin(&opening, desk, lease, line, (Action::Enrolled, None))
            .await
    }

    /// Opens a profile with the password, on line or off. For the profile that is open already,
    /// the password is given to a line that needs one.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn unlock(&self, form: UnlockForm) -> Result<SessionView, Fault> {
        let UnlockForm {
            server,
            username,
            password,
        } = form;
        let password = Secret::new(password);
        let opening = self.opening();
        let open = |by| self.unlocked(&opening, &server, &username, password.clone(), by);
        let mut unlocked = open(None).await;
        if let Err(SignInError::Store(StoreError::Corrupt(_))) = &unlocked
            && let Ok(url) = server_url(&server)
        {
            // Met while opening: with the mark, this opening puts a fresh file beside it.
            opening::note_damage(&self.0.places.profile(&url, &username));
            unlocked = open(None).await;
        }
        if let Err(SignInError::OrganisationFirst { otherwise }) = unlocked {
            let browsed = self.browsed_for(&server, &username, *otherwise);
            unlocked = match opening.unless_locked(browsed).await {
                Ok(Ok(grant)) => open(Some(grant)).await,
                Ok(Err(error)) | Err(error) => Err(error),
            };
        }
        unlocked.map_err(|error| told(error, "unlock"))?;
        Ok(self.announce())
    }

    /// The password was right; without a lease the cache stays closed until the organisation's
    /// word is there.
    async fn browsed_for(
        &self,
        server: &str,
        username: &str,
        otherwise: SignInError,
    ) -> Result<SessionGrant, SignInError> {
        let url = server_url(server).map_err(|what| SignInError::Invalid {
            field: "server",
            what,
        })?;
        let profile = self.0.places.profile(&url, username);
        let device = self.device_of(&profile, &url).await?;
        match self.by_organisation(&device, username).await {
            Err(SignInError::Server(ServerError::Offline(_))) => Err(otherwise),
            // Proofs carry the time: a wrong clock makes wrong ones.
            Err(SignInError::Server(error)) if error.code() == Some(Code::ProofWrong) => {
                Err(otherwise)
            }
            grant => grant,
        }
    }

    async fn unlocked(
        &self,
        opening: &Opening,
        server: &str,
        username: &str,
        password: Secret,
        by_browser: Option<SessionGrant>,
    ) -> Result<(), SignInError> {
        let _turn = self.0.turn.lock().await;
        let url = server_url(server).map_err(|what| SignInError::Invalid {
            field: "server",
            what,
        })?;
        let ports = self.0.ports.clone();
        let profile = self.0.places.profile(&url, username);
        let is_open = self
            .opened()
            .as_ref()
            .is_some_and(|open| open.profile == profile);
        if is_open {
            let checked = password.clone();
            let slots =
                blocking(move || opening::check_password(&ports, &profile, &checked)).await?;
            if !slots.organisation {
                self.poke(Poke::SignIn(password));
            }
            return Ok(());
        }
        self.close(Action::Locked).await;
        self.go_on_wiping(&profile).await?;
        let opened = blocking({
            let (ports, url, password) = (ports.clone(), url.clone(), password.clone());
            move || opening::open_slot(&ports, profile, &url, &password)
        })
        .await?;
        let device = Device {
            server: url,
            key: opened.key.clone(),
        };
        let username = opened.slots.username.clone();
        let now = || ports.clock.now();
        let mut opened = opened;
        let organisation = opened.slots.organisation;
        match opened.by_next {
            // A change that was cut off: no server has a word in it.
            Some(by_next) if organisation => opened.slots.decide(by_next),
            Some(by_next) => {
                let slots = &mut opened.slots;
                let decided = self.decide_password(&device, &username, &password, slots, by_next);
                opening.unless_locked(decided).await?;
            }
            None => {}
        }
        let by_browser = by_browser.map(|grant| {
            let session = Session {
                device: device.clone(),
                token: grant.token.clone(),
            };
            (session, grant)
        });
        // An expired lease keeps the cache closed.
        let mut granted = match opened.lease.standing(now()) {
            _ if by_browser.is_some() => by_browser,
            Standing::Valid(_) => None,
            standing if organisation => return Err(organisation_first(standing)),
            standing => {
                let first = self.sign_in_first(&device, &username, &password, standing);
                match opening.unless_locked(first).await? {
                    Ok(granted) => Some(granted),
                    Err(error) => {
                        return Err(self.wiped_or(opening, error, &device, opened).await);
                    }
                }
            }
        };
        let opened = blocking({
            let ports = ports.clone();
            move || opening::open_cache(&ports, opened)
        })
        .await?;
        match opened {
            OpenedCache::Whole(desk, lease) => {
                // Judged again with what only the cache knows.
                let standing = lease.standing(now());
                if granted.is_none() && !matches!(standing, Standing::Valid(_)) {
                    if organisation {
                        return Err(organisation_first(standing));
                    }
                    let first = self.sign_in_first(&device, &username, &password, standing);
                    granted = Some(opening.unless_locked(first).await??);
                }
                let (session, grant) = granted.unzip();
                let (desk, kept) = blocking({
                    let lease = lease.clone();
                    move || {
                        let mut desk = *desk;
                        if let Some(grant) = &grant {
                            opening::take_grant(&mut desk, &lease, grant)?;
                        }
                        let kept = opening::kept_session(&desk)?;
                        Ok((desk, kept))
                    }
                })
                .await?;
                let username = desk.identity.user.username.clone();
                let session = session.or_else(|| {
                    kept.map(|token| Session {
                        device: device.clone(),
                        token,
                    })
                });
                // The password of this computer alone is nobody else's business.
                let password = (session.is_none() && !organisation).then_some(password);
                let line = Line::new(device, username, session, password);
                self.begin(opening, desk, lease, line, (Action::Unlocked, None))
                    .await
            }
            OpenedCache::Damaged(opened, unsent) => {
                let granted = granted.map(|(_, grant)| grant);
                let unsent = unsent.map(|unsent| *unsent);
                self.refill(opening, *opened, unsent, password, granted)
                    .await
            }
        }
    }

    /// Puts a fresh cache beside a damaged one. Needs the server: it knows how far the chain of
    /// recorded accesses came.
    async fn refill(
        &self,
        opening: &Opening,
        opened: Opened,
        unsent: Option<cache::Unsent>,
        password: Secret,
        granted: Option<SessionGrant>,
    ) -> Result<(), SignInError> {
        let ports = self.0.ports.clone();
        let device = Device {
            server: opened.server.clone(),
            key: opened.key.clone(),
        };
        let username = opened.slots.username.clone();
        if opened.slots.organisation && granted.is_none() {
            let otherwise = Box::new(SignInError::Corrupt);
            return Err(SignInError::OrganisationFirst { otherwise });
        }
        let request = SignInRequest {
            username: username.clone(),
            password,
        };
        let damaged = |error| match error {
            ServerError::Offline(_) => SignInError::Corrupt,
            other => SignInError::Server(other),
        };
        let grant = match granted {
            Some(grant) => grant,
            None => {
                let answer = ports.server.sign_in(&device, &request);
                opening.unless_locked(answer).await?.map_err(damaged)?
            }
        };
        let session = Session {
            device: device.clone(),
            token: grant.token.clone(),
        };
        let links = unsent
            .as_ref()
            .map(|unsent| unsent.audit.clone())
            .unwrap_or_default();
        let receipt = self.hand_over_audit(&session, links);
        let receipt = opening.unless_locked(receipt).await?.map_err(damaged)?;
        let head = Head {
            number: receipt.through,
            hash: receipt.head,
        };
        let (desk, lease) =
            blocking(move || opening::replace_damaged(&ports, opened, unsent, &grant, &head))
                .await?;
        let line = Line::new(device, username, Some(session), None);
        let said = Some(fault::of("cache-set-aside"));
        self.begin(opening, desk, lease, line, (Action::Unlocked, said))
            .await
    }

    /// Sends what is left of the old chain, and asks where the chain stands.
    async fn hand_over_audit(
        &self,
        session: &Session,
        mut links: Vec<ledger::chain::Link>,
    ) -> Result<protocol::audit::AuditReceipt, crate::port::server::ServerError> {
        let server = &self.0.ports.server;
        while !links.is_empty() {
            let rest = links.split_off(links.len().min(protocol::audit::MAX_LINKS));
            if server.audit(session, &AuditBatch { links }).await.is_err() {
                // They are in the sealed file and in the old cache; the chain goes on without.
                break;
            }
            links = rest;
        }
        server
            .audit(session, &AuditBatch { links: Vec::new() })
            .await
    }

    /// Records the opening, puts the profile behind the door and starts the runner. Not if it was
    /// locked since the opening began.
    async fn begin(
        &self,
        opening: &Opening,
        mut desk: Desk,
        lease: LeaseKeeper,
        line: Line,
        (action, notice): (Action, Option<Fault>),
    ) -> Result<(), SignInError> {
        let _closing = self.0.closing.lock().await;
        if opening.is_over() {
            blocking(move || {
                drop(desk);
                Ok(())
            })
            .await?;
            return Err(SignInError::LockedMeanwhile);
        }
        let notices = self.0.notices.clone();
        let runner_pokes: Arc<Mutex<Option<tokio::sync::mpsc::UnboundedSender<Poke>>>> =
            Arc::default();
        desk.on_touched = Box::new({
            let pokes = runner_pokes.clone();
            move |touched| {
                notices.touched(touched);
                if let Some(pokes) = pokes
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .as_ref()
                {
                    // A runner that has ended sends what waits when it starts again.
                    let _ = pokes.send(Poke::Written);
                }
            }
        });
        desk.on_recorded = Box::new({
            let rehearsal = self.0.rehearsal.clone();
            move |event| rehearsal.recorded(event)
        });
        let (desk, idle_seconds) = blocking(move || {
            let event = desk.event(action).map_err(|_| SignInError::Interrupted)?;
            desk.cache.record(desk.seal(&event))?;
            let idle = desk.idle_seconds();
            Ok((desk, idle))
        })
        .await?;
        let (profile, user) = (desk.profile.clone(), desk.identity.view());
        let server = desk.identity.server.origin().ascii_serialization();
        self.0.door.open(desk).await;
        let this = Arc::downgrade(&self.0);
        let ground = Ground {
            door: self.0.door.clone(),
            ports: self.0.ports.clone(),
            notices: self.0.notices.clone(),
            line: line.clone(),
            lease: lease.clone(),
            notice,
            rehearsal: self.0.rehearsal.clone(),
            session_changed: Arc::new(move || {
                if let Some(inner) = this.upgrade() {
                    let this = Workstation(inner);
                    tokio::spawn(async move { this.identity_changed().await });
                }
            }),
        };
        let runner = match Runner::start(ground).await {
            Ok(runner) => runner,
            Err(error) => {
                self.0.door.shut().await;
                tracing::warn!(code = error.code(), "the runner did not start");
                return Err(match error {
                    crate::error::WorkError::Store(error) => SignInError::Store(error),
                    _ => SignInError::Interrupted,
                });
            }
        };
        let pokes = runner.pokes();
        *runner_pokes.lock().unwrap_or_else(PoisonError::into_inner) = Some(pokes.clone());
        let clock = &self.0.ports.clock;
        let idle = Idle::new(clock.now(), clock.steady(), idle_seconds);
        self.set_notice(None);
        let visiting = Visiting::start(
            self.0.ports.server.clone(),
            line.sessions(),
            self.0.notices.clone(),
        );
        let watchman = tokio::spawn(watch(Arc::downgrade(&self.0)));
        *self.opened() = Some(Open {
            profile,
            user,
            server,
            runner,
            visiting,
            line,
            lease,
            pokes,
            idle,
            watchman,
        });
        self.watch_rehearsal();
        Ok(())
    }

    /// The runner has news of the session: the first filling ended, or a role changed.
    async fn identity_changed(&self) {
        if let Ok(user) = self.0.door.work(|desk| Ok(desk.identity.view())).await
            && let Some(open) = self.opened().as_mut()
        {
            open.user = user;
        }
        self.announce();
    }

    pub(super) fn announce(&self) -> SessionView {
        let view = self.session();
        self.0.notices.send(Notice::Session(view.clone()));
        view
    }

    pub(super) async fn keep_theme(&self, theme: Theme) {
        let folder = self.0.places.config.clone();
        let kept = blocking(move || {
            Config::change(&folder, |config| config.theme = Some(theme))
                .map_err(|error| ProfileError::from(error).into())
        })
        .await;
        if kept.is_err() {
            tracing::warn!("the look was not kept for the sign-in screen");
        }
    }
}

/// Why the organisation must be asked before the cache is opened.
fn organisation_first(standing: Standing) -> SignInError {
    let otherwise = Box::new(match standing {
        Standing::ClockBehind => SignInError::ClockBehind,
        _ => SignInError::LeaseExpired,
    });
    SignInError::OrganisationFirst { otherwise }
}

/// A password that is this computer's alone is guessed here, not at a server that counts.
pub(super) fn local_password(password: &str, username: &str) -> Result<(), SignInError> {
    let what = if password.chars().count() < LOCAL_PASSWORD {
        "It needs twelve characters or more; some words together are best."
    } else if password.to_lowercase().contains(&username.to_lowercase()) {
        "It must not contain your sign-in name."
    } else {
        return Ok(());
    };
    Err(SignInError::Invalid {
        field: "password",
        what,
    })
}

fn told(error: SignInError, what: &'static str) -> Fault {
    tracing::info!(code = error.code(), what, "refused");
    error.into()
}

/// Name of this computer for administrators.
fn device_name() -> String {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    let name = if name.is_empty() { "workstation" } else { name };
    name.chars().take(100).collect()
}

pub(super) async fn blocking<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, SignInError> + Send + 'static,
) -> Result<T, SignInError> {
    tokio::task::spawn_blocking(step)
        .await
        .map_err(|_| SignInError::Interrupted)?
}
