//! How one visit stands. No IO, no clock, no randomness: what happened and when is handed in.
//!
//! A visit has a [`Place`] for the patient and one for each guest. Each is come to by a link of its
//! own; what holds between them is said by [`Visit`].

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use crate::place::{Happened, Place, Refusal, SEAT_KEPT, Seat, Stage};

/// Who takes part, beside the clinician.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The patient.
    Patient,
    /// Somebody whom the clinician invited: an interpreter, or one of the family.
    Guest(GuestId),
}

impl Party {
    /// Whom the name of a guest means; none: the patient.
    pub fn of(guest: Option<GuestId>) -> Self {
        guest.map_or(Self::Patient, Self::Guest)
    }

    /// The name of the guest; none: it is the patient.
    pub fn guest(self) -> Option<GuestId> {
        match self {
            Self::Patient => None,
            Self::Guest(guest) => Some(guest),
        }
    }
}

/// Names a guest's invitation. The server makes the number.
pub type GuestId = u128;

/// Guests at a time. The clinician's computer passes everybody's picture and sound on to all
/// others: each guest costs it as much as the patient does.
pub const MOST_GUESTS: usize = 3;

/// A visit: one patient, one clinician, and guests that the clinician invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    patient: Place,
    guests: BTreeMap<GuestId, Place>,
}

/// What came of something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where whoever it happened to stands now.
    pub stage: Stage,
    /// Guests whose call ended with the patient's.
    pub put_out: Vec<GuestId>,
}

impl Visit {
    /// A visit with a link for the patient that can be used until `expires`.
    pub fn new(expires: Timestamp) -> Self {
        Self {
            patient: Place::new(expires),
            guests: BTreeMap::new(),
        }
    }

    /// The place of one of those who take part; none where there is no such guest, or no more.
    pub fn place(&self, party: Party) -> Option<&Place> {
        match party {
            Party::Patient => Some(&self.patient),
            Party::Guest(guest) => self.guests.get(&guest),
        }
    }

    /// Everybody who has a place, the patient first, then guests as they were invited.
    pub fn parties(&self) -> impl Iterator<Item = (Party, &Place)> {
        let guests = self.guests.iter();
        std::iter::once((Party::Patient, &self.patient))
            .chain(guests.map(|(guest, place)| (Party::Guest(*guest), place)))
    }

    /// A new link for the patient replaces the one before.
    pub fn invite_again(&mut self, expires: Timestamp) {
        self.patient.invite_again(expires);
    }

    /// Whether another guest could be invited.
    ///
    /// # Errors
    /// [`Refusal::Ended`], [`Refusal::Full`].
    pub fn takes_guest(&self) -> Result<(), Refusal> {
        if self.patient.stage() == Stage::Ended {
            return Err(Refusal::Ended);
        }
        if self.guests.len() >= MOST_GUESTS {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// There is a link for a guest that can be used until `expires`. One that is known keeps its
    /// place.
    ///
    /// # Errors
    /// [`Refusal::Ended`], [`Refusal::Full`].
    pub fn invite_guest(&mut self, guest: GuestId, expires: Timestamp) -> Result<(), Refusal> {
        if !self.guests.contains_key(&guest) {
            self.takes_guest()?;
            self.guests.insert(guest, Place::new(expires));
        }
        Ok(())
    }

    /// Takes in what happened to one of those who take part.
    ///
    /// # Errors
    /// [`Refusal`], and then nothing has changed.
    pub fn take(
        &mut self,
        party: Party,
        happened: Happened,
        now: Timestamp,
    ) -> Result<Change, Refusal> {
        let Party::Guest(guest) = party else {
            let stage = self.patient.take(happened, now)?;
            if stage == Stage::Ended {
                self.guests.clear();
            }
            return Ok(Change {
                stage,
                put_out: self.put_out(now),
            });
        };
        let in_call = self.patient.stage().is_call();
        let place = self.guests.get_mut(&guest).ok_or(Refusal::Stranger)?;
        if happened == Happened::Admitted && !in_call {
            return Err(Refusal::PatientFirst);
        }
        let stage = place.take(happened, now)?;
        if stage == Stage::Ended {
            self.guests.remove(&guest);
        }
        Ok(Change {
            stage,
            put_out: Vec::new(),
        })
    }

    /// Guests are never by themselves: when the patient's call is over, theirs is.
    fn put_out(&mut self, now: Timestamp) -> Vec<GuestId> {
        if self.patient.stage().is_call() {
            return Vec::new();
        }
        let mut out = Vec::new();
        for (guest, place) in &mut self.guests {
            if place.stage().is_call() && place.take(Happened::CallEnded, now).is_ok() {
                out.push(*guest);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::place::tests::{anything, at};

    /// What brings people into calls, and out of them, more often than chance would.
    fn likely() -> impl Strategy<Value = Happened> {
        prop_oneof![
            4 => Just(Happened::Joined(1)),
            6 => Just(Happened::Admitted),
            1 => Just(Happened::Left(1)),
            1 => Just(Happened::Vanished(1)),
            2 => Just(Happened::Returned(1)),
            1 => Just(Happened::Joined(2)),
            1 => Just(Happened::CallEnded),
            2 => anything(),
        ]
    }

    fn talk(visit: &mut Visit, party: Party, seat: Seat) {
        for happened in [
            Happened::Joined(seat),
            Happened::Admitted,
            Happened::Offered(seat),
            Happened::Connected,
        ] {
            visit.take(party, happened, at(0)).unwrap();
        }
    }

    #[test]
    fn t1_guests_are_in_the_call_with_the_patient_and_never_without() {
        let mut visit = Visit::new(at(1000));
        visit.invite_guest(7, at(1000)).unwrap();
        let guest = Party::Guest(7);
        visit.take(guest, Happened::Joined(2), at(0)).unwrap();
        assert_eq!(
            visit.take(guest, Happened::Admitted, at(0)),
            Err(Refusal::PatientFirst)
        );
        talk(&mut visit, Party::Patient, 1);
        for happened in [
            Happened::Admitted,
            Happened::Offered(2),
            Happened::Connected,
        ] {
            visit.take(guest, happened, at(1)).unwrap();
        }
        // A patient who vanishes is expected back; the interpreter stays.
        let change = visit.take(Party::Patient, Happened::Vanished(1), at(2));
        assert!(change.unwrap().put_out.is_empty());
        visit
            .take(Party::Patient, Happened::Returned(1), at(3))
            .unwrap();
        let change = visit.take(Party::Patient, Happened::Left(1), at(4));
        assert_eq!(change.unwrap().put_out, [7]);
        assert_eq!(visit.place(guest).unwrap().stage(), Stage::Waiting);
    }

    #[test]
    fn t1_a_visit_has_so_many_guests_and_each_goes_alone() {
        let mut visit = Visit::new(at(1000));
        for guest in 0..MOST_GUESTS as u128 {
            visit.invite_guest(guest, at(1000)).unwrap();
        }
        assert_eq!(visit.invite_guest(90, at(1000)), Err(Refusal::Full));
        assert_eq!(visit.invite_guest(1, at(1000)), Ok(()));
        talk(&mut visit, Party::Patient, 1);
        talk(&mut visit, Party::Guest(0), 2);
        talk(&mut visit, Party::Guest(1), 3);
        let gone = visit.take(Party::Guest(0), Happened::VisitEnded, at(5));
        assert_eq!(gone.unwrap().stage, Stage::Ended);
        assert_eq!(
            visit.take(Party::Guest(0), Happened::Joined(4), at(6)),
            Err(Refusal::Stranger)
        );
        for party in [Party::Patient, Party::Guest(1)] {
            assert_eq!(visit.place(party).unwrap().stage(), Stage::Talking);
        }
        visit.invite_guest(90, at(1000)).unwrap();
        visit
            .take(Party::Patient, Happened::VisitEnded, at(7))
            .unwrap();
        assert_eq!(visit.parties().count(), 1);
        assert_eq!(visit.invite_guest(91, at(1000)), Err(Refusal::Ended));
    }

    proptest! {
        /// Whatever happens to whom in whatever order.
        #[test]
        fn t1_no_guest_is_in_a_call_without_the_patient(
            story in proptest::collection::vec((0..3_u128, likely(), 0..20_i64), 1..80),
        ) {
            let mut visit = Visit::new(at(600));
            for guest in 1..3 {
                visit.invite_guest(guest, at(600)).unwrap();
            }
            let mut asked = std::collections::BTreeSet::new();
            let mut now = 0;
            for (who, happened, later) in story {
                now += later;
                let party = if who == 0 { Party::Patient } else { Party::Guest(who) };
                let before = visit.clone();
                let result = visit.take(party, happened, at(now));
                match &result {
                    Err(_) => prop_assert_eq!(&before, &visit),
                    Ok(change) => {
                        match happened {
                            Happened::Admitted => { asked.insert(party); }
                            Happened::Joined(_) | Happened::Left(_) | Happened::CallEnded
                            | Happened::VisitEnded => { asked.remove(&party); }
                            _ => {}
                        }
                        for guest in &change.put_out {
                            asked.remove(&Party::Guest(*guest));
                        }
                    }
                }
                let patient = visit.place(Party::Patient).unwrap().stage().is_call();
                for (party, place) in visit.parties() {
                    if place.stage().is_call() {
                        prop_assert!(asked.contains(&party));
                        prop_assert!(patient, "{party:?} is in a call alone");
                    }
                }
            }
        }
    }
}
