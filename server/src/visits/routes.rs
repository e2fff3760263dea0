//! Visits over HTTP, for workstations and for the patient's page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use access::{Action as Asked, Decision};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use deadpool_postgres::GenericClient;
use futures_util::Stream;
use futures_util::stream;
use ledger::event::Outcome;
use ledger::{AccessEvent, Action};
use protocol::path;
use protocol::visit::{GuestKind, VisitAct, VisitNews, VisitState};
use telehealth::visit::Party;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval};
use uuid::Uuid;

use super::hub::Woken;
use super::{acts, inviting, line, link, page, party, who};
use crate::access::sight::Sight;
use crate::app::App;
use crate::audit::reading;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::identity::session;
use crate::store::error::StoreError;

/// The session is looked at this often, and both ends notice a dead connection.
const BEAT: Duration = Duration::from_secs(15);

/// Routes of visits.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::VISIT_INVITE, post(inviting::invite))
        .route(path::VISIT_NEWS, get(news))
        .route(path::VISIT_ACT, post(act))
        .route(path::VISIT_LINE, any(line::open))
        .route(path::VISIT_PAGE, get(page::index))
        .route("/visit/{file}", get(page::file))
}

/// Whether the caller may lead visits of a patient: as who may begin an Encounter.
pub(super) async fn may_lead(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    patient: &str,
) -> Result<Decision, StoreError> {
    let Some(sight) = Sight::of(app, caller) else {
        return Ok(denied("This role is not known here."));
    };
    let known = sight.known(client, &[patient]).await?;
    Ok(sight.decide(&known, Asked::Create, "Encounter", Some(patient)))
}

pub(super) fn denied(explanation: &str) -> Decision {
    Decision {
        verdict: access::Verdict::Deny,
        explanation: explanation.to_owned(),
        policies: Vec::new(),
    }
}

/// What an event of a visit is about.
pub(super) struct Subject<'a> {
    /// Logical id of the Appointment.
    pub appointment: &'a str,
    /// Logical id of the Patient, if there is such a visit.
    pub patient: Option<&'a str>,
    /// The guest whom it concerns; none: the patient.
    pub guest: Option<GuestKind>,
}

/// An event of a visit, with why it was granted or refused.
pub(super) fn told(
    app: &App,
    caller: &Caller,
    action: Action,
    subject: &Subject<'_>,
    decision: &Decision,
) -> AccessEvent {
    let mut explanation = decision.explanation.clone();
    if subject.guest.is_some() {
        explanation = format!("{explanation} For a {}.", who(subject.guest));
    }
    let mut event = caller
        .event(app, action)
        .because(explanation, decision.policies.clone());
    if let Some(patient) = subject.patient {
        event = event.about(patient);
    }
    if fhir::resource::valid_id(subject.appointment) {
        event = event.touching(format!("Appointment/{}", subject.appointment));
    }
    if decision.allow() {
        event
    } else {
        event.ending(Outcome::Refused)
    }
}

async fn act(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(act): Body<VisitAct>,
) -> Result<StatusCode, Refusal> {
    acts::take(&app, &caller, act).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn news(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let heard = app.visits.listen();
    {
        let client = app.fixed.get().await.map_err(StoreError::from)?;
        for appointment in link::open(&app, &client).await? {
            link::recall(&app, &client, &appointment).await?;
        }
    }
    let visits = may_see(&app, &caller).await?;
    let event = visits
        .iter()
        .fold(caller.event(&app, Action::VisitsViewed), |event, visit| {
            event.about(visit.patient.clone())
        });
    reading::record(&app, &event.per_patient(Uuid::now_v7)).await?;
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = vec![Woken::Changed];
    waiting.extend(visits.into_iter().flat_map(|visit| {
        let guests = visit.guests.into_iter().map(|guest| Some(guest.guest));
        std::iter::once(None)
            .chain(guests)
            .map(move |guest| Woken::Offered(visit.appointment.clone(), party(guest)))
    }));
    let reader = Reader {
        app,
        caller,
        heard,
        waiting,
        beat,
    };
    Ok(Sse::new(stream::unfold(reader, next)))
}

/// Visits that the caller may lead, as they stand.
async fn may_see(app: &App, caller: &Caller) -> Result<Vec<VisitState>, StoreError> {
    let mut seen = Vec::new();
    let states = app.visits.states();
    if states.is_empty() {
        return Ok(seen);
    }
    let client = app.fixed.get().await?;
    for state in states {
        if may_lead(app, &client, caller, &state.patient)
            .await?
            .allow()
        {
            seen.push(state);
        }
    }
    Ok(seen)
}

struct Reader {
    app: Arc<App>,
    caller: Caller,
    heard: broadcast::Receiver<Woken>,
    /// Told at the beginning: what was there before anybody listened.
    waiting: Vec<Woken>,
    beat: Interval,
}

async fn next(mut reader: Reader) -> Option<(Result<Event, Infallible>, Reader)> {
    loop {
        let woken = if reader.waiting.is_empty() {
            tokio::select! {
                heard = reader.heard.recv() => match heard {
                    Ok(woken) => Some(woken),
                    Err(RecvError::Lagged(_)) => Some(Woken::Changed),
                    Err(RecvError::Closed) => return None,
                },
                _ = reader.beat.tick() => None,
            }
        } else {
            Some(reader.waiting.remove(0))
        };
        let counts = {
            let client = reader.app.pool.get().await.ok()?;
            session::counts(&reader.app, &client, reader.caller.session)
                .await
                .ok()?
        };
        if !counts {
            return None;
        }
        let event = match woken {
            None => Event::default().comment("here"),
            Some(woken) => match tell(&reader, woken).await.ok()? {
                Some(news) => Event::default().event("visit").json_data(news).ok()?,
                None => continue,
            },
        };
        return Some((Ok(event), reader));
    }
}

async fn tell(reader: &Reader, woken: Woken) -> Result<Option<VisitNews>, StoreError> {
    let (app, caller) = (&reader.app, &reader.caller);
    let (appointment, party) = match woken {
        Woken::Changed => {
            let visits = may_see(app, caller).await?;
            return Ok(Some(VisitNews::Visits { visits }));
        }
        Woken::Offered(appointment, party) => (appointment, party),
    };
    let Some((offer, state)) = app
        .visits
        .offer(&appointment, party)
        .zip(app.visits.state(&appointment))
    else {
        return Ok(None);
    };
    let client = app.fixed.get().await?;
    let may = may_lead(app, &client, caller, &state.patient).await?;
    Ok(may.allow().then(|| VisitNews::Offer {
        appointment,
        guest: match party {
            Party::Patient => None,
            Party::Guest(guest) => Some(Uuid::from_u128(guest)),
        },
        call: offer.call,
        sdp: offer.sdp,
        relays: acts::relays(app),
    }))
}
