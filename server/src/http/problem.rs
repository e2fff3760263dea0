//! Refusals as documents: RFC 9457 outside FHIR, an OperationOutcome within.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fhir::outcome::{Issue, IssueType, operation_outcome};
use protocol::fault::{Code, Problem};
use protocol::path;

use crate::store::error::StoreError;

/// A refusal on its way out. Its texts never hold content of records.
#[derive(Debug, Clone)]
pub struct Refusal {
    problem: Problem,
    fhir: bool,
}

impl Refusal {
    /// A refusal with the usual words.
    pub fn new(code: Code) -> Self {
        let (status, title) = words(code);
        Self {
            problem: Problem {
                code,
                status: status.as_u16(),
                title: title.to_owned(),
                detail: None,
                retry_after: None,
            },
            fhir: false,
        }
    }

    /// Says more.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.problem.retry_after = Some(seconds);
        self
    }

    /// Takes the form that the client of this path expects.
    #[must_use]
    pub fn on(mut self, uri: &Uri) -> Self {
        self.fhir = uri.path().starts_with(path::FHIR);
        self
    }

    /// The document.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

fn words(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::CredentialsWrong => (
            StatusCode::UNAUTHORIZED,
            "Name, password or one-time code is wrong.",
        ),
        Code::AccountDisabled => (StatusCode::FORBIDDEN, "This account is disabled."),
        Code::TooManyAttempts => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many failed attempts from here.",
        ),
        Code::DeviceUnknown => (
            StatusCode::UNAUTHORIZED,
            "This device is not enrolled for this user.",
        ),
        Code::SingleSignOnOff => (
            StatusCode::NOT_FOUND,
            "This server offers no single sign-on.",
        ),
        Code::SignInEnded => (
            StatusCode::UNAUTHORIZED,
            "This sign-in was finished, has expired or was begun on another device: begin again.",
        ),
        Code::ProviderUnavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The identity provider cannot be asked now.",
        ),
        Code::CodeRefused => (
            StatusCode::UNAUTHORIZED,
            "The identity provider did not take the code.",
        ),
        Code::TokenMalformed => (
            StatusCode::UNAUTHORIZED,
            "The identity provider's token cannot be read.",
        ),
        Code::TokenAlgorithm => (
            StatusCode::UNAUTHORIZED,
            "The identity provider's token is unsigned, or signed in a way that is not taken.",
        ),
        Code::TokenSignature => (
            StatusCode::UNAUTHORIZED,
            "The identity provider's token is not signed by one of its keys.",
        ),
        Code::TokenIssuer => (
            StatusCode::UNAUTHORIZED,
            "The token is another identity provider's.",
        ),
        Code::TokenAudience => (
            StatusCode::UNAUTHORIZED,
            "The identity provider's token was made for another program.",
        ),
        Code::TokenExpired => (
            StatusCode::UNAUTHORIZED,
            "The identity provider's token is too old or not valid yet.",
        ),
        Code::TokenNonce => (
            StatusCode::UNAUTHORIZED,
            "The identity provider's token was made for another sign-in.",
        ),
        Code::SubjectUnknown => (
            StatusCode::FORBIDDEN,
            "The identity provider knows you, and you have no account here.",
        ),
        Code::SessionEnded => (StatusCode::UNAUTHORIZED, "Sign in first."),
        Code::ProofWrong => (
            StatusCode::UNAUTHORIZED,
            "The proof of possession does not fit this request and token.",
        ),
        Code::Forbidden => (StatusCode::FORBIDDEN, "Your role does not allow this."),
        Code::Malformed => (StatusCode::BAD_REQUEST, "The request cannot be read."),
        Code::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The request is too large."),
        Code::CursorGone => (
            StatusCode::GONE,
            "The server began a new life: start again from the beginning.",
        ),
        Code::ChainBroken => (
            StatusCode::CONFLICT,
            "These events do not continue this device's chain.",
        ),
        Code::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The server cannot do this now; nothing was changed.",
        ),
        Code::Other => (StatusCode::INTERNAL_SERVER_ERROR, "The server failed."),
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(code = error.code(), "the store failed");
        Self::new(Code::Unavailable)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = if self.fhir {
            let kind = match self.problem.code {
                Code::Forbidden | Code::AccountDisabled | Code::SubjectUnknown => {
                    IssueType::Forbidden
                }
                Code::TooLarge => IssueType::TooLong,
                Code::Malformed => IssueType::Invalid,
                Code::Unavailable => IssueType::Transient,
                Code::Other => IssueType::Exception,
                _ => IssueType::Login,
            };
            let issue = Issue::error(kind, self.problem.title.clone());
            let mut response = (status, Json(operation_outcome(&[issue]))).into_response();
            set(&mut response, "application/fhir+json");
            response
        } else {
            let mut response = (status, Json(&self.problem)).into_response();
            set(&mut response, "application/problem+json");
            response
        };
        if status == StatusCode::UNAUTHORIZED {
            let error = match self.problem.code {
                Code::ProofWrong => "DPoP error=\"invalid_dpop_proof\", algs=\"EdDSA\"",
                _ => "DPoP error=\"invalid_token\", algs=\"EdDSA\"",
            };
            let headers = response.headers_mut();
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(error));
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.problem.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn set(response: &mut Response, content_type: &'static str) {
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
}
