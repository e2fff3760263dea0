//! Video visits: what the server tells, the call on this computer, and the record of it.

use std::sync::Arc;
use std::time::Duration;

use ledger::Action;
use protocol::visit::{GuestWish, InviteRequest};
use telehealth::media::frames::FramesError;
use uuid::Uuid;

use super::Workstation;
use crate::fault;
use crate::port::server::ServerError;
use crate::view::fault::Fault;
use crate::view::visit::{
    CallView, DeviceKind, DevicesView, GuestKind, InvitationView, PicturesView, ShareSourceView,
    VisitsView,
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
        let request = InviteRequest {
            appointment,
            guest: None,
        };
        self.invite(Action::VisitInvited, request).await
    }

    /// Makes a link by which a guest joins a visit, if the user says that the patient agrees.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server.
    pub async fn invite_guest(
        &self,
        appointment: String,
        kind: GuestKind,
        agreed: bool,
    ) -> Result<InvitationView, Fault> {
        let request = InviteRequest {
            appointment,
            guest: Some(GuestWish {
                kind: kind.into(),
                agreed,
            }),
        };
        self.invite(Action::GuestInvited, request).await
    }

    async fn invite(
        &self,
        action: Action,
        request: InviteRequest,
    ) -> Result<InvitationView, Fault> {
        let invitation = self
            .ask(action, |server, session| async move {
                server.invite(&session, &request).await
            })
            .await?;
        self.work(move |desk| {
            Ok(InvitationView {
                url: invitation.url,
                until: desk.wall(invitation.until),
                guest: invitation.guest.map(|guest| guest.to_string()),
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
        let asked = patient.clone();
        self.work(move |desk| desk.may_begin_visit(&asked)).await?;
        visiting.admit(&appointment).await.map_err(told)?;
        // The server has agreed and recorded it: a visit that it refuses leaves no Encounter.
        let visit = appointment.clone();
        let begun = self
            .work(move |desk| desk.begin_visit(&visit, &patient))
            .await;
        if let Err(fault) = begun {
            if let Err(error) = visiting.end(&appointment, false).await {
                tracing::info!(reason = %error, "the end of a call was not told");
            }
            return Err(fault);
        }
        self.stay_while_talking(visiting);
        Ok(())
    }

    /// Asks a guest in, beside the patient.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `visit-patient-first` where the patient is not in a call here.
    pub async fn admit_guest(&self, appointment: String, guest: String) -> Result<(), Fault> {
        let visiting = self.visiting()?;
        match visiting.admit_guest(&appointment, named(&guest)?).await {
            Some(admitted) => admitted.map_err(told),
            None => Err(fault::of("visit-patient-first")),
        }
    }

    /// Ends a guest's call; the guest is in the waiting room again.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; the guest's call here is over in any case.
    pub async fn end_guest_call(&self, appointment: String, guest: String) -> Result<(), Fault> {
        let visiting = self.visiting()?;
        let ended = visiting.end_guest(&appointment, named(&guest)?, false);
        ended.await.map_err(told)
    }

    /// Ends a guest's part in a visit, and the guest's link.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; the guest's call here is over in any case.
    pub async fn dismiss_guest(&self, appointment: String, guest: String) -> Result<(), Fault> {
        let visiting = self.visiting()?;
        let ended = visiting.end_guest(&appointment, named(&guest)?, true);
        ended.await.map_err(told)
    }

    /// Ends the call; who was in it is in the waiting room again.
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
        self.visiting()?.pictures().await.map_err(no_pictures)
    }

    /// Where the window finds the pictures of a guest in the call.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn guest_picture(&self, guest: String) -> Result<Option<String>, Fault> {
        let guest = named(&guest)?;
        let pictures = self.visiting()?.guest_pictures(guest).await;
        pictures.map_err(no_pictures)
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

fn named(guest: &str) -> Result<Uuid, Fault> {
    guest.parse().map_err(|_| fault::of("visit-unknown"))
}

fn no_pictures(error: FramesError) -> Fault {
    tracing::warn!(reason = %error, "no pictures for the window");
    fault::of("call-failed")
}

fn told(error: ServerError) -> Fault {
    match error {
        ServerError::Offline(_) => fault::of("offline"),
        other => Fault::from(&other),
    }
}
