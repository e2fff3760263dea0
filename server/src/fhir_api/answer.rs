//! What the service answers.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use fhir::outcome::{Issue, IssueType, operation_outcome};
use jiff::Timestamp;
use serde_json::Value;
use tracing::error;

use crate::search::run::SearchError;
use crate::store::error::{RECORD_DESTROYED, StoreError};
use crate::store::rows::BadRow;
use crate::store::write::{Refusal, WriteError};

/// An interaction that was done.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Version of the resource, for ETag.
    pub version: Option<u64>,
    /// For Last-Modified.
    pub last_modified: Option<Timestamp>,
    /// Absolute URL of the version that was made.
    pub location: Option<String>,
    /// JSON text; none for no body.
    pub body: Option<Vec<u8>>,
}

impl Answer {
    /// Only a status.
    pub fn bare(status: StatusCode) -> Self {
        Self {
            status,
            version: None,
            last_modified: None,
            location: None,
            body: None,
        }
    }

    /// 200 with a document.
    pub fn document(value: &Value) -> Self {
        Self {
            body: Some(value.to_string().into_bytes()),
            ..Self::bare(StatusCode::OK)
        }
    }
}

/// An interaction that was refused or failed.
#[derive(Debug)]
pub struct Failure {
    /// Status.
    pub status: StatusCode,
    /// What is wrong.
    pub issues: Vec<Issue>,
    /// For `Allow`, with 405.
    pub allow: Option<&'static str>,
    /// A failure of the store that may pass when the same is tried again.
    pub store: Option<Box<StoreError>>,
    /// The decision behind a refusal by policy.
    pub decision: Option<Box<access::Decision>>,
}

impl Failure {
    /// With one issue.
    pub fn one(status: StatusCode, issue: Issue) -> Self {
        Self {
            status,
            issues: vec![issue],
            allow: None,
            store: None,
            decision: None,
        }
    }

    /// 404.
    pub fn not_found(text: &str) -> Self {
        Self::one(
            StatusCode::NOT_FOUND,
            Issue::error(IssueType::NotFound, text),
        )
    }

    /// 400.
    pub fn bad(code: IssueType, text: impl Into<String>) -> Self {
        Self::one(StatusCode::BAD_REQUEST, Issue::error(code, text))
    }

    /// 405.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::one(
                StatusCode::METHOD_NOT_ALLOWED,
                Issue::error(
                    IssueType::NotSupported,
                    format!("this can only be asked with {allow}"),
                ),
            )
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::RecordDestroyed) {
            return destroyed();
        }
        error!(
            code = error.code(),
            state = error.sql_state().map(|s| s.code()),
            "the store failed"
        );
        Self {
            store: Some(Box::new(error)),
            ..Self::one(
                StatusCode::SERVICE_UNAVAILABLE,
                Issue::error(
                    IssueType::Transient,
                    "the server cannot do this now; nothing was changed",
                ),
            )
        }
    }
}

impl From<BadRow> for Failure {
    fn from(bad: BadRow) -> Self {
        if bad.code == RECORD_DESTROYED {
            return destroyed();
        }
        Self::one(StatusCode::INTERNAL_SERVER_ERROR, bad_row(&bad))
    }
}

/// 410 for what was sealed with keys that are no more.
fn destroyed() -> Failure {
    Failure::one(
        StatusCode::GONE,
        Issue::error(
            IssueType::Deleted,
            "record-destroyed: the keys of this record were destroyed; nobody can open it again",
        ),
    )
}

/// A row that does not open, as an issue.
pub fn bad_row(bad: &BadRow) -> Issue {
    if bad.code == RECORD_DESTROYED {
        return Issue::error(
            IssueType::Deleted,
            format!(
                "{}/{} cannot be opened by anybody ({}): its keys were destroyed",
                bad.resource_type, bad.id, bad.code
            ),
        );
    }
    Issue::error(
        IssueType::Exception,
        format!(
            "{}/{} cannot be opened ({}); the operator was told",
            bad.resource_type, bad.id, bad.code
        ),
    )
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::TooCostly(issue) => Self::one(StatusCode::BAD_REQUEST, issue),
            SearchError::Store(error) => error.into(),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let status = match &error.refusal {
            // What is changed twice contradicts itself: that is the bundle's fault, not a race.
            Refusal::Invalid(_) | Refusal::Dangling(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Stale(_) => StatusCode::PRECONDITION_FAILED,
            Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
            Refusal::Gone { .. } | Refusal::Destroyed => StatusCode::GONE,
            Refusal::TimeTaken => StatusCode::CONFLICT,
            Refusal::Patch(fhir::patch::PatchError::Malformed(_)) | Refusal::Twice { .. } => {
                StatusCode::BAD_REQUEST
            }
            Refusal::Patch(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Denied(_) => StatusCode::FORBIDDEN,
            Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let issues = error.issues();
        let decision = match error.refusal {
            Refusal::Store(error) => return error.into(),
            Refusal::Denied(decision) => Some(decision),
            _ => None,
        };
        Self {
            status,
            issues,
            allow: None,
            store: None,
            decision,
        }
    }
}

/// The HTTP response.
pub fn respond(answer: Result<Answer, Failure>) -> Response {
    let mut response = match answer {
        Ok(answer) => {
            let has_body = answer.body.is_some();
            let mut response = Response::new(answer.body.map_or_else(Body::empty, Body::from));
            *response.status_mut() = answer.status;
            let headers = response.headers_mut();
            if let Some(version) = answer.version
                && let Ok(etag) = HeaderValue::try_from(format!("W/\"{version}\""))
            {
                headers.insert(ETAG, etag);
            }
            if let Some(moment) = answer.last_modified
                && let Ok(text) = HeaderValue::try_from(http_date(moment))
            {
                headers.insert(LAST_MODIFIED, text);
            }
            if let Some(location) = answer.location
                && let Ok(location) = HeaderValue::try_from(location)
            {
                headers.insert(LOCATION, location);
            }
            if has_body {
                headers.insert(CONTENT_TYPE, FHIR_JSON);
            }
            response
        }
        Err(failure) => {
            let document = operation_outcome(&failure.issues).to_string();
            let mut response = Response::new(Body::from(document));
            *response.status_mut() = failure.status;
            response.headers_mut().insert(CONTENT_TYPE, FHIR_JSON);
            if let Some(allow) = failure.allow {
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(allow));
            }
            response
        }
    };
    // Patient data must not stay in any cache on the way or in a browser.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json; charset=utf-8");

/// A moment as HTTP writes it.
fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
