//! The visits that are going on, in this process. What must outlast it is in the database; the
//! rest is made anew when the sides come back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use protocol::visit::{Relay, ToPatient, VisitState};
use telehealth::visit::{Change, Happened, Party, Refusal, Seat, Stage};
use tokio::sync::broadcast;

use super::link::Link;
use super::room::{Line, Offer, Room};

/// News that a slow reader may lag behind; it is told everything anew then.
const BACKLOG: usize = 64;

/// What workstations are woken by.
#[derive(Debug, Clone)]
pub(super) enum Woken {
    /// A visit stands otherwise than before.
    Changed,
    /// A browser offered a connection.
    Offered(String, Party),
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

    /// Whether this process holds the visit.
    pub(super) fn knows(&self, appointment: &str) -> bool {
        self.rooms().contains_key(appointment)
    }

    /// There is a new link: the patient's, or a guest's to a visit that is known.
    pub(super) fn invited(&self, link: Link, now: Timestamp) -> Result<(), Refusal> {
        {
            let mut rooms = self.rooms();
            let room = rooms.get_mut(&link.appointment);
            match (link.party(), room) {
                (Party::Guest(guest), Some(room)) => room.invite_guest(guest, link)?,
                (Party::Guest(_), None) => return Err(Refusal::Ended),
                (Party::Patient, Some(room))
                    if room.stage(Party::Patient) != Some(Stage::Ended) =>
                {
                    room.invite_again(link);
                }
                // A visit that ended begins anew with a new link, without the guests of before.
                (Party::Patient, _) => {
                    rooms.insert(link.appointment.clone(), Room::new(link, now));
                }
            }
        }
        self.wake(Woken::Changed);
        Ok(())
    }

    /// A visit that the database remembers, with its guests. One that is known stays as it is:
    /// what is known here is newer than what was read there.
    pub(super) fn remembered(&self, patient: Link, guests: Vec<Link>, now: Timestamp) {
        {
            let mut rooms = self.rooms();
            if rooms.contains_key(&patient.appointment) {
                return;
            }
            let appointment = patient.appointment.clone();
            let mut room = Room::new(patient, now);
            for link in guests {
                if let Party::Guest(guest) = link.party() {
                    // To a visit that ended nobody is invited.
                    let _ = room.invite_guest(guest, link);
                }
            }
            rooms.insert(appointment, room);
        }
        self.wake(Woken::Changed);
    }

    /// Whether another guest could be invited.
    pub(super) fn takes_guest(&self, appointment: &str) -> Option<Result<(), Refusal>> {
        self.rooms().get(appointment).map(Room::takes_guest)
    }

    /// Takes in what happened in a visit.
    pub(super) fn take(
        &self,
        appointment: &str,
        party: Party,
        happened: Happened,
        now: Timestamp,
    ) -> Result<Change, Refusal> {
        let change = self
            .rooms()
            .get_mut(appointment)
            .ok_or(Refusal::Revoked)?
            .take(party, happened, now)?;
        self.wake(Woken::Changed);
        Ok(change)
    }

    /// The page with this seat can be spoken to from now on.
    pub(super) fn seated(
        &self,
        appointment: &str,
        party: Party,
        seat: Seat,
        said: Option<String>,
        line: Line,
    ) {
        if let Some(room) = self.rooms().get_mut(appointment) {
            room.seated(party, seat, said, line);
        }
        self.wake(Woken::Changed);
    }

    /// Whether the page with this seat is still spoken to by this line.
    pub(super) fn is_line(&self, appointment: &str, party: Party, seat: Seat, line: &Line) -> bool {
        self.rooms()
            .get(appointment)
            .is_some_and(|room| room.is_line(party, seat, line))
    }

    /// Everybody in the call is shown a window or a screen, or not any more.
    pub(super) fn share(&self, appointment: &str, on: bool) -> Result<(), Refusal> {
        self.rooms()
            .get_mut(appointment)
            .ok_or(Refusal::Revoked)?
            .share(on)
    }

    /// Tells a page that it was asked in, who is there, and what it will see.
    pub(super) fn tell_admitted(&self, appointment: &str, party: Party, relays: Vec<Relay>) {
        if let Some(room) = self.rooms().get(appointment) {
            room.tell_admitted(party, relays);
        }
    }

    /// Says something to a page, if it is there.
    pub(super) fn tell(&self, appointment: &str, party: Party, word: ToPatient) {
        if let Some(room) = self.rooms().get(appointment) {
            room.tell(party, word);
        }
    }

    /// Number of the current call.
    pub(super) fn call(&self, appointment: &str, party: Party) -> u32 {
        self.rooms()
            .get(appointment)
            .map_or(0, |room| room.call(party))
    }

    /// Keeps an offer until it is answered or of no use.
    pub(super) fn offered(&self, appointment: &str, party: Party, offer: Offer) {
        if let Some(room) = self.rooms().get_mut(appointment) {
            room.offered(party, offer);
        }
        self.wake(Woken::Offered(appointment.to_owned(), party));
    }

    /// The offer was answered: nobody else is to answer it.
    pub(super) fn answered(&self, appointment: &str, party: Party) {
        if let Some(room) = self.rooms().get_mut(appointment) {
            room.answered(party);
        }
    }

    /// The offer that waits for an answer.
    pub(super) fn offer(&self, appointment: &str, party: Party) -> Option<Offer> {
        self.rooms().get(appointment)?.offer(party)
    }

    /// How many patients wait for the same clinician and came before. Guests stand in no line.
    pub(super) fn before(&self, appointment: &str, party: Party) -> u32 {
        let rooms = self.rooms();
        let (Party::Patient, Some(own)) = (party, rooms.get(appointment)) else {
            return 0;
        };
        let since = own.since(Party::Patient);
        let earlier = rooms
            .iter()
            .filter(|(other, _)| *other != appointment)
            .map(|(_, room)| room)
            .filter(|room| room.practitioner() == own.practitioner())
            .filter(|room| room.stage(Party::Patient) == Some(Stage::Waiting))
            .filter(|room| room.since(Party::Patient).is_some_and(|s| Some(s) < since))
            .count();
        u32::try_from(earlier).unwrap_or(u32::MAX)
    }

    /// Where one of those who take part stands.
    pub(super) fn stage(&self, appointment: &str, party: Party) -> Option<Stage> {
        self.rooms().get(appointment)?.stage(party)
    }

    /// Where the visit stands.
    pub(super) fn state(&self, appointment: &str) -> Option<VisitState> {
        self.rooms().get(appointment).map(Room::state)
    }

    /// Where all visits stand.
    pub(super) fn states(&self) -> Vec<VisitState> {
        self.rooms().values().map(Room::state).collect()
    }
}
