//! The Today screen.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::schedule::AppointmentView;

/// My day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TodayView {
    /// The clinic's date.
    pub date: String,
    /// The clinic's time now.
    pub now: String,
    /// Whose list: the user's practitioner, or the whole clinic for who has none.
    pub whose: String,
    /// Appointments by time.
    pub appointments: Vec<AppointmentView>,
    /// Notes begun and not signed.
    pub unsigned: Vec<UnsignedNote>,
}

/// A note that waits for its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedNote {
    /// Draft id.
    pub draft: String,
    /// Patient's logical id.
    pub patient: String,
    /// Patient's name.
    pub patient_name: String,
    /// Last typed at.
    pub changed_at: String,
}
