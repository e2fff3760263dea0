//! The line to a patient's page: a WebSocket. Who is at its other end is known by a link alone,
//! and by what the clinician sees.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::event::{Observer, Outcome};
use ledger::{AccessEvent, Action};
use protocol::visit::{FromPatient, MAX_NAME, MAX_SDP, NotLetIn, ToPatient, VisitStage};
use telehealth::visit::{Happened, Refusal, Seat, Stage};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::acts::relays;
use super::hub::Offer;
use super::link::{self, Link};
use crate::app::App;
use crate::audit::append;
use crate::identity::caller::Origin;
use crate::store::error::StoreError;

/// A page says who it is within this time.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// The line is tried this often …
const BEAT: Duration = Duration::from_secs(4);
/// … and is dead when it was silent for so many beats.
const SILENT: u32 = 3;
/// The longest message; a session description is the longest part of one.
const LONGEST: usize = MAX_SDP + 4096;

pub(super) async fn open(
    State(app): State<Arc<App>>,
    origin: Origin,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Our own page and no other may speak from a patient's browser.
    let from = headers.get(ORIGIN).and_then(|value| value.to_str().ok());
    if from != Some(app.config.public_url.as_str()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade
        .max_message_size(LONGEST)
        .on_upgrade(move |socket| async move { serve(&app, &origin, socket).await })
}

/// A page that was let in.
struct Guest {
    link: Link,
    seat: Seat,
}

async fn serve(app: &App, origin: &Origin, mut socket: WebSocket) {
    let first = timeout(INTRODUCTION, hear(&mut socket)).await;
    let Ok(Some(first)) = first else { return };
    let (line, mut words) = mpsc::unbounded_channel();
    let guest = match introduce(app, origin, first, &line).await {
        Ok(guest) => guest,
        Err(reason) => {
            let _ = say(&mut socket, &ToPatient::Refused { reason }).await;
            return;
        }
    };
    let left = stay(app, &guest, &mut socket, &mut words).await;
    let appointment = &guest.link.appointment;
    if !app.visits.is_line(appointment, guest.seat, &line) {
        // The page has come back by another line, or the visit is over.
        return;
    }
    let happened = if left {
        Happened::Left(guest.seat)
    } else {
        Happened::Vanished(guest.seat)
    };
    let explanation = if left {
        "The patient left."
    } else {
        "The line to the patient's browser broke."
    };
    let event = event(app, origin, Action::VisitLeft, Some(&guest.link)).because(explanation, []);
    if let Err(error) = record(app, &event).await {
        // It happened all the same: nobody is there any more.
        tracing::error!(code = error.code(), "a leaving could not be recorded");
    }
    let _ = app.visits.take(appointment, happened, app.now());
}

/// Tells the patient's page that it is in the waiting room.
pub(super) fn wait(app: &App, appointment: &str) {
    let before = app.visits.before(appointment);
    app.visits.tell(
        appointment,
        ToPatient::Waiting {
            seat: String::new(),
            clinic: app.tenant.name.clone(),
            before,
        },
    );
}

async fn hear(socket: &mut WebSocket) -> Option<FromPatient> {
    loop {
        match socket.recv().await? {
            Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            _ => return None,
        }
    }
}

async fn say(socket: &mut WebSocket, word: &ToPatient) -> Result<(), axum::Error> {
    let text = serde_json::to_string(word).map_err(axum::Error::new)?;
    socket.send(Message::Text(text.into())).await
}

/// Lets a page in, recorded before it hears of it.
async fn introduce(
    app: &App,
    origin: &Origin,
    first: FromPatient,
    line: &mpsc::UnboundedSender<ToPatient>,
) -> Result<Guest, NotLetIn> {
    let (token, name, seat) = match first {
        FromPatient::Join { token, name } => {
            let mut seat = [0; 16];
            getrandom::fill(&mut seat).map_err(|_| NotLetIn::Unavailable)?;
            (token, Some(spoken(&name)?), Seat::from_be_bytes(seat))
        }
        FromPatient::Return { token, seat } => {
            let seat = Seat::from_str_radix(&seat, 16).map_err(|_| NotLetIn::Malformed)?;
            (token, None, seat)
        }
        _ => return Err(NotLetIn::Malformed),
    };
    let happened = if name.is_some() {
        Happened::Joined(seat)
    } else {
        Happened::Returned(seat)
    };
    let found = async {
        let client = app.fixed.get().await?;
        link::find(app, &client, &token).await
    };
    let link = found.await.map_err(|_| NotLetIn::Unavailable)?;
    let result = match &link {
        None => Err(NotLetIn::Unknown),
        Some(link) if link.ended => Err(NotLetIn::Ended),
        // Who is in stays in; nobody new comes by a link that was taken back.
        Some(link) if link.withdrawn && name.is_some() => Err(NotLetIn::Unknown),
        Some(link) => {
            app.visits.remembered(link);
            app.visits
                .take(&link.appointment, happened, app.now())
                .map_err(not_let_in)
        }
    };
    let mut event = event(app, origin, Action::VisitJoined, link.as_ref());
    if let Err(reason) = &result {
        event = event
            .ending(Outcome::Refused)
            .because(format!("The link lets nobody in: {}.", words(*reason)), []);
    }
    if record(app, &event).await.is_err() {
        if let (Ok(_), Some(link)) = (&result, &link) {
            let _ = app
                .visits
                .take(&link.appointment, Happened::Left(seat), app.now());
        }
        return Err(NotLetIn::Unavailable);
    }
    let stage = result?;
    let link = link.ok_or(NotLetIn::Unknown)?;
    let appointment = link.appointment.clone();
    app.visits.seated(&appointment, seat, name, line.clone());
    app.visits.tell(
        &appointment,
        ToPatient::Waiting {
            seat: format!("{seat:032x}"),
            clinic: app.tenant.name.clone(),
            before: app.visits.before(&appointment),
        },
    );
    if stage == Stage::Admitted {
        app.visits.tell_admitted(&appointment, relays(app));
    }
    Ok(Guest { link, seat })
}

/// Until the page leaves (true) or its line breaks (false).
async fn stay(
    app: &App,
    guest: &Guest,
    socket: &mut WebSocket,
    words: &mut mpsc::UnboundedReceiver<ToPatient>,
) -> bool {
    let appointment = &guest.link.appointment;
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent = 0;
    let mut before = None;
    loop {
        tokio::select! {
            word = words.recv() => {
                let Some(word) = word else { return false };
                let last = matches!(word, ToPatient::Ended);
                if say(socket, &word).await.is_err() || last {
                    return last;
                }
            }
            _ = beat.tick() => {
                silent += 1;
                if silent > SILENT || socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return false;
                }
                // The place in line moves while others are asked in.
                let state = app.visits.state(appointment);
                if state.is_some_and(|state| state.stage == VisitStage::Waiting) {
                    let now = app.visits.before(appointment);
                    if before.replace(now).is_some_and(|before| before != now) {
                        wait(app, appointment);
                    }
                }
            }
            heard = socket.recv() => {
                silent = 0;
                let text = match heard {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    _ => return false,
                };
                match serde_json::from_str(&text) {
                    Ok(FromPatient::Leave) => return true,
                    Ok(FromPatient::Offer { call, sdp })
                        if sdp.len() <= MAX_SDP && call == app.visits.call(appointment) =>
                    {
                        let offered = Happened::Offered(guest.seat);
                        if app.visits.take(appointment, offered, app.now()).is_ok() {
                            app.visits.offered(appointment, Offer { call, sdp });
                        }
                    }
                    // Too late, or not for a patient to say.
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
        }
    }
}

/// A name as a person types it, in one line.
fn spoken(name: &str) -> Result<String, NotLetIn> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain =
        !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    plain.then_some(name).ok_or(NotLetIn::Malformed)
}

fn not_let_in(refusal: Refusal) -> NotLetIn {
    match refusal {
        Refusal::Ended => NotLetIn::Ended,
        Refusal::Expired => NotLetIn::Expired,
        Refusal::Revoked => NotLetIn::Unknown,
        Refusal::Occupied => NotLetIn::Occupied,
        Refusal::Stranger | Refusal::NobodyThere | Refusal::NotAdmitted => NotLetIn::JoinAgain,
    }
}

fn words(reason: NotLetIn) -> &'static str {
    match reason {
        NotLetIn::Unknown => "it is not known, or was taken back",
        NotLetIn::Expired => "it has expired",
        NotLetIn::Ended => "the visit has ended",
        NotLetIn::Occupied => "somebody came by it already",
        NotLetIn::JoinAgain => "who comes back is not who was there",
        NotLetIn::Malformed => "what was said cannot be read",
        NotLetIn::Unavailable => "the server could not do it",
    }
}

/// An event of somebody who is known by a link alone.
fn event(app: &App, origin: &Origin, action: Action, link: Option<&Link>) -> AccessEvent {
    let observer = Observer::Server(app.config.public_url.clone());
    let event = AccessEvent::new(
        Uuid::now_v7(),
        app.now(),
        action,
        origin.client(None),
        observer,
    );
    match link {
        Some(link) => event
            .about(link.patient.clone())
            .touching(format!("Appointment/{}", link.appointment)),
        None => event,
    }
}

async fn record(app: &App, event: &AccessEvent) -> Result<(), StoreError> {
    let client = app.fixed.get().await?;
    append::append(app, &client, event).await?;
    app.ledger.appended();
    Ok(())
}
