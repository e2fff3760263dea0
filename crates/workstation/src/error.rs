//! What can go wrong in a use case. Messages never hold patient data.

use cache::{OpenError, StoreError};

use crate::port::browser::NoBrowser;
use crate::port::entropy::NoEntropy;
use crate::port::keychain::KeychainError;
use crate::port::server::ServerError;
use crate::profile::ProfileError;
use crate::profile::slots::SlotsError;

/// Enrolling, unlocking, locking.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The keychain.
    #[error("the keychain did not do as asked")]
    Keychain(#[from] KeychainError),
    /// The server.
    #[error("the server did not do as asked")]
    Server(#[from] ServerError),
    /// The profile.
    #[error("the profile cannot be used")]
    Profile(#[from] ProfileError),
    /// The cache cannot be made or opened.
    #[error("the cache cannot be opened")]
    Cache(#[source] OpenError),
    /// The cache was opened and failed then.
    #[error("the cache failed")]
    Store(#[from] StoreError),
    /// The cache is damaged and the server, whose help a fresh one needs, cannot be reached.
    #[error("the cache is damaged")]
    Corrupt,
    /// Work without the server is not allowed any more, or not yet.
    #[error("there is no lease that counts")]
    LeaseExpired,
    /// The organisation had this computer wiped.
    #[error("the profile was wiped by order of the server")]
    Wiped,
    /// The clock was set back: whether work without the server is allowed cannot be told.
    #[error("the clock is behind a time that was seen")]
    ClockBehind,
    /// The sign-in in the browser was given up, here or there, or took too long.
    #[error("the sign-in with the organisation was ended")]
    Cancelled,
    /// Somebody else signed in in the browser than works here.
    #[error("the organisation named another user")]
    AnotherUser,
    /// The server must be asked first, for which the user signs in with the organisation.
    #[error("the user must sign in with the organisation first")]
    OrganisationFirst {
        /// What is to be said where the server cannot be asked.
        otherwise: Box<SignInError>,
    },
    /// No browser.
    #[error(transparent)]
    Browser(#[from] NoBrowser),
    /// No port of this computer for the browser to come back to.
    #[error("no port of this computer can be listened on")]
    Loopback(#[source] std::io::Error),
    /// An input is not what it must be.
    #[error("an input is not usable: {field}")]
    Invalid {
        /// Its name in the form.
        field: &'static str,
        /// A sentence about it.
        what: &'static str,
    },
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// What the server granted cannot be used.
    #[error("the server's grant is not usable: {0}")]
    Grant(&'static str),
    /// It was locked while it was being opened.
    #[error("it was locked meanwhile")]
    LockedMeanwhile,
    /// The program is ending.
    #[error("the step was interrupted")]
    Interrupted,
}

impl From<SlotsError> for SignInError {
    fn from(error: SlotsError) -> Self {
        Self::Profile(error.into())
    }
}

/// A use case on an open profile.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// No profile is open.
    #[error("locked")]
    Locked,
    /// The policies deny it.
    #[error("denied")]
    Denied {
        /// Why, in words for a screen.
        explanation: String,
    },
    /// The policies deny it until the user says why it is needed.
    #[error("a reason is needed")]
    NeedsJustification {
        /// Why, in words for a screen.
        explanation: String,
    },
    /// The policies deny it except in an emergency.
    #[error("emergency access is needed")]
    NeedsEmergency {
        /// Why, in words for a screen.
        explanation: String,
    },
    /// As much emergency access was taken off line as is allowed.
    #[error("the quota of emergency access off line is used up")]
    QuotaSpent,
    /// The record is not here.
    #[error("no such record here")]
    Missing,
    /// The patient's chart may be seen, and is not on this computer.
    #[error("the chart is not on this computer")]
    NotHere {
        /// The access for a while that it may be seen by; none where a relationship is enough.
        by: Option<protocol::access::GrantKind>,
    },
    /// What came is not a record that can be read here.
    #[error("what came cannot be read")]
    Unreadable,
    /// An input is not what it must be.
    #[error("an input is not usable: {field}")]
    Invalid {
        /// Its name in the form.
        field: &'static str,
        /// A sentence about it, for the person who typed it.
        what: String,
    },
    /// The practitioner is booked then.
    #[error("the time is taken")]
    TimeTaken {
        /// With what, in words for a screen.
        with: String,
    },
    /// The cache.
    #[error("the cache failed")]
    Store(#[from] StoreError),
    /// The profile's files.
    #[error("the profile cannot be used")]
    Profile(#[from] ProfileError),
    /// A file for the user cannot be written.
    #[error("the file cannot be written")]
    Export(#[source] std::io::Error),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The program is ending.
    #[error("the step was interrupted")]
    Interrupted,
}

impl WorkError {
    /// An input that is not what it must be.
    pub(crate) fn invalid(field: &'static str, what: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            what: what.into(),
        }
    }
}
