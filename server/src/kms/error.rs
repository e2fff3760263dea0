//! What can go wrong with a key management service.

use std::sync::Arc;

use reqwest::StatusCode;

use super::KeyArn;
use super::credentials::CredentialsError;

/// Why the service did not do what it was asked. Names keys by their ARN, never what they wrap.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KmsError {
    /// No connection, or it broke.
    #[error("AWS KMS cannot be reached")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// No answer in time.
    #[error("AWS KMS does not answer in time")]
    Slow,
    /// Too many requests, of this account or of this key.
    #[error("AWS KMS takes no more requests now: raise the account's quota if this lasts")]
    Throttled,
    /// The service failed.
    #[error("AWS KMS failed ({0})")]
    Failed(StatusCode),
    /// There are no credentials to sign with.
    #[error("there are no credentials for AWS KMS")]
    Credentials(#[source] Arc<CredentialsError>),
    /// The credentials have expired or are not known.
    #[error("AWS KMS does not take the credentials: they have expired or were withdrawn")]
    Stale,
    /// The signature does not fit.
    #[error("AWS KMS does not take the signature: look at the secret key and at this clock")]
    Signature,
    /// Nobody allowed this program to use the key.
    #[error(
        "AWS KMS refuses this program the key {0}: allow it kms:Encrypt, kms:Decrypt and \
         kms:DescribeKey"
    )]
    Denied(KeyArn),
    /// The key is disabled, or waits for its deletion.
    #[error("the key {0} is disabled or to be deleted: enable it in AWS KMS")]
    Disabled(KeyArn),
    /// There is no such key.
    #[error("there is no key {0} in AWS KMS")]
    Missing(KeyArn),
    /// The key is not a symmetric one for encryption.
    #[error("the key {0} is not a symmetric key for encryption")]
    Usage(KeyArn),
    /// What was to be opened is not what the key wrapped for this place.
    #[error("AWS KMS does not open what was wrapped: changed, moved, or another key's")]
    Ciphertext,
    /// Another refusal.
    #[error("AWS KMS refuses: {0}")]
    Refused(String),
    /// An answer that the protocol does not know.
    #[error("AWS KMS answers what cannot be read")]
    Malformed,
}

impl KmsError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "kms-unreachable",
            Self::Slow => "kms-slow",
            Self::Throttled => "kms-throttled",
            Self::Failed(_) => "kms-failed",
            Self::Credentials(_) => "kms-no-credentials",
            Self::Stale => "kms-credentials-stale",
            Self::Signature => "kms-signature",
            Self::Denied(_) => "kms-denied",
            Self::Disabled(_) => "kms-key-disabled",
            Self::Missing(_) => "kms-key-missing",
            Self::Usage(_) => "kms-key-usage",
            Self::Ciphertext => "kms-ciphertext",
            Self::Refused(_) => "kms-refused",
            Self::Malformed => "kms-malformed",
        }
    }

    /// Whether the same may succeed a moment later.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Slow | Self::Throttled | Self::Failed(_) | Self::Stale
        )
    }

    /// Whether somebody in charge of the key has taken it away: an order, where the rest is an
    /// outage.
    pub fn is_order(&self) -> bool {
        matches!(self, Self::Denied(_) | Self::Disabled(_) | Self::Missing(_))
    }

    /// What the service says, by the name of its exception.
    pub(super) fn told(name: &str, status: StatusCode, key: &KeyArn) -> Self {
        match name {
            "ThrottlingException" | "LimitExceededException" => Self::Throttled,
            "AccessDeniedException" => Self::Denied(key.clone()),
            "DisabledException" | "KMSInvalidStateException" => Self::Disabled(key.clone()),
            "NotFoundException" => Self::Missing(key.clone()),
            "InvalidKeyUsageException" => Self::Usage(key.clone()),
            "InvalidCiphertextException" | "IncorrectKeyException" => Self::Ciphertext,
            "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidClientTokenId" => {
                Self::Stale
            }
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired" => {
                Self::Signature
            }
            "KeyUnavailableException" | "DependencyTimeoutException" => Self::Failed(status),
            _ if status.is_server_error() => Self::Failed(status),
            _ => Self::Refused(name.to_owned()),
        }
    }
}
