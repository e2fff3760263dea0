//! A whole report as one document, sent as it is read: CSV, or a Bundle of AuditEvents.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream;
use protocol::report::{ReportQuery, ReportRow};

use crate::app::App;
use crate::audit::report::page::{self, After, Line, Which};
use crate::audit::report::row;
use crate::fhir_api::dispatch::base;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// Events that are read at once.
const CHUNK: u32 = 500;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table for people and spreadsheets.
    Csv,
    /// A collection of AuditEvents.
    Fhir,
}

impl Format {
    /// Content type of the document.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Fhir => "application/fhir+json",
        }
    }
}

enum Next {
    Chunk(Option<After>),
    Nothing,
}

struct Reader {
    app: Arc<App>,
    caller: Caller,
    asked: ReportQuery,
    format: Format,
    next: Next,
    any: bool,
}

/// The document. Reading that fails breaks it off, so that nobody takes a part for the whole.
pub fn body(app: Arc<App>, caller: Caller, asked: ReportQuery, format: Format) -> Body {
    let reader = Reader {
        app,
        caller,
        asked,
        format,
        next: Next::Chunk(None),
        any: false,
    };
    Body::from_stream(stream::try_unfold(reader, |mut reader| async move {
        match reader.read().await {
            Ok(Some(text)) => Ok(Some((Bytes::from(text), reader))),
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::error!(code = error.code(), "a report broke off");
                Err(error)
            }
        }
    }))
}

impl Reader {
    async fn read(&mut self) -> Result<Option<String>, StoreError> {
        let Next::Chunk(after) = std::mem::replace(&mut self.next, Next::Nothing) else {
            return Ok(None);
        };
        let client = self.app.pool.get().await?;
        let lines = page::page(
            &self.app,
            &client,
            &self.asked,
            Which::All,
            after.as_ref(),
            CHUNK,
        )
        .await?;
        let first = after.is_none();
        let last = lines.len() < CHUNK as usize;
        let mut text = String::new();
        match self.format {
            Format::Csv => {
                if first {
                    text.push_str(HEADER);
                }
                let about = self.asked.patient.as_deref();
                for row in row::rows(&self.app, &client, &self.caller, about, &lines).await? {
                    csv(&mut text, &row);
                }
            }
            Format::Fhir => self.bundle(&mut text, &lines, first, last),
        }
        if let Some(line) = lines.last().filter(|_| !last) {
            self.next = Next::Chunk(Some(line.after()));
        }
        Ok(Some(text))
    }

    fn bundle(&mut self, text: &mut String, lines: &[Line], first: bool, last: bool) {
        if first {
            text.push_str("{\"resourceType\":\"Bundle\",\"type\":\"collection\"");
        }
        let base = base(&self.app);
        for line in lines {
            let Some(json) = line.json.as_deref() else {
                continue;
            };
            // A Bundle without entries has no list of them.
            text.push_str(if self.any { "," } else { ",\"entry\":[" });
            self.any = true;
            text.push_str(&format!(
                "{{\"fullUrl\":\"{base}/AuditEvent/{}\",\"resource\":",
                line.id
            ));
            text.push_str(&String::from_utf8_lossy(json));
            text.push('}');
        }
        if last {
            text.push_str(if self.any { "]}" } else { "}" });
        }
    }
}

const HEADER: &str = "recorded,action,outcome,user,role,device,address,patient,patient_name,\
                      entities,explanation,justification,purpose,user_id,device_id,id\r\n";

fn csv(text: &mut String, row: &ReportRow) {
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    let id = |value: Option<uuid::Uuid>| value.map(|id| id.to_string()).unwrap_or_default();
    let fields = [
        row.recorded.to_string(),
        row.action.clone(),
        if row.success { "done" } else { "refused" }.to_owned(),
        optional(&row.user_name),
        optional(&row.role),
        optional(&row.device_name),
        optional(&row.address),
        optional(&row.patient),
        optional(&row.patient_name),
        row.entities.join(" "),
        optional(&row.explanation),
        optional(&row.justification),
        optional(&row.purpose),
        id(row.user),
        id(row.device),
        row.id.to_string(),
    ];
    let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

/// A field of RFC 4180. Spreadsheets take text that begins like a formula for one, and these
/// words come from anybody: an apostrophe keeps them text.
fn quoted(field: &str) -> String {
    let formula = field.trim_start().starts_with([
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) || field.starts_with(['\t', '\r', '\n']);
    let guard = if formula { "'" } else { "" };
    if formula || field.contains(['"', ',', '\n', '\r', ';']) {
        format!("\"{guard}{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a4_fields_are_quoted_and_are_no_formulas() {
        for (field, written) in [
            ("plain text", "plain text"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+49 30", "\"'+49 30\""),
            ("-2", "\"'-2\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            (" =cmd|'/c calc'!A0", "\"' =cmd|'/c calc'!A0\""),
            ("\t=1", "\"'\t=1\""),
        ] {
            assert_eq!(quoted(field), written, "{field}");
        }
    }
}
