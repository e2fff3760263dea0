//! The video visit: how it stands, and its picture and sound.
//!
//! [`visit`] is a state machine without IO: the server drives it with what happened and the
//! time. [`media`] (the feature of that name, which the server leaves off) is the clinician's end
//! of the call: devices, codecs and the connection to the patient's browser.
//!
//! Never: records or logs picture or sound, knows a patient's name, speaks to the server.

pub mod description;
#[cfg(feature = "media")]
pub mod media;
mod place;
pub mod visit;
