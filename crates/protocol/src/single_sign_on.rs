//! Signing in with the organisation's identity provider (OpenID Connect), as RFC 8252 asks of a
//! native program: the system's browser signs in, and the provider sends it back to a port of this
//! computer.
//!
//! 1. The workstation listens on a loopback port and asks the server to begin.
//! 2. It opens [`Begun::url`] in the system's browser. The code comes to [`redirect`].
//! 3. It hands state and code to the server, which talks to the provider and gives a session.
//!
//! Both requests carry a DPoP proof by the key of an enrolled device, without `ath`: a sign-in that
//! began on one device ends on no other.
//!
//! A user who has no password here enrols a device by the one-time code alone
//! ([`EnrolByCode`]). That is half of an enrolment: it begins no session, and ends by itself
//! unless a sign-in of the same user follows on the device within minutes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::sign_in::DeviceCard;

/// Where the browser comes back to, below `http://127.0.0.1:PORT`. Providers that compare
/// redirect addresses must have `http://127.0.0.1/rounds/signed-in` registered; the port is free
/// (RFC 8252, section 7.3).
pub const REDIRECT_PATH: &str = "/rounds/signed-in";

/// The address that the provider sends the browser back to.
pub fn redirect(port: u16) -> String {
    format!("http://127.0.0.1:{port}{REDIRECT_PATH}")
}

/// How users may sign in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct Ways {
    /// With the organisation's identity provider, beside the password.
    pub single_sign_on: bool,
}

/// The first half of enrolling a device for a user who signs in with the identity provider. The
/// request carries a DPoP proof made with the key in `device`, without `ath`.
#[derive(Debug, Serialize, Deserialize)]
pub struct EnrolByCode {
    /// Sign-in name, compared without regard to case.
    pub username: String,
    /// Six digits of RFC 6238.
    pub totp: Secret,
    /// The device that asks.
    pub device: DeviceCard,
}

/// Begins a sign-in on an enrolled device. A sign-in that the device had begun before ends.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct BeginRequest {
    /// The loopback port where the workstation listens.
    pub port: u16,
}

/// A sign-in that the browser goes on with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begun {
    /// What the browser opens.
    pub url: String,
    /// What must come back with the code: anything else was sent by somebody else.
    pub state: Secret,
    /// Until when it can be finished.
    pub expires_at: Timestamp,
}

/// Finishes a sign-in. Whatever comes of it, it cannot be finished twice.
#[derive(Debug, Serialize, Deserialize)]
pub struct FinishRequest {
    /// What came back as `state`.
    pub state: Secret,
    /// What came back as `code`.
    pub code: Secret,
    /// What came back as `iss` (RFC 9207), if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
}
