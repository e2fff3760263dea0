//! Errors as the screen says them: a stable code, what happened, what is safe, what to do.

use protocol::fault::{Code, Problem};

use crate::error::{SignInError, WorkError};
use crate::port::keychain::KeychainError;
use crate::port::server::ServerError;
use crate::profile::ProfileError;
use crate::profile::slots::SlotsError;
use crate::view::fault::Fault;

const NOTHING_LOST: &str = "Nothing on this computer was lost.";
const NOT_SAVED: &str = "This change was not saved; everything before it is safe.";

/// What happened, what is safe, what to do; by code.
fn words(code: &str) -> (&'static str, &'static str, &'static str) {
    match code {
        "password-wrong" => (
            "The password is not right.",
            NOTHING_LOST,
            "Type it again. If it was changed elsewhere, use the former one here.",
        ),
        "credentials-wrong" => (
            "Name, password or code is not right.",
            "Nothing was changed.",
            "Type them again; a code is good for half a minute.",
        ),
        "password-unsure" => (
            "It is not known whether the server took the new password.",
            "Both passwords open this computer until that is known.",
            "Sign in again when the server can be reached; the one that it takes stays.",
        ),
        "password-refused" => (
            "The server does not accept this password any more.",
            "Everything on this computer is safe and can be worked with.",
            "Ask your administrator; until then nothing is sent.",
        ),
        "sign-in-cancelled" => (
            "The sign-in in the browser was ended.",
            NOTHING_LOST,
            "Begin it again when you are ready.",
        ),
        "another-user" => (
            "In the browser, somebody else is signed in than works here.",
            "Nothing was shown or changed.",
            "Sign out of your organisation in the browser, then try again under your own name.",
        ),
        "subject-unknown" => (
            "Your organisation knows you, and you have no account at this clinic.",
            "Nothing was changed.",
            "Ask your administrator.",
        ),
        "provider-unavailable" => (
            "Your organisation's sign-in cannot be reached now.",
            NOTHING_LOST,
            "Work on with what is on this computer, and try again in a few minutes.",
        ),
        "single-sign-on-off" => (
            "This server offers no sign-in with the organisation.",
            NOTHING_LOST,
            "Sign in with a password, or ask your administrator.",
        ),
        "sign-in-refused" => (
            "Your organisation's sign-in was not accepted.",
            NOTHING_LOST,
            "Begin it again; if it goes on, tell your administrator.",
        ),
        "browser-absent" => (
            "No browser opens on this computer.",
            NOTHING_LOST,
            "Set a browser in the settings of this desktop, then try again.",
        ),
        "port-taken" => (
            "This computer does not let Rounds wait for the browser.",
            NOTHING_LOST,
            "Try again; if it goes on, start the computer again.",
        ),
        "account-disabled" => (
            "This account is disabled.",
            NOTHING_LOST,
            "Ask your administrator.",
        ),
        "too-many-attempts" => (
            "There were too many attempts.",
            NOTHING_LOST,
            "Wait a few minutes and try again.",
        ),
        "device-unknown" => (
            "The server does not know this computer any more.",
            "Everything on this computer is safe.",
            "Ask your administrator for a code and enrol this computer again.",
        ),
        "session-ended" => (
            "The session on the server has ended.",
            "Everything on this computer is safe and can be worked with.",
            "Lock and unlock with your password to go on line again.",
        ),
        "keychain-locked" => (
            "The keychain is locked.",
            NOTHING_LOST,
            "Unlock the keychain of this desktop and try again.",
        ),
        "keychain-absent" => (
            "No keychain answers on this desktop.",
            NOTHING_LOST,
            "Start the desktop's keychain (GNOME Keyring, KWallet) and try again.",
        ),
        "keychain-no-entry" => (
            "The keychain holds no key for this profile.",
            "The records on this computer are still there, sealed; unsent work is among them.",
            "Unlock the keychain that was used before, or ask your administrator for a code and \
             enrol again: the old records are kept for recovery.",
        ),
        "keychain-changed" => (
            "The keychain holds another key than the one this profile was sealed with.",
            "The records on this computer are still there, sealed; unsent work is among them.",
            "Bring back the former keychain, or ask your administrator for a code and enrol \
             again: the old records are kept for recovery.",
        ),
        "keychain-silent" => (
            "The keychain does not answer.",
            NOTHING_LOST,
            "See whether it waits for you in another window, then try again.",
        ),
        "keychain-malformed" => (
            "The keychain's entry for this profile is damaged.",
            "The records on this computer are still there, sealed; unsent work is among them.",
            "Ask your administrator for a code and enrol again: the old records are kept for recovery.",
        ),
        "keychain-failed" => (
            "The keychain failed.",
            NOTHING_LOST,
            "Try again; if it goes on, sign out of the desktop and in again.",
        ),
        "server-offline" => (
            "The server cannot be reached.",
            NOTHING_LOST,
            "See whether this computer is on the network and the address is right, then try again.",
        ),
        "certificate-untrusted" => (
            "The server cannot prove that it is your organisation's.",
            "Nothing was sent to it.",
            "Do not go on. Tell your administrator.",
        ),
        "server-unreadable" => (
            "The server's answer cannot be understood.",
            NOTHING_LOST,
            "The program may be older than the server; ask your administrator.",
        ),
        "server-address" => (
            "The server's address or certificate file cannot be used.",
            "Nothing was sent.",
            "See that the address begins with https:// and ask your administrator.",
        ),
        "server-unavailable" => (
            "The server cannot do this now.",
            NOTHING_LOST,
            "Try again in a few minutes.",
        ),
        "server-refused" => (
            "The server refused.",
            NOTHING_LOST,
            "Ask your administrator.",
        ),
        "disk-full" => (
            "The disk is full.",
            "This was not saved; everything before it is safe.",
            "Free some space, then do it again.",
        ),
        "profile-in-use" => (
            "Another window of Rounds has this profile open.",
            NOTHING_LOST,
            "Go on there, or close it first.",
        ),
        "profile-missing" => (
            "There is no profile of this name on this computer.",
            "Nothing was changed.",
            "Enrol this computer for this user.",
        ),
        "profile-damaged" => (
            "The file that holds the sealed key is damaged.",
            "The records on this computer are still there, sealed; unsent work is among them.",
            "Ask your administrator for a code and enrol again: the old records are kept for recovery.",
        ),
        "profile-io" => (
            "The profile's folder cannot be read or written.",
            NOTHING_LOST,
            "See that the disk works and that the folder belongs to you.",
        ),
        "cache-corrupt" => (
            "The file with the records on this computer is damaged.",
            "It is kept, never deleted; what the server has comes back.",
            "Go on line and unlock again: a fresh file is filled beside it.",
        ),
        "cache-set-aside" => (
            "The file with the records on this computer was damaged and is kept beside a fresh one.",
            "What the server has is being fetched again. Notes and new records that could be read \
             were carried over.",
            "Tell your administrator: what was not sent yet can be looked for in the old file.",
        ),
        "cache-newer" => (
            "A later version of Rounds wrote the records on this computer.",
            NOTHING_LOST,
            "Install the current version.",
        ),
        "cache-busy" => (
            "The file with the records is in use.",
            NOT_SAVED,
            "Try again.",
        ),
        "cache-io" => (
            "The file with the records cannot be read or written.",
            NOT_SAVED,
            "See that the disk works, then try again.",
        ),
        "cache-failed" => (
            "The file with the records did not do as asked.",
            NOT_SAVED,
            "Try again; if it goes on, lock and unlock.",
        ),
        "audit-chain-broken" => (
            "This computer's record of accesses does not continue.",
            "Nothing was shown or saved without being recorded.",
            "Lock and unlock; if it goes on, tell your administrator.",
        ),
        "chain-refused" => (
            "The server does not accept this computer's record of accesses.",
            "Your work is safe; records of access are kept here.",
            "Tell your administrator.",
        ),
        "lease-expired" => (
            "This computer has been without the server for too long.",
            "Everything on it is safe and sealed; what was not sent yet is kept.",
            "Connect this computer to the network and sign in. Is its clock right?",
        ),
        "wiped" => (
            "Your organisation had the records on this computer erased.",
            "What was not sent yet was sealed for your organisation before; nothing was lost.",
            "Ask your administrator; a code enrols this computer again.",
        ),
        "wipe-unfinished" => (
            "Your organisation wants the records on this computer erased, and that is not done yet.",
            "The records stay sealed; what was not sent yet is not lost.",
            "Leave this computer on and on the network: Rounds goes on by itself. Tell your administrator if this stays.",
        ),
        "clock-behind" => (
            "The clock of this computer was set back.",
            "Everything on it is safe and sealed; what was not sent yet is kept.",
            "Set date and time right, or connect this computer to the network, then sign in.",
        ),
        "locked" => (
            "Rounds is locked.",
            NOTHING_LOST,
            "Unlock it with your password.",
        ),
        "forbidden" => (
            "Your role may not do this.",
            "Nothing was changed.",
            "Ask someone whose task it is.",
        ),
        "needs-justification" => (
            "You have no relationship with this patient. Say why you need the record.",
            "Nothing was shown or changed. That it was asked for is recorded.",
            "Give a reason, or ask somebody who treats the patient.",
        ),
        "needs-emergency" => (
            "This patient has closed the record to you. Only emergency access opens it.",
            "Nothing was shown or changed. That it was asked for is recorded.",
            "In an emergency, open the record with your password and a reason: every such access \
             is reviewed.",
        ),
        "emergency-quota-spent" => (
            "Off line, no further emergency access can be taken on this computer.",
            "Nothing was shown or changed.",
            "Bring this computer on line, or ask somebody who treats the patient.",
        ),
        "not-found" => (
            "This is not on this computer.",
            "Nothing was changed.",
            "It may have been removed, or not have arrived yet.",
        ),
        "chart-not-here" => (
            "This chart is not on this computer, and without the server it cannot be fetched.",
            "Nothing was lost: the chart is safe on the server. What is listed of the patient here \
             is right as far as it goes.",
            "Bring this computer on line and open the chart again, or ask a colleague whose \
             computer has it. In an emergency go by what patient and papers tell.",
        ),
        "chart-on-its-way" => (
            "This chart is still on its way from the server.",
            "Nothing of it is shown before all of it is here.",
            "Open it again in a moment.",
        ),
        "chart-not-given" => (
            "The server does not give this chart to this computer.",
            "Nothing was lost: the chart is safe on the server.",
            "What relates you to the patient may have ended. Find the patient again; if you are \
             asked for a reason, give it.",
        ),
        "set-aside-failed" => (
            "Work that was not sent could not be sealed for your organisation.",
            "It stays on this computer as it is; nothing was fetched meanwhile.",
            "Tell your administrator: the organisation's recovery key is not usable.",
        ),
        "still-unreadable" => (
            "The record came again and cannot be read by this version of Rounds.",
            "What this computer had of it before is unchanged.",
            "Tell your administrator what it is called; a newer version of Rounds may read it.",
        ),
        "invalid" => (
            "This cannot be saved as it is.",
            "Nothing was changed.",
            "Correct it and save again.",
        ),
        "time-taken" => (
            "The practitioner has another appointment at this time.",
            "Nothing was changed.",
            "Choose another time or practitioner.",
        ),
        "no-randomness" => (
            "The operating system gives no randomness.",
            NOTHING_LOST,
            "Start the computer again.",
        ),
        "offline" => (
            "The server cannot be reached.",
            NOTHING_LOST,
            "This is kept by the server alone. Try again when this computer is on line.",
        ),
        "visit-unknown" => (
            "The server knows of no such visit now.",
            "Nothing was changed.",
            "Make a link for the patient, or wait until this computer is on line.",
        ),
        "visit-patient-first" => (
            "Guests come into a call in which the patient is, and the patient is in none here.",
            "The guest waits and sees so.",
            "Ask the patient in first, then the guest.",
        ),
        "call-failed" => (
            "The pictures of the call cannot be shown.",
            "The call itself goes on.",
            "End the call and ask the patient in again.",
        ),
        "device-failed" => (
            "This camera, microphone or loudspeaker does not open.",
            "The call goes on without it, or with another one if there is one.",
            "See whether another program uses it, or choose another one.",
        ),
        "share-no-call" => (
            "The patient is not connected, so nothing can be shown.",
            "Nothing of this computer was shown.",
            "Wait until the call stands again, then choose it once more.",
        ),
        "share-failed" => (
            "This window or screen cannot be shown.",
            "Nothing of this computer was shown. The call goes on.",
            "It may have been closed. Choose it, or another one, again.",
        ),
        "export-failed" => (
            "The file cannot be written.",
            "Nothing was changed.",
            "See that there is room on the disk and that your folder for downloads can be written to.",
        ),
        "busy" => (
            "Another step is still running.",
            "Nothing was changed.",
            "Wait a moment and try again.",
        ),
        _ => (
            "Something went wrong.",
            NOT_SAVED,
            "Try again; if it goes on, lock and unlock.",
        ),
    }
}

/// The fault of a code.
#[must_use]
pub fn of(code: &str) -> Fault {
    let (what, safe, act) = words(code);
    Fault {
        code: code.to_owned(),
        what: what.to_owned(),
        safe: safe.to_owned(),
        act: act.to_owned(),
        field: None,
    }
}

/// The fault of a code about one input.
#[must_use]
pub fn about(code: &str, field: &str) -> Fault {
    Fault {
        field: Some(field.to_owned()),
        ..of(code)
    }
}

/// The code of a server error.
#[must_use]
pub fn server_code(error: &ServerError) -> &'static str {
    match error {
        ServerError::Offline(_) => "server-offline",
        ServerError::Certificate(_) => "certificate-untrusted",
        ServerError::SessionEnded => "session-ended",
        ServerError::Unreadable(_) => "server-unreadable",
        ServerError::Configuration(_) => "server-address",
        ServerError::Problem(problem) => problem_code(problem),
    }
}

fn problem_code(problem: &Problem) -> &'static str {
    match problem.code {
        Code::CredentialsWrong => "credentials-wrong",
        Code::AccountDisabled => "account-disabled",
        Code::TooManyAttempts => "too-many-attempts",
        Code::DeviceUnknown | Code::ProofWrong => "device-unknown",
        Code::SessionEnded => "session-ended",
        Code::Forbidden => "forbidden",
        Code::ChainBroken => "chain-refused",
        Code::Unavailable => "server-unavailable",
        Code::SingleSignOnOff => "single-sign-on-off",
        Code::ProviderUnavailable => "provider-unavailable",
        Code::SubjectUnknown => "subject-unknown",
        Code::SignInEnded
        | Code::CodeRefused
        | Code::TokenMalformed
        | Code::TokenAlgorithm
        | Code::TokenSignature
        | Code::TokenIssuer
        | Code::TokenAudience
        | Code::TokenExpired
        | Code::TokenNonce => "sign-in-refused",
        Code::Malformed | Code::TooLarge | Code::CursorGone | Code::Other => "server-refused",
    }
}

impl From<&ServerError> for Fault {
    fn from(error: &ServerError) -> Self {
        let mut fault = of(server_code(error));
        if let ServerError::Problem(problem) = error
            && problem.code == Code::TooManyAttempts
            && let Some(seconds) = problem.retry_after
        {
            fault.act = format!("Wait {} and try again.", waiting(seconds));
        }
        fault
    }
}

fn waiting(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

fn keychain_code(error: &KeychainError) -> &'static str {
    match error {
        KeychainError::Locked => "keychain-locked",
        KeychainError::Absent(_) => "keychain-absent",
        KeychainError::NoEntry => "keychain-no-entry",
        KeychainError::Malformed => "keychain-malformed",
        KeychainError::Silent => "keychain-silent",
        KeychainError::Failed(_) => "keychain-failed",
    }
}

fn profile_code(error: &ProfileError) -> &'static str {
    match error {
        ProfileError::DiskFull => "disk-full",
        ProfileError::InUse => "profile-in-use",
        ProfileError::Missing => "profile-missing",
        ProfileError::Io(_) | ProfileError::NoHome => "profile-io",
        ProfileError::Slots(slots) => match slots {
            SlotsError::PasswordWrong => "password-wrong",
            SlotsError::KeychainChanged => "keychain-changed",
            SlotsError::Io(_) => "profile-io",
            SlotsError::Malformed | SlotsError::Slot(_) | SlotsError::Recovery(_) => {
                "profile-damaged"
            }
        },
    }
}

impl SignInError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Keychain(error) => keychain_code(error),
            Self::Server(error) => server_code(error),
            Self::Profile(error) => profile_code(error),
            Self::Cache(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Corrupt => "cache-corrupt",
            Self::LeaseExpired => "lease-expired",
            Self::Wiped => "wiped",
            Self::LockedMeanwhile => "locked",
            Self::ClockBehind => "clock-behind",
            Self::Cancelled => "sign-in-cancelled",
            Self::AnotherUser => "another-user",
            Self::OrganisationFirst { otherwise } => otherwise.code(),
            Self::Browser(_) => "browser-absent",
            Self::Loopback(_) => "port-taken",
            Self::Invalid { .. } => "invalid",
            Self::Entropy(_) => "no-randomness",
            Self::Grant(_) => "server-unreadable",
            Self::Interrupted => "busy",
        }
    }
}

impl From<SignInError> for Fault {
    fn from(error: SignInError) -> Self {
        match &error {
            SignInError::Server(server) => server.into(),
            SignInError::Invalid { field, what } => Self {
                what: (*what).to_owned(),
                ..about("invalid", field)
            },
            SignInError::Profile(ProfileError::Slots(SlotsError::PasswordWrong)) => {
                about("password-wrong", "password")
            }
            _ => of(error.code()),
        }
    }
}

impl WorkError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Denied { .. } => "forbidden",
            Self::NeedsJustification { .. } => "needs-justification",
            Self::NeedsEmergency { .. } => "needs-emergency",
            Self::QuotaSpent => "emergency-quota-spent",
            Self::Missing => "not-found",
            Self::NotHere { .. } => "chart-not-here",
            Self::Unreadable => "still-unreadable",
            Self::Invalid { .. } => "invalid",
            Self::TimeTaken { .. } => "time-taken",
            Self::Store(error) => error.code(),
            Self::Profile(error) => profile_code(error),
            Self::Export(error) => match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "disk-full",
                _ => "export-failed",
            },
            Self::Entropy(_) => "no-randomness",
            Self::Interrupted => "busy",
        }
    }
}

impl From<WorkError> for Fault {
    fn from(error: WorkError) -> Self {
        match &error {
            WorkError::Denied { explanation } => Self {
                what: explanation.clone(),
                ..of("forbidden")
            },
            WorkError::NeedsJustification { explanation }
            | WorkError::NeedsEmergency { explanation } => Self {
                what: explanation.clone(),
                ..of(error.code())
            },
            WorkError::Invalid { field, what } => Self {
                what: what.clone(),
                ..about("invalid", field)
            },
            WorkError::TimeTaken { with } => Self {
                what: with.clone(),
                ..about("time-taken", "start")
            },
            _ => of(error.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code without words of its own would tell a person nothing.
    #[test]
    fn every_code_has_its_own_words() {
        let fallback = words("no such code");
        for code in [
            "password-wrong",
            "credentials-wrong",
            "password-refused",
            "password-unsure",
            "account-disabled",
            "too-many-attempts",
            "device-unknown",
            "session-ended",
            "keychain-locked",
            "keychain-absent",
            "keychain-no-entry",
            "keychain-changed",
            "keychain-silent",
            "keychain-malformed",
            "keychain-failed",
            "server-offline",
            "certificate-untrusted",
            "server-unreadable",
            "server-address",
            "server-unavailable",
            "server-refused",
            "disk-full",
            "profile-in-use",
            "profile-missing",
            "profile-damaged",
            "profile-io",
            "cache-corrupt",
            "cache-set-aside",
            "cache-newer",
            "cache-busy",
            "cache-io",
            "cache-failed",
            "audit-chain-broken",
            "chain-refused",
            "lease-expired",
            "clock-behind",
            "wiped",
            "wipe-unfinished",
            "locked",
            "forbidden",
            "needs-justification",
            "needs-emergency",
            "emergency-quota-spent",
            "offline",
            "visit-unknown",
            "visit-patient-first",
            "call-failed",
            "device-failed",
            "share-no-call",
            "share-failed",
            "export-failed",
            "not-found",
            "chart-not-here",
            "chart-on-its-way",
            "chart-not-given",
            "set-aside-failed",
            "still-unreadable",
            "invalid",
            "time-taken",
            "no-randomness",
            "busy",
        ] {
            assert_ne!(words(code), fallback, "{code}");
        }
    }

    #[test]
    fn w3_each_state_of_the_keychain_says_something_else_and_what_is_safe() {
        let absent = || Box::<dyn std::error::Error + Send + Sync>::from("no bus");
        let faults: Vec<Fault> = [
            KeychainError::Locked,
            KeychainError::Absent(absent()),
            KeychainError::NoEntry,
            KeychainError::Silent,
            KeychainError::Malformed,
            KeychainError::Failed(absent()),
        ]
        .into_iter()
        .map(|error| SignInError::Keychain(error).into())
        .collect();
        for (index, fault) in faults.iter().enumerate() {
            assert!(!fault.safe.is_empty());
            assert!(
                faults[index + 1..]
                    .iter()
                    .all(|other| other.code != fault.code && other.what != fault.what)
            );
        }
    }
}
