//! The line to the page of a patient or a guest: a WebSocket. Who is at its other end is known by a
//! link alone, and by what the clinician sees.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::event::{Observer, Outcome};
use ledger::{AccessEvent, Action};
use protocol::visit::{FromPatient, MAX_NAME, MAX_SDP, NotLetIn, ToPatient};
use telehealth::visit::{Happened, Party, Refusal, Seat, Stage};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::acts::relays;
use super::link::{self, Link};
use super::room::Offer;
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
    // Our own page and no other may speak from anybody's browser.
    let from = headers.get(ORIGIN).and_then(|value| value.to_str().ok());
    if from != Some(app.config.public_url.as_str()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade
        .max_message_size(LONGEST)
        .on_upgrade(move |socket| async move { serve(&app, &origin, socket).await })
}

/// A page that was let in.
struct Visitor {
    link: Link,
    seat: Seat,
}

async fn serve(app: &App, origin: &Origin, mut socket: WebSocket) {
    let first = timeout(INTRODUCTION, hear(&mut socket)).await;
    let Ok(Some(first)) = first else { return };
    let (line, mut words) = mpsc::unbounded_channel();
    let visitor = match introduce(app, origin, first, &line).await {
        Ok(visitor) => visitor,
        Err(reason) => {
            let _ = say(&mut socket, &ToPatient::Refused { reason }).await;
            return;
        }
    };
    let left = stay(app, &visitor, &mut socket, &mut words).await;
    let Visitor { link, seat } = &visitor;
    let (appointment, party) = (&link.appointment, link.party());
    if !app.visits.is_line(appointment, party, *seat, &line) {
        // The page has come back by another line, or the visit is over.
        return;
    }
    let (happened, explanation) = if left {
        (Happened::Left(*seat), format!("The {} left.", link.who()))
    } else {
        (
            Happened::Vanished(*seat),
            format!("The line to the browser of the {} broke.", link.who()),
        )
    };
    let event = event(app, origin, Action::VisitLeft, Some(link)).because(explanation, []);
    if let Err(error) = record(app, &event).await {
        // It happened all the same: nobody is there any more.
        tracing::error!(code = error.code(), "a leaving could not be recorded");
    }
    let _ = happen(app, appointment, party, happened);
}

/// Takes in what happened in a visit. Guests whose call ended with the patient's are told.
pub(super) fn happen(
    app: &App,
    appointment: &str,
    party: Party,
    happened: Happened,
) -> Result<Stage, Refusal> {
    let change = app.visits.take(appointment, party, happened, app.now())?;
    for guest in change.put_out {
        wait(app, appointment, Party::Guest(guest));
    }
    Ok(change.stage)
}

/// Tells a page that it is in the waiting room.
pub(super) fn wait(app: &App, appointment: &str, party: Party) {
    app.visits.tell(
        appointment,
        party,
        waiting(app, appointment, party, String::new()),
    );
}

fn waiting(app: &App, appointment: &str, party: Party, seat: String) -> ToPatient {
    ToPatient::Waiting {
        seat,
        clinic: app.tenant.name.clone(),
        before: app.visits.before(appointment, party),
        guest: party != Party::Patient,
    }
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
) -> Result<Visitor, NotLetIn> {
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
        let link = link::find(app, &client, &token).await?;
        if let Some(link) = &link {
            link::recall(app, &client, &link.appointment).await?;
        }
        Ok::<_, StoreError>(link)
    };
    let link = found.await.map_err(|_| NotLetIn::Unavailable)?;
    let result = match &link {
        None => Err(NotLetIn::Unknown),
        Some(link) if link.ended => Err(NotLetIn::Ended),
        // Who is in stays in; nobody new comes by a link that was taken back.
        Some(link) if link.withdrawn && name.is_some() => Err(NotLetIn::Unknown),
        Some(link) => happen(app, &link.appointment, link.party(), happened).map_err(not_let_in),
    };
    let mut event = event(app, origin, Action::VisitJoined, link.as_ref());
    match (&result, &link) {
        (Err(reason), link) => {
            let whose = match link {
                Some(link) if link.guest.is_some() => format!("The link of a {}", link.who()),
                _ => "The link".to_owned(),
            };
            event = event
                .ending(Outcome::Refused)
                .because(format!("{whose} lets nobody in: {}.", words(*reason)), []);
        }
        (Ok(_), Some(link)) if link.guest.is_some() => {
            event = event.because(format!("A {} came by the link.", link.who()), []);
        }
        (Ok(_), _) => {}
    }
    if record(app, &event).await.is_err() {
        if let (Ok(_), Some(link)) = (&result, &link) {
            let _ = happen(app, &link.appointment, link.party(), Happened::Left(seat));
        }
        return Err(NotLetIn::Unavailable);
    }
    let stage = result?;
    let link = link.ok_or(NotLetIn::Unknown)?;
    let (appointment, party) = (&link.appointment, link.party());
    app.visits
        .seated(appointment, party, seat, name, line.clone());
    let word = waiting(app, appointment, party, format!("{seat:032x}"));
    app.visits.tell(appointment, party, word);
    if stage == Stage::Admitted {
        app.visits.tell_admitted(appointment, party, relays(app));
    }
    Ok(Visitor { link, seat })
}

/// Until the page leaves (true) or its line breaks (false).
async fn stay(
    app: &App,
    visitor: &Visitor,
    socket: &mut WebSocket,
    words: &mut mpsc::UnboundedReceiver<ToPatient>,
) -> bool {
    let (appointment, party) = (&visitor.link.appointment, visitor.link.party());
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
                if app.visits.stage(appointment, party) == Some(Stage::Waiting) {
                    let now = app.visits.before(appointment, party);
                    if before.replace(now).is_some_and(|before| before != now) {
                        wait(app, appointment, party);
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
                        if sdp.len() <= MAX_SDP && call == app.visits.call(appointment, party) =>
                    {
                        let offered = Happened::Offered(visitor.seat);
                        if happen(app, appointment, party, offered).is_ok() {
                            app.visits.offered(appointment, party, Offer { call, sdp });
                        }
                    }
                    // Too late, or not for a page to say.
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
        Refusal::Stranger
        | Refusal::NobodyThere
        | Refusal::NotAdmitted
        | Refusal::PatientFirst
        | Refusal::Full => NotLetIn::JoinAgain,
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
