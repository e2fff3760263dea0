//! Sign-in, lock, connection and settings.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Where the program stands; decides which screen is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The phase.
    pub phase: Phase,
    /// Server of the profile, or the one configured for a first start. `https://host:port`.
    pub server: Option<String>,
    /// Users who have a profile on this computer, last used first.
    pub profiles: Vec<ProfileView>,
    /// Who is signed in, while unlocked.
    pub user: Option<UserView>,
    /// The system's browser is waited for: somebody signs in with the organisation there.
    pub browsing: bool,
    /// Why it is locked, where that was not the user's doing; shown on the sign-in screen.
    pub notice: Option<super::fault::Fault>,
}

/// The program's phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No profile on this computer yet: enrol.
    FirstStart,
    /// Profiles exist, none is open.
    Locked,
    /// Enrolled, the cache is being filled for the first time; see [`SyncView::first`].
    Filling,
    /// Open for work.
    Unlocked,
}

/// A profile on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ProfileView {
    /// Sign-in name.
    pub username: String,
    /// Its server.
    pub server: String,
    /// The user signs in with the organisation; the password is this computer's alone.
    pub organisation: bool,
}

/// How users may sign in at a server, beside name and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct WaysView {
    /// With the organisation's identity provider.
    pub organisation: bool,
}

/// The signed-in user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// Sign-in name.
    pub username: String,
    /// Name for people.
    pub display_name: String,
    /// Wire name of the role, such as `clinician`.
    pub role: String,
    /// Logical id of the user's Practitioner.
    pub practitioner: Option<String>,
    /// The clinic's name.
    pub clinic: String,
    /// The clinic's IANA time zone.
    pub time_zone: String,
    /// What this role may do here; a button whose ability is absent is not drawn.
    pub abilities: Vec<Ability>,
}

/// Things a role may do, decided by the policy set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Open charts.
    ReadChart,
    /// Write notes, vitals and problems.
    WriteChart,
    /// Sign notes.
    SignNotes,
    /// Register and edit patients.
    EditPatients,
    /// Book, move, cancel, check in.
    Book,
    /// Read reports of accesses.
    ReadAudit,
    /// See and close what is to be reviewed.
    ReviewAccess,
    /// Take emergency access.
    EmergencyAccess,
    /// Rehearse a downtime on this computer.
    Rehearse,
    /// Merge two records of one person, undo that, or keep two apart.
    MergePatients,
}

/// First contact of this computer with a server for one user.
#[derive(Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EnrolForm {
    /// `https://host:port`.
    pub server: String,
    /// Sign-in name.
    pub username: String,
    /// Password; the one that shall open the records on this computer, where the user signs in
    /// with the organisation.
    pub password: String,
    /// Six digits.
    pub code: String,
    /// Sign in with the organisation.
    pub organisation: bool,
}

/// Unlock an existing profile, on line or off.
#[derive(Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct UnlockForm {
    /// Server of the profile.
    pub server: String,
    /// Sign-in name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// A new password for the open profile; on line only.
#[derive(Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PasswordForm {
    /// As it is.
    pub current: String,
    /// As it shall be.
    pub next: String,
}

/// The truth about connection and what waits, for the status bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SyncView {
    /// Connection.
    pub connection: Connection,
    /// Records that wait to be sent or confirmed.
    pub to_send: u32,
    /// Audit events that wait to be sent.
    pub audit_to_send: u32,
    /// Conflicts and refusals that wait for a person.
    pub needs_you: u32,
    /// Pairs of records that are likely one person's, for who may merge them. None of the user's
    /// work waits for them.
    pub duplicates: u32,
    /// When everything was last confirmed, clinic time.
    pub confirmed_at: Option<String>,
    /// The first filling of the cache, while it runs or after it was stopped.
    pub first: Option<FirstSync>,
    /// What stands in the way, if something other than the network does.
    pub fault: Option<super::fault::Fault>,
    /// What this computer knows of the server's ledger.
    pub ledger: LedgerView,
    /// How long work may go on without the server.
    pub lease: LeaseView,
    /// A downtime that is rehearsed on this computer: off line on purpose.
    pub rehearsal: Option<super::rehearsal::RehearsalView>,
}

/// How long work may go on without the server; every contact begins it anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LeaseView {
    /// Whether it may.
    pub state: LeaseState,
    /// Until when, clinic time, in words: `Fri 14:00`.
    pub until: Option<String>,
    /// How long that is from now.
    pub minutes_left: Option<u32>,
}

/// Whether work may go on without the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseState {
    /// It may.
    Valid,
    /// It may for less than twelve hours.
    Ending,
    /// It may not any more.
    Expired,
    /// The server has not allowed it.
    None,
}

/// What this computer knows of the server's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LedgerView {
    /// Whether it continues.
    pub state: LedgerState,
    /// Entries of the newest ledger that was verified.
    pub size: Option<u32>,
    /// When that was, clinic time.
    pub at: Option<String>,
    /// In words; what is wrong, where it is broken.
    pub words: String,
}

/// Whether the server's ledger continues what this computer witnessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerState {
    /// Not checked yet on this computer.
    Unknown,
    /// It does.
    Verified,
    /// It does not.
    Broken,
    /// It does since it was taken up again after a restore, not long ago: what was witnessed
    /// before is lost there.
    Restored,
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Connection {
    /// Being tried.
    Connecting,
    /// The server answers.
    Online,
    /// It cannot be reached; work goes on.
    Offline,
    /// It answers, but this session has ended: the password is needed again.
    SignInNeeded,
}

/// Progress of the first filling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FirstSync {
    /// Records stored.
    pub done: u32,
    /// Records in all, an estimate until the end.
    pub total: u32,
    /// Stopped by the user; can be taken up again.
    pub stopped: bool,
}

/// The Settings screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettingsView {
    /// Look of the program.
    pub theme: Theme,
    /// Lock after this many minutes without input.
    pub idle_minutes: u32,
    /// The longest the organisation's policy allows.
    pub idle_minutes_max: u32,
    /// Version of the program.
    pub version: String,
    /// Server address.
    pub server: String,
    /// This computer's device id.
    pub device: String,
    /// Folder of the profile.
    pub profile_folder: String,
    /// Records in the cache.
    pub records: u32,
    /// Size of the cache file, bytes.
    pub cache_bytes: f64,
    /// Name of the keychain in use.
    pub keychain: String,
}

/// Look of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// Follows the desktop.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Changes to settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettingsForm {
    /// Look of the program.
    pub theme: Theme,
    /// Lock after this many minutes; 1 to the policy's longest.
    pub idle_minutes: u32,
}
