//! A window or a screen of this computer, shown to everybody in the call in place of the camera's
//! picture.

use std::sync::{Arc, Weak};
use std::time::Duration;

use protocol::visit::Act;
use telehealth::media::Studio;
use telehealth::media::device::DeviceError;
use telehealth::media::screen::{self, Source};
use telehealth::visit::Party;

use super::{Handle, Shared};
use crate::port::server::ServerError;
use crate::view::visit::{CallState, ShareSourceView};

/// A window that was closed is missed after so long.
const LOOK: Duration = Duration::from_millis(500);

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShareError {
    /// Nobody is being talked to.
    #[error("nobody is being talked to")]
    NoCall,
    /// The server could not be told: then nothing is shown.
    #[error("the server was not told")]
    Server(#[source] ServerError),
    /// The window or screen is not there any more, or cannot be looked at.
    #[error("it cannot be looked at")]
    Screen(#[source] DeviceError),
}

impl Handle {
    /// Windows and screens that could be shown.
    pub(crate) async fn share_sources(&self) -> Vec<ShareSourceView> {
        let found = tokio::task::spawn_blocking(screen::sources);
        let view = |source: Source| ShareSourceView {
            id: source.id,
            name: source.name,
            window: source.window,
        };
        found
            .await
            .unwrap_or_default()
            .into_iter()
            .map(view)
            .collect()
    }

    /// Shows the patient a window or screen. The server is told first, which records it.
    pub(crate) async fn share(&self, id: &str) -> Result<(), ShareError> {
        let _turn = self.0.sharing.lock().await;
        let (appointment, studio) = self.talking().ok_or(ShareError::NoCall)?;
        let found = tokio::task::spawn_blocking(screen::sources);
        let source = found
            .await
            .unwrap_or_default()
            .into_iter()
            .find(|source| source.id == id)
            .ok_or(ShareError::Screen(DeviceError::Gone))?;
        let told = self.0.act(&appointment, Party::Patient, Act::Share).await;
        told.map_err(ShareError::Server)?;
        let begun = {
            let (studio, source) = (Arc::clone(&studio), source.clone());
            tokio::task::spawn_blocking(move || studio.share(&source))
        };
        if let Err(error) = begun.await.unwrap_or(Err(DeviceError::Gone)) {
            self.say_ended(&appointment).await;
            return Err(ShareError::Screen(error));
        }
        let unwanted = {
            let mut state = self.0.state();
            let stands = state.wanted.as_deref() == Some(&appointment);
            if stands {
                state.shown = Some(source);
            }
            !stands
        };
        if unwanted {
            // The call was ended in the meantime.
            stop(studio).await;
            return Err(ShareError::NoCall);
        }
        self.0.changed();
        tokio::spawn(watch(
            Arc::clone(&self.0),
            Arc::downgrade(&studio),
            appointment,
        ));
        Ok(())
    }

    /// Shows it no more. That does not wait for the server.
    pub(crate) async fn stop_sharing(&self) {
        let appointment = self.0.state().wanted.clone();
        if self.forget_share().await
            && let Some(appointment) = appointment
        {
            self.say_ended(&appointment).await;
        }
    }

    /// Ends what is shown, and says whether anything was.
    pub(super) async fn forget_share(&self) -> bool {
        let studio = {
            let mut state = self.0.state();
            state.shown.take().and(state.studio.clone())
        };
        let Some(studio) = studio else { return false };
        stop(studio).await;
        self.0.changed();
        true
    }

    fn talking(&self) -> Option<(String, Arc<Studio>)> {
        let state = self.0.state();
        let patient = state.ends.get(&Party::Patient);
        let talks = patient.is_some_and(|end| end.stands == CallState::Talking);
        let appointment = state.wanted.clone().filter(|_| talks)?;
        Some((appointment, state.studio.clone()?))
    }

    async fn say_ended(&self, appointment: &str) {
        // It has ended here; the page learns of it with the next call at the latest.
        if let Err(error) = self.0.act(appointment, Party::Patient, Act::EndShare).await {
            tracing::info!(reason = %error, "the end of a share was not told");
        }
    }
}

async fn stop(studio: Arc<Studio>) {
    // Waits for the thread that looks.
    let _ = tokio::task::spawn_blocking(move || studio.stop_sharing()).await;
}

/// Ends the showing of what is not there any more.
async fn watch(shared: Arc<Shared>, studio: Weak<Studio>, appointment: String) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(studio) = studio.upgrade() else {
            return;
        };
        let shown = {
            let state = shared.state();
            state.shown.is_some() && state.wanted.as_deref() == Some(&appointment)
        };
        if !shown {
            return;
        }
        if !studio.shares() {
            drop(studio);
            Handle(shared).stop_sharing().await;
            return;
        }
    }
}
