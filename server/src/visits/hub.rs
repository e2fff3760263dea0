//! The visits that are going on, in this process. What must outlast it is in the database; the
//! rest is made anew when the two sides come back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use protocol::visit::{Relay, ToPatient, VisitStage, VisitState};
use telehealth::visit::{Happened, Refusal, Seat, Stage, Visit};
use tokio::sync::{broadcast, mpsc};

use super::link::Link;

/// News that a slow reader may lag behind; it is told everything anew then.
const BACKLOG: usize = 64;

/// A way to a patient's page.
pub(super) type Line = mpsc::UnboundedSender<ToPatient>;

/// What workstations are woken by.
#[derive(Debug, Clone)]
pub(super) enum Woken {
    /// A visit stands otherwise than before.
    Changed,
    /// A patient's browser offered a connection.
    Offered(String),
}

/// A connection that a patient's browser offered.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) call: u32,
    pub(super) sdp: String,
}

struct Room {
    link: Link,
    visit: Visit,
    said: Option<String>,
    call: u32,
    offer: Option<Offer>,
    /// The patient in the call is shown a window or a screen.
    sharing: bool,
    line: Option<(Seat, Line)>,
}

/// All visits.
pub struct Hub {
    rooms: Mutex<HashMap<String, Room>>,
    news: broadcast::Sender<Woken>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            rooms: Mutex::default(),
            news: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl Hub {
    fn rooms(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        // Nothing that can panic runs under this lock.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, woken: Woken) {
        // Nobody listening is no error.
        let _ = self.news.send(woken);
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Woken> {
        self.news.subscribe()
    }

    /// There is a link: a new one, or one that the database remembered.
    pub(super) fn invited(&self, link: Link) {
        {
            let mut rooms = self.rooms();
            match rooms.get_mut(&link.appointment) {
                // A visit that ended begins anew with a new link.
                Some(room) if room.visit.stage() != Stage::Ended => {
                    room.visit.invite_again(link.expires);
                    room.link = link;
                }
                _ => {
                    rooms.insert(
                        link.appointment.clone(),
                        Room {
                            visit: Visit::new(link.expires),
                            link,
                            said: None,
                            call: 0,
                            offer: None,
                            sharing: false,
                            line: None,
                        },
                    );
                }
            }
        }
        self.wake(Woken::Changed);
    }

    /// A visit that the database remembers and this process may not.
    pub(super) fn remembered(&self, link: &Link) {
        if !self.rooms().contains_key(&link.appointment) {
            self.invited(link.clone());
        }
    }

    /// Takes in what happened in a visit.
    pub(super) fn take(
        &self,
        appointment: &str,
        happened: Happened,
        now: Timestamp,
    ) -> Result<Stage, Refusal> {
        let stage = {
            let mut rooms = self.rooms();
            let room = rooms.get_mut(appointment).ok_or(Refusal::Revoked)?;
            let stage = room.visit.take(happened, now)?;
            if matches!(
                happened,
                Happened::Admitted | Happened::Retried | Happened::Returned(_)
            ) && stage == Stage::Admitted
            {
                room.call += 1;
            }
            // Whoever is asked in by a person is not shown what another one was shown.
            if happened == Happened::Admitted || !stage.is_call() {
                room.sharing = false;
            }
            if stage != Stage::Connecting {
                room.offer = None;
            }
            if room.visit.present_since().is_none() {
                room.line = None;
            }
            stage
        };
        self.wake(Woken::Changed);
        Ok(stage)
    }

    /// The page with this seat can be spoken to from now on.
    pub(super) fn seated(&self, appointment: &str, seat: Seat, said: Option<String>, line: Line) {
        if let Some(room) = self.rooms().get_mut(appointment) {
            room.line = Some((seat, line));
            if said.is_some() {
                room.said = said;
            }
        }
        self.wake(Woken::Changed);
    }

    /// Whether the page with this seat is still spoken to by this line.
    pub(super) fn is_line(&self, appointment: &str, seat: Seat, line: &Line) -> bool {
        self.rooms()
            .get(appointment)
            .and_then(|room| room.line.as_ref())
            .is_some_and(|(sits, known)| *sits == seat && known.same_channel(line))
    }

    /// The patient in the call is shown a window or a screen, or not any more.
    pub(super) fn share(&self, appointment: &str, on: bool) -> Result<(), Refusal> {
        {
            let mut rooms = self.rooms();
            let room = rooms.get_mut(appointment).ok_or(Refusal::Revoked)?;
            if on && !room.visit.stage().is_call() {
                return Err(Refusal::NotAdmitted);
            }
            room.sharing = on;
        }
        self.tell(appointment, ToPatient::Sharing { on });
        Ok(())
    }

    /// Tells a page that it was asked in, and what it will see.
    pub(super) fn tell_admitted(&self, appointment: &str, relays: Vec<Relay>) {
        let Some((call, sharing)) = self
            .rooms()
            .get(appointment)
            .map(|room| (room.call, room.sharing))
        else {
            return;
        };
        self.tell(appointment, ToPatient::Admitted { call, relays });
        if sharing {
            self.tell(appointment, ToPatient::Sharing { on: true });
        }
    }

    /// Says something to the patient's page, if it is there.
    pub(super) fn tell(&self, appointment: &str, word: ToPatient) {
        if let Some(room) = self.rooms().get(appointment)
            && let Some((_, line)) = &room.line
        {
            // The line is gone in this moment: the page will come back and be told.
            let _ = line.send(word);
        }
    }

    /// Number of the current call.
    pub(super) fn call(&self, appointment: &str) -> u32 {
        self.rooms().get(appointment).map_or(0, |room| room.call)
    }

    /// Keeps an offer until it is answered or of no use.
    pub(super) fn offered(&self, appointment: &str, offer: Offer) {
        if let Some(room) = self.rooms().get_mut(appointment) {
            room.offer = Some(offer);
        }
        self.wake(Woken::Offered(appointment.to_owned()));
    }

    /// The offer was answered: nobody else is to answer it.
    pub(super) fn answered(&self, appointment: &str) {
        if let Some(room) = self.rooms().get_mut(appointment) {
            room.offer = None;
        }
    }

    /// The offer that waits for an answer.
    pub(super) fn offer(&self, appointment: &str) -> Option<Offer> {
        self.rooms().get(appointment)?.offer.clone()
    }

    /// How many wait for the same clinician and came before.
    pub(super) fn before(&self, appointment: &str) -> u32 {
        let rooms = self.rooms();
        let Some(own) = rooms.get(appointment) else {
            return 0;
        };
        let since = own.visit.present_since();
        let earlier = rooms
            .values()
            .filter(|room| room.link.practitioner == own.link.practitioner)
            .filter(|room| room.link.appointment != own.link.appointment)
            .filter(|room| room.visit.stage() == Stage::Waiting)
            .filter(|room| room.visit.present_since().is_some_and(|s| Some(s) < since))
            .count();
        u32::try_from(earlier).unwrap_or(u32::MAX)
    }

    /// Where the visit stands.
    pub(super) fn state(&self, appointment: &str) -> Option<VisitState> {
        self.rooms().get(appointment).map(told)
    }

    /// Where all visits stand.
    pub(super) fn states(&self) -> Vec<VisitState> {
        self.rooms().values().map(told).collect()
    }
}

fn told(room: &Room) -> VisitState {
    let stage = room.visit.stage();
    VisitState {
        appointment: room.link.appointment.clone(),
        patient: room.link.patient.clone(),
        stage: match stage {
            Stage::Invited => VisitStage::Invited,
            Stage::Waiting => VisitStage::Waiting,
            Stage::Admitted => VisitStage::Admitted,
            Stage::Connecting => VisitStage::Connecting,
            Stage::Talking => VisitStage::Talking,
            Stage::Interrupted => VisitStage::Interrupted,
            Stage::Ended => VisitStage::Ended,
        },
        since: room.visit.present_since(),
        said: room
            .said
            .clone()
            .filter(|_| room.visit.present_since().is_some()),
        link_until: (stage != Stage::Ended).then_some(room.link.expires),
    }
}
