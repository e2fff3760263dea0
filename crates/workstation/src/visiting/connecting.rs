//! How the call here comes about, and what follows when it does not.

use std::sync::Arc;
use std::time::Duration;

use protocol::statement::Signed;
use protocol::visit::{Act, CallKey, Relay};
use telehealth::description::fingerprint;
use telehealth::media::Studio;
use telehealth::media::call::{self, Call, Event, Setup};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::attempts::Next;
use super::{AGAIN, Shared};
use crate::port::server::ServerError;
use crate::view::visit::CallState;

/// Pause before a broken call is begun anew …
const RETRY: Duration = Duration::from_millis(700);
/// … and how long the patient's browser may take to offer it.
const OFFERED: Duration = Duration::from_secs(15);

/// Answers an offer and follows the call until it is replaced.
pub(super) async fn answer(
    shared: Arc<Shared>,
    appointment: String,
    number: u32,
    offer: String,
    relays: Vec<Relay>,
) {
    let (heard, mut events) = mpsc::unbounded_channel();
    let mut failed = false;
    {
        let _turn = shared.turn.lock().await;
        let (before, studio) = {
            let mut state = shared.state();
            (state.call.take(), state.studio.clone())
        };
        if let Some(before) = before {
            before.close().await;
        }
        let Some(studio) = studio else { return };
        let made = make(&shared, &appointment, number, &offer, relays, studio, heard).await;
        match made {
            Ok(call) => {
                let unwanted = {
                    let mut state = shared.state();
                    if state.wanted.as_deref() == Some(appointment.as_str()) {
                        state.number = number;
                        if state.stands == Some(CallState::Failed) {
                            state.stands = Some(CallState::Interrupted);
                        }
                        state.call = Some(call);
                        None
                    } else {
                        Some(call)
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
    if failed {
        begin_anew(&shared, &appointment).await;
        return;
    }
    while let Some(event) = events.recv().await {
        let act = {
            let mut state = shared.state();
            if state.number != number || state.wanted.as_deref() != Some(appointment.as_str()) {
                // What an earlier connection says on its way out.
                return;
            }
            match event {
                Event::Connected => {
                    state.stands = Some(CallState::Talking);
                    state.attempts.connected();
                    Some(Act::Connected)
                }
                Event::Interrupted => {
                    state.stands = Some(CallState::Interrupted);
                    Some(Act::Interrupted)
                }
                Event::Failed => None,
                Event::Quality(quality) => {
                    state.quality = Some(quality);
                    continue;
                }
                Event::FirstPicture => continue,
            }
        };
        shared.changed();
        match act {
            Some(act) => {
                // The list tells less than the call does; nothing hangs on it.
                let _ = shared.act(&appointment, act).await;
            }
            None => {
                begin_anew(&shared, &appointment).await;
                return;
            }
        }
    }
}

/// Sees to it that whoever was asked in offers a connection.
pub(super) async fn expect(shared: &Arc<Shared>, appointment: &str, before: u32) {
    if !offered(shared, before).await {
        begin_anew(shared, appointment).await;
    }
}

/// Whether an offer comes beyond the ones there were.
async fn offered(shared: &Shared, before: u32) -> bool {
    let mut offers = shared.offers.subscribe();
    let came = offers.wait_for(|count| *count != before);
    timeout(OFFERED, came).await.is_ok()
}

/// Asks the patient's browser for another connection, for as long as there is hope.
async fn begin_anew(shared: &Arc<Shared>, appointment: &str) {
    loop {
        {
            let mut state = shared.state();
            if state.wanted.as_deref() != Some(appointment) {
                return;
            }
            if state.attempts.failed() == Next::GiveUp {
                state.stands = Some(CallState::Failed);
                break;
            }
            state.stands = Some(CallState::Interrupted);
        }
        shared.changed();
        sleep(RETRY).await;
        let offers = *shared.offers.borrow();
        let asked = loop {
            match shared.act(appointment, Act::Again).await {
                // That says nothing of the patient.
                Err(ServerError::Offline(_)) if shared.wants(appointment) => sleep(AGAIN).await,
                asked => break asked,
            }
        };
        match asked {
            Ok(()) if offered(shared, offers).await => return,
            Ok(()) => {}
            // The patient is away and comes back by their own doing: the server lets the page
            // offer anew then.
            Err(_) => return,
        }
    }
    // The list tells everybody who may lead the visit that somebody has to act.
    let _ = shared.act(appointment, Act::Interrupted).await;
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
    appointment: &str,
    number: u32,
    offer: &str,
    relays: Vec<Relay>,
    studio: Arc<Studio>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Call, AnswerError> {
    let session = shared
        .sessions
        .borrow()
        .clone()
        .ok_or(AnswerError::NoSession)?;
    let setup = Setup {
        relays: relays
            .into_iter()
            .map(|relay| call::Relay {
                urls: relay.urls,
                username: relay.username,
                credential: relay.credential,
            })
            .collect(),
        relayed_only: false,
        authorities: shared.server.authorities(),
    };
    let (made, answer) = Call::answer(offer, setup, studio, events).await?;
    let key = CallKey {
        appointment: appointment.to_owned(),
        call: number,
        ours: answer.fingerprint,
        // The call was made with this offer: it names one certificate.
        theirs: fingerprint(offer).unwrap_or_default(),
    };
    let key = Signed::sign(&key, &session.device.key)?;
    let act = Act::Answer {
        sdp: answer.sdp,
        key,
    };
    match shared.act(appointment, act).await {
        Ok(()) => Ok(made),
        Err(error) => {
            made.close().await;
            Err(error.into())
        }
    }
}
