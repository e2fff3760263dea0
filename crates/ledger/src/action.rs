//! What is recorded: every use case of the desktop and every interaction with the server.

use serde::{Deserialize, Serialize};

/// A FHIR interaction, as `http://hl7.org/fhir/restful-interaction` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interaction {
    /// Reading one resource.
    Read,
    /// Reading one version.
    Vread,
    /// Reading all versions of one resource.
    History,
    /// Searching.
    Search,
    /// Making a resource.
    Create,
    /// Replacing a resource.
    Update,
    /// Changing parts of a resource.
    Patch,
    /// Deleting a resource.
    Delete,
    /// Many at once, all or nothing.
    Transaction,
    /// Many at once, each on its own.
    Batch,
    /// A named operation.
    Operation,
}

/// What sort of event an action is: decides type, subtype and `AuditEvent.action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A FHIR interaction, with the server or on the workstation's own copy.
    Rest(Interaction),
    /// Somebody proves who they are.
    Login,
    /// Somebody leaves.
    Logout,
    /// An account, role or device changes.
    SecurityAttributes,
    /// Somebody reads the audit.
    AuditRead,
    /// Records leave the system.
    Export,
    /// Records enter the system.
    Import,
    /// Something that may be an attack.
    Alert,
}

macro_rules! actions {
    ($( $(#[doc = $doc:literal])+ $name:ident = $code:literal, $kind:expr; )+) => {
        /// A thing that is recorded. The code is stable: it is stored and searched for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Action {
            $( $(#[doc = $doc])+ #[serde(rename = $code)] $name, )+
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )+ ];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $( Self::$name => $code, )+ }
            }

            /// What sort of event it is.
            pub fn kind(self) -> Kind {
                match self { $( Self::$name => $kind, )+ }
            }
        }
    };
}

use Interaction as I;
use Kind as K;

actions! {
    /// A user signed in on an enrolled device.
    SignedIn = "signed-in", K::Login;
    /// A sign-in or enrolment was refused.
    SignInRefused = "sign-in-refused", K::Login;
    /// A user signed out.
    SignedOut = "signed-out", K::Logout;
    /// Sessions of a user were ended by an administrator or operator.
    SessionsEnded = "sessions-ended", K::Logout;
    /// A device was enrolled for a user.
    Enrolled = "enrolled", K::SecurityAttributes;
    /// A workstation was unlocked.
    Unlocked = "unlocked", K::Login;
    /// Unlocking was refused.
    UnlockRefused = "unlock-refused", K::Login;
    /// A workstation was locked, by command or by idleness.
    Locked = "locked", K::Logout;
    /// An account was made.
    UserAdded = "user-added", K::SecurityAttributes;
    /// An account was changed: role, password, second factor.
    UserChanged = "user-changed", K::SecurityAttributes;
    /// An account was disabled.
    UserDisabled = "user-disabled", K::SecurityAttributes;
    /// The organisation's rules for workstations were changed.
    PolicyChanged = "policy-changed", K::SecurityAttributes;
    /// The records were restored from a backup, and began a new life without what came after it.
    DatabaseRestored = "database-restored", K::SecurityAttributes;
    /// A workstation may not be used any more.
    DeviceRevoked = "device-revoked", K::SecurityAttributes;
    /// A workstation saved its unsent work, sealed to the organisation, before it was wiped.
    WorkEscrowed = "work-escrowed", K::Export;
    /// A workstation handed over work that was not sent when its chart left it, sealed to the
    /// organisation.
    WorkSetAside = "work-set-aside", K::Export;
    /// A workstation erased its keys and records by order.
    DeviceWiped = "device-wiped", K::SecurityAttributes;
    /// Unsent work of a lost workstation was opened with the recovery secret.
    RecoveryOpened = "recovery-opened", K::Export;
    /// A bearer token was made for an integration client.
    TokenIssued = "token-issued", K::SecurityAttributes;

    /// A user gave a reason for opening a chart without a relationship to the patient.
    AccessJustified = "access-justified", K::SecurityAttributes;
    /// A user took emergency access to one patient's record.
    EmergencyAccess = "emergency-access", K::Alert;

    /// Today's list was shown.
    TodayViewed = "today-viewed", K::Rest(I::Search);
    /// Patients were searched for.
    PatientsSearched = "patients-searched", K::Rest(I::Search);
    /// A chart was opened.
    ChartOpened = "chart-opened", K::Rest(I::Read);
    /// A note was read.
    NoteRead = "note-read", K::Rest(I::Read);
    /// A note was signed: from here on it is part of the record.
    NoteSigned = "note-signed", K::Rest(I::Create);
    /// A draft was opened. Drafts stay on the workstation.
    DraftOpened = "draft-opened", K::Rest(I::Read);
    /// A draft was begun.
    DraftBegun = "draft-begun", K::Rest(I::Create);
    /// A draft was thrown away.
    DraftDiscarded = "draft-discarded", K::Rest(I::Delete);
    /// Vital signs were recorded.
    VitalsRecorded = "vitals-recorded", K::Rest(I::Create);
    /// A problem was recorded.
    ProblemRecorded = "problem-recorded", K::Rest(I::Create);
    /// The form with a problem was opened.
    ProblemFormOpened = "problem-form-opened", K::Rest(I::Read);
    /// A problem was changed: where it stands, since when or until when.
    ProblemChanged = "problem-changed", K::Rest(I::Update);
    /// The form with a patient's demographics was opened.
    PatientFormOpened = "patient-form-opened", K::Rest(I::Read);
    /// A patient was registered.
    PatientRegistered = "patient-registered", K::Rest(I::Create);
    /// A patient's demographics were changed.
    PatientChanged = "patient-changed", K::Rest(I::Update);
    /// Two records of one person were merged.
    PatientsMerged = "patients-merged", K::Rest(I::Update);
    /// A merge was undone: two records stand each for itself again.
    MergeUndone = "merge-undone", K::Rest(I::Update);
    /// A person decided that two records are two people's.
    PatientsKeptApart = "patients-kept-apart", K::Rest(I::Update);
    /// The schedule was shown.
    ScheduleViewed = "schedule-viewed", K::Rest(I::Search);
    /// An appointment was booked.
    AppointmentBooked = "appointment-booked", K::Rest(I::Create);
    /// An appointment was moved.
    AppointmentMoved = "appointment-moved", K::Rest(I::Update);
    /// An appointment was cancelled.
    AppointmentCancelled = "appointment-cancelled", K::Rest(I::Update);
    /// An appointment went on: arrived, in the room, done, not come.
    AppointmentProgressed = "appointment-progressed", K::Rest(I::Update);
    /// A link to a video visit was made for the patient.
    VisitInvited = "visit-invited", K::Rest(I::Operation);
    /// The link to a video visit was taken back.
    VisitWithdrawn = "visit-withdrawn", K::Rest(I::Operation);
    /// A link to a video visit was made for a guest.
    GuestInvited = "guest-invited", K::Rest(I::Operation);
    /// A guest's part in a video visit was ended, and the link to it.
    GuestDismissed = "guest-dismissed", K::Rest(I::Operation);
    /// The clinician asked a guest into the call of a video visit.
    GuestAdmitted = "guest-admitted", K::Rest(I::Operation);
    /// The list of video visits was shown.
    VisitsViewed = "visits-viewed", K::Rest(I::Search);
    /// Somebody came to a video visit by its link, or came back.
    VisitJoined = "visit-joined", K::Rest(I::Operation);
    /// Somebody left a video visit, or the line to them broke.
    VisitLeft = "visit-left", K::Rest(I::Operation);
    /// The clinician asked the patient into the call.
    VisitAdmitted = "visit-admitted", K::Rest(I::Operation);
    /// Picture and sound began to flow in a video visit.
    CallConnected = "call-connected", K::Rest(I::Operation);
    /// The call of a video visit broke off.
    CallInterrupted = "call-interrupted", K::Rest(I::Operation);
    /// The call of a video visit was ended; the visit goes on.
    CallEnded = "call-ended", K::Rest(I::Operation);
    /// The patient began to be shown a window or a screen of the clinician's computer.
    ScreenShared = "screen-shared", K::Rest(I::Operation);
    /// The patient is not shown a window or a screen any more.
    ScreenShareEnded = "screen-share-ended", K::Rest(I::Operation);
    /// A video visit was ended.
    VisitEnded = "visit-ended", K::Rest(I::Update);
    /// The certificates of a call are not those that were signed: somebody may stand between.
    CallForged = "call-forged", K::Alert;
    /// The inbox was shown: conflicts and refused changes.
    InboxViewed = "inbox-viewed", K::Rest(I::Search);
    /// A person settled a conflict.
    ConflictSettled = "conflict-settled", K::Rest(I::Update);
    /// A person gave up a change that the server refused.
    ChangeGivenUp = "change-given-up", K::Rest(I::Update);
    /// A user took note of work that was set aside.
    SetAsideNoted = "set-aside-noted", K::Rest(I::Update);
    /// A person offered a refused change again.
    ChangeRetried = "change-retried", K::Rest(I::Operation);
    /// A record that came and could not be read was asked for again.
    FetchedAgain = "fetched-again", K::Rest(I::Read);
    /// A downtime began to be rehearsed: a workstation was cut off from the server on purpose.
    RehearsalStarted = "rehearsal-started", K::SecurityAttributes;
    /// The rehearsal of a downtime ended.
    RehearsalEnded = "rehearsal-ended", K::SecurityAttributes;
    /// Records arrived on a workstation from the feed, or were served to one.
    Synchronised = "synchronised", K::Rest(I::Operation);
    /// Changes were sent up by a workstation, or taken from one.
    Uploaded = "uploaded", K::Rest(I::Batch);
    /// The list of recorded events was shown.
    ActivityViewed = "activity-viewed", K::AuditRead;
    /// The list of who looked at a chart was shown.
    WhoLookedViewed = "who-looked-viewed", K::AuditRead;
    /// A report of accesses was shown.
    ReportViewed = "report-viewed", K::AuditRead;
    /// A report of accesses was exported.
    ReportExported = "report-exported", K::AuditRead;
    /// The accounting of a patient's disclosures was made.
    DisclosuresAccounted = "disclosures-accounted", K::AuditRead;
    /// What is to be reviewed was shown.
    ReviewsViewed = "reviews-viewed", K::AuditRead;
    /// A review was closed.
    ReviewClosed = "review-closed", K::SecurityAttributes;
    /// A proof from the ledger was given.
    LedgerProved = "ledger-proved", K::AuditRead;
    /// Unsent work was exported from a workstation.
    ExportedUnsent = "exported-unsent", K::Export;
    /// Records were imported.
    Imported = "imported", K::Import;

    /// FHIR read.
    FhirRead = "fhir-read", K::Rest(I::Read);
    /// FHIR version read.
    FhirVread = "fhir-vread", K::Rest(I::Vread);
    /// FHIR history.
    FhirHistory = "fhir-history", K::Rest(I::History);
    /// FHIR search.
    FhirSearch = "fhir-search", K::Rest(I::Search);
    /// FHIR create.
    FhirCreate = "fhir-create", K::Rest(I::Create);
    /// FHIR update.
    FhirUpdate = "fhir-update", K::Rest(I::Update);
    /// FHIR patch.
    FhirPatch = "fhir-patch", K::Rest(I::Patch);
    /// FHIR delete.
    FhirDelete = "fhir-delete", K::Rest(I::Delete);
    /// FHIR transaction.
    FhirTransaction = "fhir-transaction", K::Rest(I::Transaction);
    /// FHIR batch.
    FhirBatch = "fhir-batch", K::Rest(I::Batch);
    /// `Patient/$everything`.
    FhirEverything = "fhir-everything", K::Rest(I::Operation);
    /// AuditEvents were read or searched over FHIR.
    AuditRead = "audit-read", K::AuditRead;

    /// A workstation's chain of events did not continue: gap, replay, change or wrong key.
    ChainBroken = "chain-broken", K::Alert;
    /// A workstation began its chain anew: it was wiped, restored or copied.
    DeviceReset = "device-reset", K::Alert;
    /// The ledger does not continue what was witnessed.
    LedgerBroken = "ledger-broken", K::Alert;
    /// A workstation took up a ledger that begins again after a restore; what it had witnessed
    /// before is evidence of what was lost.
    LedgerTakenUp = "ledger-taken-up", K::Alert;
    /// A patient's data keys were destroyed: no copy of the record opens any more.
    KeysDestroyed = "keys-destroyed", K::SecurityAttributes;
    /// Master or data keys were changed.
    KeysRotated = "keys-rotated", K::SecurityAttributes;
    /// A program's token was used for what its scopes do not cover, outside the FHIR service.
    ScopeRefused = "scope-refused", K::SecurityAttributes;
    /// A proof of possession did not fit its token: the token may be stolen.
    ProofRefused = "proof-refused", K::Alert;
}

impl Action {
    /// The action with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.code() == code)
    }
}
