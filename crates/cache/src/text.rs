//! Full text over notes and problems.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::params;
use serde::Deserialize;

use crate::error::StoreError;
use crate::place;
use crate::records::Record;
use crate::store::{Reading, Writing};

/// A record whose text has every word that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextHit {
    /// Logical id of the patient, if it is about one.
    pub patient: Option<String>,
    /// The note or problem.
    pub record: Record,
}

impl Reading<'_> {
    /// Notes and problems that have every typed word, the last one as a beginning; best first.
    /// Of one patient, if one is named.
    pub fn search_text(
        &self,
        query: &str,
        patient: Option<&str>,
        limit: usize,
    ) -> Result<Vec<TextHit>, StoreError> {
        let Some(expression) = expression(query) else {
            return Ok(Vec::new());
        };
        let stretch = match patient {
            Some(patient) => match self.slot(patient)? {
                Some(slot) => place::stretch_of_patient(slot),
                None => return Ok(Vec::new()),
            },
            None => i64::MIN..=i64::MAX,
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT rowid FROM passage WHERE passage MATCH ?1 AND rowid BETWEEN ?2 AND ?3
             ORDER BY rank LIMIT ?4",
        )?;
        let mut rows = statement.query(params![
            expression,
            stretch.start(),
            stretch.end(),
            limit as i64
        ])?;
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            places.push(row.get(0)?);
        }
        let mut hits = Vec::with_capacity(places.len());
        for place in places {
            for record in self.at_places(&[place])? {
                hits.push(TextHit {
                    patient: self.patient_in(place::slot_of(place))?,
                    record,
                });
            }
        }
        Ok(hits)
    }
}

impl Writing<'_> {
    pub(crate) fn index_text(&mut self, place: i64, text: &str) -> Result<(), StoreError> {
        if !text.is_empty() {
            self.connection
                .prepare_cached("INSERT INTO passage (rowid, body) VALUES (?1, ?2)")?
                .execute(params![place, spaced(text)])?;
        }
        Ok(())
    }

    pub(crate) fn unindex_text(&mut self, place: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM passage WHERE rowid = ?1")?
            .execute([place])?;
        Ok(())
    }
}

/// The words of a query as an FTS5 expression: nothing typed is ever an operator.
fn expression(query: &str) -> Option<String> {
    let words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| format!("\"{}\"", spaced(word).trim()))
        .collect();
    // The last word may not be typed to its end.
    (!words.is_empty()).then(|| format!("{}*", words.join(" ")))
}

/// Scripts that write no spaces have one put between characters, in the index and in the query:
/// a word is then a phrase of characters.
fn spaced(text: &str) -> Cow<'_, str> {
    if !text.chars().any(unspaced_script) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if unspaced_script(c) {
            out.push(' ');
            out.push(c);
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Han, kana, Thai, Lao, Khmer, Burmese.
fn unspaced_script(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[derive(Deserialize, Default)]
struct Concept<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    coding: Vec<Coding<'a>>,
}

#[derive(Deserialize)]
struct Coding<'a> {
    #[serde(borrow, default)]
    display: Option<Cow<'a, str>>,
}

impl Concept<'_> {
    fn collect(&self, into: &mut Vec<String>) {
        into.extend(self.text.iter().map(|text| text.to_string()));
        into.extend(
            self.coding
                .iter()
                .filter_map(|coding| coding.display.as_deref())
                .map(str::to_owned),
        );
    }
}

/// The words of a problem: its code in words and its notes.
pub(crate) fn of_condition(json: &str) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow, default)]
        code: Concept<'a>,
        #[serde(borrow, default)]
        note: Vec<Note<'a>>,
    }
    #[derive(Deserialize)]
    struct Note<'a> {
        #[serde(borrow, default)]
        text: Option<Cow<'a, str>>,
    }
    let parts: Parts<'_> = serde_json::from_str(json)?;
    let mut texts = Vec::new();
    parts.code.collect(&mut texts);
    texts.extend(
        parts
            .note
            .iter()
            .filter_map(|note| note.text.as_deref())
            .map(str::to_owned),
    );
    // Code and display often say the same.
    texts.dedup();
    Ok(texts.join("\n"))
}

/// The words of a document: its description and its text attachments.
pub(crate) fn of_document(json: &str) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow, default)]
        description: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        content: Vec<Content<'a>>,
    }
    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow, default)]
        attachment: Attachment<'a>,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Attachment<'a> {
        #[serde(borrow, default)]
        content_type: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        title: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        data: Option<Cow<'a, str>>,
    }
    let parts: Parts<'_> = serde_json::from_str(json)?;
    let mut texts: Vec<String> = parts
        .description
        .iter()
        .map(|text| text.to_string())
        .collect();
    for Content { attachment } in &parts.content {
        texts.extend(attachment.title.iter().map(|title| title.to_string()));
        let is_text = attachment
            .content_type
            .as_deref()
            .is_some_and(|kind| kind.starts_with("text/"));
        if let Some(data) = attachment.data.as_deref().filter(|_| is_text) {
            // What is not text after all has no words; the record itself is kept as it is.
            let decoded = STANDARD
                .decode(data)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            texts.extend(decoded);
        }
    }
    Ok(texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_is_an_operator() {
        assert_eq!(
            expression("chest pain").as_deref(),
            Some("\"chest\" \"pain\"*")
        );
        assert_eq!(
            expression("a\" OR b*").as_deref(),
            Some("\"a\" \"OR\" \"b\"*")
        );
        assert_eq!(expression(" -- "), None);
        assert_eq!(expression("糖尿病").as_deref(), Some("\"糖  尿  病\"*"));
    }

    #[test]
    fn notes_are_decoded() {
        let json = format!(
            r#"{{"description":"Visit","content":[{{"attachment":{{"contentType":"text/markdown","data":"{}"}}}}]}}"#,
            STANDARD.encode("## Subjective\nCough")
        );
        assert_eq!(of_document(&json).unwrap(), "Visit\n## Subjective\nCough");
    }
}
