//! This computer's end of the connection to one of those who were asked in.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::visit::VisitStage;
use telehealth::media::adapt::Quality;
use telehealth::media::call::Call;
use telehealth::visit::Party;
use tokio::sync::{OwnedMutexGuard, watch};
use uuid::Uuid;

use super::attempts::Attempts;
use crate::view::visit::{CallQuality, CallState};

/// From being asked in to being let go of. The connections in it come and go.
pub(super) struct End {
    pub(super) call: Option<Call>,
    pub(super) stands: CallState,
    pub(super) quality: Option<Quality>,
    pub(super) attempts: Attempts,
    /// Number of the call whose events count.
    pub(super) number: u32,
    /// How many offers have come.
    pub(super) offers: watch::Sender<u32>,
}

impl Default for End {
    fn default() -> Self {
        Self {
            call: None,
            stands: CallState::Connecting,
            quality: None,
            attempts: Attempts::default(),
            number: 0,
            offers: watch::Sender::new(0),
        }
    }
}

impl End {
    /// Pictures that were drawn from what came.
    pub(super) fn pictures(&self) -> u64 {
        self.call.as_ref().map_or(0, |call| {
            call.counters().pictures_decoded.load(Ordering::Relaxed)
        })
    }

    pub(super) fn quality(&self) -> CallQuality {
        match self.quality {
            None | Some(Quality::Good) => CallQuality::Good,
            Some(Quality::Poor) => CallQuality::Poor,
            Some(Quality::AudioOnly) => CallQuality::AudioOnly,
        }
    }

    /// Whether a guest has left, judged from where the server says they stand; none: nowhere any
    /// more. What the server said before it let the guest in does not count.
    pub(super) fn is_over(&self, stage: Option<VisitStage>) -> bool {
        match stage {
            None | Some(VisitStage::Ended) => true,
            Some(VisitStage::Invited | VisitStage::Waiting) => self.stands != CallState::Connecting,
            Some(_) => false,
        }
    }
}

/// Who sets a connection up or ends it. Each party has a turn of its own: a guest who is hard to
/// reach holds up nobody else.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<Party, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for the turn of one party, and has it until the guard is dropped.
    pub(super) async fn of(&self, party: Party) -> OwnedMutexGuard<()> {
        let turn = {
            // Nothing that can panic runs under this lock.
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(party).or_default())
        };
        turn.lock_owned().await
    }
}

/// A guest as the server names them.
pub(super) fn guest(party: Party) -> Option<Uuid> {
    party.guest().map(Uuid::from_u128)
}

/// Whom the server names.
pub(super) fn party(guest: Option<Uuid>) -> Party {
    Party::of(guest.map(|guest| guest.as_u128()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_a_guest_who_was_just_asked_in_is_not_let_go_by_old_news() {
        let mut end = End::default();
        assert!(!end.is_over(Some(VisitStage::Waiting)));
        assert!(end.is_over(None));
        end.stands = CallState::Talking;
        assert!(!end.is_over(Some(VisitStage::Interrupted)));
        for stage in [VisitStage::Waiting, VisitStage::Invited, VisitStage::Ended] {
            assert!(end.is_over(Some(stage)));
        }
    }

    #[tokio::test]
    async fn t2_who_is_hard_to_reach_holds_up_nobody_else() {
        let turns = Turns::default();
        let guest = turns.of(Party::Guest(1)).await;
        drop(turns.of(Party::Patient).await);
        drop(turns.of(Party::Guest(2)).await);
        let again = async { drop(turns.of(Party::Guest(1)).await) };
        tokio::pin!(again);
        let waits = std::future::poll_fn(|cx| std::task::Poll::Ready(again.as_mut().poll(cx)));
        assert!(waits.await.is_pending());
        drop(guest);
        again.await;
    }

    #[test]
    fn t1_guests_keep_their_names_both_ways() {
        let one = Uuid::from_u128(7 << 100 | 5);
        assert_eq!(guest(party(Some(one))), Some(one));
        assert_eq!(guest(party(None)), None);
    }
}
