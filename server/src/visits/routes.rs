//! Visits over HTTP, for workstations and for the patient's page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use access::{Action as Asked, Decision};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use deadpool_postgres::GenericClient;
use futures_util::Stream;
use futures_util::stream;
use ledger::event::Outcome;
use ledger::{AccessEvent, Action};
use protocol::fault::Code;
use protocol::path;
use protocol::visit::{Invitation, InviteRequest, VisitAct, VisitNews, VisitState};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval};
use uuid::Uuid;

use super::hub::Woken;
use super::link::Link;
use super::{AFTER, acts, line, link, page};
use crate::access::sight::Sight;
use crate::app::App;
use crate::audit::{append, reading};
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::identity::session;
use crate::store::error::StoreError;
use crate::store::{read, transaction};

/// The session is looked at this often, and both ends notice a dead connection.
const BEAT: Duration = Duration::from_secs(15);

/// Routes of visits.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(path::VISIT_INVITE, post(invite))
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

fn denied(explanation: &str) -> Decision {
    Decision {
        verdict: access::Verdict::Deny,
        explanation: explanation.to_owned(),
        policies: Vec::new(),
    }
}

/// An event of a visit, with why it was granted or refused.
pub(super) fn told(
    app: &App,
    caller: &Caller,
    action: Action,
    appointment: &str,
    patient: Option<&str>,
    decision: &Decision,
) -> AccessEvent {
    let mut event = caller
        .event(app, action)
        .because(decision.explanation.clone(), decision.policies.clone());
    if let Some(patient) = patient {
        event = event.about(patient);
    }
    if fhir::resource::valid_id(appointment) {
        event = event.touching(format!("Appointment/{appointment}"));
    }
    if decision.allow() {
        event
    } else {
        event.ending(Outcome::Refused)
    }
}

/// Who comes to an appointment and when it ends; nothing if there is none to speak of.
async fn appointment(
    app: &App,
    client: &impl GenericClient,
    id: &str,
) -> Result<Option<Link>, StoreError> {
    if !fhir::resource::valid_id(id) {
        return Ok(None);
    }
    let Some(opened) = read::current(app, client, "Appointment", id).await? else {
        return Ok(None);
    };
    let Some(value) = opened?.value()? else {
        return Ok(None);
    };
    let actor = |kind: &str| {
        value["participant"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|participant| participant["actor"]["reference"].as_str())
            .filter_map(fhir::reference::parse)
            .find(|reference| reference.resource_type == kind)
            .map(|reference| reference.id)
    };
    let end = value["end"]
        .as_str()
        .and_then(|end| end.parse::<jiff::Timestamp>().ok());
    let over = matches!(
        value["status"].as_str(),
        Some("cancelled" | "noshow" | "entered-in-error")
    );
    let (Some(patient), Some(end), false) = (actor("Patient"), end, over) else {
        return Ok(None);
    };
    Ok(Some(Link {
        appointment: id.to_owned(),
        patient,
        practitioner: actor("Practitioner"),
        expires: end.max(app.now()) + AFTER,
        withdrawn: false,
        ended: false,
    }))
}

async fn invite(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(request): Body<InviteRequest>,
) -> Result<Json<Invitation>, Refusal> {
    let client = app.fixed.get().await.map_err(StoreError::from)?;
    let found = appointment(&app, &client, &request.appointment).await?;
    let decision = match &found {
        Some(link) => may_lead(&app, &client, &caller, &link.patient).await?,
        None => denied("There is no such appointment to meet for."),
    };
    let patient = found.as_ref().map(|link| link.patient.as_str());
    let action = Action::VisitInvited;
    let event = told(
        &app,
        &caller,
        action,
        &request.appointment,
        patient,
        &decision,
    );
    let (Some(link), true) = (found.clone(), decision.allow()) else {
        append::append(&app, &client, &event).await?;
        // The same whether there is none or it may not be led.
        return Err(Refusal::new(Code::Forbidden)
            .detail("There is no such appointment, or it is not for you to lead."));
    };
    drop(client);
    let token = transaction::run(&app, "visit-invite", |tx, _| {
        let (app, caller, link, event) = (&app, &caller, &link, &event);
        Box::pin(async move {
            append::append(app, tx, event).await?;
            link::make(app, tx, caller, link).await
        })
    })
    .await?;
    let until = link.expires;
    app.visits.invited(link);
    Ok(Json(Invitation {
        // Behind `#`: browsers do not send it, so that no log ever has it.
        url: format!("{}{}#{token}", app.config.public_url, path::VISIT_PAGE),
        until,
    }))
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
        for link in link::open(&app, &client).await? {
            app.visits.remembered(&link);
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
    waiting.extend(
        visits
            .into_iter()
            .map(|visit| Woken::Offered(visit.appointment)),
    );
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
    let appointment = match woken {
        Woken::Changed => {
            let visits = may_see(app, caller).await?;
            return Ok(Some(VisitNews::Visits { visits }));
        }
        Woken::Offered(appointment) => appointment,
    };
    let Some((offer, state)) = app
        .visits
        .offer(&appointment)
        .zip(app.visits.state(&appointment))
    else {
        return Ok(None);
    };
    let client = app.fixed.get().await?;
    let may = may_lead(app, &client, caller, &state.patient).await?;
    Ok(may.allow().then(|| VisitNews::Offer {
        appointment,
        call: offer.call,
        sdp: offer.sdp,
        relays: app
            .config
            .relays
            .iter()
            .map(|settings| settings.relay(app.now()))
            .collect(),
    }))
}
