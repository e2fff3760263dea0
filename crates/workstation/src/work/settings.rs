//! Settings.

use serde::{Deserialize, Serialize};

use super::Desk;
use crate::error::WorkError;
use crate::view::session::{SettingsForm, SettingsView, Theme};

const SETTING: &str = "preferences";

#[derive(Serialize, Deserialize, Clone, Copy)]
struct Preferences {
    theme: Theme,
    idle_minutes: u32,
}

impl Desk {
    /// The Settings screen.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn settings_view(&self) -> Result<SettingsView, WorkError> {
        let preferences = self.preferences()?;
        let records = self.read(|cache| cache.record_count())?;
        // Exact up to 9 PB.
        let cache_bytes = self.cache.size() as f64;
        Ok(SettingsView {
            theme: preferences.theme,
            idle_minutes: preferences.idle_minutes,
            idle_minutes_max: self.idle_minutes_max(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server: self.identity.server.origin().ascii_serialization(),
            device: self.identity.device.to_string(),
            profile_folder: self.profile.folder.display().to_string(),
            records: u32::try_from(records).unwrap_or(u32::MAX),
            cache_bytes,
            keychain: self.ports.keychain.name(),
        })
    }

    /// Changes settings.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn save_settings(&self, form: &SettingsForm) -> Result<SettingsView, WorkError> {
        let most = self.idle_minutes_max();
        if !(1..=most).contains(&form.idle_minutes) {
            return Err(WorkError::invalid(
                "idleMinutes",
                format!("Your organisation allows 1 to {most} minutes."),
            ));
        }
        let preferences = Preferences {
            theme: form.theme,
            idle_minutes: form.idle_minutes,
        };
        self.cache
            .write("save-settings", |tx| tx.set(SETTING, &preferences))?;
        self.settings_view()
    }

    /// Seconds without input after which the program locks.
    pub(crate) fn idle_seconds(&self) -> u32 {
        let wanted = self.preferences().map_or(u32::MAX, |preferences| {
            preferences.idle_minutes.saturating_mul(60)
        });
        wanted.min(self.identity.idle_seconds())
    }

    fn idle_minutes_max(&self) -> u32 {
        (self.identity.idle_seconds() / 60).max(1)
    }

    fn preferences(&self) -> Result<Preferences, WorkError> {
        let most = self.idle_minutes_max();
        let kept: Option<Preferences> = self.read(|cache| cache.setting(SETTING))?;
        let mut preferences = kept.unwrap_or(Preferences {
            theme: Theme::System,
            idle_minutes: most,
        });
        // The policy may have become stricter since.
        preferences.idle_minutes = preferences.idle_minutes.clamp(1, most);
        Ok(preferences)
    }
}
