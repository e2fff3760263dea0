//! The call that goes on at this workstation, and what the server tells of visits.

mod attempts;
mod connecting;
mod devices;
mod end;
mod sharing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use protocol::visit::{Act, VisitAct, VisitNews, VisitStage, VisitState};
use telehealth::media::device::DeviceError;
use telehealth::media::frames::Frames;
use telehealth::media::screen::{self, Source};
use telehealth::media::{Studio, frames::FramesError};
use telehealth::visit::Party;
use tokio::sync::watch;
use uuid::Uuid;

use connecting::Offer;
use devices::Devices;
use end::{End, Turns, guest, party};
pub(crate) use sharing::ShareError;

use crate::notice::{Notice, Notices};
use crate::port::server::{Server, ServerError, Session};
use crate::view::visit::{
    CallState, CallView, DeviceKind, DevicesView, GuestCallView, PicturesView,
};

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
        state.ends.clear();
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
    turns: Turns,
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
    /// The patient, and guests beside the patient: those who were asked in here.
    ends: BTreeMap<Party, End>,
    studio: Option<Arc<Studio>>,
    /// The window or screen that the patient is shown.
    shown: Option<Source>,
    /// Whether anything can be shown on this computer.
    can_share: bool,
    frames: Option<Frames>,
}

impl State {
    /// Our end of the connection to one who was asked in here, in this visit.
    fn end(&mut self, appointment: &str, party: Party) -> Option<&mut End> {
        let ours = self.wanted.as_deref() == Some(appointment);
        self.ends.get_mut(&party).filter(|_| ours)
    }

    /// Where the server says that a guest stands.
    fn guest_stage(&self, appointment: &str, guest: Uuid) -> Option<VisitStage> {
        let visit = self
            .visits
            .iter()
            .find(|one| one.appointment == appointment)?;
        let found = visit.guests.iter().find(|one| one.guest == guest)?;
        Some(found.stage)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wants(&self, appointment: &str, party: Party) -> bool {
        self.state().end(appointment, party).is_some()
    }

    fn changed(&self) {
        self.notices.send(Notice::Data {
            types: vec![VISIT.to_owned()],
            patients: Vec::new(),
        });
    }

    async fn act(&self, appointment: &str, party: Party, act: Act) -> Result<(), ServerError> {
        let session = self
            .sessions
            .borrow()
            .clone()
            .ok_or(ServerError::SessionEnded)?;
        let act = VisitAct {
            appointment: appointment.to_owned(),
            guest: guest(party),
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
            turns: Turns::default(),
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
        let state = self.0.state();
        let mut ends = state.ends.values();
        ends.any(|end| end.stands == CallState::Talking)
    }

    /// Asks a patient in, here. Guests of the same visit stay.
    pub(crate) async fn admit(&self, appointment: &str) -> Result<(), ServerError> {
        if self.0.wants(appointment, Party::Patient) {
            self.hang_up(Party::Patient).await;
        } else {
            self.part_all().await;
        }
        // Whoever is asked in now is not shown what somebody else was shown.
        self.forget_share().await;
        self.open_devices().await;
        self.0.state().wanted = Some(appointment.to_owned());
        let admitted = self.ask_in(appointment, Party::Patient).await;
        if admitted.is_err() {
            self.leave().await;
            self.0.changed();
        }
        admitted
    }

    /// Asks a guest in, beside the patient. None: the patient is not in a call here.
    pub(crate) async fn admit_guest(
        &self,
        appointment: &str,
        guest: Uuid,
    ) -> Option<Result<(), ServerError>> {
        if !self.0.wants(appointment, Party::Patient) {
            return None;
        }
        let party = party(Some(guest));
        self.hang_up(party).await;
        let admitted = self.ask_in(appointment, party).await;
        if admitted.is_err() {
            self.0.state().ends.remove(&party);
            self.0.changed();
        }
        Some(admitted)
    }

    async fn ask_in(&self, appointment: &str, party: Party) -> Result<(), ServerError> {
        self.0.state().ends.insert(party, End::default());
        self.0.act(appointment, party, Act::Admit).await?;
        let (shared, appointment) = (Arc::clone(&self.0), appointment.to_owned());
        tokio::spawn(async move { connecting::expect(&shared, &appointment, party).await });
        self.0.changed();
        Ok(())
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
        let ended = self.0.act(appointment, Party::Patient, act).await;
        self.0.changed();
        ended
    }

    /// Ends a guest's call here, and the guest's part in the visit too if `for_good`.
    pub(crate) async fn end_guest(
        &self,
        appointment: &str,
        guest: Uuid,
        for_good: bool,
    ) -> Result<(), ServerError> {
        let act = if for_good {
            Act::EndVisit
        } else {
            Act::EndCall
        };
        let party = party(Some(guest));
        if self.0.wants(appointment, party) {
            self.part(party).await;
        }
        let ended = self.0.act(appointment, party, act).await;
        self.0.changed();
        ended
    }

    /// Takes the patient's link back.
    pub(crate) async fn withdraw(&self, appointment: &str) -> Result<(), ServerError> {
        self.0.act(appointment, Party::Patient, Act::Withdraw).await
    }

    /// The call here, if there is one.
    pub(crate) fn call(&self) -> Option<CallView> {
        let (troubles, devices) = self.0.devices.told();
        let state = self.0.state();
        let studio = state.studio.as_ref()?;
        let patient = state.ends.get(&Party::Patient)?;
        let pictures = patient.pictures();
        let guests = state.ends.iter().filter_map(|(party, end)| {
            Some(GuestCallView {
                guest: guest(*party)?.to_string(),
                state: end.stands,
                level: studio.their_level(*party),
                has_picture: end.pictures() > 0,
            })
        });
        Some(CallView {
            appointment: state.wanted.clone()?,
            state: patient.stands,
            quality: patient.quality(),
            own_level: studio.own_level(),
            their_level: studio.their_level(Party::Patient),
            has_picture: pictures > 0,
            pictures: u32::try_from(pictures).unwrap_or(u32::MAX),
            troubles,
            devices,
            can_share: state.can_share,
            sharing: state.shown.as_ref().map(|source| source.name.clone()),
            guests: guests.collect(),
        })
    }

    /// Where the window finds the pictures; nothing without a call.
    pub(crate) async fn pictures(&self) -> Result<Option<PicturesView>, FramesError> {
        self.listen_for_window().await?;
        let state = self.0.state();
        let (Some(frames), Some(studio)) = (&state.frames, &state.studio) else {
            return Ok(None);
        };
        Ok(Some(PicturesView {
            theirs: frames.offer(studio.their_picture(Party::Patient))?,
            own: frames.offer(studio.own_picture())?,
        }))
    }

    /// Where the window finds a guest's pictures; nothing where the guest is not in the call.
    pub(crate) async fn guest_pictures(&self, guest: Uuid) -> Result<Option<String>, FramesError> {
        self.listen_for_window().await?;
        let party = party(Some(guest));
        let state = self.0.state();
        match (&state.frames, &state.studio) {
            (Some(frames), Some(studio)) if state.ends.contains_key(&party) => {
                Ok(Some(frames.offer(studio.their_picture(party))?))
            }
            _ => Ok(None),
        }
    }

    async fn listen_for_window(&self) -> Result<(), FramesError> {
        if self.0.state().frames.is_none() {
            let frames = Frames::listen(ORIGINS).await?;
            self.0.state().frames.get_or_insert(frames);
        }
        Ok(())
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

    /// Ends a connection and keeps the devices.
    async fn hang_up(&self, party: Party) {
        let _turn = self.0.turns.of(party).await;
        let call = {
            let mut state = self.0.state();
            state.ends.get_mut(&party).and_then(|end| end.call.take())
        };
        if let Some(call) = call {
            call.close().await;
        }
    }

    /// Ends a connection for good: whoever it was with has to be asked in again.
    async fn part(&self, party: Party) {
        self.hang_up(party).await;
        self.0.state().ends.remove(&party);
    }

    /// Ends all connections for good.
    async fn part_all(&self) {
        let all: Vec<Party> = self.0.state().ends.keys().copied().collect();
        for party in all {
            self.part(party).await;
        }
    }

    /// Lets go of guests who are not in the call any more.
    async fn let_go(&self, appointment: &str) {
        let gone: Vec<Party> = {
            let state = self.0.state();
            let over = |(party, end): (&Party, &End)| {
                let stage = state.guest_stage(appointment, guest(*party)?);
                end.is_over(stage).then_some(*party)
            };
            state.ends.iter().filter_map(over).collect()
        };
        for party in gone {
            self.part(party).await;
            self.0.changed();
        }
    }

    /// Ends all connections and closes the devices.
    async fn leave(&self) {
        {
            let mut state = self.0.state();
            state.wanted = None;
            state.shown = None;
        }
        self.part_all().await;
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
            let (wanted, over) = {
                let mut state = shared.state();
                let changed = !state.heard || state.visits != visits;
                state.heard = true;
                state.visits = visits;
                let wanted = state.wanted.clone();
                let over = state.visits.iter().any(|visit| {
                    Some(&visit.appointment) == wanted.as_ref() && visit.stage == VisitStage::Ended
                });
                drop(state);
                if changed {
                    shared.changed();
                }
                (wanted, over)
            };
            let handle = Handle(Arc::clone(shared));
            if over {
                handle.leave().await;
                shared.changed();
            } else if let Some(wanted) = wanted {
                handle.let_go(&wanted).await;
            }
        }
        VisitNews::Offer {
            appointment,
            guest,
            call,
            sdp,
            relays,
        } => {
            let party = party(guest);
            // Another workstation asked them in: the answer is its.
            if let Some(end) = shared.state().end(&appointment, party) {
                end.offers.send_modify(|count| *count += 1);
                let offer = Offer {
                    appointment,
                    party,
                    number: call,
                    sdp,
                    relays,
                };
                tokio::spawn(connecting::answer(Arc::clone(shared), offer));
            }
        }
    }
}
