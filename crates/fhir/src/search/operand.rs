//! Reads the values of a query.

use jiff::tz::TimeZone;

use super::definition::{ParamKind, SearchParam};
use super::query::{Modifier, Operand, SystemMatch};
use crate::date::{DateRange, Prefix};
use crate::{reference, resource};

/// Splits at a separator that is not escaped. The parts keep their escapes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (index, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == separator {
            parts.push(&text[start..index]);
            start = index + letter.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Takes the escapes off (`\,` `\|` `\$` `\\`); a backslash before anything else stands for itself.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(&next @ (',' | '|' | '$' | '\\'))) => {
                plain.push(next);
                letters.next();
            }
            _ => plain.push(letter),
        }
    }
    plain
}

/// What a value should have been, in words.
pub(super) fn expected(kind: ParamKind, modifier: Modifier) -> &'static str {
    match kind {
        ParamKind::String => "words",
        ParamKind::Reference if modifier != Modifier::Identifier => "an id, Type/id or a URL",
        ParamKind::Token | ParamKind::Reference => "code, system|code, |code or system|",
        ParamKind::Date => {
            "a date (YYYY, YYYY-MM, YYYY-MM-DD, YYYY-MM-DDThh:mm:ss and zone), after eq, ne, gt, \
             lt, ge, le, sa, eb, ap or nothing"
        }
        ParamKind::Quantity => {
            "a number, number|system|code or number||code, with or without prefix"
        }
        ParamKind::Uri => "a URI",
    }
}

/// Reads one value; `None` when it cannot be understood.
pub(super) fn read(
    param: &SearchParam,
    modifier: Modifier,
    to_type: Option<&str>,
    text: &str,
    zone: &TimeZone,
) -> Option<Operand> {
    if text.is_empty() {
        return None;
    }
    match (param.kind, modifier) {
        (ParamKind::String, _) => {
            let text = unescape(text);
            (!text.trim().is_empty()).then_some(Operand::Text(text))
        }
        (ParamKind::Reference, Modifier::Identifier) | (ParamKind::Token, _) => {
            token(text, param.system_free)
        }
        (ParamKind::Reference, _) => refers(param, to_type, text),
        (ParamKind::Date, _) => {
            let (prefix, date) = Prefix::split(text);
            // A plus sign that was not percent-encoded arrives as a space.
            let date = date.replace(' ', "+");
            let range = DateRange::parse(&date, zone).ok()?;
            Some(Operand::Date { prefix, range })
        }
        (ParamKind::Quantity, _) => quantity(text),
        (ParamKind::Uri, _) => Some(Operand::Uri(unescape(text))),
    }
}

fn token(text: &str, system_free: bool) -> Option<Operand> {
    let parts: Vec<String> = split(text, '|').into_iter().map(unescape).collect();
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    let (system, code) = match parts.as_slice() {
        [code] => (SystemMatch::Any, filled(code)),
        [system, code] if system.is_empty() => (SystemMatch::None, filled(code)),
        [system, code] => (SystemMatch::Is(system.clone()), filled(code)),
        _ => return None,
    };
    if code.is_none() && !matches!(system, SystemMatch::Is(_)) {
        return None;
    }
    // The system of a `code` element is implied by the element.
    let system = if system_free && code.is_some() {
        SystemMatch::Any
    } else {
        system
    };
    Some(Operand::Token { system, code })
}

fn refers(param: &SearchParam, to_type: Option<&str>, text: &str) -> Option<Operand> {
    let text = unescape(text);
    if text.contains("://") || text.starts_with("urn:") {
        return Some(Operand::Uri(text));
    }
    if let Some(found) = reference::parse(&text) {
        // `subject:Patient=Group/1` contradicts itself and matches nothing.
        let contradiction = to_type.is_some_and(|kind| kind != found.resource_type);
        let types = if contradiction {
            vec![]
        } else {
            vec![found.resource_type]
        };
        return Some(Operand::Reference {
            types,
            id: found.id,
        });
    }
    if !resource::valid_id(&text) {
        return None;
    }
    let types = match to_type {
        Some(kind) => vec![kind.to_owned()],
        None => param
            .targets
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect(),
    };
    Some(Operand::Reference { types, id: text })
}

fn quantity(text: &str) -> Option<Operand> {
    let (prefix, text) = Prefix::split(text);
    let mut parts = split(text, '|').into_iter().map(unescape);
    let number = parts.next()?;
    let (system, code) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let well_formed = number.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && number.ends_with(|c: char| c.is_ascii_digit());
    let value = well_formed
        .then(|| number.parse::<f64>().ok())?
        .filter(|n| n.is_finite())?;
    let half = half_step(&number);
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Some(Operand::Quantity {
        prefix,
        value,
        lo: value - half,
        hi: value + half,
        system: filled(system),
        code: filled(code),
    })
}

/// Half of the last digit written: 5.4 stands for 5.35 up to 5.45.
fn half_step(number: &str) -> f64 {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let decimals = mantissa
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let decimals = i32::try_from(decimals).unwrap_or(i32::MAX);
    0.5 * 10f64.powi(exponent.saturating_sub(decimals))
}
