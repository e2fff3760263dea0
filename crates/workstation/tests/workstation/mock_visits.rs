//! The server's side of video visits: a waiting room of one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use protocol::fault::Code;
use protocol::visit::{Act, GuestState, VisitAct, VisitNews, VisitStage, VisitState};
use tokio::sync::broadcast;
use workstation::port::server::ServerError;

use crate::mock_ledger::problem;

/// What was done, and a way to tell news.
pub struct MockVisits {
    acts: Mutex<Vec<String>>,
    news: broadcast::Sender<VisitNews>,
    /// What a browser offers whenever it is asked.
    pub offer: Mutex<Option<String>>,
    /// Nobody may be asked in.
    pub closed: AtomicBool,
}

/// Patient p1 waits for the appointment of that name, and so do these guests.
fn waiting(guests: Vec<GuestState>) -> VisitNews {
    VisitNews::Visits {
        visits: vec![VisitState {
            appointment: "visit-p1".into(),
            patient: "p1".into(),
            stage: VisitStage::Waiting,
            since: None,
            said: None,
            link_until: None,
            guests,
        }],
    }
}

impl Default for MockVisits {
    fn default() -> Self {
        Self {
            acts: Mutex::default(),
            news: broadcast::Sender::new(64),
            offer: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }
}

impl MockVisits {
    pub fn acts(&self) -> Vec<String> {
        self.acts.lock().unwrap().clone()
    }

    /// Tells where guests stand.
    pub fn tell(&self, guests: Vec<GuestState>) {
        let _ = self.news.send(waiting(guests));
    }

    pub(crate) fn act(&self, act: &VisitAct) -> Result<(), ServerError> {
        if self.closed.load(Ordering::Relaxed) && matches!(act.act, Act::Admit) {
            return Err(ServerError::from_problem(problem(Code::Forbidden, 403)));
        }
        let name = match act.act {
            Act::Admit => "admit",
            Act::Again => "again",
            Act::Answer { .. } => "answer",
            Act::Connected => "connected",
            Act::Interrupted => "interrupted",
            Act::Share => "share",
            Act::EndShare => "end-share",
            Act::EndCall => "end-call",
            Act::EndVisit => "end-visit",
            Act::Withdraw => "withdraw",
        };
        let number = {
            let mut acts = self.acts.lock().unwrap();
            acts.push(match act.guest {
                None => name.to_owned(),
                Some(guest) => format!("{name} {}", guest.as_u128()),
            });
            u32::try_from(acts.len()).unwrap()
        };
        let offer = self.offer.lock().unwrap().clone();
        if let (Act::Admit | Act::Again, Some(sdp)) = (&act.act, offer) {
            let _ = self.news.send(VisitNews::Offer {
                appointment: act.appointment.clone(),
                guest: act.guest,
                call: number,
                sdp,
                relays: Vec::new(),
            });
        }
        Ok(())
    }

    pub(crate) fn stream(&self) -> BoxStream<'static, Result<VisitNews, ServerError>> {
        let visits = waiting(Vec::new());
        let later = futures_util::stream::unfold(self.news.subscribe(), async |mut news| {
            Some((Ok(news.recv().await.ok()?), news))
        });
        futures_util::stream::iter([Ok(visits)])
            .chain(later)
            .boxed()
    }
}
