//! Video visits: what the server tells, the call on this computer, and the record of it.

use std::sync::Arc;
use std::time::Duration;

use ledger::Action;
use protocol::visit::InviteRequest;

use super::Workstation;
use crate::fault;
use crate::port::server::ServerError;
use crate::view::fault::Fault;
use crate::view::visit::{
    CallView, DeviceKind, DevicesView, InvitationView, PicturesView, ShareSourceView, VisitsView,
};
use crate::view::{Cause, Saved};
use crate::visiting::{Handle, ShareError};

/// Who talks is there, though no key is pressed.
const PRESENT: Duration = Duration::from_secs(5);

impl Workstation {
    fn visiting(&self) -> Result<Handle, Fault> {
        self.opened()
            .as_ref()
            .map(|open| open.visiting.handle())
            .ok_or_else(|| fault::of("locked"))
    }

    /// The video visits that the user may lead.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn visits(&self, cause: Cause) -> Result<VisitsView, Fault> {
        let (heard, states) = self.visiting()?.visits();
        let visits = self.work(move |desk| desk.visits(&states, cause)).await?;
        Ok(VisitsView { heard, visits })
    }

    /// Makes a link by which the patient of an appointment joins.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn invite_to_visit(&self, appointment: String) -> Result<InvitationView, Fault> {
        let invitation = self
            .ask(Action::VisitInvited, |server, session| async move {
                let request = InviteRequest { appointment };
                server.invite(&session, &request).await
            })
            .await?;
        self.work(move |desk| {
            Ok(InvitationView {
                url: invitation.url,
                until: desk.wall(invitation.until),
            })
        })
        .await
    }

    /// Takes the link of an appointment back.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn withdraw_visit(&self, appointment: String) -> Result<(), Fault> {
        let visiting = self.visiting()?;
        visiting.withdraw(&appointment).await.map_err(told)
    }

    /// Asks a patient in and begins the call here.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn admit_to_visit(&self, appointment: String) -> Result<(), Fault> {
        let visiting = self.visiting()?;
        let patient = patient_of(&visiting, &appointment)?;
        let visit = appointment.clone();
        self.work(move |desk| desk.begin_visit(&visit, &patient))
            .await?;
        visiting.admit(&appointment).await.map_err(told)?;
        self.stay_while_talking(visiting);
        Ok(())
    }

    /// Ends the call; the patient is in the waiting room again.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; the call here is over in any case.
    pub async fn end_call(&self, appointment: String) -> Result<(), Fault> {
        let visiting = self.visiting()?;
        visiting.end(&appointment, false).await.map_err(told)
    }

    /// Ends the visit: the call, the link, the Encounter and the appointment.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; the call here is over in any case.
    pub async fn end_visit(&self, appointment: String) -> Result<Saved, Fault> {
        let visiting = self.visiting()?;
        let patient = patient_of(&visiting, &appointment)?;
        visiting.end(&appointment, true).await.map_err(told)?;
        self.work(move |desk| desk.finish_visit(&appointment, &patient))
            .await
    }

    /// The call on this computer.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn call(&self) -> Result<Option<CallView>, Fault> {
        Ok(self.visiting()?.call())
    }

    /// Where the window finds the pictures of the call.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn call_pictures(&self) -> Result<Option<PicturesView>, Fault> {
        let pictures = self.visiting()?.pictures().await;
        pictures.map_err(|error| {
            tracing::warn!(reason = %error, "no pictures for the window");
            fault::of("call-failed")
        })
    }

    /// Cameras, microphones and loudspeakers.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn devices(&self) -> Result<DevicesView, Fault> {
        Ok(self.visiting()?.devices().await)
    }

    /// Uses another device, or none: then nothing of the kind is captured.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn choose_device(
        &self,
        kind: DeviceKind,
        id: Option<String>,
    ) -> Result<DevicesView, Fault> {
        let visiting = self.visiting()?;
        visiting.choose(kind, id).await.map_err(|error| {
            tracing::info!(reason = %error, "a device does not open");
            fault::of("device-failed")
        })?;
        Ok(visiting.devices().await)
    }

    /// Windows and screens of this computer that could be shown to the patient.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn share_sources(&self) -> Result<Vec<ShareSourceView>, Fault> {
        Ok(self.visiting()?.share_sources().await)
    }

    /// Shows the patient a window or screen in place of the camera's picture.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; nothing is shown then.
    pub async fn share_screen(&self, id: String) -> Result<(), Fault> {
        let visiting = self.visiting()?;
        visiting.share(&id).await.map_err(|error| match error {
            ShareError::Server(error) => told(error),
            ShareError::NoCall => fault::of("share-no-call"),
            ShareError::Screen(_) => fault::of("share-failed"),
        })
    }

    /// Shows the patient the camera's picture again.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn stop_sharing(&self) -> Result<(), Fault> {
        self.visiting()?.stop_sharing().await;
        Ok(())
    }

    /// Whoever talks with a patient is at the computer, for as long as it lasts.
    fn stay_while_talking(&self, visiting: Handle) {
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PRESENT).await;
                let Some(inner) = inner.upgrade() else { return };
                if visiting.call().is_none() {
                    return;
                }
                if visiting.is_talking() && Workstation(inner).note_activity().await.is_err() {
                    return;
                }
            }
        });
    }
}

fn patient_of(visiting: &Handle, appointment: &str) -> Result<String, Fault> {
    let (_, states) = visiting.visits();
    states
        .into_iter()
        .find(|state| state.appointment == appointment)
        .map(|state| state.patient)
        .ok_or_else(|| fault::of("visit-unknown"))
}

fn told(error: ServerError) -> Fault {
    match error {
        ServerError::Offline(_) => fault::of("offline"),
        other => Fault::from(&other),
    }
}
