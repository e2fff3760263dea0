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
use protocol::visit::{Act, CallKey, GuestKind, MAX_SDP, ToPatient, VisitAct};
use telehealth::description::fingerprint;
use telehealth::visit::{Happened, Refusal as NotNow, Stage};
use uuid::Uuid;

use super::routes::{Subject, denied, may_lead, told};
use super::{line, link, party, who};
use crate::app::App;
use crate::audit::append;
use crate::http::problem::Refusal;
use crate::identity::caller::Caller;
use crate::review;
use crate::store::error::StoreError;
use crate::store::transaction;

pub(super) fn not_now(reason: NotNow) -> Refusal {
    Refusal::new(Code::Malformed).detail(reason.to_string())
}

/// Does it, if the caller may lead the visit.
pub(super) async fn take(app: &App, caller: &Caller, wish: VisitAct) -> Result<(), Refusal> {
    let VisitAct {
        appointment,
        guest,
        act,
    } = wish;
    let action = match (&act, guest) {
        (Act::Share | Act::EndShare | Act::Withdraw, Some(_)) => {
            return Err(
                Refusal::new(Code::Malformed).detail("This is not done for one guest by itself.")
            );
        }
        (Act::Admit | Act::Again | Act::Answer { .. }, Some(_)) => Action::GuestAdmitted,
        (Act::EndVisit, Some(_)) => Action::GuestDismissed,
        (Act::Admit | Act::Again | Act::Answer { .. }, None) => Action::VisitAdmitted,
        (Act::Connected, _) => Action::CallConnected,
        (Act::Interrupted, _) => Action::CallInterrupted,
        (Act::Share, None) => Action::ScreenShared,
        (Act::EndShare, None) => Action::ScreenShareEnded,
        (Act::EndCall, _) => Action::CallEnded,
        (Act::EndVisit, None) => Action::VisitEnded,
        (Act::Withdraw, None) => Action::VisitWithdrawn,
    };
    let client = app.fixed.get().await.map_err(StoreError::from)?;
    link::recall(app, &client, &appointment).await?;
    let state = app.visits.state(&appointment);
    let patient = state.as_ref().map(|state| state.patient.as_str());
    let decision = match patient {
        Some(patient) => may_lead(app, &client, caller, patient).await?,
        None => denied("There is no such visit."),
    };
    let kind = guest.and_then(|guest| {
        let mut guests = state.as_ref()?.guests.iter();
        Some(guests.find(|known| known.guest == guest)?.kind)
    });
    let subject = Subject {
        appointment: &appointment,
        patient,
        guest: kind,
    };
    let event = told(app, caller, action, &subject, &decision);
    if !decision.allow() {
        append::append(app, &client, &event).await?;
        return Err(Refusal::new(Code::Forbidden)
            .detail("There is no such visit, or it is not for you to lead."));
    }
    if guest.is_some() && kind.is_none() {
        let event = event
            .ending(Outcome::Refused)
            .because("There is no such guest.", []);
        append::append(app, &client, &event).await?;
        return Err(Refusal::new(Code::Malformed).detail("There is no such guest, or no more."));
    }
    let call = Call {
        appointment: &appointment,
        guest,
        kind,
    };
    if let Act::Answer { sdp, key } = act {
        return answer(app, &client, caller, &call, sdp, &key).await;
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
            match (happened, guest) {
                (Happened::VisitEnded, None) => link::end(app, tx, appointment).await,
                (Happened::VisitEnded, Some(guest)) => link::dismiss(app, tx, guest).await,
                (Happened::Revoked, _) => link::withdraw(app, tx, appointment).await,
                _ => Ok(()),
            }
        })
    })
    .await?;
    let party = party(guest);
    let stage = line::happen(app, &appointment, party, happened).map_err(not_now)?;
    match (happened, stage) {
        (Happened::Admitted | Happened::Retried, Stage::Admitted) => {
            app.visits.tell_admitted(&appointment, party, relays(app));
        }
        (Happened::CallEnded, Stage::Waiting) => line::wait(app, &appointment, party),
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

/// Whose call an answer is for.
struct Call<'a> {
    appointment: &'a str,
    guest: Option<Uuid>,
    kind: Option<GuestKind>,
}

/// Passes an answer on, if the certificates on both sides are those that the device signed.
async fn answer(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    call: &Call<'_>,
    sdp: String,
    signed: &Signed,
) -> Result<(), Refusal> {
    if sdp.len() > MAX_SDP {
        return Err(Refusal::new(Code::TooLarge));
    }
    let (appointment, party) = (call.appointment, party(call.guest));
    let offer = app
        .visits
        .offer(appointment, party)
        .ok_or_else(|| not_now(NotNow::NotAdmitted))?;
    let key = device_key(app, client, caller).await?;
    let claimed = key.and_then(|key| signed.open::<CallKey>(&key).ok());
    let ours = fingerprint(&sdp);
    let holds = claimed.as_ref().is_some_and(|claimed| {
        claimed.appointment == appointment
            && claimed.guest == call.guest
            && Some(&claimed.ours) == ours.as_ref()
            && Some(&claimed.theirs) == fingerprint(&offer.sdp).as_ref()
    });
    if !holds {
        let mut event = caller
            .event(app, Action::CallForged)
            .ending(Outcome::Refused)
            .touching(format!("Appointment/{appointment}"))
            .because(
                format!(
                    "The certificates of the {}'s call are not those that the workstation signed.",
                    who(call.kind)
                ),
                [],
            );
        if let Some(state) = app.visits.state(appointment) {
            event = event.about(state.patient);
        }
        let words = "A call was stopped: its certificates are not those that the workstation \
                     signed. Somebody may have tried to stand between the two sides.";
        review::raise_unless_open(app, &event, ReviewKind::CallForged, words).await?;
        // A visit that ended in this moment needs no ending of its call.
        if line::happen(app, appointment, party, Happened::CallEnded).is_ok() {
            line::wait(app, appointment, party);
        }
        return Err(Refusal::new(Code::ProofWrong)
            .detail("the certificates are not those that the device signed"));
    }
    // An answer to an earlier call comes too late: the page has offered anew.
    if claimed.is_some_and(|claimed| claimed.call == offer.call) {
        app.visits.answered(appointment, party);
        app.visits.tell(
            appointment,
            party,
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
