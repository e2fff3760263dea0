//! The place of one of those who take part: a link, and whoever came by it.

use jiff::{SignedDuration, Timestamp};

/// Where one of those who take part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// There is a link; nobody came yet, or whoever came has gone before being admitted.
    Invited,
    /// Somebody is in the waiting room.
    Waiting,
    /// The clinician asked them in; their browser has not answered yet.
    Admitted,
    /// The two sides are agreeing on a connection.
    Connecting,
    /// Picture and sound flow.
    Talking,
    /// The call broke off and either side may take it up again.
    Interrupted,
    /// The clinician ended it. Nothing follows.
    Ended,
}

impl Stage {
    /// Whether the clinician has admitted whoever is there.
    pub fn is_call(self) -> bool {
        matches!(
            self,
            Self::Admitted | Self::Connecting | Self::Talking | Self::Interrupted
        )
    }
}

/// One browser that came by the link. The server makes the number; the browser holds it in
/// memory alone.
pub type Seat = u128;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// A browser that was not here before came by the link.
    Joined(Seat),
    /// A browser that was here came back.
    Returned(Seat),
    /// The line to the browser is gone; whoever sat there said nothing.
    Vanished(Seat),
    /// Whoever was there left.
    Left(Seat),
    /// The clinician asks them in.
    Admitted,
    /// The clinician's computer asks the browser that was asked in for another connection.
    Retried,
    /// The browser offers a connection.
    Offered(Seat),
    /// The clinician's side sees picture or sound flow.
    Connected,
    /// The clinician's side sees the connection broken.
    Interrupted,
    /// The clinician hung up; whoever is there is in the waiting room again.
    CallEnded,
    /// The clinician ended the visit, or a guest's part in it.
    VisitEnded,
    /// The link must not be used any more. Who came by it stays.
    Revoked,
}

/// Why something is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The visit is over.
    #[error("the visit has ended")]
    Ended,
    /// The link's time is over.
    #[error("the link has expired")]
    Expired,
    /// The clinic took the link back.
    #[error("the link was withdrawn")]
    Revoked,
    /// Somebody else is there by this link.
    #[error("another browser is there by this link already")]
    Occupied,
    /// This browser is not, or no longer, part of the visit.
    #[error("this browser is not part of the visit")]
    Stranger,
    /// Nobody waits.
    #[error("nobody is waiting")]
    NobodyThere,
    /// Who was not admitted.
    #[error("whoever is there has not been admitted")]
    NotAdmitted,
    /// A guest cannot be in a call in which the patient is not.
    #[error("the patient is not in the call yet")]
    PatientFirst,
    /// No more guests are taken.
    #[error("there are as many guests as a visit can have")]
    Full,
}

/// A browser that vanished keeps its seat this long: nobody else can take it by the same link
/// while the patient walks from one room of the house to another.
pub const SEAT_KEPT: SignedDuration = SignedDuration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seated {
    seat: Seat,
    /// Since when they wait or are in the call: not begun anew by a short absence.
    since: Timestamp,
    /// Since when the line to the browser is gone.
    away: Option<Timestamp>,
}

/// The place of one of those who take part: a link, and whoever came by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    stage: Stage,
    expires: Timestamp,
    revoked: bool,
    seated: Option<Seated>,
}

impl Place {
    /// A place to which a link was made that can be used until `expires`.
    pub fn new(expires: Timestamp) -> Self {
        Self {
            stage: Stage::Invited,
            expires,
            revoked: false,
            seated: None,
        }
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Since when somebody is there, if the line to the browser stands.
    pub fn present_since(&self) -> Option<Timestamp> {
        self.seated
            .filter(|seated| seated.away.is_none())
            .map(|seated| seated.since)
    }

    /// A new link replaces the one before.
    pub(crate) fn invite_again(&mut self, expires: Timestamp) {
        self.expires = expires;
        self.revoked = false;
    }

    /// Takes in what happened.
    ///
    /// # Errors
    /// [`Refusal`], and then nothing has changed.
    pub fn take(&mut self, happened: Happened, now: Timestamp) -> Result<Stage, Refusal> {
        if self.stage == Stage::Ended {
            return Err(Refusal::Ended);
        }
        match happened {
            Happened::Joined(seat) => self.joined(seat, now)?,
            Happened::Returned(seat) => {
                let seated = self.seated_as(seat)?;
                seated.away = None;
                // The old connection is of no use to a page that lost its line: the call is
                // taken up anew, and the clinician has admitted this very browser already.
                self.stage = match self.stage {
                    Stage::Invited | Stage::Waiting => Stage::Waiting,
                    _ => Stage::Admitted,
                };
            }
            Happened::Vanished(seat) => {
                let seated = self.seated_as(seat)?;
                seated.away = seated.away.or(Some(now));
                self.stage = match self.stage {
                    Stage::Invited | Stage::Waiting => Stage::Invited,
                    _ => Stage::Interrupted,
                };
            }
            Happened::Left(seat) => {
                self.seated_as(seat)?;
                self.seated = None;
                self.stage = Stage::Invited;
            }
            Happened::Admitted => {
                self.present_since().ok_or(Refusal::NobodyThere)?;
                // Asking in twice begins the call anew: the clinician's computer may have come
                // back from nothing.
                self.stage = Stage::Admitted;
            }
            Happened::Retried => {
                // A computer never asks in whom the clinician has not seen.
                if !self.stage.is_call() {
                    return Err(Refusal::NotAdmitted);
                }
                self.present_since().ok_or(Refusal::NobodyThere)?;
                self.stage = Stage::Admitted;
            }
            Happened::Offered(seat) => {
                self.seated_as(seat)?;
                if !self.stage.is_call() {
                    return Err(Refusal::NotAdmitted);
                }
                self.stage = Stage::Connecting;
            }
            Happened::Connected => match self.stage {
                Stage::Connecting | Stage::Interrupted | Stage::Talking
                    if self.present_since().is_some() =>
                {
                    self.stage = Stage::Talking;
                }
                _ => return Err(Refusal::NobodyThere),
            },
            Happened::Interrupted => {
                if !self.stage.is_call() {
                    return Err(Refusal::NobodyThere);
                }
                self.stage = Stage::Interrupted;
            }
            Happened::CallEnded => {
                self.stage = match self.present_since() {
                    Some(_) => Stage::Waiting,
                    None => Stage::Invited,
                };
            }
            Happened::VisitEnded => {
                self.stage = Stage::Ended;
                self.seated = None;
            }
            Happened::Revoked => self.revoked = true,
        }
        Ok(self.stage)
    }

    fn joined(&mut self, seat: Seat, now: Timestamp) -> Result<(), Refusal> {
        if self.revoked {
            return Err(Refusal::Revoked);
        }
        if now >= self.expires {
            return Err(Refusal::Expired);
        }
        let taken = self.seated.is_some_and(|seated| {
            seated
                .away
                .is_none_or(|away| now.duration_since(away) < SEAT_KEPT)
        });
        if taken {
            return Err(Refusal::Occupied);
        }
        // A link alone never leads into a call: whoever comes anew is looked at first.
        self.seated = Some(Seated {
            seat,
            since: now,
            away: None,
        });
        self.stage = Stage::Waiting;
        Ok(())
    }

    fn seated_as(&mut self, seat: Seat) -> Result<&mut Seated, Refusal> {
        self.seated
            .as_mut()
            .filter(|seated| seated.seat == seat)
            .ok_or(Refusal::Stranger)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn t1_a_patient_waits_until_asked_in() {
        let mut place = Place::new(at(1000));
        assert_eq!(place.take(Happened::Joined(1), at(0)), Ok(Stage::Waiting));
        assert_eq!(
            place.take(Happened::Offered(1), at(1)),
            Err(Refusal::NotAdmitted)
        );
        assert_eq!(place.take(Happened::Admitted, at(2)), Ok(Stage::Admitted));
        assert_eq!(
            place.take(Happened::Offered(1), at(3)),
            Ok(Stage::Connecting)
        );
        assert_eq!(place.take(Happened::Connected, at(4)), Ok(Stage::Talking));
        assert_eq!(place.present_since(), Some(at(0)));
    }

    #[test]
    fn t1_a_second_browser_is_refused_and_the_first_is_not_disturbed() {
        let mut place = Place::new(at(1000));
        place.take(Happened::Joined(1), at(0)).unwrap();
        place.take(Happened::Admitted, at(1)).unwrap();
        assert_eq!(
            place.take(Happened::Joined(2), at(2)),
            Err(Refusal::Occupied)
        );
        assert_eq!(
            place.take(Happened::Offered(2), at(2)),
            Err(Refusal::Stranger)
        );
        assert_eq!(
            place.take(Happened::Offered(1), at(3)),
            Ok(Stage::Connecting)
        );
    }

    #[test]
    fn t2_an_absence_of_twenty_minutes_is_no_end() {
        let mut place = Place::new(at(10_000));
        for (happened, second) in [
            (Happened::Joined(1), 0),
            (Happened::Admitted, 1),
            (Happened::Offered(1), 2),
            (Happened::Connected, 3),
        ] {
            place.take(happened, at(second)).unwrap();
        }
        assert_eq!(
            place.take(Happened::Vanished(1), at(10)),
            Ok(Stage::Interrupted)
        );
        // The same browser goes straight back into the call …
        let mut same = place.clone();
        assert_eq!(
            same.take(Happened::Returned(1), at(10 + 1200)),
            Ok(Stage::Admitted)
        );
        // … another one waits to be looked at.
        assert_eq!(
            place.take(Happened::Joined(2), at(10 + 1200)),
            Ok(Stage::Waiting)
        );
        assert_eq!(
            place.take(Happened::Returned(1), at(1300)),
            Err(Refusal::Stranger)
        );
    }

    #[test]
    fn t2_ending_the_call_does_not_end_the_visit() {
        let mut place = Place::new(at(1000));
        for happened in [
            Happened::Joined(1),
            Happened::Admitted,
            Happened::Offered(1),
            Happened::Connected,
        ] {
            place.take(happened, at(0)).unwrap();
        }
        assert_eq!(place.take(Happened::CallEnded, at(5)), Ok(Stage::Waiting));
        assert_eq!(place.take(Happened::Admitted, at(6)), Ok(Stage::Admitted));
        assert_eq!(place.take(Happened::VisitEnded, at(7)), Ok(Stage::Ended));
        assert_eq!(place.take(Happened::Joined(1), at(8)), Err(Refusal::Ended));
    }

    #[test]
    fn t1_links_expire_and_are_withdrawn() {
        let mut place = Place::new(at(100));
        assert_eq!(
            place.take(Happened::Joined(1), at(100)),
            Err(Refusal::Expired)
        );
        assert_eq!(place.take(Happened::Joined(1), at(99)), Ok(Stage::Waiting));
        // Who is there stays, whatever becomes of the link.
        place.take(Happened::Revoked, at(99)).unwrap();
        place.take(Happened::Vanished(1), at(120)).unwrap();
        assert_eq!(
            place.take(Happened::Returned(1), at(200)),
            Ok(Stage::Waiting)
        );
        place.take(Happened::Left(1), at(201)).unwrap();
        assert_eq!(
            place.take(Happened::Joined(2), at(50)),
            Err(Refusal::Revoked)
        );
        place.invite_again(at(400));
        assert_eq!(place.take(Happened::Joined(2), at(300)), Ok(Stage::Waiting));
    }

    pub(crate) fn anything() -> impl Strategy<Value = Happened> {
        let seat = 1..4_u128;
        prop_oneof![
            seat.clone().prop_map(Happened::Joined),
            seat.clone().prop_map(Happened::Returned),
            seat.clone().prop_map(Happened::Vanished),
            seat.clone().prop_map(Happened::Left),
            seat.prop_map(Happened::Offered),
            Just(Happened::Admitted),
            Just(Happened::Retried),
            Just(Happened::Connected),
            Just(Happened::Interrupted),
            Just(Happened::CallEnded),
            Just(Happened::VisitEnded),
            Just(Happened::Revoked),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order.
        #[test]
        fn t1_nobody_is_in_a_call_who_was_not_asked_in(
            story in proptest::collection::vec((anything(), 0..40_i64), 1..60),
        ) {
            let expires = 600;
            let mut place = Place::new(at(expires));
            let mut now = 0;
            // Told apart from the machine: who came, and whom the clinician asked in.
            let mut inside: Option<Seat> = None;
            let mut asked: Option<Seat> = None;
            for (happened, later) in story {
                now += later;
                let before = place.clone();
                let result = place.take(happened, at(now));
                if result.is_err() {
                    prop_assert_eq!(&before, &place);
                }
                prop_assert!(before.stage() != Stage::Ended || result == Err(Refusal::Ended));
                if result.is_ok() {
                    match happened {
                        Happened::Joined(seat) => {
                            prop_assert!(now < expires && !before.revoked);
                            inside = Some(seat);
                            asked = None;
                        }
                        Happened::Admitted => asked = inside,
                        Happened::Left(_) => { inside = None; asked = None; }
                        Happened::CallEnded | Happened::VisitEnded => asked = None,
                        Happened::Returned(seat)
                        | Happened::Offered(seat)
                        | Happened::Vanished(seat) => prop_assert_eq!(Some(seat), inside),
                        _ => {}
                    }
                }
                if place.stage().is_call() {
                    prop_assert!(asked.is_some());
                    prop_assert_eq!(asked, inside);
                }
            }
        }
    }
}
