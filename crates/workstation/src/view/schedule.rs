//! Appointments and the calendar.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::Standing;

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AppointmentView {
    /// Logical id.
    pub id: String,
    /// Start, clinic time.
    pub start: String,
    /// End, clinic time.
    pub end: String,
    /// Patient's logical id.
    pub patient: Option<String>,
    /// Patient's name.
    pub patient_name: String,
    /// Age and sex, `52 y · female`.
    pub patient_detail: String,
    /// Practitioner's logical id.
    pub practitioner: Option<String>,
    /// Practitioner's name.
    pub practitioner_name: String,
    /// Room or other place.
    pub place: Option<String>,
    /// Why the patient comes.
    pub reason: Option<String>,
    /// How far the day has got with it.
    pub progress: Progress,
    /// Since when it is in that state, clinic time, where known.
    pub since: Option<String>,
    /// Reason of a cancellation.
    pub cancelled_because: Option<String>,
    /// Where the record stands; anything but confirmed is drawn as *requested*.
    pub standing: Standing,
}

/// State of an appointment as a clinic speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Booked.
    Booked,
    /// In the waiting room.
    Arrived,
    /// With the clinician.
    InRoom,
    /// Over.
    Done,
    /// Did not come.
    NoShow,
    /// Cancelled.
    Cancelled,
}

/// The calendar for some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleView {
    /// First day.
    pub from: String,
    /// Number of days.
    pub days: u32,
    /// The clinic's IANA time zone.
    pub time_zone: String,
    /// Columns.
    pub practitioners: Vec<PractitionerView>,
    /// All appointments in the window, cancelled ones too.
    pub appointments: Vec<AppointmentView>,
    /// Working hours from Slots: free and busy time by practitioner.
    pub hours: Vec<WorkingHours>,
}

/// A column of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PractitionerView {
    /// Logical id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Speciality, if said.
    pub speciality: Option<String>,
}

/// A stretch in which a practitioner can be booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct WorkingHours {
    /// Practitioner's logical id.
    pub practitioner: String,
    /// Start.
    pub start: String,
    /// End.
    pub end: String,
}

/// A new booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BookingForm {
    /// Patient's logical id.
    pub patient: String,
    /// Practitioner's logical id.
    pub practitioner: String,
    /// Start, RFC 3339.
    pub start: String,
    /// Length in minutes, 5 to 480.
    pub minutes: u32,
    /// Why the patient comes.
    pub reason: String,
}

/// A move or a change of length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MoveForm {
    /// Appointment's logical id.
    pub id: String,
    /// New start, RFC 3339.
    pub start: String,
    /// New length in minutes.
    pub minutes: u32,
    /// New practitioner's logical id; the same one if only time changes.
    pub practitioner: String,
}
