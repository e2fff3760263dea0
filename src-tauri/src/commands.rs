//! The commands of the windows: decode, one use case, encode. Nothing is decided here.

use tauri::State;
use workstation::Workstation;
use workstation::view::access::{AccessView, EmergencyForm, JustifyForm};
use workstation::view::activity::ActivityView;
use workstation::view::chart::{ChartView, ProblemForm, ProblemTerm, VitalsForm};
use workstation::view::conflict::{Choice, CombineForm, InboxView};
use workstation::view::fault::Fault;
use workstation::view::note::{DraftForm, DraftView, NoteView};
use workstation::view::patient::{PatientForm, PatientPage};
use workstation::view::problem::ProblemChange;
use workstation::view::rehearsal::RehearsalReport;
use workstation::view::report::{
    AccessPage, CloseForm, ExportFormat, Exported, ReportForm, ReviewView, ReviewsView,
};
use workstation::view::same_person::{LikelyView, MergeForm};
use workstation::view::schedule::{BookingForm, MoveForm, Progress, ScheduleView};
use workstation::view::session::{
    EnrolForm, PasswordForm, SessionView, SettingsForm, SettingsView, SyncView, UnlockForm,
    WaysView,
};
use workstation::view::today::TodayView;
use workstation::view::{Cause, Saved};

pub(crate) type Answer<T> = Result<T, Fault>;

/// Where the program stands.
#[tauri::command]
#[specta::specta]
pub async fn session_view(workstation: State<'_, Workstation>) -> Answer<SessionView> {
    workstation.session_view().await
}

/// Enrols this computer for a user and starts to fill the cache.
#[tauri::command]
#[specta::specta]
pub async fn enrol(workstation: State<'_, Workstation>, form: EnrolForm) -> Answer<SessionView> {
    workstation.enrol(form).await
}

/// How users may sign in at a server, beside name and password.
#[tauri::command]
#[specta::specta]
pub async fn sign_in_ways(workstation: State<'_, Workstation>, server: String) -> Answer<WaysView> {
    workstation.sign_in_ways(server).await
}

/// Signs the open profile's user in with the organisation, in the system's browser.
#[tauri::command]
#[specta::specta]
pub async fn sign_in_again(workstation: State<'_, Workstation>) -> Answer<SessionView> {
    workstation.sign_in_again().await
}

/// Ends the wait for the system's browser.
#[tauri::command]
#[specta::specta]
pub async fn cancel_sign_in(workstation: State<'_, Workstation>) -> Answer<SessionView> {
    workstation.cancel_sign_in().await
}

/// Opens a profile with the password, on line or off.
#[tauri::command]
#[specta::specta]
pub async fn unlock(workstation: State<'_, Workstation>, form: UnlockForm) -> Answer<SessionView> {
    workstation.unlock(form).await
}

/// Drops every key and closes the cache.
#[tauri::command]
#[specta::specta]
pub async fn lock(workstation: State<'_, Workstation>) -> Answer<SessionView> {
    workstation.lock().await
}

/// Keeps where the user is: ids and no words.
#[tauri::command]
#[specta::specta]
pub async fn keep_place(workstation: State<'_, Workstation>, place: String) -> Answer<()> {
    workstation.keep_place(place).await
}

/// Where the user was before the profile was locked.
#[tauri::command]
#[specta::specta]
pub async fn kept_place(workstation: State<'_, Workstation>) -> Answer<Option<String>> {
    workstation.kept_place().await
}

/// Ends the session on the server and locks.
#[tauri::command]
#[specta::specta]
pub async fn sign_out(workstation: State<'_, Workstation>) -> Answer<SessionView> {
    workstation.sign_out().await
}

/// Changes the password, on the server and here, on line only; for those who sign in with the
/// organisation, the one of this computer, off line too.
#[tauri::command]
#[specta::specta]
pub async fn change_password(
    workstation: State<'_, Workstation>,
    form: PasswordForm,
) -> Answer<SessionView> {
    workstation.change_password(form).await
}

/// Tells that somebody is there, so that the idle lock waits.
#[tauri::command]
#[specta::specta]
pub async fn note_activity(workstation: State<'_, Workstation>) -> Answer<()> {
    workstation.note_activity().await
}

/// The truth about connection and what waits.
#[tauri::command]
#[specta::specta]
pub async fn sync_view(workstation: State<'_, Workstation>) -> Answer<SyncView> {
    workstation.sync_view().await
}

/// Tries the server now.
#[tauri::command]
#[specta::specta]
pub async fn sync_now(workstation: State<'_, Workstation>) -> Answer<()> {
    workstation.sync_now().await
}

/// Stops the first filling; what came stays.
#[tauri::command]
#[specta::specta]
pub async fn stop_first_sync(workstation: State<'_, Workstation>) -> Answer<()> {
    workstation.stop_first_sync().await
}

/// Takes the first filling up where it stopped.
#[tauri::command]
#[specta::specta]
pub async fn resume_first_sync(workstation: State<'_, Workstation>) -> Answer<()> {
    workstation.resume_first_sync().await
}

/// My day.
#[tauri::command]
#[specta::specta]
pub async fn today(workstation: State<'_, Workstation>, cause: Cause) -> Answer<TodayView> {
    workstation.today(cause).await
}

/// Patients by any part of name, birth date, MRN or phone; recent ones for an empty query.
#[tauri::command]
#[specta::specta]
pub async fn find_patients(
    workstation: State<'_, Workstation>,
    query: String,
    limit: u32,
) -> Answer<PatientPage> {
    workstation.find_patients(query, limit).await
}

/// Demographics to edit.
#[tauri::command]
#[specta::specta]
pub async fn patient_form(
    workstation: State<'_, Workstation>,
    patient: String,
) -> Answer<PatientForm> {
    workstation.patient_form(patient).await
}

/// Registers or changes a patient.
#[tauri::command]
#[specta::specta]
pub async fn save_patient(workstation: State<'_, Workstation>, form: PatientForm) -> Answer<Saved> {
    workstation.save_patient(form).await
}

/// Patients who may be the one that a form describes.
#[tauri::command]
#[specta::specta]
pub async fn likely_duplicates(
    workstation: State<'_, Workstation>,
    form: PatientForm,
) -> Answer<Vec<LikelyView>> {
    workstation.likely_duplicates(form).await
}

/// Merges two records of one person.
#[tauri::command]
#[specta::specta]
pub async fn merge_patients(workstation: State<'_, Workstation>, form: MergeForm) -> Answer<Saved> {
    workstation.merge_patients(form).await
}

/// Undoes a merge.
#[tauri::command]
#[specta::specta]
pub async fn undo_merge(workstation: State<'_, Workstation>, replaced: String) -> Answer<Saved> {
    workstation.undo_merge(replaced).await
}

/// Remembers that two records are two people's.
#[tauri::command]
#[specta::specta]
pub async fn keep_apart(
    workstation: State<'_, Workstation>,
    one: String,
    other: String,
) -> Answer<Saved> {
    workstation.keep_apart(one, other).await
}

/// A patient's chart.
#[tauri::command]
#[specta::specta]
pub async fn open_chart(
    workstation: State<'_, Workstation>,
    patient: String,
    cause: Cause,
) -> Answer<ChartView> {
    workstation.open_chart(patient, cause).await
}

/// A signed note, whole.
#[tauri::command]
#[specta::specta]
pub async fn note(workstation: State<'_, Workstation>, reference: String) -> Answer<NoteView> {
    workstation.note(reference).await
}

/// Terms while a problem is typed.
#[tauri::command]
#[specta::specta]
pub async fn problem_terms(
    workstation: State<'_, Workstation>,
    query: String,
) -> Answer<Vec<ProblemTerm>> {
    workstation.problem_terms(query).await
}

/// Records vital signs.
#[tauri::command]
#[specta::specta]
pub async fn add_vitals(workstation: State<'_, Workstation>, form: VitalsForm) -> Answer<Saved> {
    workstation.add_vitals(form).await
}

/// Adds a problem.
#[tauri::command]
#[specta::specta]
pub async fn add_problem(workstation: State<'_, Workstation>, form: ProblemForm) -> Answer<Saved> {
    workstation.add_problem(form).await
}

/// A problem to change.
#[tauri::command]
#[specta::specta]
pub async fn problem_form(
    workstation: State<'_, Workstation>,
    reference: String,
) -> Answer<ProblemChange> {
    workstation.problem_form(reference).await
}

/// Changes a problem: where it stands, since when, until when.
#[tauri::command]
#[specta::specta]
pub async fn change_problem(
    workstation: State<'_, Workstation>,
    form: ProblemChange,
) -> Answer<Saved> {
    workstation.change_problem(form).await
}

/// The user's unsigned note for a patient.
#[tauri::command]
#[specta::specta]
pub async fn draft(
    workstation: State<'_, Workstation>,
    patient: String,
) -> Answer<Option<DraftView>> {
    workstation.draft(patient).await
}

/// Keeps what was typed.
#[tauri::command]
#[specta::specta]
pub async fn keep_draft(workstation: State<'_, Workstation>, form: DraftForm) -> Answer<DraftView> {
    workstation.keep_draft(form).await
}

/// Throws a draft away.
#[tauri::command]
#[specta::specta]
pub async fn discard_draft(workstation: State<'_, Workstation>, id: String) -> Answer<()> {
    workstation.discard_draft(id).await
}

/// Freezes a draft as a signed note.
#[tauri::command]
#[specta::specta]
pub async fn sign_note(workstation: State<'_, Workstation>, draft: String) -> Answer<Saved> {
    workstation.sign_note(draft).await
}

/// The calendar for some days.
#[tauri::command]
#[specta::specta]
pub async fn schedule(
    workstation: State<'_, Workstation>,
    from: String,
    days: u32,
    cause: Cause,
) -> Answer<ScheduleView> {
    workstation.schedule(from, days, cause).await
}

/// Books an appointment.
#[tauri::command]
#[specta::specta]
pub async fn book(workstation: State<'_, Workstation>, form: BookingForm) -> Answer<Saved> {
    workstation.book(form).await
}

/// Moves an appointment or changes its length.
#[tauri::command]
#[specta::specta]
pub async fn move_appointment(
    workstation: State<'_, Workstation>,
    form: MoveForm,
) -> Answer<Saved> {
    workstation.move_appointment(form).await
}

/// Cancels an appointment with a reason.
#[tauri::command]
#[specta::specta]
pub async fn cancel_appointment(
    workstation: State<'_, Workstation>,
    id: String,
    reason: String,
) -> Answer<Saved> {
    workstation.cancel_appointment(id, reason).await
}

/// Checks in, takes in, finishes or marks as not come.
#[tauri::command]
#[specta::specta]
pub async fn set_progress(
    workstation: State<'_, Workstation>,
    id: String,
    progress: Progress,
) -> Answer<Saved> {
    workstation.set_progress(id, progress).await
}

/// What needs a person.
#[tauri::command]
#[specta::specta]
pub async fn inbox(workstation: State<'_, Workstation>, cause: Cause) -> Answer<InboxView> {
    workstation.inbox(cause).await
}

/// Settles two versions of one record.
#[tauri::command]
#[specta::specta]
pub async fn settle_conflict(
    workstation: State<'_, Workstation>,
    id: String,
    choice: Choice,
) -> Answer<()> {
    workstation.settle_conflict(id, choice).await
}

/// Settles two versions of one record element by element.
#[tauri::command]
#[specta::specta]
pub async fn combine_conflict(
    workstation: State<'_, Workstation>,
    form: CombineForm,
) -> Answer<()> {
    workstation.combine_conflict(form).await
}

/// Asks the server again for a record that came and could not be read.
#[tauri::command]
#[specta::specta]
pub async fn fetch_again(workstation: State<'_, Workstation>, reference: String) -> Answer<()> {
    workstation.fetch_again(reference).await
}

/// Takes note of work that was set aside and handed over.
#[tauri::command]
#[specta::specta]
pub async fn note_set_aside(workstation: State<'_, Workstation>, id: String) -> Answer<()> {
    workstation.note_set_aside(id).await
}

/// Undoes a refused change on this computer.
#[tauri::command]
#[specta::specta]
pub async fn give_up_refused(workstation: State<'_, Workstation>, id: String) -> Answer<()> {
    workstation.give_up_refused(id).await
}

/// Sends a refused change again.
#[tauri::command]
#[specta::specta]
pub async fn retry_refused(workstation: State<'_, Workstation>, id: String) -> Answer<()> {
    workstation.retry_refused(id).await
}

/// What this workstation recorded and what is still to send.
#[tauri::command]
#[specta::specta]
pub async fn activity(workstation: State<'_, Workstation>, limit: u32) -> Answer<ActivityView> {
    workstation.activity(limit).await
}

/// The Settings screen.
#[tauri::command]
#[specta::specta]
pub async fn settings_view(workstation: State<'_, Workstation>) -> Answer<SettingsView> {
    workstation.settings_view().await
}

/// Changes settings.
#[tauri::command]
#[specta::specta]
pub async fn save_settings(
    workstation: State<'_, Workstation>,
    form: SettingsForm,
) -> Answer<SettingsView> {
    workstation.save_settings(form).await
}

/// Takes a reason for a patient's record where there is no relationship.
#[tauri::command]
#[specta::specta]
pub async fn justify_access(
    workstation: State<'_, Workstation>,
    form: JustifyForm,
) -> Answer<AccessView> {
    workstation.justify_access(form).await
}

/// Takes emergency access to one patient's record.
#[tauri::command]
#[specta::specta]
pub async fn emergency_access(
    workstation: State<'_, Workstation>,
    form: EmergencyForm,
) -> Answer<AccessView> {
    workstation.emergency_access(form).await
}

/// Who looked at a patient's record, newest first. Asks the server.
#[tauri::command]
#[specta::specta]
pub async fn who_looked(
    workstation: State<'_, Workstation>,
    patient: String,
    cursor: Option<String>,
) -> Answer<AccessPage> {
    workstation.who_looked(patient, cursor).await
}

/// A page of accesses. Asks the server.
#[tauri::command]
#[specta::specta]
pub async fn access_report(
    workstation: State<'_, Workstation>,
    query: ReportForm,
) -> Answer<AccessPage> {
    workstation.access_report(query).await
}

/// Writes a report into the user's folder for downloads.
#[tauri::command]
#[specta::specta]
pub async fn export_report(
    workstation: State<'_, Workstation>,
    query: ReportForm,
    format: ExportFormat,
) -> Answer<Exported> {
    workstation.export_report(query, format).await
}

/// What is to be reviewed, newest first. Asks the server.
#[tauri::command]
#[specta::specta]
pub async fn reviews(
    workstation: State<'_, Workstation>,
    closed: bool,
    cursor: Option<String>,
) -> Answer<ReviewsView> {
    workstation.reviews(closed, cursor).await
}

/// Closes a review with what was found.
#[tauri::command]
#[specta::specta]
pub async fn close_review(
    workstation: State<'_, Workstation>,
    form: CloseForm,
) -> Answer<ReviewView> {
    workstation.close_review(form).await
}

/// Cuts this computer off from the server for some minutes, to learn what then cannot be done.
#[tauri::command]
#[specta::specta]
pub async fn start_rehearsal(
    workstation: State<'_, Workstation>,
    minutes: u32,
) -> Answer<SyncView> {
    workstation.start_rehearsal(minutes).await
}

/// Ends a rehearsal before its time.
#[tauri::command]
#[specta::specta]
pub async fn stop_rehearsal(workstation: State<'_, Workstation>) -> Answer<RehearsalReport> {
    workstation.stop_rehearsal().await
}

/// What the last or the running rehearsal showed.
#[tauri::command]
#[specta::specta]
pub async fn rehearsal_report(
    workstation: State<'_, Workstation>,
) -> Answer<Option<RehearsalReport>> {
    workstation.rehearsal_report().await
}
