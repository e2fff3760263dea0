//! Why somebody does not get in.

use protocol::fault::Code;

use crate::http::problem::Refusal;
use crate::identity::oidc::OidcError;
use crate::identity::password::GateError;
use crate::store::error::StoreError;
use crate::store::transaction::Retryable;

/// Why a sign-in or an enrolment ends without a session.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Name, password or one-time code is wrong.
    #[error("name, password or one-time code is wrong")]
    CredentialsWrong,
    /// The account is disabled.
    #[error("the account is disabled")]
    AccountDisabled,
    /// This source has failed too often.
    #[error("too many attempts")]
    TooManyAttempts {
        /// Seconds to wait.
        wait: u64,
    },
    /// The device is not enrolled for this user, or its id or key is another device's.
    #[error("the device is not enrolled")]
    DeviceUnknown,
    /// The proof of possession does not fit.
    #[error("the proof of possession is refused: {0}")]
    ProofWrong(&'static str),
    /// A field cannot be used.
    #[error("{0}")]
    Malformed(&'static str),
    /// A single sign-on did not end well.
    #[error("{0}")]
    SingleSignOn(#[from] OidcError),
    /// Passwords cannot be compared now.
    #[error("the password cannot be compared now")]
    Gate(#[from] GateError),
    /// The database or a seal.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl IdentityError {
    /// Whether it counts as a failure of whoever tries.
    pub fn counts(&self) -> bool {
        match self {
            Self::CredentialsWrong => true,
            Self::SingleSignOn(error) => error.counts(),
            _ => false,
        }
    }
}

impl Retryable for IdentityError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::CredentialsWrong => Self::new(Code::CredentialsWrong),
            IdentityError::AccountDisabled => Self::new(Code::AccountDisabled),
            IdentityError::TooManyAttempts { wait } => {
                Self::new(Code::TooManyAttempts).retry_after(wait)
            }
            IdentityError::DeviceUnknown => Self::new(Code::DeviceUnknown),
            IdentityError::ProofWrong(reason) => Self::new(Code::ProofWrong).detail(reason),
            IdentityError::Malformed(text) => Self::new(Code::Malformed).detail(text),
            IdentityError::SingleSignOn(error) => Self::from(error),
            IdentityError::Gate(GateError::Busy) => Self::new(Code::Unavailable).retry_after(5),
            IdentityError::Gate(error) => {
                tracing::error!(error = %error, "a password could not be compared");
                Self::new(Code::Unavailable)
            }
            IdentityError::Store(error) => Self::from(error),
        }
    }
}
