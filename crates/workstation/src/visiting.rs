//! The call that goes on at this workstation, and what the server tells of visits.

mod attempts;
mod connecting;
mod devices;
mod sharing;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use protocol::visit::{Act, VisitAct, VisitNews, VisitStage, VisitState};
use telehealth::media::adapt::Quality;
use telehealth::media::call::Call;
use telehealth::media::device::DeviceError;
use telehealth::media::frames::Frames;
use telehealth::media::screen::{self, Source};
use telehealth::media::{Studio, frames::FramesError};
use tokio::sync::watch;

use attempts::Attempts;
use devices::Devices;
pub(crate) use sharing::ShareError;

use crate::notice::{Notice, Notices};
use crate::port::server::{Server, ServerError, Session};
use crate::view::visit::{CallQuality, CallState, CallView, DeviceKind, DevicesView, PicturesView};

/// Pages that may be given pictures: our own window's.
const ORIGINS: &[&str] = &["tauri://localhost", "http://tauri.localhost"];
/// The name under which screens are told that visits changed. It is no FHIR type.
const VISIT: &str = "Visit";
/// Pause before the stream of news is opened again.
const AGAIN: Duration = Duration::from_secs(2);

/// Visits of an open profile. Dropping it ends the call and closes the devices.
pub(crate) struct Visiting {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Visiting {
    fn drop(&mut self) {
        self.task.abort();
        // The pictures' port, the devices and the connection go with the last holder.
        let mut state = self.shared.state();
        state.wanted = None;
        state.call = None;
        state.frames = None;
        if let Some(studio) = state.studio.take() {
            // Whoever is about to open a device does not.
            studio.close();
        }
    }
}

struct Shared {
    server: Arc<dyn Server>,
    sessions: watch::Receiver<Option<Session>>,
    notices: Notices,
    /// Held while a call is set up or ended.
    turn: tokio::sync::Mutex<()>,
    /// How many offers have come for the call here.
    offers: watch::Sender<u32>,
    devices: Arc<Devices>,
    /// Held while something begins to be shown.
    sharing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    heard: bool,
    visits: Vec<VisitState>,
    /// The visit whose patient was asked in here.
    wanted: Option<String>,
    call: Option<Call>,
    stands: Option<CallState>,
    quality: Option<Quality>,
    studio: Option<Arc<Studio>>,
    /// The window or screen that the patient is shown.
    shown: Option<Source>,
    /// Whether anything can be shown on this computer.
    can_share: bool,
    frames: Option<Frames>,
    attempts: Attempts,
    /// Number of the call whose events count.
    number: u32,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wants(&self, appointment: &str) -> bool {
        self.state().wanted.as_deref() == Some(appointment)
    }

    fn changed(&self) {
        self.notices.send(Notice::Data {
            types: vec![VISIT.to_owned()],
            patients: Vec::new(),
        });
    }

    async fn act(&self, appointment: &str, act: Act) -> Result<(), ServerError> {
        let session = self
            .sessions
            .borrow()
            .clone()
            .ok_or(ServerError::SessionEnded)?;
        let act = VisitAct {
            appointment: appointment.to_owned(),
            act,
        };
        self.server.visit_act(&session, &act).await
    }
}

impl Visiting {
    /// Begins to listen.
    pub(crate) fn start(
        server: Arc<dyn Server>,
        sessions: watch::Receiver<Option<Session>>,
        notices: Notices,
    ) -> Self {
        let shared = Arc::new(Shared {
            server,
            sessions,
            notices,
            turn: tokio::sync::Mutex::default(),
            offers: watch::Sender::new(0),
            devices: Arc::default(),
            sharing: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        });
        let task = tokio::spawn(listen(Arc::clone(&shared)));
        Self { shared, task }
    }

    /// For those who act without holding the profile.
    pub(crate) fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }
}

/// A way to the visits of the open profile.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    /// What was last heard, and whether it is heard now.
    pub(crate) fn visits(&self) -> (bool, Vec<VisitState>) {
        let state = self.0.state();
        (state.heard, state.visits.clone())
    }

    /// Whether somebody is being talked to.
    pub(crate) fn is_talking(&self) -> bool {
        self.0.state().stands == Some(CallState::Talking)
    }

    /// Asks a patient in, here.
    pub(crate) async fn admit(&self, appointment: &str) -> Result<(), ServerError> {
        self.hang_up().await;
        // Whoever is asked in now is not shown what somebody else was shown.
        self.forget_share().await;
        self.open_devices().await;
        {
            let mut state = self.0.state();
            state.wanted = Some(appointment.to_owned());
            state.stands = Some(CallState::Connecting);
            state.quality = None;
            state.attempts = Attempts::default();
        }
        let offers = *self.0.offers.borrow();
        let admitted = self.0.act(appointment, Act::Admit).await;
        if admitted.is_err() {
            self.leave().await;
        } else {
            let (shared, appointment) = (Arc::clone(&self.0), appointment.to_owned());
            tokio::spawn(async move { connecting::expect(&shared, &appointment, offers).await });
        }
        self.0.changed();
        admitted
    }

    /// Ends the call here, and the visit too if `and_visit`.
    pub(crate) async fn end(&self, appointment: &str, and_visit: bool) -> Result<(), ServerError> {
        let act = if and_visit {
            Act::EndVisit
        } else {
            Act::EndCall
        };
        let ours = self.0.state().wanted.as_deref() == Some(appointment);
        if ours {
            self.leave().await;
        }
        let ended = self.0.act(appointment, act).await;
        self.0.changed();
        ended
    }

    /// Takes the link back.
    pub(crate) async fn withdraw(&self, appointment: &str) -> Result<(), ServerError> {
        self.0.act(appointment, Act::Withdraw).await
    }

    /// The call here, if there is one.
    pub(crate) fn call(&self) -> Option<CallView> {
        let (troubles, devices) = self.0.devices.told();
        let state = self.0.state();
        let studio = state.studio.as_ref()?;
        let pictures = state.call.as_ref().map_or(0, |call| {
            call.counters().pictures_decoded.load(Ordering::Relaxed)
        });
        Some(CallView {
            appointment: state.wanted.clone()?,
            state: state.stands?,
            quality: match state.quality {
                None | Some(Quality::Good) => CallQuality::Good,
                Some(Quality::Poor) => CallQuality::Poor,
                Some(Quality::AudioOnly) => CallQuality::AudioOnly,
            },
            own_level: studio.own_level(),
            their_level: studio.their_level(),
            has_picture: pictures > 0,
            pictures: u32::try_from(pictures).unwrap_or(u32::MAX),
            troubles,
            devices,
            can_share: state.can_share,
            sharing: state.shown.as_ref().map(|source| source.name.clone()),
        })
    }

    /// Where the window finds the pictures; nothing without a call.
    pub(crate) async fn pictures(&self) -> Result<Option<PicturesView>, FramesError> {
        if self.0.state().frames.is_none() {
            let frames = Frames::listen(ORIGINS).await?;
            self.0.state().frames.get_or_insert(frames);
        }
        let state = self.0.state();
        let (Some(frames), Some(studio)) = (&state.frames, &state.studio) else {
            return Ok(None);
        };
        Ok(Some(PicturesView {
            theirs: frames.offer(studio.their_picture())?,
            own: frames.offer(studio.own_picture())?,
        }))
    }

    /// Devices that are there, and which are chosen.
    pub(crate) async fn devices(&self) -> DevicesView {
        let studio = self.0.state().studio.clone();
        self.0.devices.view(studio).await
    }

    /// Uses another device, or none of the kind.
    pub(crate) async fn choose(
        &self,
        kind: DeviceKind,
        id: Option<String>,
    ) -> Result<(), DeviceError> {
        let studio = self.0.state().studio.clone();
        self.0.devices.choose(studio, kind, id).await
    }

    async fn open_devices(&self) {
        if self.0.state().studio.is_some() {
            // They are at work: the window goes on showing what they give.
            return;
        }
        let studio = Arc::new(Studio::default());
        self.0.devices.open(&studio).await;
        let can_share = tokio::task::spawn_blocking(screen::possible);
        let can_share = can_share.await.unwrap_or(false);
        let mut state = self.0.state();
        state.studio = Some(studio);
        state.can_share = can_share;
    }

    /// Ends the connection and keeps the devices.
    async fn hang_up(&self) {
        let _turn = self.0.turn.lock().await;
        let call = self.0.state().call.take();
        if let Some(call) = call {
            call.close().await;
        }
    }

    /// Ends the connection and closes the devices.
    async fn leave(&self) {
        {
            let mut state = self.0.state();
            state.wanted = None;
            state.stands = None;
            state.shown = None;
        }
        self.hang_up().await;
        let studio = {
            let mut state = self.0.state();
            state.frames = None;
            state.studio.take()
        };
        let Some(studio) = studio else { return };
        // Closing a device waits for its thread.
        let _ = tokio::task::spawn_blocking(move || studio.close()).await;
        self.0.devices.closed();
    }
}

/// Hears the server's news until the profile is closed.
async fn listen(shared: Arc<Shared>) {
    let mut sessions = shared.sessions.clone();
    loop {
        let session = match sessions.wait_for(Option::is_some).await {
            Ok(session) => session.clone(),
            Err(_) => return,
        };
        let Some(session) = session else { continue };
        if let Ok(mut news) = shared.server.visit_news(&session).await {
            while let Some(Ok(word)) = news.next().await {
                hear(&shared, word).await;
            }
        }
        shared.state().heard = false;
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear(shared: &Arc<Shared>, word: VisitNews) {
    match word {
        VisitNews::Visits { visits } => {
            let over = {
                let mut state = shared.state();
                let changed = !state.heard || state.visits != visits;
                state.heard = true;
                state.visits = visits;
                let over = state.wanted.as_ref().is_some_and(|wanted| {
                    state.visits.iter().any(|visit| {
                        visit.appointment == *wanted && visit.stage == VisitStage::Ended
                    })
                });
                drop(state);
                if changed {
                    shared.changed();
                }
                over
            };
            if over {
                Handle(Arc::clone(shared)).leave().await;
                shared.changed();
            }
        }
        VisitNews::Offer {
            appointment,
            call,
            sdp,
            relays,
        } => {
            // Another workstation asked the patient in: the answer is its.
            if shared.state().wanted.as_deref() == Some(&appointment) {
                shared.offers.send_modify(|count| *count += 1);
                let shared = Arc::clone(shared);
                tokio::spawn(connecting::answer(shared, appointment, call, sdp, relays));
            }
        }
    }
}
