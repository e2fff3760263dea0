//! What a workstation does in a visit.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deadpool_postgres::GenericClient;
use ed25519_dalek::VerifyingKey;
use ledger::Action;
use ledger::event::Outcome;
use protocol::fault::Code;
use protocol::report::ReviewKind;
use protocol::statement::Signed;
use protocol::visit::{Act, CallKey, MAX_SDP, ToPatient, VisitAct};
use telehealth::description::fingerprint;
use telehealth::visit::{Happened, Refusal as NotNow, Stage};

use super::link;
use super::routes::{may_lead, told};
use crate::app::App;
use crate::audit::append;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::review;
use crate::store::error::StoreError;
use crate::store::transaction;

fn not_now(reason: NotNow) -> Refusal {
    Refusal::new(Code::Malformed).detail(reason.to_string())
}

/// Does it, if the caller may lead the visit.
pub(super) async fn take(app: &App, caller: &Caller, wish: VisitAct) -> Result<(), Refusal> {
    let VisitAct { appointment, act } = wish;
    let action = match &act {
        Act::Admit | Act::Again | Act::Answer { .. } => Action::VisitAdmitted,
        Act::Connected => Action::CallConnected,
        Act::Interrupted => Action::CallInterrupted,
        Act::Share => Action::ScreenShared,
        Act::EndShare => Action::ScreenShareEnded,
        Act::EndCall => Action::CallEnded,
        Act::EndVisit => Action::VisitEnded,
        Act::Withdraw => Action::VisitWithdrawn,
    };
    let client = app.fixed.get().await.map_err(StoreError::from)?;
    if let Some(link) = link::of(app, &client, &appointment).await? {
        app.visits.remembered(&link);
    }
    let state = app.visits.state(&appointment);
    let patient = state.as_ref().map(|state| state.patient.as_str());
    let decision = match patient {
        Some(patient) => may_lead(app, &client, caller, patient).await?,
        None => access::Decision {
            verdict: access::Verdict::Deny,
            explanation: "There is no such visit.".to_owned(),
            policies: Vec::new(),
        },
    };
    let event = told(app, caller, action, &appointment, patient, &decision);
    if !decision.allow() {
        append::append(app, &client, &event).await?;
        return Err(Refusal::new(Code::Forbidden)
            .detail("There is no such visit, or it is not for you to lead."));
    }
    if let Act::Answer { sdp, key } = act {
        return answer(app, &client, caller, &appointment, sdp, &key).await;
    }
    let happened = match act {
        Act::Share | Act::EndShare => {
            // Recorded before anything is seen.
            append::append(app, &client, &event).await?;
            let on = matches!(act, Act::Share);
            return app.visits.share(&appointment, on).map_err(not_now);
        }
        Act::Admit | Act::Answer { .. } => Happened::Admitted,
        Act::Again => Happened::Retried,
        Act::Connected => Happened::Connected,
        Act::Interrupted => Happened::Interrupted,
        Act::EndCall => Happened::CallEnded,
        Act::EndVisit => Happened::VisitEnded,
        Act::Withdraw => Happened::Revoked,
    };
    drop(client);
    // Recorded before it is done. What then turns out not to be possible was tried, and the
    // event says no more than that it was granted.
    transaction::run(app, "visit-act", |tx, _| {
        let (event, appointment) = (&event, &appointment);
        Box::pin(async move {
            append::append(app, tx, event).await?;
            match happened {
                Happened::VisitEnded => link::end(app, tx, appointment).await,
                Happened::Revoked => link::withdraw(app, tx, appointment).await,
                _ => Ok(()),
            }
        })
    })
    .await?;
    // Said before the line is let go of.
    if happened == Happened::VisitEnded {
        app.visits.tell(&appointment, ToPatient::Ended);
    }
    let stage = app
        .visits
        .take(&appointment, happened, app.now())
        .map_err(not_now)?;
    match (happened, stage) {
        (Happened::Admitted | Happened::Retried, Stage::Admitted) => {
            app.visits.tell_admitted(&appointment, relays(app));
        }
        (Happened::CallEnded, Stage::Waiting) => super::line::wait(app, &appointment),
        _ => {}
    }
    Ok(())
}

pub(super) fn relays(app: &App) -> Vec<protocol::visit::Relay> {
    app.config
        .relays
        .iter()
        .map(|settings| settings.relay(app.now()))
        .collect()
}

/// Passes an answer on, if the certificates on both sides are those that the device signed.
async fn answer(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    appointment: &str,
    sdp: String,
    signed: &Signed,
) -> Result<(), Refusal> {
    if sdp.len() > MAX_SDP {
        return Err(Refusal::new(Code::TooLarge));
    }
    let offer = app
        .visits
        .offer(appointment)
        .ok_or_else(|| not_now(NotNow::NotAdmitted))?;
    let key = device_key(app, client, caller).await?;
    let claimed = key.and_then(|key| signed.open::<CallKey>(&key).ok());
    let ours = fingerprint(&sdp);
    let holds = claimed.as_ref().is_some_and(|claimed| {
        claimed.appointment == appointment
            && Some(&claimed.ours) == ours.as_ref()
            && Some(&claimed.theirs) == fingerprint(&offer.sdp).as_ref()
    });
    if !holds {
        let mut event = caller
            .event(app, Action::CallForged)
            .ending(Outcome::Refused)
            .touching(format!("Appointment/{appointment}"))
            .because(
                "The certificates of the call are not those that the workstation signed.",
                [],
            );
        if let Some(state) = app.visits.state(appointment) {
            event = event.about(state.patient);
        }
        let words = "A call was stopped: its certificates are not those that the workstation \
                     signed. Somebody may have tried to stand between the two sides.";
        review::raise_unless_open(app, &event, ReviewKind::CallForged, words).await?;
        // A visit that ended in this moment needs no ending of its call.
        if app
            .visits
            .take(appointment, Happened::CallEnded, app.now())
            .is_ok()
        {
            super::line::wait(app, appointment);
        }
        return Err(Refusal::new(Code::ProofWrong)
            .detail("the certificates are not those that the device signed"));
    }
    // An answer to an earlier call comes too late: the page has offered anew.
    if claimed.is_some_and(|claimed| claimed.call == offer.call) {
        app.visits.answered(appointment);
        app.visits.tell(
            appointment,
            ToPatient::Answer {
                call: offer.call,
                sdp,
                fingerprint: ours.unwrap_or_default(),
            },
        );
    }
    Ok(())
}

async fn device_key(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
) -> Result<Option<VerifyingKey>, StoreError> {
    let Some(device) = caller.device else {
        return Ok(None);
    };
    let row = client
        .query_opt(
            "SELECT public_key FROM device WHERE tenant = $1 AND id = $2",
            &[&app.tenant.id, &device],
        )
        .await?;
    Ok(row.and_then(|row| {
        let bytes = URL_SAFE_NO_PAD.decode(row.get::<_, String>(0)).ok()?;
        VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
    }))
}
