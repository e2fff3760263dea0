//! Whether a JSON value is one of FHIR's primitives.

use serde_json::Value;

use super::model::Primitive;
use crate::outcome::IssueType;
use crate::{date, resource};

/// FHIR's limit for strings.
const MAX_STRING: usize = 1024 * 1024;

/// What narratives may not carry: whatever runs, loads or asks.
const ACTIVE_CONTENT: &[&str] = &[
    "<script",
    "<iframe",
    "<object",
    "<embed",
    "<form",
    "<input",
    "<link",
    "<meta",
    "<base",
    "<style",
    "javascript:",
];

/// Checks a value; the error says what it should be, and never what it is.
pub(super) fn check(kind: Primitive, value: &Value) -> Result<(), (IssueType, String)> {
    match kind {
        Primitive::Boolean if value.is_boolean() => Ok(()),
        Primitive::Boolean => wrong("must be true or false, without quotes"),
        Primitive::Decimal if value.is_number() => Ok(()),
        Primitive::Decimal => wrong("must be a number, without quotes"),
        Primitive::Integer => integer(value, i64::from(i32::MIN), "must be a whole number"),
        Primitive::UnsignedInt => integer(value, 0, "must be a whole number, 0 or more"),
        Primitive::PositiveInt => integer(value, 1, "must be a whole number, 1 or more"),
        _ => match value.as_str() {
            None => wrong("must be a string"),
            Some("") => wrong("must not be empty"),
            Some(text) => text_of(kind, text),
        },
    }
}

fn wrong(text: &str) -> Result<(), (IssueType, String)> {
    Err((IssueType::Value, text.to_owned()))
}

fn holds(rule: bool, text: &str) -> Result<(), (IssueType, String)> {
    if rule { Ok(()) } else { wrong(text) }
}

fn integer(value: &Value, least: i64, text: &str) -> Result<(), (IssueType, String)> {
    holds(
        value
            .as_i64()
            .is_some_and(|n| (least..=i64::from(i32::MAX)).contains(&n)),
        text,
    )
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_uuid(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else {
        return false;
    };
    let parts: Vec<&str> = uuid.split('-').collect();
    parts.len() == 5
        && parts
            .iter()
            .zip([8, 4, 4, 4, 12])
            .all(|(part, length)| is_hex(part, length))
}

fn is_oid(text: &str) -> bool {
    let Some(oid) = text.strip_prefix("urn:oid:") else {
        return false;
    };
    let mut arcs = oid.split('.');
    let number = |arc: &str| {
        !arc.is_empty()
            && arc.bytes().all(|b| b.is_ascii_digit())
            && (arc == "0" || !arc.starts_with('0'))
    };
    let mut rest = 0;
    matches!(arcs.next(), Some("0" | "1" | "2"))
        && arcs.all(|arc| {
            rest += 1;
            number(arc)
        })
        && rest > 0
}

fn is_base64(text: &str) -> bool {
    let mut letters = 0usize;
    let mut padding = 0usize;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => letters += 1,
            b'=' => padding += 1,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => return false,
        }
    }
    padding <= 2 && letters > 0 && (letters + padding).is_multiple_of(4)
}

/// One word, or words with single spaces between.
fn is_code(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace())
        .all(|word| !word.is_empty())
}

fn narrative(text: &str) -> Result<(), (IssueType, String)> {
    let text = text.trim();
    let shape = text.starts_with("<div") && (text.ends_with("</div>") || text.ends_with("/>"));
    if !shape {
        return wrong("must be one XHTML <div> element");
    }
    let lower = text.to_ascii_lowercase();
    if ACTIVE_CONTENT.iter().any(|active| lower.contains(active)) {
        return Err((
            IssueType::Invariant,
            "a narrative may not carry scripts, forms, styles or embedded content".to_owned(),
        ));
    }
    Ok(())
}

fn text_of(kind: Primitive, text: &str) -> Result<(), (IssueType, String)> {
    let calendar = |result: Result<(), date::DateError>| {
        result.map_err(|error| (IssueType::Value, error.to_string()))
    };
    match kind {
        Primitive::String if text.len() > MAX_STRING => Err((
            IssueType::TooLong,
            "must not be longer than 1 MB".to_owned(),
        )),
        Primitive::String => holds(
            !text.contains('\0'),
            "must not contain the character U+0000",
        ),
        Primitive::Code => holds(
            is_code(text),
            "must be a code: no spaces at its ends, none doubled within",
        ),
        Primitive::Id => holds(
            resource::valid_id(text),
            "must be an id: 1 to 64 letters, digits, - and .",
        ),
        Primitive::Uri => holds(
            !text.contains(char::is_whitespace),
            "must be a URI: without spaces",
        ),
        Primitive::Uuid => holds(
            is_uuid(text),
            "must be a UUID, written urn:uuid: in lower case",
        ),
        Primitive::Oid => holds(is_oid(text), "must be an OID, written urn:oid:"),
        Primitive::Date => calendar(date::date(text).map(|_| ())),
        Primitive::DateTime => calendar(date::date_time(text).map(|_| ())),
        Primitive::Instant => calendar(date::instant(text).map(|_| ())),
        Primitive::Time => holds(date::is_time(text), "must be a time of day, hh:mm:ss"),
        Primitive::Base64Binary => holds(is_base64(text), "must be base64"),
        Primitive::Xhtml => narrative(text),
        // Those that are not strings in JSON were answered before.
        Primitive::Boolean
        | Primitive::Decimal
        | Primitive::Integer
        | Primitive::UnsignedInt
        | Primitive::PositiveInt => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn right_and_wrong() {
        use Primitive as P;
        for (kind, right, wrong) in [
            (P::Boolean, vec![json!(true)], vec![json!("true"), json!(1)]),
            (
                P::Decimal,
                vec![json!(1), json!(-1.5), json!(1e10)],
                vec![json!("1")],
            ),
            (
                P::Integer,
                vec![json!(-1)],
                vec![json!(1.5), json!("1"), json!(3_000_000_000_i64)],
            ),
            (P::UnsignedInt, vec![json!(0)], vec![json!(-1)]),
            (P::PositiveInt, vec![json!(1)], vec![json!(0)]),
            (
                P::String,
                vec![json!("x"), json!("a\u{a0}b"), json!("مريم")],
                vec![json!(""), json!(1), json!("a\0b"), json!([])],
            ),
            (
                P::Code,
                vec![json!("a"), json!("a b")],
                vec![json!(" a"), json!("a  b"), json!("a ")],
            ),
            (P::Id, vec![json!("a-1")], vec![json!("a_1"), json!("")]),
            (P::Uri, vec![json!("urn:x")], vec![json!("a b")]),
            (
                P::Uuid,
                vec![json!("urn:uuid:c757873d-ec9a-4326-a141-556f43239520")],
                vec![
                    json!("c757873d-ec9a-4326-a141-556f43239520"),
                    json!("urn:uuid:1"),
                ],
            ),
            (
                P::Oid,
                vec![json!("urn:oid:1.2.3.4.5")],
                vec![
                    json!("urn:oid:3.1"),
                    json!("urn:oid:1"),
                    json!("1.2"),
                    json!("urn:oid:1.02"),
                ],
            ),
            (
                P::Date,
                vec![json!("2024-02-29"), json!("2024")],
                vec![json!("2023-02-30")],
            ),
            (
                P::DateTime,
                vec![json!("2024-02-29T10:00:00Z")],
                vec![json!("2024-02-29T10:00Z")],
            ),
            (
                P::Instant,
                vec![json!("2024-02-29T10:00:00.1+05:30")],
                vec![json!("2024-02-29")],
            ),
            (P::Time, vec![json!("10:00:00")], vec![json!("10:00")]),
            (
                P::Base64Binary,
                vec![json!("QUJD"), json!("QUI="), json!("QUJD\nQUI=")],
                vec![
                    json!("QUJ"),
                    json!("QUI=QUJD"),
                    json!("Q€JD"),
                    json!("===="),
                ],
            ),
            (
                P::Xhtml,
                vec![json!("<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>")],
                vec![
                    json!("x"),
                    json!("<p>x</p>"),
                    json!("<div><SCRIPT>x</SCRIPT></div>"),
                ],
            ),
        ] {
            for value in right {
                assert_eq!(check(kind, &value), Ok(()), "{kind:?} {value}");
            }
            for value in wrong {
                assert!(check(kind, &value).is_err(), "{kind:?} {value}");
            }
        }
    }
}
