//! The commands of video visits.

use tauri::State;
use workstation::Workstation;
use workstation::view::visit::{
    CallView, DeviceKind, DevicesView, GuestKind, InvitationView, PicturesView, ShareSourceView,
    VisitsView,
};
use workstation::view::{Cause, Saved};

use crate::commands::Answer;

/// The video visits that the user may lead.
#[tauri::command]
#[specta::specta]
pub async fn visits(workstation: State<'_, Workstation>, cause: Cause) -> Answer<VisitsView> {
    workstation.visits(cause).await
}

/// Makes a link by which the patient of an appointment joins.
#[tauri::command]
#[specta::specta]
pub async fn invite_to_visit(
    workstation: State<'_, Workstation>,
    appointment: String,
) -> Answer<InvitationView> {
    workstation.invite_to_visit(appointment).await
}

/// Takes the link of an appointment back.
#[tauri::command]
#[specta::specta]
pub async fn withdraw_visit(
    workstation: State<'_, Workstation>,
    appointment: String,
) -> Answer<()> {
    workstation.withdraw_visit(appointment).await
}

/// Asks a patient in and begins the call here.
#[tauri::command]
#[specta::specta]
pub async fn admit_to_visit(
    workstation: State<'_, Workstation>,
    appointment: String,
) -> Answer<()> {
    workstation.admit_to_visit(appointment).await
}

/// Makes a link by which a guest joins.
#[tauri::command]
#[specta::specta]
pub async fn invite_guest(
    workstation: State<'_, Workstation>,
    appointment: String,
    kind: GuestKind,
    agreed: bool,
) -> Answer<InvitationView> {
    workstation.invite_guest(appointment, kind, agreed).await
}

/// Asks a guest in, beside the patient.
#[tauri::command]
#[specta::specta]
pub async fn admit_guest(
    workstation: State<'_, Workstation>,
    appointment: String,
    guest: String,
) -> Answer<()> {
    workstation.admit_guest(appointment, guest).await
}

/// Ends a guest's call; the guest is in the waiting room again.
#[tauri::command]
#[specta::specta]
pub async fn end_guest_call(
    workstation: State<'_, Workstation>,
    appointment: String,
    guest: String,
) -> Answer<()> {
    workstation.end_guest_call(appointment, guest).await
}

/// Ends a guest's part in a visit, and the guest's link.
#[tauri::command]
#[specta::specta]
pub async fn dismiss_guest(
    workstation: State<'_, Workstation>,
    appointment: String,
    guest: String,
) -> Answer<()> {
    workstation.dismiss_guest(appointment, guest).await
}

/// Ends the call; who was in it is in the waiting room again.
#[tauri::command]
#[specta::specta]
pub async fn end_call(workstation: State<'_, Workstation>, appointment: String) -> Answer<()> {
    workstation.end_call(appointment).await
}

/// Ends the visit: the call, the link, the Encounter and the appointment.
#[tauri::command]
#[specta::specta]
pub async fn end_visit(workstation: State<'_, Workstation>, appointment: String) -> Answer<Saved> {
    workstation.end_visit(appointment).await
}

/// The call on this computer.
#[tauri::command]
#[specta::specta]
pub async fn call(workstation: State<'_, Workstation>) -> Answer<Option<CallView>> {
    workstation.call().await
}

/// Where the window finds the pictures of the call.
#[tauri::command]
#[specta::specta]
pub async fn call_pictures(workstation: State<'_, Workstation>) -> Answer<Option<PicturesView>> {
    workstation.call_pictures().await
}

/// Where the window finds the pictures of a guest in the call.
#[tauri::command]
#[specta::specta]
pub async fn guest_picture(
    workstation: State<'_, Workstation>,
    guest: String,
) -> Answer<Option<String>> {
    workstation.guest_picture(guest).await
}

/// Cameras, microphones and loudspeakers.
#[tauri::command]
#[specta::specta]
pub async fn devices(workstation: State<'_, Workstation>) -> Answer<DevicesView> {
    workstation.devices().await
}

/// Uses another device, or none.
#[tauri::command]
#[specta::specta]
pub async fn choose_device(
    workstation: State<'_, Workstation>,
    kind: DeviceKind,
    id: Option<String>,
) -> Answer<DevicesView> {
    workstation.choose_device(kind, id).await
}

/// Windows and screens that could be shown to the patient.
#[tauri::command]
#[specta::specta]
pub async fn share_sources(workstation: State<'_, Workstation>) -> Answer<Vec<ShareSourceView>> {
    workstation.share_sources().await
}

/// Shows the patient a window or screen.
#[tauri::command]
#[specta::specta]
pub async fn share_screen(workstation: State<'_, Workstation>, id: String) -> Answer<()> {
    workstation.share_screen(id).await
}

/// Shows the patient the camera's picture again.
#[tauri::command]
#[specta::specta]
pub async fn stop_sharing(workstation: State<'_, Workstation>) -> Answer<()> {
    workstation.stop_sharing().await
}
