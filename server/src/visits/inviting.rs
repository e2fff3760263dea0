//! Links are made: the patient's, and one for each guest.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use deadpool_postgres::GenericClient;
use ledger::event::Outcome;
use ledger::{AccessEvent, Action};
use protocol::fault::Code;
use protocol::path;
use protocol::visit::{GuestKind, GuestWish, Invitation, InviteRequest};
use telehealth::visit::Refusal as NotNow;
use uuid::Uuid;

use super::acts::not_now;
use super::link::{self, Guest, Link};
use super::routes::{Subject, denied, may_lead, told};
use super::{AFTER, who};
use crate::app::App;
use crate::audit::append;
use crate::http::body::Body;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::{read, transaction};

/// Why no guest is invited, beside what the visit itself refuses.
const NO_VISIT: &str = "There is no visit to invite a guest to: make the patient's link first.";
const NOT_AGREED: &str = "A guest is invited only if the patient agrees.";

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
        guest: None,
        expires: end.max(app.now()) + AFTER,
        withdrawn: false,
        ended: false,
    }))
}

pub(super) async fn invite(
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
    let subject = Subject {
        appointment: &request.appointment,
        patient: found.as_ref().map(|link| link.patient.as_str()),
        guest: request.guest.map(|wish| wish.kind),
    };
    let action = match request.guest {
        None => Action::VisitInvited,
        Some(_) => Action::GuestInvited,
    };
    let event = told(&app, &caller, action, &subject, &decision);
    let (Some(link), true) = (found.clone(), decision.allow()) else {
        append::append(&app, &client, &event).await?;
        // The same whether there is none or it may not be led.
        return Err(Refusal::new(Code::Forbidden)
            .detail("There is no such appointment, or it is not for you to lead."));
    };
    // A visit that had guests before a restart has them with the next link as well.
    link::recall(&app, &client, &link.appointment).await?;
    let Some(wish) = request.guest else {
        drop(client);
        return patient(&app, &caller, link, &event).await;
    };
    if let Err(reason) = may_come(&app, &link.appointment, wish) {
        append::append(&app, &client, &refused(event, &reason)).await?;
        return Err(Refusal::new(Code::Malformed).detail(reason));
    }
    drop(client);
    guest(&app, &caller, link, wish.kind, event).await
}

async fn patient(
    app: &App,
    caller: &Caller,
    link: Link,
    event: &AccessEvent,
) -> Result<Json<Invitation>, Refusal> {
    let token = transaction::run(app, "visit-invite", |tx, _| {
        let link = &link;
        Box::pin(async move {
            append::append(app, tx, event).await?;
            link::make(app, tx, caller, link).await
        })
    })
    .await?;
    made(app, &token, link).map_err(not_now)
}

/// Whether a guest may be invited now, in words if not.
fn may_come(app: &App, appointment: &str, wish: GuestWish) -> Result<(), String> {
    if !wish.agreed {
        return Err(NOT_AGREED.to_owned());
    }
    match app.visits.takes_guest(appointment) {
        None => Err(NO_VISIT.to_owned()),
        Some(takes) => takes.map_err(|reason| reason.to_string()),
    }
}

async fn guest(
    app: &App,
    caller: &Caller,
    link: Link,
    kind: GuestKind,
    event: AccessEvent,
) -> Result<Json<Invitation>, Refusal> {
    let link = Link {
        guest: Some(Guest {
            // Later ones come after earlier ones, as the rules of a visit have it.
            id: Uuid::now_v7(),
            kind,
        }),
        ..link
    };
    let agreed = format!(
        "{} The clinician says that the patient agrees to the {}.",
        event.explanation.clone().unwrap_or_default(),
        who(Some(kind))
    );
    let event = event.clone().because(agreed, event.policies);
    let token = transaction::run(app, "visit-invite-guest", |tx, _| {
        let (link, event) = (&link, &event);
        Box::pin(async move {
            // What ends the visit waits until this is done, or this sees that it has ended.
            let visit = link::hold(app, tx, &link.appointment).await?;
            if visit.is_none_or(|visit| visit.ended) {
                let reason = NotNow::Ended.to_string();
                append::append(app, tx, &refused(event.clone(), &reason)).await?;
                return Ok(None);
            }
            append::append(app, tx, event).await?;
            link::make(app, tx, caller, link).await.map(Some)
        })
    })
    .await?;
    let token = token.ok_or_else(|| not_now(NotNow::Ended))?;
    let id = link.guest.map(|guest| guest.id);
    match made(app, &token, link) {
        Ok(invitation) => Ok(invitation),
        Err(reason) => {
            // Others were quicker. Nobody was told of this link, and it opens nothing.
            let event = AccessEvent {
                id: Uuid::now_v7(),
                ..refused(event, &reason.to_string())
            };
            transaction::run(app, "visit-uninvite-guest", |tx, _| {
                let event = &event;
                Box::pin(async move {
                    append::append(app, tx, event).await?;
                    match id {
                        Some(id) => link::dismiss(app, tx, id).await,
                        None => Ok(()),
                    }
                })
            })
            .await?;
            Err(not_now(reason))
        }
    }
}

fn refused(event: AccessEvent, reason: &str) -> AccessEvent {
    let explanation = format!(
        "{} Refused: {reason}",
        event.explanation.clone().unwrap_or_default()
    );
    let policies = event.policies.clone();
    event
        .because(explanation, policies)
        .ending(Outcome::Refused)
}

/// The link counts from now on, and is told to whoever asked for it.
fn made(app: &App, token: &str, link: Link) -> Result<Json<Invitation>, NotNow> {
    let until = link.expires;
    let guest = link.guest.map(|guest| guest.id);
    app.visits.invited(link, app.now())?;
    Ok(Json(Invitation {
        // Behind `#`: browsers do not send it, so that no log ever has it.
        url: format!("{}{}#{token}", app.config.public_url, path::VISIT_PAGE),
        until,
        guest,
    }))
}
