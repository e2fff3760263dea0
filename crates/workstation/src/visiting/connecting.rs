//! How the call here comes about, and what follows when it does not.

use std::sync::Arc;
use std::time::Duration;

use protocol::statement::Signed;
use protocol::visit::{Act, CallKey, Relay};
use telehealth::description::fingerprint;
use telehealth::media::Studio;
use telehealth::media::call::{self, Call, Event, Setup};
use telehealth::visit::Party;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::attempts::Next;
use super::end::guest;
use super::{AGAIN, Handle, Shared};
use crate::port::server::ServerError;
use crate::view::visit::CallState;

/// Pause before a broken call is begun anew …
const RETRY: Duration = Duration::from_millis(700);
/// … and how long the patient's browser may take to offer it.
const OFFERED: Duration = Duration::from_secs(15);

/// A connection that somebody's browser offers.
pub(super) struct Offer {
    pub(super) appointment: String,
    pub(super) party: Party,
    /// Number of the call.
    pub(super) number: u32,
    /// The session description.
    pub(super) sdp: String,
    pub(super) relays: Vec<Relay>,
}

/// Answers an offer and follows the call until it is replaced.
pub(super) async fn answer(shared: Arc<Shared>, offer: Offer) {
    let (heard, mut events) = mpsc::unbounded_channel();
    let mut failed = false;
    {
        let _turn = shared.turns.of(offer.party).await;
        let (before, studio) = {
            let mut state = shared.state();
            let Some(end) = state.end(&offer.appointment, offer.party) else {
                return;
            };
            (end.call.take(), state.studio.clone())
        };
        if let Some(before) = before {
            before.close().await;
        }
        let Some(studio) = studio else { return };
        match make(&shared, &offer, studio, heard).await {
            Ok(call) => {
                let unwanted = {
                    let mut state = shared.state();
                    match state.end(&offer.appointment, offer.party) {
                        Some(end) => {
                            end.number = offer.number;
                            if end.stands == CallState::Failed {
                                end.stands = CallState::Interrupted;
                            }
                            end.call = Some(call);
                            None
                        }
                        None => Some(call),
                    }
                };
                if let Some(call) = unwanted {
                    call.close().await;
                    return;
                }
            }
            Err(error) => {
                // The words of what it stems from may name addresses.
                tracing::warn!(code = error.code(), "an offer could not be answered");
                failed = true;
            }
        }
    }
    let Offer {
        appointment,
        party,
        number,
        ..
    } = offer;
    if failed {
        begin_anew(&shared, &appointment, party).await;
        return;
    }
    while let Some(event) = events.recv().await {
        let act = {
            let mut state = shared.state();
            let end = state.end(&appointment, party);
            let Some(end) = end.filter(|end| end.number == number) else {
                // What an earlier connection says on its way out.
                return;
            };
            match event {
                Event::Connected => {
                    end.stands = CallState::Talking;
                    end.attempts.connected();
                    Some(Act::Connected)
                }
                Event::Interrupted => {
                    end.stands = CallState::Interrupted;
                    Some(Act::Interrupted)
                }
                Event::Failed => None,
                Event::Quality(quality) => {
                    end.quality = Some(quality);
                    continue;
                }
                Event::FirstPicture => continue,
            }
        };
        shared.changed();
        match act {
            Some(act) => {
                // The list tells less than the call does; nothing hangs on it.
                let _ = shared.act(&appointment, party, act).await;
            }
            None => {
                begin_anew(&shared, &appointment, party).await;
                return;
            }
        }
    }
}

/// Sees to it that whoever was just asked in offers a connection.
pub(super) async fn expect(shared: &Arc<Shared>, appointment: &str, party: Party) {
    if !offered(shared, appointment, party, 0).await {
        begin_anew(shared, appointment, party).await;
    }
}

/// Whether an offer comes beyond the ones there were. Who is not asked in any more is not waited
/// for.
async fn offered(shared: &Shared, appointment: &str, party: Party, before: u32) -> bool {
    let offers = {
        let mut state = shared.state();
        let end = state.end(appointment, party);
        end.map(|end| end.offers.subscribe())
    };
    let Some(mut offers) = offers else {
        return false;
    };
    let came = offers.wait_for(|count| *count != before);
    matches!(timeout(OFFERED, came).await, Ok(Ok(_)))
}

/// Asks a browser for another connection, for as long as there is hope.
async fn begin_anew(shared: &Arc<Shared>, appointment: &str, party: Party) {
    loop {
        {
            let mut state = shared.state();
            let Some(end) = state.end(appointment, party) else {
                return;
            };
            if end.attempts.failed() == Next::GiveUp {
                end.stands = CallState::Failed;
                break;
            }
            end.stands = CallState::Interrupted;
        }
        shared.changed();
        sleep(RETRY).await;
        let known = {
            let mut state = shared.state();
            let end = state.end(appointment, party);
            end.map(|end| *end.offers.borrow())
        };
        let Some(offers) = known else { return };
        let asked = loop {
            match shared.act(appointment, party, Act::Again).await {
                // That says nothing of the other side.
                Err(ServerError::Offline(_)) if shared.wants(appointment, party) => {
                    sleep(AGAIN).await;
                }
                asked => break asked,
            }
        };
        match asked {
            Ok(()) if offered(shared, appointment, party, offers).await => return,
            Ok(()) => {}
            // They are away and come back by their own doing: the server lets the page offer anew
            // then. A guest who left is asked in again like a new one.
            Err(_) => {
                Handle(Arc::clone(shared)).let_go(appointment).await;
                return;
            }
        }
    }
    // The list tells everybody who may lead the visit that somebody has to act.
    let _ = shared.act(appointment, party, Act::Interrupted).await;
    shared.changed();
}

/// Why an offer was not answered.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error("the call could not be set up")]
    Call(#[from] call::CallError),
    #[error("the answer could not be signed")]
    Signing(#[from] protocol::statement::StatementError),
    #[error("the server did not take the answer")]
    Server(#[from] ServerError),
    #[error("there is no session")]
    NoSession,
}

impl AnswerError {
    /// The same for as long as there is such an error.
    fn code(&self) -> &'static str {
        match self {
            Self::Call(error) => error.code(),
            Self::Signing(_) => "call-unsigned",
            Self::Server(_) => "call-not-taken",
            Self::NoSession => "session-ended",
        }
    }
}

async fn make(
    shared: &Shared,
    offer: &Offer,
    studio: Arc<Studio>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Call, AnswerError> {
    let session = shared
        .sessions
        .borrow()
        .clone()
        .ok_or(AnswerError::NoSession)?;
    let setup = Setup {
        relays: offer
            .relays
            .iter()
            .cloned()
            .map(|relay| call::Relay {
                urls: relay.urls,
                username: relay.username,
                credential: relay.credential,
            })
            .collect(),
        relayed_only: false,
        authorities: shared.server.authorities(),
    };
    let (made, answer) = Call::answer(&offer.sdp, setup, offer.party, studio, events).await?;
    let key = CallKey {
        appointment: offer.appointment.clone(),
        guest: guest(offer.party),
        call: offer.number,
        ours: answer.fingerprint,
        // The call was made with this offer: it names one certificate.
        theirs: fingerprint(&offer.sdp).unwrap_or_default(),
    };
    let key = Signed::sign(&key, &session.device.key)?;
    let act = Act::Answer {
        sdp: answer.sdp,
        key,
    };
    match shared.act(&offer.appointment, offer.party, act).await {
        Ok(()) => Ok(made),
        Err(error) => {
            made.close().await;
            Err(error.into())
        }
    }
}
