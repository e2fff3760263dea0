//! What the program tells its windows without being asked.

use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::AppHandle;
use tauri_specta::Event;
use workstation::Notice;
use workstation::view::session::{SessionView, SyncView};

/// The phase or the user changed.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct SessionChanged(pub SessionView);

/// The connection or what waits changed.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
pub struct SyncChanged(pub SyncView);

/// Records changed, here or through the feed.
#[derive(Debug, Clone, Serialize, Deserialize, Type, Event)]
#[serde(rename_all = "camelCase")]
pub struct DataChanged {
    /// FHIR types of the records.
    pub types: Vec<String>,
    /// Logical ids of the patients they belong to.
    pub patients: Vec<String>,
}

/// Sends a notice to every window. A window that is gone has nothing to draw.
pub fn forward(app: &AppHandle, notice: Notice) {
    let sent = match notice {
        Notice::Session(view) => SessionChanged(view).emit(app),
        Notice::Sync(view) => SyncChanged(view).emit(app),
        Notice::Data { types, patients } => DataChanged { types, patients }.emit(app),
    };
    if sent.is_err() {
        tracing::debug!("a notice found no window");
    }
}
