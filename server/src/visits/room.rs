//! One visit in memory: how it stands, and the ways to the pages of those who take part.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::visit::{Companion, GuestState, Relay, ToPatient, VisitStage, VisitState};
use telehealth::visit::{Change, GuestId, Happened, Party, Place, Refusal, Seat, Stage, Visit};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::link::Link;

/// A way to a page.
pub(super) type Line = mpsc::UnboundedSender<ToPatient>;

/// A connection that a browser offered.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) call: u32,
    pub(super) sdp: String,
}

/// What is held of one who takes part.
struct Side {
    link: Link,
    /// The name that was typed. It goes nowhere but to the workstation, and a guest's to others
    /// in the same call.
    said: Option<String>,
    call: u32,
    offer: Option<Offer>,
    line: Option<(Seat, Line)>,
}

impl Side {
    fn new(link: Link) -> Self {
        Self {
            link,
            said: None,
            call: 0,
            offer: None,
            line: None,
        }
    }

    fn tell(&self, word: ToPatient) {
        if let Some((_, line)) = &self.line {
            // The line is gone in this moment: the page will come back and be told.
            let _ = line.send(word);
        }
    }
}

/// A visit. Whoever has a place in `visit` has a side here.
pub(super) struct Room {
    visit: Visit,
    patient: Side,
    guests: BTreeMap<GuestId, Side>,
    /// Everybody in the call is shown a window or a screen.
    sharing: bool,
}

impl Room {
    /// A visit as the patient's link says that it stands.
    pub(super) fn new(patient: Link, now: Timestamp) -> Self {
        let mut visit = Visit::new(patient.expires);
        for (holds, happened) in [
            (patient.withdrawn, Happened::Revoked),
            (patient.ended, Happened::VisitEnded),
        ] {
            if holds {
                // A visit that just began refuses neither.
                let _ = visit.take(Party::Patient, happened, now);
            }
        }
        Self {
            visit,
            patient: Side::new(patient),
            guests: BTreeMap::new(),
            sharing: false,
        }
    }

    /// A new link for the patient replaces the one before.
    pub(super) fn invite_again(&mut self, link: Link) {
        self.visit.invite_again(link.expires);
        self.patient.link = link;
    }

    /// There is a link for a guest.
    pub(super) fn invite_guest(&mut self, guest: GuestId, link: Link) -> Result<(), Refusal> {
        self.visit.invite_guest(guest, link.expires)?;
        self.guests.entry(guest).or_insert_with(|| Side::new(link));
        Ok(())
    }

    /// Whether another guest could be invited.
    pub(super) fn takes_guest(&self) -> Result<(), Refusal> {
        self.visit.takes_guest()
    }

    fn side(&self, party: Party) -> Option<&Side> {
        match party {
            Party::Patient => Some(&self.patient),
            Party::Guest(guest) => self.guests.get(&guest),
        }
    }

    fn side_mut(&mut self, party: Party) -> Option<&mut Side> {
        match party {
            Party::Patient => Some(&mut self.patient),
            Party::Guest(guest) => self.guests.get_mut(&guest),
        }
    }

    /// Where one of those who take part stands.
    pub(super) fn stage(&self, party: Party) -> Option<Stage> {
        self.visit.place(party).map(Place::stage)
    }

    /// Since when one of those who take part is there.
    pub(super) fn since(&self, party: Party) -> Option<Timestamp> {
        self.visit.place(party).and_then(Place::present_since)
    }

    /// Logical id of the Practitioner.
    pub(super) fn practitioner(&self) -> Option<&str> {
        self.patient.link.practitioner.as_deref()
    }

    fn in_call(&self) -> Vec<Party> {
        self.visit
            .parties()
            .filter(|(_, place)| place.stage().is_call())
            .map(|(party, _)| party)
            .collect()
    }

    /// Takes in what happened to one of those who take part. Pages in the call hear who is in it
    /// with them; one that is asked in hears it with its call ([`Room::tell_admitted`]).
    pub(super) fn take(
        &mut self,
        party: Party,
        happened: Happened,
        now: Timestamp,
    ) -> Result<Change, Refusal> {
        let before = self.in_call();
        let change = self.visit.take(party, happened, now)?;
        if change.stage == Stage::Ended {
            self.end(party);
        }
        if party == Party::Patient && happened == Happened::Revoked {
            self.patient.link.withdrawn = true;
        }
        let new_call = matches!(
            happened,
            Happened::Admitted | Happened::Retried | Happened::Returned(_)
        ) && change.stage == Stage::Admitted;
        if new_call && let Some(side) = self.side_mut(party) {
            side.call += 1;
        }
        let begins = party == Party::Patient && happened == Happened::Admitted;
        let in_call = self.stage(Party::Patient).is_some_and(Stage::is_call);
        if self.sharing && (begins || !in_call) {
            // A patient who is asked in by a person is not shown what another one was shown. The
            // page that is asked in begins with the clinician's face by itself.
            self.sharing = false;
            self.tell_in_call(Some(party), &ToPatient::Sharing { on: false });
        }
        self.let_go();
        let after = self.in_call();
        if before != after {
            for party in after.iter().filter(|party| before.contains(party)) {
                self.tell_company(*party);
            }
        }
        Ok(change)
    }

    /// It is over for one of them, and with the patient for all.
    fn end(&mut self, party: Party) {
        // Said before the lines are let go of.
        match party {
            Party::Patient => {
                self.patient.tell(ToPatient::Ended);
                for side in std::mem::take(&mut self.guests).values() {
                    side.tell(ToPatient::Ended);
                }
            }
            Party::Guest(guest) => {
                if let Some(side) = self.guests.remove(&guest) {
                    side.tell(ToPatient::Ended);
                }
            }
        }
    }

    /// Lets go of what is of no use where everybody stands now.
    fn let_go(&mut self) {
        let guests = self.guests.iter_mut();
        let sides = std::iter::once((Party::Patient, &mut self.patient))
            .chain(guests.map(|(guest, side)| (Party::Guest(*guest), side)));
        for (party, side) in sides {
            let place = self.visit.place(party);
            if place.map(Place::stage) != Some(Stage::Connecting) {
                side.offer = None;
            }
            if place.and_then(Place::present_since).is_none() {
                side.line = None;
            }
        }
    }

    /// The page with this seat can be spoken to from now on.
    pub(super) fn seated(&mut self, party: Party, seat: Seat, said: Option<String>, line: Line) {
        if let Some(side) = self.side_mut(party) {
            side.line = Some((seat, line));
            if said.is_some() {
                side.said = said;
            }
        }
    }

    /// Whether the page with this seat is still spoken to by this line.
    pub(super) fn is_line(&self, party: Party, seat: Seat, line: &Line) -> bool {
        self.side(party)
            .and_then(|side| side.line.as_ref())
            .is_some_and(|(sits, known)| *sits == seat && known.same_channel(line))
    }

    /// Everybody in the call is shown a window or a screen, or not any more.
    pub(super) fn share(&mut self, on: bool) -> Result<(), Refusal> {
        if on && !self.stage(Party::Patient).is_some_and(Stage::is_call) {
            return Err(Refusal::NotAdmitted);
        }
        self.sharing = on;
        self.tell_in_call(None, &ToPatient::Sharing { on });
        Ok(())
    }

    /// Says something to one page, if it is there.
    pub(super) fn tell(&self, party: Party, word: ToPatient) {
        if let Some(side) = self.side(party) {
            side.tell(word);
        }
    }

    fn tell_in_call(&self, but: Option<Party>, word: &ToPatient) {
        for party in self.in_call() {
            if Some(party) != but {
                self.tell(party, word.clone());
            }
        }
    }

    /// Tells a page that it was asked in, who is there, and what it will see.
    pub(super) fn tell_admitted(&self, party: Party, relays: Vec<Relay>) {
        let call = self.call(party);
        self.tell(party, ToPatient::Admitted { call, relays });
        self.tell_company(party);
        if self.sharing {
            self.tell(party, ToPatient::Sharing { on: true });
        }
    }

    fn tell_company(&self, party: Party) {
        let others = self
            .in_call()
            .into_iter()
            .filter(|other| *other != party)
            .filter_map(|other| self.side(other))
            // The patient's name is told to nobody: a guest knows who asked for them.
            .map(|side| Companion {
                kind: side.link.guest.map(|guest| guest.kind),
                name: side.said.clone().filter(|_| side.link.guest.is_some()),
            })
            .collect();
        self.tell(party, ToPatient::Company { others });
    }

    /// Number of the current call.
    pub(super) fn call(&self, party: Party) -> u32 {
        self.side(party).map_or(0, |side| side.call)
    }

    /// Keeps an offer until it is answered or of no use.
    pub(super) fn offered(&mut self, party: Party, offer: Offer) {
        if let Some(side) = self.side_mut(party) {
            side.offer = Some(offer);
        }
    }

    /// The offer was answered: nobody else is to answer it.
    pub(super) fn answered(&mut self, party: Party) {
        if let Some(side) = self.side_mut(party) {
            side.offer = None;
        }
    }

    /// The offer that waits for an answer.
    pub(super) fn offer(&self, party: Party) -> Option<Offer> {
        self.side(party)?.offer.clone()
    }

    /// Where the visit stands, as workstations are told.
    pub(super) fn state(&self) -> VisitState {
        let link = &self.patient.link;
        let stage = self.stage(Party::Patient).map_or(VisitStage::Ended, told);
        let since = self.since(Party::Patient);
        let guests = self.guests.iter().filter_map(|(guest, side)| {
            let party = Party::Guest(*guest);
            let since = self.since(party);
            Some(GuestState {
                guest: Uuid::from_u128(*guest),
                kind: side.link.guest?.kind,
                stage: told(self.stage(party)?),
                since,
                said: side.said.clone().filter(|_| since.is_some()),
                link_until: side.link.expires,
            })
        });
        VisitState {
            appointment: link.appointment.clone(),
            patient: link.patient.clone(),
            stage,
            since,
            said: self.patient.said.clone().filter(|_| since.is_some()),
            link_until: (stage != VisitStage::Ended && !link.withdrawn).then_some(link.expires),
            guests: guests.collect(),
        }
    }
}

fn told(stage: Stage) -> VisitStage {
    match stage {
        Stage::Invited => VisitStage::Invited,
        Stage::Waiting => VisitStage::Waiting,
        Stage::Admitted => VisitStage::Admitted,
        Stage::Connecting => VisitStage::Connecting,
        Stage::Talking => VisitStage::Talking,
        Stage::Interrupted => VisitStage::Interrupted,
        Stage::Ended => VisitStage::Ended,
    }
}

#[cfg(test)]
mod tests {
    use protocol::visit::GuestKind;
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::super::link::Guest;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn link(guest: Option<Guest>) -> Link {
        Link {
            appointment: "a1".to_owned(),
            patient: "p1".to_owned(),
            practitioner: None,
            guest,
            expires: at(1000),
            withdrawn: false,
            ended: false,
        }
    }

    const GUEST: Party = Party::Guest(7);

    fn room() -> Room {
        let mut room = Room::new(link(None), at(0));
        let guest = Guest {
            id: Uuid::from_u128(7),
            kind: GuestKind::Carer,
        };
        room.invite_guest(7, link(Some(guest))).unwrap();
        room
    }

    fn joins(room: &mut Room, party: Party, seat: Seat, now: i64) -> UnboundedReceiver<ToPatient> {
        room.take(party, Happened::Joined(seat), at(now)).unwrap();
        let (line, words) = mpsc::unbounded_channel();
        room.seated(party, seat, Some(format!("Name {seat}")), line);
        words
    }

    fn admit(room: &mut Room, party: Party) {
        room.take(party, Happened::Admitted, at(5)).unwrap();
        room.tell_admitted(party, Vec::new());
    }

    /// What a page heard, in short.
    fn heard(words: &mut UnboundedReceiver<ToPatient>) -> String {
        let mut all = Vec::new();
        while let Ok(word) = words.try_recv() {
            all.push(match word {
                ToPatient::Admitted { call, .. } => format!("call {call}"),
                ToPatient::Company { others } => others
                    .iter()
                    .map(|other| match (other.kind, &other.name) {
                        (None, None) => "with the patient".to_owned(),
                        (kind, name) => format!("with {kind:?} {name:?}"),
                    })
                    .reduce(|all, one| all + " and " + &one)
                    .unwrap_or_else(|| "alone".to_owned()),
                ToPatient::Sharing { on } => format!("sharing {on}"),
                ToPatient::Ended => "ended".to_owned(),
                other => format!("{other:?}"),
            });
        }
        all.join(", ")
    }

    #[test]
    fn t1_a_guest_leaves_the_call_when_another_browser_takes_the_patient_s_seat() {
        let mut room = room();
        let mut patient = joins(&mut room, Party::Patient, 1, 0);
        let mut guest = joins(&mut room, GUEST, 2, 1);
        admit(&mut room, Party::Patient);
        admit(&mut room, GUEST);
        room.share(true).unwrap();
        assert_eq!(
            heard(&mut patient),
            "call 1, alone, with Some(Carer) Some(\"Name 2\"), sharing true"
        );
        assert_eq!(heard(&mut guest), "call 1, with the patient, sharing true");

        // A patient whose line broke is in the call still, and comes back into it.
        room.take(Party::Patient, Happened::Vanished(1), at(10))
            .unwrap();
        assert_eq!(room.stage(GUEST), Some(Stage::Admitted));
        room.take(Party::Patient, Happened::Returned(1), at(11))
            .unwrap();
        assert_eq!(room.call(Party::Patient), 2);
        assert_eq!(heard(&mut guest), "");

        room.take(Party::Patient, Happened::Vanished(1), at(20))
            .unwrap();
        let change = room
            .take(Party::Patient, Happened::Joined(3), at(60))
            .unwrap();
        assert_eq!((change.stage, change.put_out), (Stage::Waiting, vec![7]));
        assert_eq!(room.stage(GUEST), Some(Stage::Waiting));
        assert!(!room.sharing);
        // The way to the guest's page is kept: it is told that it waits.
        room.tell(GUEST, ToPatient::Ended);
        assert_eq!(heard(&mut guest), "ended");
    }

    #[test]
    fn t1_the_end_of_a_visit_is_said_to_everybody_and_nobody_is_held_any_more() {
        let mut room = room();
        let mut patient = joins(&mut room, Party::Patient, 1, 0);
        let mut guest = joins(&mut room, GUEST, 2, 1);
        room.take(Party::Patient, Happened::VisitEnded, at(9))
            .unwrap();
        assert_eq!(heard(&mut patient), "ended");
        assert_eq!(heard(&mut guest), "ended");
        assert!(patient.is_closed() && guest.is_closed());
        let state = room.state();
        assert_eq!((state.stage, state.link_until), (VisitStage::Ended, None));
        assert_eq!((state.said, state.guests), (None, Vec::new()));
        assert_eq!(room.takes_guest(), Err(Refusal::Ended));
    }

    #[test]
    fn t1_a_visit_is_remembered_as_the_patient_s_link_has_it() {
        let withdrawn = Link {
            withdrawn: true,
            ..link(None)
        };
        let mut room = Room::new(withdrawn, at(0));
        assert_eq!(room.state().link_until, None);
        assert_eq!(
            room.take(Party::Patient, Happened::Joined(1), at(1)),
            Err(Refusal::Revoked)
        );
        let ended = Link {
            ended: true,
            ..link(None)
        };
        let room = Room::new(ended, at(0));
        assert_eq!(room.stage(Party::Patient), Some(Stage::Ended));
    }
}
