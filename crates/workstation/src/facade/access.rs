//! Access that has to be asked for.

use protocol::secret::Secret;

use super::Workstation;
use crate::error::{SignInError, WorkError};
use crate::fault;
use crate::opening;
use crate::profile::ProfileError;
use crate::profile::slots::SlotsError;
use crate::runner::Poke;
use crate::view::access::{AccessView, EmergencyForm, JustifyForm};
use crate::view::fault::Fault;
use crate::view::session::Connection;

impl Workstation {
    /// Takes a reason for a patient's record where there is no relationship.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn justify_access(&self, form: JustifyForm) -> Result<AccessView, Fault> {
        let view = self
            .work(move |desk| desk.justify_access(&form.patient, &form.reason))
            .await?;
        // The server decides by it too: it should know before a change arrives that needs it.
        self.poke(Poke::Written);
        Ok(view)
    }

    /// Takes emergency access to one patient's record. The password opens the sealed key of this
    /// profile once more, which needs no server.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn emergency_access(&self, form: EmergencyForm) -> Result<AccessView, Fault> {
        let EmergencyForm {
            patient,
            reason,
            password,
        } = form;
        self.confirm(&patient, Secret::new(password)).await?;
        let on_line = self.is_on_line();
        let view = self
            .work(move |desk| desk.emergency_access(&patient, &reason, on_line))
            .await?;
        // The security officer is told at once, where there is a line.
        self.poke(Poke::Written);
        Ok(view)
    }

    /// Whether the password is that of the open profile's user.
    async fn confirm(&self, patient: &str, password: Secret) -> Result<(), Fault> {
        let ports = self.0.ports.clone();
        let profile = match self.opened().as_ref() {
            Some(open) => open.profile.clone(),
            None => return Err(fault::of("locked")),
        };
        let checked = tokio::task::spawn_blocking(move || {
            opening::check_password(&ports, &profile, &password)
        })
        .await
        .unwrap_or(Err(SignInError::Interrupted));
        let Err(error) = checked else {
            return Ok(());
        };
        if let SignInError::Profile(ProfileError::Slots(SlotsError::PasswordWrong)) = error {
            let patient = patient.to_owned();
            self.work(move |desk| desk.emergency_refused(&patient))
                .await?;
        }
        Err(error.into())
    }

    pub(super) fn is_on_line(&self) -> bool {
        self.opened()
            .as_ref()
            .is_some_and(|open| open.runner.view().connection == Connection::Online)
    }

    /// The fault of an error. Off line, a record that only emergency access opens says how often
    /// that may still be taken.
    pub(super) async fn fault_of(&self, error: WorkError) -> Fault {
        let needs_emergency = matches!(error, WorkError::NeedsEmergency { .. });
        let mut fault = Fault::from(error);
        if needs_emergency
            && !self.is_on_line()
            && let Ok(Some(left)) = self.0.door.work(|desk| desk.emergencies_left()).await
        {
            fault.act = match left {
                0 => "Off line: no further emergency access can be taken on this computer."
                    .to_owned(),
                1 => "Off line: 1 emergency access is left on this computer.".to_owned(),
                left => format!("Off line: {left} emergency accesses are left on this computer."),
            };
        }
        fault
    }
}
