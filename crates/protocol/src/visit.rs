//! The signalling of video visits. Picture and sound go from side to side and never this way.
//!
//! A visit is named by its Appointment, and a guest in it by the invitation. The pages of patient
//! and guests speak over a WebSocket, the workstation over requests like all others and one stream
//! of events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::statement::{Signed, Statement};

/// The longest session description that is taken.
pub const MAX_SDP: usize = 32 * 1024;
/// The longest name that a patient may type.
pub const MAX_NAME: usize = 120;

/// Asks for a link by which the patient joins, which replaces the one before, or one for a guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteRequest {
    /// Logical id of the Appointment.
    pub appointment: String,
    /// Whom it is for; none: the patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<GuestWish>,
}

/// A guest whom the clinician wants to invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestWish {
    /// Who it is to the patient.
    pub kind: GuestKind,
    /// The clinician says that the patient agrees: nobody is invited otherwise (45 CFR 164.510(b)
    /// for the family and friends).
    pub agreed: bool,
}

/// Who a guest is to the patient. A closed list, because words of one's own would say more of a
/// patient than the server needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl GuestKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Interpreter, Self::Family, Self::Carer, Self::Other];

    /// As it is kept and sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::Interpreter => "interpreter",
            Self::Family => "family",
            Self::Carer => "carer",
            Self::Other => "other",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A link, told once: the server keeps only its hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// The address to give away. It says nothing about anybody.
    pub url: String,
    /// Until when it can be used.
    pub until: Timestamp,
    /// Names the guest whom it is for; none: the patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<Uuid>,
}

/// Where two browsers may meet that do not reach each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// `turn:` and `turns:` addresses.
    pub urls: Vec<String>,
    /// A name that the relay takes for a while.
    pub username: String,
    /// The secret that goes with it.
    pub credential: String,
}

/// Where a visit stands, as workstations are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// One visit, as a workstation sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitState {
    /// Logical id of the Appointment.
    pub appointment: String,
    /// Logical id of the Patient.
    pub patient: String,
    /// Where it stands.
    pub stage: VisitStage,
    /// Since when the patient is there.
    pub since: Option<Timestamp>,
    /// The name that the patient typed.
    pub said: Option<String>,
    /// Until when the link can be used; none if there is none.
    pub link_until: Option<Timestamp>,
    /// Guests, as they were invited.
    #[serde(default)]
    pub guests: Vec<GuestState>,
}

/// A guest, as a workstation sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestState {
    /// Names the guest.
    pub guest: Uuid,
    /// Who it is to the patient.
    pub kind: GuestKind,
    /// Where it stands.
    pub stage: VisitStage,
    /// Since when the guest is there.
    pub since: Option<Timestamp>,
    /// The name that the guest typed.
    pub said: Option<String>,
    /// Until when the link can be used.
    pub link_until: Timestamp,
}

/// What a workstation hears of visits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum VisitNews {
    /// All visits that the user may lead.
    Visits {
        /// In no order.
        visits: Vec<VisitState>,
    },
    /// A browser offers a connection.
    Offer {
        /// Which visit.
        appointment: String,
        /// Whose browser; none: the patient's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guest: Option<Uuid>,
        /// Number of the call: an answer names it.
        call: u32,
        /// The session description.
        sdp: String,
        /// Relays for our side.
        relays: Vec<Relay>,
    },
}

/// What a workstation does in a visit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VisitAct {
    /// Logical id of the Appointment.
    pub appointment: String,
    /// Which guest it is about; none: the patient, and with the patient everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<Uuid>,
    /// What.
    pub act: Act,
}

/// See [`VisitAct`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Act {
    /// Asks somebody in, or back in. Guests only while the patient is in the call.
    Admit,
    /// Asks the browser that was asked in for another connection.
    Again,
    /// Answers an offer.
    Answer {
        /// The session description.
        sdp: String,
        /// A [`CallKey`], signed by the device.
        key: Signed,
    },
    /// Picture and sound flow.
    Connected,
    /// They do not flow any more.
    Interrupted,
    /// Shows everybody in the call a window or a screen. What it is stays with the workstation.
    Share,
    /// Shows it no more.
    EndShare,
    /// Ends the call and leaves those who were in it in the waiting room: all, or one guest.
    EndCall,
    /// Ends the visit, or one guest's part in it with the guest's link.
    EndVisit,
    /// Takes the patient's link back.
    Withdraw,
}

/// Which certificates a call is between: what a workstation's device key signs. The server lets
/// an answer pass only if the signature is the device's whose session sent it, and if both
/// fingerprints are those of the descriptions that went through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallKey {
    /// Logical id of the Appointment.
    pub appointment: String,
    /// Whose call; none: the patient's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<Uuid>,
    /// Number of the call.
    pub call: u32,
    /// SHA-256 of the workstation's certificate.
    pub ours: String,
    /// SHA-256 of the browser's certificate, as its offer arrived here.
    pub theirs: String,
}

impl Statement for CallKey {
    const KIND: &'static [u8] = b"rounds/call-key/1\0";
}

/// What the page of a patient or a guest says.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum FromPatient {
    /// Comes by the link.
    Join {
        /// What stands in the link after `#`.
        token: String,
        /// The name that was typed.
        name: String,
    },
    /// Comes back after the line broke.
    Return {
        /// What stands in the link after `#`.
        token: String,
        /// What the server gave when this page joined.
        seat: String,
    },
    /// Offers a connection.
    Offer {
        /// Number of the call, as [`ToPatient::Admitted`] gave it.
        call: u32,
        /// The session description.
        sdp: String,
    },
    /// Leaves.
    Leave,
}

/// What the page of a patient or a guest hears.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToPatient {
    /// The page is in the waiting room.
    Waiting {
        /// What it says when it comes back.
        seat: String,
        /// Name of the clinic.
        clinic: String,
        /// How many wait for the same clinician and came before; nought for guests.
        before: u32,
        /// Whether the page is a guest's.
        #[serde(default)]
        guest: bool,
    },
    /// The clinician asks the patient in: the page offers a connection.
    Admitted {
        /// Number of the call.
        call: u32,
        /// Relays for the page.
        relays: Vec<Relay>,
    },
    /// The workstation's answer.
    Answer {
        /// Number of the call.
        call: u32,
        /// The session description.
        sdp: String,
        /// SHA-256 of the workstation's certificate, as its device signed it.
        fingerprint: String,
    },
    /// Who else is in the call, beside the clinician. Told with each call, and whenever it changes.
    Company {
        /// In no order.
        others: Vec<Companion>,
    },
    /// The picture is a window or a screen of the clinician's computer, or not any more.
    Sharing {
        /// Whether it is.
        on: bool,
    },
    /// The visit is over.
    Ended,
    /// The page is not let in.
    Refused {
        /// Why.
        reason: NotLetIn,
    },
}

/// One who is in the same call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companion {
    /// Who a guest is to the patient; none: it is the patient.
    pub kind: Option<GuestKind>,
    /// The name that a guest typed. Guests are not told the patient's.
    pub name: Option<String>,
}

/// Why a page is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotLetIn {
    /// The link is not one of ours, or was replaced or taken back.
    Unknown,
    /// Its time is over.
    Expired,
    /// The visit has ended.
    Ended,
    /// Another browser is in this visit.
    Occupied,
    /// The page must join anew.
    JoinAgain,
    /// What the page said cannot be read.
    Malformed,
    /// The server cannot do it now.
    Unavailable,
}
