//! Video visits.

use serde::{Deserialize, Serialize};
use specta::Type;

/// The video visits that the user may lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VisitsView {
    /// Whether the server tells of visits now. If not, the list is what was last heard.
    pub heard: bool,
    /// Who waits longest comes first, then by the time of the appointment.
    pub visits: Vec<VisitView>,
}

/// One video visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VisitView {
    /// Logical id of the appointment.
    pub appointment: String,
    /// Logical id of the patient.
    pub patient: String,
    /// Patient's name.
    pub patient_name: String,
    /// Age and sex, `52 y · female`.
    pub patient_detail: String,
    /// Start of the appointment, clinic time, where it is known here.
    pub start: Option<String>,
    /// Why the patient comes.
    pub reason: Option<String>,
    /// Where it stands.
    pub stage: VisitStage,
    /// Since when the patient is there, clinic time.
    pub since: Option<String>,
    /// The name that the patient typed.
    pub said: Option<String>,
    /// Until when the link can be used, clinic time.
    pub link_until: Option<String>,
    /// Guests, as they were invited.
    pub guests: Vec<GuestView>,
    /// Whether one more can be invited.
    pub can_invite: bool,
}

/// A guest of a video visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GuestView {
    /// Names the guest.
    pub guest: String,
    /// Who it is to the patient.
    pub kind: GuestKind,
    /// Where it stands.
    pub stage: VisitStage,
    /// Since when the guest is there, clinic time.
    pub since: Option<String>,
    /// The name that the guest typed.
    pub said: Option<String>,
    /// Until when the link can be used, clinic time.
    pub link_until: String,
}

/// Who a guest is to the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum GuestKind {
    /// Translates.
    Interpreter,
    /// Of the family, or a friend.
    Family,
    /// Another clinician, or a carer.
    Carer,
    /// Somebody else.
    Other,
}

impl From<GuestKind> for protocol::visit::GuestKind {
    fn from(kind: GuestKind) -> Self {
        match kind {
            GuestKind::Interpreter => Self::Interpreter,
            GuestKind::Family => Self::Family,
            GuestKind::Carer => Self::Carer,
            GuestKind::Other => Self::Other,
        }
    }
}

impl From<protocol::visit::GuestKind> for GuestKind {
    fn from(kind: protocol::visit::GuestKind) -> Self {
        use protocol::visit::GuestKind as Told;
        match kind {
            Told::Interpreter => Self::Interpreter,
            Told::Family => Self::Family,
            Told::Carer => Self::Carer,
            Told::Other => Self::Other,
        }
    }
}

/// Where a visit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum VisitStage {
    /// There is a link; nobody is there.
    Invited,
    /// Somebody waits.
    Waiting,
    /// They were asked in.
    Admitted,
    /// The two sides are agreeing on a connection.
    Connecting,
    /// Picture and sound flow.
    Talking,
    /// The call broke off.
    Interrupted,
    /// The visit is over.
    Ended,
}

/// A link for the patient or a guest. Shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    /// The address.
    pub url: String,
    /// Until when it can be used, clinic time.
    pub until: String,
    /// Names the guest whom it is for; none: the patient.
    pub guest: Option<String>,
}

/// The call on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// Logical id of the appointment.
    pub appointment: String,
    /// Where the connection stands.
    pub state: CallState,
    /// How the patient sees and hears, as their browser reports.
    pub quality: CallQuality,
    /// How loud the user is, 0 to 100.
    pub own_level: u8,
    /// How loud the patient is, 0 to 100.
    pub their_level: u8,
    /// Whether a picture of the patient has come.
    pub has_picture: bool,
    /// Pictures of the patient that were drawn from what came.
    pub pictures: u32,
    /// What happened to devices.
    pub troubles: Vec<DeviceTroubleView>,
    /// Rises whenever a device comes or goes, or another one is used: the list is read anew then.
    pub devices: u32,
    /// Whether windows and screens of this computer can be shown.
    pub can_share: bool,
    /// Name of the window or screen that the patient is shown; none: the camera's picture.
    pub sharing: Option<String>,
    /// Guests who were asked in.
    pub guests: Vec<GuestCallView>,
}

/// A guest in the call on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GuestCallView {
    /// Names the guest.
    pub guest: String,
    /// Where the connection stands.
    pub state: CallState,
    /// How loud the guest is, 0 to 100.
    pub level: u8,
    /// Whether a picture of the guest has come.
    pub has_picture: bool,
}

/// A window or a screen that could be shown to the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ShareSourceView {
    /// What it is chosen by, for as long as it is there.
    pub id: String,
    /// Its title. It stays on this computer.
    pub name: String,
    /// A window, or a whole screen.
    pub window: bool,
}

/// A device that was used, or was to be used, and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceTroubleView {
    /// Its sort.
    pub kind: DeviceKind,
    /// What happened.
    pub loss: DeviceLoss,
    /// Its name.
    pub name: String,
    /// Name of the one that is used instead; none: nothing of the sort is.
    pub instead: Option<String>,
}

/// What happened to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceLoss {
    /// It was pulled out or switched off.
    Gone,
    /// It is there and does not open, or gives nothing any more.
    Closed,
}

/// Where the connection of a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// The patient was asked in, and the two sides look for each other.
    Connecting,
    /// Picture and sound flow.
    Talking,
    /// Nothing comes from the patient; it is tried again.
    Interrupted,
    /// It was tried often enough. The user may begin the call again.
    Failed,
}

/// How the patient sees and hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum CallQuality {
    /// Nothing to say.
    Good,
    /// The picture suffers.
    Poor,
    /// The picture was left out so that sound comes through.
    AudioOnly,
}

/// Where the window finds the pictures of a call. Each address works once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PicturesView {
    /// The patient's.
    pub theirs: String,
    /// The user's own.
    pub own: String,
}

/// What is chosen and what could be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DevicesView {
    /// Cameras, or the test picture where there is none.
    pub cameras: Vec<DeviceView>,
    /// Microphones, or the test tone where there is none.
    pub microphones: Vec<DeviceView>,
    /// Loudspeakers; there may be none.
    pub loudspeakers: Vec<DeviceView>,
    /// The camera in use; none: it is off.
    pub camera: Option<String>,
    /// The microphone in use; none: it is mute.
    pub microphone: Option<String>,
    /// The loudspeaker in use.
    pub loudspeaker: Option<String>,
    /// The camera that is used when it is turned on.
    pub next_camera: Option<String>,
    /// The microphone that is used when it is turned on.
    pub next_microphone: Option<String>,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// What it is chosen by.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A sort of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Camera.
    Camera,
    /// Microphone.
    Microphone,
    /// Loudspeaker.
    Loudspeaker,
}
