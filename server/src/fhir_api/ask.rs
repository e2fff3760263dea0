//! A request, taken apart.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode};
use fhir::outcome::{Issue, IssueType};
use serde_json::Value;

use crate::fhir_api::answer::Failure;
use crate::fhir_api::{Ahead, BODY_LIMIT};

/// Lists nested deeper than this are refused when read.
const PATH_LIMIT: usize = 6;

/// What is asked of the service, by request or by an entry of a batch.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Method.
    pub method: Method,
    /// Path below the base, cut at slashes.
    pub path: Vec<String>,
    /// Parameters of query and form, decoded.
    pub query: Vec<(String, String)>,
    /// `If-Match`, as a version.
    pub if_match: Option<u64>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `If-None-Exist`.
    pub if_none_exist: Option<String>,
    /// `Prefer`.
    pub prefer: Prefer,
    /// The body, JSON.
    pub body: Option<Value>,
    /// Whether the body was sent as a JSON Patch.
    pub patch: bool,
    /// What was read ahead.
    pub ahead: Option<Ahead>,
}

/// `Prefer: return=…, handling=…`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefer {
    /// What to answer to a change; none if it is not said.
    pub answer: Option<Return>,
    /// Whether an unknown parameter refuses the search.
    pub strict: bool,
}

/// What to answer to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// Nothing.
    Minimal,
    /// The resource as stored.
    Representation,
    /// An OperationOutcome.
    Outcome,
}

impl Prefer {
    /// Reads the header.
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let values = headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok());
        for part in values.flat_map(|value| value.split([',', ';'])) {
            match part.trim() {
                "return=minimal" => prefer.answer = Some(Return::Minimal),
                "return=representation" => prefer.answer = Some(Return::Representation),
                "return=OperationOutcome" => prefer.answer = Some(Return::Outcome),
                "handling=strict" => prefer.strict = true,
                "handling=lenient" => prefer.strict = false,
                _ => {}
            }
        }
        prefer
    }
}

/// Refuses a caller who can take no JSON.
///
/// # Errors
/// 406.
pub fn accepts(headers: &HeaderMap, query: Option<&str>) -> Result<(), Failure> {
    let format = query.and_then(|query| {
        pairs(query)
            .into_iter()
            .find(|(name, _)| name == "_format")
            .map(|(_, value)| value)
    });
    let fine = match format {
        Some(format) => is_json(&format.replace(' ', "+")) || format == "json",
        None => {
            let mut any = false;
            let mut fine = false;
            for value in headers
                .get_all(ACCEPT)
                .iter()
                .filter_map(|value| value.to_str().ok())
            {
                for part in value.split(',') {
                    any = true;
                    let kind = part.split(';').next().unwrap_or("").trim();
                    fine |= is_json(kind) || matches!(kind, "*/*" | "application/*" | "");
                }
            }
            fine || !any
        }
    };
    if fine {
        Ok(())
    } else {
        Err(Failure::one(
            StatusCode::NOT_ACCEPTABLE,
            Issue::error(
                IssueType::NotSupported,
                "answers are application/fhir+json only",
            ),
        ))
    }
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or("").trim();
    [
        "application/fhir+json",
        "application/json",
        "application/json+fhir",
        "text/json",
    ]
    .iter()
    .any(|json| kind.eq_ignore_ascii_case(json))
}

/// Reads a request whole.
///
/// # Errors
/// 400, 406, 413 or 415.
pub async fn read(request: Request) -> Result<Ask, Failure> {
    let (mut parts, body) = request.into_parts();
    accepts(&parts.headers, parts.uri.query())?;
    let path = segments(parts.uri.path())?;
    let mut query = parts.uri.query().map(pairs).unwrap_or_default();
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let kind = kind
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();

    let declared = parts
        .headers
        .get(axum::http::header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > BODY_LIMIT) {
        return Err(too_large());
    }
    let bytes = axum::body::to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|error| {
            // The only failure besides the limit is a client that went away.
            if std::error::Error::source(&error)
                .is_some_and(|source| source.to_string().contains("length limit"))
            {
                too_large()
            } else {
                Failure::one(
                    StatusCode::BAD_REQUEST,
                    Issue::error(IssueType::Structure, "the body broke off"),
                )
            }
        })?;

    let is_search = path.last().is_some_and(|last| last == "_search");
    let mut json = None;
    let patch = kind == "application/json-patch+json";
    if is_search && parts.method == Method::POST {
        if !bytes.is_empty() {
            if kind != "application/x-www-form-urlencoded" {
                return Err(unsupported(
                    "a search is sent as application/x-www-form-urlencoded",
                ));
            }
            query.extend(url::form_urlencoded::parse(&bytes).into_owned());
        }
    } else if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        let fits = if parts.method == Method::PATCH {
            patch
        } else {
            is_json(&kind)
        };
        if !fits && (!bytes.is_empty() || !kind.is_empty()) {
            return Err(unsupported(if parts.method == Method::PATCH {
                "a patch is sent as application/json-patch+json"
            } else {
                "bodies are application/fhir+json only"
            }));
        }
        json = Some(parse(&bytes)?);
    }
    Ok(Ask {
        method: parts.method,
        path,
        query: query
            .into_iter()
            .filter(|(name, _)| !matches!(name.as_str(), "_format" | "_pretty"))
            .collect(),
        if_match: if_match(&parts.headers)?,
        if_none_match: text(&parts.headers, IF_NONE_MATCH.as_str()),
        if_none_exist: text(&parts.headers, "if-none-exist"),
        prefer: Prefer::parse(&parts.headers),
        body: json,
        patch,
        ahead: parts.extensions.remove(),
    })
}

/// Parses JSON; says where it breaks, not what is there.
///
/// # Errors
/// 400.
pub fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::one(
            StatusCode::BAD_REQUEST,
            Issue::error(
                IssueType::Structure,
                format!(
                    "the body is not JSON: line {}, column {}",
                    error.line(),
                    error.column()
                ),
            ),
        )
    })
}

fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(fhir::bundle::parse_etag)
        .map(Some)
        .ok_or_else(|| {
            Failure::one(
                StatusCode::BAD_REQUEST,
                Issue::error(
                    IssueType::Value,
                    "If-Match must be an ETag as the server gives them: W/\"1\"",
                ),
            )
        })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// A query string, decoded.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// A path, cut at slashes and decoded.
///
/// # Errors
/// 400.
pub fn segments(path: &str) -> Result<Vec<String>, Failure> {
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| segment.replace("%24", "$"))
        .collect();
    if segments.len() > PATH_LIMIT {
        return Err(Failure::not_found("there is nothing at this path"));
    }
    Ok(segments)
}

fn too_large() -> Failure {
    Failure::one(
        StatusCode::PAYLOAD_TOO_LARGE,
        Issue::error(IssueType::TooLong, "the body is larger than 16 MB"),
    )
}

fn unsupported(text: &str) -> Failure {
    Failure::one(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Issue::error(IssueType::NotSupported, text),
    )
}
