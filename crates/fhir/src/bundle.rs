//! Bundles: made for answers, taken apart from requests.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::outcome::{Issue, IssueType};
use crate::{reference, resource};

/// How a resource came into a searchset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It matched.
    Match,
    /// `_include` or `_revinclude` brought it.
    Include,
    /// It tells about the search (an OperationOutcome).
    Outcome,
}

/// What a transaction or batch entry asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read or search.
    Get,
    /// Create.
    Post,
    /// Update, or create with the id given.
    Put,
    /// Change parts.
    Patch,
    /// Delete.
    Delete,
}

/// One entry of a transaction or batch, taken apart.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Where it stands, from 0.
    pub index: usize,
    /// What it asks for.
    pub method: Method,
    /// `Type`, `Type/id`, `Type?criteria`.
    pub url: &'a str,
    /// The name by which others in the bundle refer to it.
    pub full_url: Option<&'a str>,
    /// The body.
    pub resource: Option<&'a Value>,
    /// `If-Match`.
    pub if_match: Option<&'a str>,
    /// `If-None-Exist`.
    pub if_none_exist: Option<&'a str>,
}

/// A searchset. `total` is left out where it was not counted; `links` are (relation, url).
#[must_use]
pub fn searchset(
    base: &str,
    total: Option<u64>,
    links: &[(&str, String)],
    entries: impl IntoIterator<Item = (Mode, Value)>,
) -> Value {
    let entries = entries.into_iter().map(|(mode, resource)| {
        let mut entry = Map::new();
        if let Some(reference) = reference::Reference::of(&resource) {
            entry.insert("fullUrl".into(), format!("{base}/{reference}").into());
        }
        entry.insert("resource".into(), resource);
        let mode = match mode {
            Mode::Match => "match",
            Mode::Include => "include",
            Mode::Outcome => "outcome",
        };
        entry.insert("search".into(), json!({"mode": mode}));
        Value::Object(entry)
    });
    of_type("searchset", total, links, entries)
}

/// A bundle of any type. FHIR knows no empty arrays, so what is empty is left out.
#[must_use]
pub fn of_type(
    kind: &str,
    total: Option<u64>,
    links: &[(&str, String)],
    entries: impl IntoIterator<Item = Value>,
) -> Value {
    let mut bundle = Map::new();
    bundle.insert("resourceType".into(), "Bundle".into());
    bundle.insert("type".into(), kind.into());
    if let Some(total) = total {
        bundle.insert("total".into(), total.into());
    }
    if !links.is_empty() {
        let links = links
            .iter()
            .map(|(relation, url)| json!({"relation": relation, "url": url}));
        bundle.insert("link".into(), links.collect());
    }
    let entries: Vec<Value> = entries.into_iter().collect();
    if !entries.is_empty() {
        bundle.insert("entry".into(), entries.into());
    }
    Value::Object(bundle)
}

/// The entry of a transaction that updates (or creates, with its own id) a resource.
/// `None` when the resource has no type or id.
#[must_use]
pub fn put(resource: Value, if_match: Option<u64>) -> Option<Value> {
    let reference = reference::Reference::of(&resource)?;
    let mut request = json!({"method": "PUT", "url": reference.to_string()});
    if let Some(version) = if_match {
        request["ifMatch"] = format!("W/\"{version}\"").into();
    }
    Some(json!({"resource": resource, "request": request}))
}

/// The entry of a transaction that creates a resource under a `urn:uuid:` name.
/// `None` when the resource has no type.
#[must_use]
pub fn post(resource: Value, full_url: &str) -> Option<Value> {
    let kind = resource::resource_type(&resource)?.to_owned();
    Some(json!({"fullUrl": full_url, "resource": resource,
                "request": {"method": "POST", "url": kind}}))
}

/// The answer to one entry.
#[must_use]
pub fn response(
    status: &str,
    location: Option<String>,
    version: Option<u64>,
    last_updated: Option<Timestamp>,
    outcome: Option<Value>,
) -> Value {
    let mut response = Map::new();
    response.insert("status".into(), status.into());
    if let Some(location) = location {
        response.insert("location".into(), location.into());
    }
    if let Some(version) = version {
        response.insert("etag".into(), format!("W/\"{version}\"").into());
    }
    if let Some(moment) = last_updated {
        response.insert("lastModified".into(), resource::instant(moment).into());
    }
    if let Some(outcome) = outcome {
        response.insert("outcome".into(), outcome);
    }
    json!({"response": response})
}

/// Reads `W/"3"`, `"3"` or `3`.
#[must_use]
pub fn parse_etag(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix("W/").unwrap_or(text);
    text.trim_matches('"').parse().ok()
}

/// The resources of a bundle of any type, in order.
pub fn resources(bundle: &Value) -> impl Iterator<Item = &Value> {
    let entries = bundle.get("entry").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("resource"))
}

/// Takes the entries of a transaction or batch apart.
///
/// # Errors
/// One issue for each entry that has no request that can be understood.
pub fn entries(bundle: &Value) -> Result<Vec<Entry<'_>>, Vec<Issue>> {
    let mut found = Vec::new();
    let mut issues = Vec::new();
    let list = bundle
        .get("entry")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    for (index, entry) in list.iter().enumerate() {
        match take_apart(index, entry) {
            Ok(entry) => found.push(entry),
            Err(issue) => issues.push(issue),
        }
    }
    if issues.is_empty() {
        Ok(found)
    } else {
        Err(issues)
    }
}

fn take_apart(index: usize, entry: &Value) -> Result<Entry<'_>, Issue> {
    let place = |element: &str| format!("Bundle.entry[{index}].{element}");
    let text = |element: &str| entry.get("request")?.get(element)?.as_str();
    let method = match text("method") {
        Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        Some("PUT") => Method::Put,
        Some("PATCH") => Method::Patch,
        Some("DELETE") => Method::Delete,
        Some(_) => {
            return Err(Issue::error(
                IssueType::NotSupported,
                "the method must be one of GET, POST, PUT, PATCH, DELETE",
            )
            .at(place("request.method")));
        }
        None => {
            return Err(
                Issue::error(IssueType::Required, "the entry needs a request.method")
                    .at(place("request")),
            );
        }
    };
    let url = text("url").filter(|url| !url.is_empty()).ok_or_else(|| {
        Issue::error(IssueType::Required, "the entry needs a request.url").at(place("request"))
    })?;
    let body = entry.get("resource");
    if body.is_none() && matches!(method, Method::Post | Method::Put | Method::Patch) {
        return Err(
            Issue::error(IssueType::Required, "POST, PUT and PATCH need a resource")
                .at(place("resource")),
        );
    }
    Ok(Entry {
        index,
        method,
        url: url.trim_start_matches('/'),
        full_url: entry.get("fullUrl").and_then(Value::as_str),
        resource: body,
        if_match: text("ifMatch"),
        if_none_exist: text("ifNoneExist"),
    })
}

/// Rewrites the references inside one resource of a transaction by the names of its entries:
/// `full_urls` maps `urn:uuid:…` (or any fullUrl) to `Type/id`. Returns how many were rewritten.
pub fn resolve(resource: &mut Value, full_urls: &HashMap<String, String>) -> usize {
    reference::rewrite(resource, |text| full_urls.get(text).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_a_searchset_without_empty_arrays() {
        let empty = searchset("https://c.example/fhir/R4", Some(0), &[], []);
        assert_eq!(
            empty,
            json!({"resourceType": "Bundle", "type": "searchset", "total": 0})
        );
        let patient = json!({"resourceType": "Patient", "id": "1"});
        let set = searchset(
            "https://c.example/fhir/R4",
            None,
            &[("self", "https://c.example/fhir/R4/Patient".into())],
            [(Mode::Match, patient.clone())],
        );
        assert_eq!(
            set["entry"][0]["fullUrl"],
            "https://c.example/fhir/R4/Patient/1"
        );
        assert_eq!(set["entry"][0]["search"]["mode"], "match");
        assert_eq!(set["link"][0]["relation"], "self");
        assert_eq!(set.get("total"), None);
        assert_eq!(resources(&set).collect::<Vec<_>>(), [&patient]);
    }

    #[test]
    fn takes_a_transaction_apart_and_resolves_it() -> Result<(), Vec<Issue>> {
        let patient = json!({"resourceType": "Patient"});
        let condition = json!({"resourceType": "Condition", "id": "c",
                               "subject": {"reference": "urn:uuid:p"}});
        let bundle = of_type(
            "transaction",
            None,
            &[],
            [post(patient, "urn:uuid:p"), put(condition, Some(4))]
                .into_iter()
                .flatten(),
        );
        let entries = entries(&bundle)?;
        assert_eq!(entries.len(), 2);
        assert_eq!(
            (entries[0].method, entries[0].url),
            (Method::Post, "Patient")
        );
        assert_eq!(entries[0].full_url, Some("urn:uuid:p"));
        assert_eq!(
            (entries[1].method, entries[1].url),
            (Method::Put, "Condition/c")
        );
        assert_eq!(entries[1].if_match.and_then(parse_etag), Some(4));

        let names = HashMap::from([("urn:uuid:p".to_owned(), "Patient/9".to_owned())]);
        let mut condition = entries[1].resource.cloned().unwrap_or_default();
        assert_eq!(resolve(&mut condition, &names), 1);
        assert_eq!(condition["subject"]["reference"], "Patient/9");
        Ok(())
    }

    #[test]
    fn names_the_entry_that_cannot_be_understood() {
        let bundle = json!({"entry": [
            {"request": {"method": "GET", "url": "Patient/1"}},
            {"resource": {}},
            {"request": {"method": "JUMP", "url": "x"}},
            {"request": {"method": "POST", "url": "Patient"}},
            {"request": {"method": "DELETE"}},
        ]});
        let places: Vec<_> = entries(&bundle)
            .err()
            .unwrap_or_default()
            .into_iter()
            .filter_map(|issue| issue.expression)
            .collect();
        assert_eq!(
            places,
            [
                "Bundle.entry[1].request",
                "Bundle.entry[2].request.method",
                "Bundle.entry[3].resource",
                "Bundle.entry[4].request"
            ]
        );
    }

    #[test]
    fn reads_etags() {
        for (text, version) in [
            ("W/\"3\"", Some(3)),
            ("\"3\"", Some(3)),
            ("3", Some(3)),
            ("x", None),
        ] {
            assert_eq!(parse_etag(text), version);
        }
    }
}
