//! Notes: DocumentReferences and the text inside, and the text of a draft.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::texts::{concept, concept_at, display, each, first_concept, plain, shortened, text};
use super::timeline::named;
use super::tree::Tree;
use super::when;
use crate::view::Standing;
use crate::view::note::{NoteLine, NoteSection, NoteView};

/// Characters of a preview.
const PREVIEW: usize = 140;

/// The sections of a SOAP note, in their order.
pub const SECTIONS: [&str; 4] = ["Subjective", "Objective", "Assessment", "Plan"];

/// The line of a DocumentReference.
#[must_use]
pub fn line<T: Tree>(
    resource: &T,
    standing: Standing,
    zone: &TimeZone,
    name: &dyn Fn(&str) -> Option<String>,
) -> NoteLine {
    NoteLine {
        reference: format!(
            "DocumentReference/{}",
            text(resource, "id").unwrap_or_default()
        ),
        title: resource
            .member("type")
            .and_then(concept)
            .or_else(|| text(resource, "description").map(str::to_owned))
            .or_else(|| first_concept(resource, "category"))
            .unwrap_or_else(|| "Document".to_owned()),
        signed_at: text(resource, "date").map(|at| when::written(at, zone)),
        author: author(resource, name),
        preview: preview(resource),
        standing,
    }
}

/// A DocumentReference, whole.
#[must_use]
pub fn whole(
    resource: &Value,
    standing: Standing,
    zone: &TimeZone,
    name: &dyn Fn(&str) -> Option<String>,
) -> NoteView {
    let mut sections = Vec::new();
    for attachment in attachments(resource) {
        match content(attachment) {
            Some(text) => sections.extend(parse(&text)),
            None => sections.push(NoteSection {
                title: text(attachment, "title").unwrap_or_default().to_owned(),
                text: format!(
                    "This part is {} and is not shown here.",
                    text(attachment, "contentType").map_or("a file", |kind| kind)
                ),
            }),
        }
    }
    if let Some(status) = text(resource, "docStatus").filter(|status| *status != "final") {
        sections.insert(
            0,
            NoteSection {
                title: String::new(),
                text: format!("Status: {}.", plain(status)),
            },
        );
    }
    NoteView {
        line: line(resource, standing, zone, name),
        sections,
    }
}

fn author<T: Tree>(resource: &T, name: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    each(resource, "author")
        .find_map(|author| {
            text(author, "display")
                .map(str::to_owned)
                .or_else(|| name(text(author, "reference")?))
        })
        .or_else(|| named(resource, "authenticator", name))
        .or_else(|| display(resource, "custodian").map(str::to_owned))
}

fn attachments<T: Tree>(resource: &T) -> impl Iterator<Item = &T> {
    each(resource, "content").filter_map(|content| content.member("attachment"))
}

/// The text of an attachment, if it is text and came along.
fn content<T: Tree>(attachment: &T) -> Option<String> {
    let kind = text(attachment, "contentType").unwrap_or("text/plain");
    let is_html = kind.starts_with("text/html") || kind.starts_with("application/xhtml");
    if !kind.starts_with("text/") && !is_html {
        return None;
    }
    let bytes = STANDARD.decode(text(attachment, "data")?).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(if is_html { without_tags(&text) } else { text })
}

fn preview<T: Tree>(resource: &T) -> String {
    let Some(text) = attachments(resource).find_map(content) else {
        return text(resource, "description")
            .map(str::to_owned)
            .or_else(|| concept_at(resource, "type"))
            .unwrap_or_default();
    };
    let words: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(str::split_whitespace)
        .flat_map(|word| [word, " "])
        .take(PREVIEW)
        .collect();
    shortened(words.trim(), PREVIEW).into_owned()
}

/// Cuts Markdown at its headings. Text before the first one has no title.
#[must_use]
pub fn parse(text: &str) -> Vec<NoteSection> {
    let mut sections = Vec::new();
    let mut title = String::new();
    let mut lines: Vec<&str> = Vec::new();
    let mut flush = |title: &mut String, lines: &mut Vec<&str>| {
        let text = lines.join("\n").trim_matches('\n').trim_end().to_owned();
        if !title.is_empty() || !text.is_empty() {
            sections.push(NoteSection {
                title: std::mem::take(title),
                text,
            });
        }
        lines.clear();
    };
    for line in text.lines() {
        match heading(line) {
            Some(found) => {
                flush(&mut title, &mut lines);
                title = found.to_owned();
            }
            None => lines.push(unescaped(line)),
        }
    }
    flush(&mut title, &mut lines);
    sections
}

/// Takes one backslash from a line that was escaped because it reads like a heading.
fn unescaped(line: &str) -> &str {
    match line.strip_prefix('\\') {
        Some(rest) if rest.trim_start_matches('\\').starts_with('#') => rest,
        _ => line,
    }
}

fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let depth = line.len() - rest.len();
    ((1..=6).contains(&depth) && rest.starts_with(' ')).then(|| rest.trim())
}

/// A SOAP note as Markdown. Empty sections are left out; a typed line that would read as a
/// heading is escaped, so that [`parse`] gives back what was typed.
#[must_use]
pub fn markdown(sections: [&str; 4]) -> String {
    let mut out = String::new();
    for (title, text) in SECTIONS.iter().zip(sections) {
        if text.trim().is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str("## ");
        out.push_str(title);
        out.push('\n');
        for line in text.trim_end().lines() {
            if line.trim_start_matches('\\').starts_with('#') {
                out.push('\\');
            }
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// What HTML says, roughly: no tags, the usual entities, a new line after each block.
fn without_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('>') else {
            rest = "";
            break;
        };
        let tag = rest[start + 1..start + end]
            .trim_start_matches('/')
            .to_ascii_lowercase();
        let name: String = tag
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        if matches!(
            name.as_str(),
            "p" | "br" | "div" | "li" | "tr" | "h1" | "h2" | "h3" | "h4" | "table"
        ) {
            out.push('\n');
        }
        rest = &rest[start + end + 1..];
    }
    out.push_str(rest);
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        out = out.replace(entity, character);
    }
    let mut lines: Vec<&str> = out.lines().map(str::trim).collect();
    lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn document(kind: &str, text: &str) -> Value {
        json!({"resourceType": "DocumentReference", "id": "d", "date": "2026-01-01T12:00:00Z",
            "type": {"text": "Progress note"}, "author": [{"display": "Dr Who"}],
            "content": [{"attachment": {"contentType": kind, "data": STANDARD.encode(text)}}]})
    }

    #[test]
    fn a_soap_note_reads_as_its_sections() {
        let text = markdown(["coughs", "", "cold", "rest\n\n# of the day"]);
        let note = whole(
            &document("text/markdown", &text),
            Standing::Saved,
            &TimeZone::UTC,
            &|_| None,
        );
        let titles: Vec<_> = note
            .sections
            .iter()
            .map(|section| section.title.as_str())
            .collect();
        assert_eq!(titles, ["Subjective", "Assessment", "Plan"]);
        assert_eq!(note.sections[2].text, "rest\n\n# of the day");
        assert!(note.line.preview.starts_with("coughs cold rest"));
    }

    #[test]
    fn a_note_from_elsewhere_is_one_section() {
        let note = whole(
            &document(
                "text/html; charset=utf-8",
                "<p>One &amp; two</p><p>three</p>",
            ),
            Standing::Confirmed,
            &TimeZone::UTC,
            &|_| None,
        );
        assert_eq!(note.sections.len(), 1);
        assert_eq!(note.sections[0].text, "One & two\n\nthree");
    }

    #[test]
    fn a_file_says_what_it_is() {
        let note = whole(
            &document("application/pdf", "x"),
            Standing::Confirmed,
            &TimeZone::UTC,
            &|_| None,
        );
        assert_eq!(
            note.sections[0].text,
            "This part is application/pdf and is not shown here."
        );
    }

    proptest! {
        #[test]
        fn what_was_typed_is_what_is_read(parts in prop::array::uniform4("[#a \\\\\n]{0,30}")) {
            let text = markdown([&parts[0], &parts[1], &parts[2], &parts[3]]);
            let typed: Vec<String> = parts
                .iter()
                .filter(|part| !part.trim().is_empty())
                .map(|part| part.trim_end().trim_matches('\n').to_owned())
                .collect();
            let read: Vec<String> = parse(&text).into_iter().map(|section| section.text).collect();
            prop_assert_eq!(read, typed);
        }

        #[test]
        fn tags_never_panic(text in "[<>/a-z&;é ]{0,60}") {
            without_tags(&text);
        }
    }
}
