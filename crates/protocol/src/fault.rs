//! The body of every refusal outside FHIR: RFC 9457 problem details with a stable code.

use serde::{Deserialize, Serialize};

/// `application/problem+json`. `code` is the contract; the texts are for people and logs
/// and never hold patient data.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Problem {
    /// Stable machine code.
    pub code: Code,
    /// HTTP status, repeated as the RFC asks.
    pub status: u16,
    /// What happened, in one sentence.
    pub title: String,
    /// What to do about it, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Seconds to wait before trying again, for [`Code::TooManyAttempts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// Why the server said no. Unknown codes from a newer server read as [`Code::Other`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Name, password or one-time code is wrong; deliberately not said which.
    CredentialsWrong,
    /// The account is disabled.
    AccountDisabled,
    /// Too many failures for this account from this source; wait `retry_after`.
    TooManyAttempts,
    /// This device is not enrolled, or its enrolment was ended.
    DeviceUnknown,
    /// This server offers no single sign-on.
    SingleSignOnOff,
    /// This single sign-on was finished, has expired or was begun on another device: begin again.
    SignInEnded,
    /// The identity provider cannot be asked now.
    ProviderUnavailable,
    /// The identity provider did not take the code.
    CodeRefused,
    /// The identity provider's token cannot be read.
    TokenMalformed,
    /// The identity provider's token is unsigned, or signed in a way that is not taken.
    TokenAlgorithm,
    /// The identity provider's token is not signed by one of its keys.
    TokenSignature,
    /// The token is another provider's.
    TokenIssuer,
    /// The token was made for another program.
    TokenAudience,
    /// The token is too old, or not valid yet.
    TokenExpired,
    /// The token was made for another sign-in.
    TokenNonce,
    /// The identity provider knows the person, and there is no account here.
    SubjectUnknown,
    /// The token is unknown, expired or ended: sign in again.
    SessionEnded,
    /// The proof of possession does not fit the token, the request or the time.
    ProofWrong,
    /// Policy denies this action to this role.
    Forbidden,
    /// The body or a parameter cannot be read.
    Malformed,
    /// The body is larger than the server takes.
    TooLarge,
    /// The cursor belongs to an earlier life of the server: start again from the beginning.
    CursorGone,
    /// An audit batch breaks the device's chain.
    ChainBroken,
    /// The server could not do it now; nothing was changed.
    Unavailable,
    /// Anything this version does not know.
    #[serde(other)]
    Other,
}
