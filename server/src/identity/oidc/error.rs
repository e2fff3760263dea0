//! Why a single sign-on ends without a session.

use protocol::fault::Code;

use crate::http::problem::Refusal;
use crate::identity::oidc::claims::ClaimsError;
use crate::identity::oidc::provider::ProviderError;

/// Why a single sign-on ends without a session.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// No provider is configured.
    #[error("single sign-on is not configured")]
    Off,
    /// The state is not one that this device waits for.
    #[error("the state is not that of a sign-in under way on this device")]
    Ended,
    /// The provider cannot be asked, or does not do what it must.
    #[error("the identity provider cannot be used")]
    Provider(#[from] ProviderError),
    /// The provider did not take the code.
    #[error("the identity provider did not take the code")]
    CodeRefused,
    /// The token does not pass.
    #[error("the identity provider's token is refused: {0}")]
    Token(#[from] ClaimsError),
    /// There is no account of this name.
    #[error("the identity provider named somebody who has no account here")]
    SubjectUnknown,
}

impl OidcError {
    /// Whether it counts as a failure of whoever tries.
    pub fn counts(&self) -> bool {
        !matches!(self, Self::Off | Self::Provider(_))
    }

    fn code(&self) -> Code {
        match self {
            Self::Off => Code::SingleSignOnOff,
            Self::Ended => Code::SignInEnded,
            Self::Provider(_) => Code::ProviderUnavailable,
            Self::CodeRefused => Code::CodeRefused,
            Self::Token(error) => error.code(),
            Self::SubjectUnknown => Code::SubjectUnknown,
        }
    }
}

impl From<OidcError> for Refusal {
    fn from(error: OidcError) -> Self {
        let refusal = Self::new(error.code());
        match error {
            OidcError::Provider(error) => {
                tracing::warn!(code = error.code(), "the identity provider cannot be used");
                refusal.retry_after(10)
            }
            _ => refusal,
        }
    }
}
