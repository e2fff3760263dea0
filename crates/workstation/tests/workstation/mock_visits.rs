//! The server's side of video visits: a waiting room of one.

use std::sync::Mutex;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use protocol::visit::{Act, VisitAct, VisitNews, VisitStage, VisitState};
use tokio::sync::broadcast;
use workstation::port::server::ServerError;

/// What was done, and a way to tell news.
pub struct MockVisits {
    acts: Mutex<Vec<&'static str>>,
    news: broadcast::Sender<VisitNews>,
    /// What a browser offers whenever it is asked.
    pub offer: Mutex<Option<String>>,
}

impl Default for MockVisits {
    fn default() -> Self {
        Self {
            acts: Mutex::default(),
            news: broadcast::Sender::new(64),
            offer: Mutex::default(),
        }
    }
}

impl MockVisits {
    pub fn acts(&self) -> Vec<&'static str> {
        self.acts.lock().unwrap().clone()
    }

    pub(crate) fn act(&self, act: &VisitAct) -> Result<(), ServerError> {
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
            acts.push(name);
            u32::try_from(acts.len()).unwrap()
        };
        let offer = self.offer.lock().unwrap().clone();
        if let (Act::Admit | Act::Again, Some(sdp)) = (&act.act, offer) {
            let _ = self.news.send(VisitNews::Offer {
                appointment: act.appointment.clone(),
                call: number,
                sdp,
                relays: Vec::new(),
            });
        }
        Ok(())
    }

    /// Patient p1 waits for the appointment of that name.
    pub(crate) fn stream(&self) -> BoxStream<'static, Result<VisitNews, ServerError>> {
        let visits = VisitNews::Visits {
            visits: vec![VisitState {
                appointment: "visit-p1".into(),
                patient: "p1".into(),
                stage: VisitStage::Waiting,
                since: None,
                said: None,
                link_until: None,
            }],
        };
        let later = futures_util::stream::unfold(self.news.subscribe(), async |mut news| {
            Some((Ok(news.recv().await.ok()?), news))
        });
        futures_util::stream::iter([Ok(visits)])
            .chain(later)
            .boxed()
    }
}
