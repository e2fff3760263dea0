//! Bundles written as text: resources are stored as JSON and go out as they are.

use fhir::outcome::{Issue, operation_outcome};

use crate::store::rows::Opened;

/// A bundle that grows.
pub struct Gathered {
    text: Vec<u8>,
    entries: usize,
}

/// How an entry came into a searchset.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// It matched.
    Match,
    /// It was brought along.
    Include,
}

impl Gathered {
    /// An empty bundle of this type.
    pub fn new(kind: &str, total: Option<u64>, links: &[(&str, String)]) -> Self {
        let mut text = format!(r#"{{"resourceType":"Bundle","type":"{kind}""#);
        if let Some(total) = total {
            text.push_str(&format!(r#","total":{total}"#));
        }
        if !links.is_empty() {
            let links: Vec<String> = links
                .iter()
                .map(|(relation, url)| {
                    format!(r#"{{"relation":"{relation}","url":{}}}"#, quoted(url))
                })
                .collect();
            text.push_str(&format!(r#","link":[{}]"#, links.join(",")));
        }
        Self {
            text: text.into_bytes(),
            entries: 0,
        }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Adds a resource of a searchset; a deletion has none to add.
    pub fn found(&mut self, base: &str, row: &Opened, mode: Mode) {
        let Some(json) = &row.json else { return };
        let mode = match mode {
            Mode::Match => "match",
            Mode::Include => "include",
        };
        let url = quoted(&format!("{base}/{}/{}", row.resource_type, row.id));
        self.begin();
        self.text
            .extend_from_slice(format!(r#"{{"fullUrl":{url},"resource":"#).as_bytes());
        self.text.extend_from_slice(json);
        self.text
            .extend_from_slice(format!(r#","search":{{"mode":"{mode}"}}}}"#).as_bytes());
    }

    /// Adds what is to be said about the search.
    pub fn told(&mut self, issues: &[Issue]) {
        if issues.is_empty() {
            return;
        }
        let outcome = operation_outcome(issues);
        self.begin();
        self.text.extend_from_slice(
            format!(r#"{{"resource":{outcome},"search":{{"mode":"outcome"}}}}"#).as_bytes(),
        );
    }

    /// Adds a version of a history.
    pub fn version(&mut self, base: &str, row: &Opened) {
        let reference = format!("{}/{}", row.resource_type, row.id);
        let moment = fhir::resource::instant(row.last_updated);
        let (method, url, status) = match (&row.json, row.version) {
            (None, _) => ("DELETE", reference.as_str(), "204"),
            (Some(_), 1) => ("PUT", reference.as_str(), "201"),
            (Some(_), _) => ("PUT", reference.as_str(), "200"),
        };
        self.begin();
        self.text.extend_from_slice(
            format!(r#"{{"fullUrl":{},"#, quoted(&format!("{base}/{reference}"))).as_bytes(),
        );
        if let Some(json) = &row.json {
            self.text.extend_from_slice(br#""resource":"#);
            self.text.extend_from_slice(json);
            self.text.push(b',');
        }
        self.text.extend_from_slice(
            format!(
                r#""request":{{"method":"{method}","url":{}}},"response":{{"status":"{status}","etag":"W/\"{}\"","lastModified":"{moment}"}}}}"#,
                quoted(url),
                row.version
            )
            .as_bytes(),
        );
    }

    /// Adds an entry that is JSON text already.
    pub fn raw(&mut self, entry: &[u8]) {
        self.begin();
        self.text.extend_from_slice(entry);
    }

    /// The bundle. FHIR knows no empty arrays: without entries there is no `entry`.
    pub fn finish(mut self) -> Vec<u8> {
        if self.entries > 0 {
            self.text.push(b']');
        }
        self.text.push(b'}');
        self.text
    }

    fn begin(&mut self) {
        self.text.extend_from_slice(if self.entries == 0 {
            br#","entry":["#
        } else {
            b","
        });
        self.entries += 1;
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_is_written_is_json_and_has_no_empty_arrays() {
        let empty: Value =
            serde_json::from_slice(&Gathered::new("searchset", Some(0), &[]).finish()).unwrap();
        assert_eq!(
            empty,
            serde_json::json!({"resourceType": "Bundle", "type": "searchset", "total": 0})
        );
        let row = Opened {
            resource_type: "Patient".into(),
            id: "1".into(),
            version: 2,
            last_updated: "2026-01-01T00:00:00Z".parse().unwrap(),
            patient: None,
            json: Some(zeroize::Zeroizing::new(
                br#"{"resourceType":"Patient","id":"1"}"#.to_vec(),
            )),
        };
        let mut set = Gathered::new("searchset", None, &[("self", "https://x/\"y\"".into())]);
        set.found("https://x", &row, Mode::Match);
        set.told(&[Issue::information("hello")]);
        set.version("https://x", &row);
        let set: Value = serde_json::from_slice(&set.finish()).unwrap();
        assert_eq!(set["entry"][0]["resource"]["id"], "1");
        assert_eq!(set["entry"][1]["search"]["mode"], "outcome");
        assert_eq!(set["entry"][2]["response"]["etag"], "W/\"2\"");
        assert_eq!(set["link"][0]["url"], "https://x/\"y\"");
    }
}
