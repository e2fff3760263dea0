//! A transaction bundle taken apart: what it writes, what it reads, what its names mean.

use std::collections::HashMap;

use axum::http::StatusCode;
use fhir::bundle::{self, Method};
use fhir::outcome::{Issue, IssueType};
use fhir::{reference, resource};
use serde_json::Value;

use crate::app::App;
use crate::fhir_api::answer::Failure;

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// One writing entry.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Where it stands in the bundle.
    pub index: usize,
    /// What it does.
    pub kind: Kind,
    /// Type.
    pub resource_type: String,
    /// Logical id; a fresh one for creates.
    pub id: String,
    /// The body, or the patch.
    pub resource: Option<Value>,
    /// `ifMatch`.
    pub if_match: Option<u64>,
    /// `ifNoneMatch: *`.
    pub if_none_match: bool,
    /// `ifNoneExist`.
    pub if_none_exist: Option<String>,
    /// Names by which others refer to it.
    pub names: Vec<String>,
    /// An earlier write with the same type and `ifNoneExist`: what that is, this is.
    pub same_as: Option<usize>,
}

/// The whole bundle.
#[derive(Debug)]
pub struct Plan {
    /// In the order of the specification: DELETE, POST, PUT and PATCH.
    pub writes: Vec<Planned>,
    /// GET entries: index and URL.
    pub reads: Vec<(usize, String)>,
    /// What names mean, if every create creates.
    pub names: HashMap<String, String>,
    /// How many entries there are.
    pub entries: usize,
}

impl Plan {
    /// A failure of one write, told as that of its entry.
    pub(super) fn failure_at(&self, at: usize, mut failure: Failure, element: &str) -> Failure {
        if let Some(planned) = self.writes.get(at) {
            for issue in &mut failure.issues {
                issue.expression = Some(format!("Bundle.entry[{}].{element}", planned.index));
            }
        }
        failure
    }
}

/// Takes a transaction apart.
///
/// # Errors
/// 400 naming the entries that cannot be understood.
pub fn plan(app: &App, bundle: &Value) -> Result<Plan, Failure> {
    let entries = bundle::entries(bundle).map_err(|issues| Failure {
        issues,
        ..Failure::bad(IssueType::Invalid, "")
    })?;
    let raw = bundle
        .get("entry")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut plan = Plan {
        writes: Vec::with_capacity(entries.len()),
        reads: Vec::new(),
        names: HashMap::new(),
        entries: raw.len(),
    };
    let mut leaders: HashMap<(String, String), usize> = HashMap::new();
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|entry| match entry.method {
        Method::Delete => 0,
        Method::Post => 1,
        Method::Put | Method::Patch => 2,
        Method::Get => 3,
    });
    for entry in entries {
        let refuse = |code, text: &str, element: &str| {
            let place = format!("Bundle.entry[{}].{element}", entry.index);
            Failure::one(StatusCode::BAD_REQUEST, Issue::error(code, text).at(place))
        };
        let url = entry.url.trim_start_matches('/');
        let kind = match entry.method {
            Method::Get => {
                plan.reads.push((entry.index, url.to_owned()));
                continue;
            }
            Method::Post => Kind::Create,
            Method::Put => Kind::Update,
            Method::Patch => Kind::Patch,
            Method::Delete => Kind::Delete,
        };
        if url.contains('?') {
            return Err(refuse(
                IssueType::NotSupported,
                "conditional update and delete are not offered",
                "request.url",
            ));
        }
        let mut segments = url.split('/');
        let resource_type = segments.next().unwrap_or("").to_owned();
        let id = segments.next().map(str::to_owned);
        if segments.next().is_some() || id.is_some() == (kind == Kind::Create) {
            return Err(refuse(
                IssueType::Value,
                "the url must be Type for POST and Type/id for the others",
                "request.url",
            ));
        }
        if !resource::is_known_type(&resource_type) {
            return Err(refuse(
                IssueType::NotSupported,
                "this resource type is not kept here",
                "request.url",
            ));
        }
        let body = match kind {
            Kind::Delete => None,
            Kind::Patch => Some(entry.resource.and_then(patch_of).ok_or_else(|| {
                refuse(
                    IssueType::Structure,
                    "a patch is a Binary with contentType application/json-patch+json",
                    "resource",
                )
            })?),
            Kind::Create | Kind::Update => {
                let mut body = entry.resource.cloned().unwrap_or(Value::Null);
                if resource::resource_type(&body) != Some(resource_type.as_str()) {
                    return Err(refuse(
                        IssueType::Invalid,
                        "the resource's type is not the one of the url",
                        "resource.resourceType",
                    ));
                }
                if kind == Kind::Update {
                    match resource::id(&body) {
                        Some(own) if Some(own) == id.as_deref() => {}
                        Some(_) => {
                            return Err(refuse(
                                IssueType::Invalid,
                                "the resource's id is not the one of the url",
                                "resource.id",
                            ));
                        }
                        None => {
                            if let (Some(map), Some(id)) = (body.as_object_mut(), &id) {
                                map.insert("id".to_owned(), Value::String(id.clone()));
                            }
                        }
                    }
                }
                Some(body)
            }
        };
        let if_match = match entry.if_match {
            None => None,
            Some(text) => Some(bundle::parse_etag(text).ok_or_else(|| {
                refuse(
                    IssueType::Value,
                    "ifMatch must be an ETag: W/\"1\"",
                    "request.ifMatch",
                )
            })?),
        };
        let if_none_match = raw
            .get(entry.index)
            .and_then(|entry| entry.get("request")?.get("ifNoneMatch")?.as_str())
            == Some("*");
        let at = plan.writes.len();
        let mut planned = Planned {
            index: entry.index,
            kind,
            id: id.unwrap_or_else(|| app.new_id()),
            resource: body,
            if_match,
            if_none_match,
            if_none_exist: entry
                .if_none_exist
                .map(str::to_owned)
                .filter(|_| kind == Kind::Create),
            names: Vec::new(),
            same_as: None,
            resource_type,
        };
        let mut target = format!("{}/{}", planned.resource_type, planned.id);
        if let Some(criteria) = &planned.if_none_exist {
            let key = (planned.resource_type.clone(), criteria.clone());
            match leaders.get(&key) {
                Some(leader) => {
                    planned.same_as = Some(*leader);
                    if let Some(leader) = plan.writes.get(*leader) {
                        target = format!("{}/{}", leader.resource_type, leader.id);
                    }
                }
                None => {
                    leaders.insert(key, at);
                }
            }
        }
        if kind == Kind::Create || kind == Kind::Update {
            planned.names = names(entry.full_url, kind);
            for name in &planned.names {
                if plan.names.insert(name.clone(), target.clone()).is_some() {
                    return Err(refuse(
                        IssueType::Duplicate,
                        "another entry has the same fullUrl",
                        "fullUrl",
                    ));
                }
            }
        }
        plan.writes.push(planned);
    }
    Ok(plan)
}

/// The names by which other entries may refer to one: its fullUrl, and for one that the server
/// gives a new id the `Type/id` at the end of that.
fn names(full_url: Option<&str>, kind: Kind) -> Vec<String> {
    let Some(full_url) = full_url else {
        return Vec::new();
    };
    let mut names = vec![full_url.to_owned()];
    if kind == Kind::Create && full_url.contains("://") {
        let mut tail = full_url.rsplit('/');
        if let (Some(id), Some(resource_type)) = (tail.next(), tail.next()) {
            let relative = format!("{resource_type}/{id}");
            if reference::parse(&relative).is_some() {
                names.push(relative);
            }
        }
    }
    names
}

/// The JSON Patch in a Binary, as FHIR carries patches in bundles.
pub fn patch_of(binary: &Value) -> Option<Value> {
    use base64::Engine as _;
    if resource::resource_type(binary) != Some("Binary")
        || binary.get("contentType").and_then(Value::as_str) != Some("application/json-patch+json")
    {
        return None;
    }
    let data = binary.get("data").and_then(Value::as_str)?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data)
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}
