//! Words of coded elements.

use std::borrow::Cow;

use super::tree::Tree;

/// Text under a key.
#[must_use]
pub fn text<'a, T: Tree>(value: &'a T, key: &str) -> Option<&'a str> {
    value
        .member(key)?
        .as_text()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// The entries of an array under a key.
pub fn each<'a, T: Tree>(value: &'a T, key: &str) -> impl Iterator<Item = &'a T> + use<'a, T> {
    value.member(key).map_or(&[][..], T::items).iter()
}

/// The first entry of an array under a key.
#[must_use]
pub fn first<'a, T: Tree>(value: &'a T, key: &str) -> Option<&'a T> {
    value.member(key)?.items().first()
}

/// A CodeableConcept in words: its text, the display of a coding, or at least its code.
#[must_use]
pub fn concept<T: Tree>(concept: &T) -> Option<String> {
    if let Some(text) = text(concept, "text") {
        return Some(text.to_owned());
    }
    each(concept, "coding")
        .find_map(|coding| text(coding, "display"))
        .or_else(|| each(concept, "coding").find_map(|coding| text(coding, "code")))
        .map(str::to_owned)
}

/// The CodeableConcept under a key, in words.
#[must_use]
pub fn concept_at<T: Tree>(value: &T, key: &str) -> Option<String> {
    concept(value.member(key)?)
}

/// The first CodeableConcept of an array under a key, in words.
#[must_use]
pub fn first_concept<T: Tree>(value: &T, key: &str) -> Option<String> {
    each(value, key).find_map(concept)
}

/// The code of the first coding.
#[must_use]
pub fn first_code<T: Tree>(concept: &T) -> Option<&str> {
    each(concept, "coding").find_map(|coding| text(coding, "code"))
}

/// The code that a coding system gives.
#[must_use]
pub fn code_in<'a, T: Tree>(concept: &'a T, system: &str) -> Option<&'a str> {
    each(concept, "coding")
        .filter(|coding| text(*coding, "system") == Some(system))
        .find_map(|coding| text(coding, "code"))
}

/// The first coding with its system's short name: `SNOMED 44054006`.
#[must_use]
pub fn named_code<T: Tree>(concept: &T) -> Option<String> {
    let coding = each(concept, "coding").find(|coding| text(*coding, "code").is_some())?;
    let code = text(coding, "code")?;
    Some(match text(coding, "system").map(system_name) {
        Some(system) if !system.is_empty() => format!("{system} {code}"),
        _ => code.to_owned(),
    })
}

fn system_name(system: &str) -> &str {
    match system {
        "http://snomed.info/sct" => "SNOMED",
        "http://loinc.org" => "LOINC",
        "http://www.nlm.nih.gov/research/umls/rxnorm" => "RxNorm",
        "http://hl7.org/fhir/sid/cvx" => "CVX",
        "http://hl7.org/fhir/sid/icd-10-cm" | "http://hl7.org/fhir/sid/icd-10" => "ICD-10",
        "http://hl7.org/fhir/sid/icd-9-cm" => "ICD-9",
        "http://hl7.org/fhir/sid/ndc" => "NDC",
        "http://www.ama-assn.org/go/cpt" => "CPT",
        "http://unitsofmeasure.org" => "UCUM",
        other => other.rsplit(['/', ':']).next().unwrap_or(other),
    }
}

/// A code word for people: `entered-in-error` → `entered in error`.
#[must_use]
pub fn plain(code: &str) -> String {
    code.replace('-', " ")
}

/// A quantity: `5 mg`.
#[must_use]
pub fn quantity<T: Tree>(value: &T) -> Option<String> {
    let number = value.member("value")?.as_number()?;
    let comparator = text(value, "comparator").unwrap_or_default();
    let unit = text(value, "unit")
        .or_else(|| text(value, "code"))
        .unwrap_or_default();
    let unit = if unit == "1" { "" } else { unit };
    Some(
        format!("{comparator}{} {unit}", self::number(number))
            .trim()
            .to_owned(),
    )
}

/// A number as people write it: at most three decimals, no trailing zeros.
#[must_use]
pub fn number(value: f64) -> String {
    let rounded = format!("{value:.3}");
    let trimmed = if rounded.contains('.') {
        rounded.trim_end_matches('0').trim_end_matches('.')
    } else {
        &rounded
    };
    if trimmed == "-0" {
        "0".to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// The display of a Reference.
#[must_use]
pub fn display<'a, T: Tree>(value: &'a T, key: &str) -> Option<&'a str> {
    text(value.member(key)?, "display")
}

/// First letter upper case.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(letter) => letter.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Cuts a text after `limit` characters at a word, with an ellipsis.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(limit) else {
        return Cow::Borrowed(text);
    };
    let head = &text[..end];
    let cut = head
        .rfind(char::is_whitespace)
        .filter(|cut| *cut > end / 2)
        .unwrap_or(end);
    Cow::Owned(format!("{}…", head[..cut].trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_of_concepts() {
        let coded = json!({"coding": [{"system": "http://snomed.info/sct", "code": "44054006", "display": "Diabetes"}]});
        assert_eq!(concept(&coded).as_deref(), Some("Diabetes"));
        assert_eq!(named_code(&coded).as_deref(), Some("SNOMED 44054006"));
        assert_eq!(
            concept(&json!({"text": " Sugar "})).as_deref(),
            Some("Sugar")
        );
        assert_eq!(
            concept(&json!({"coding": [{"code": "x"}]})).as_deref(),
            Some("x")
        );
        for foreign in [
            json!(null),
            json!([]),
            json!({"coding": {}}),
            json!({"coding": [7]}),
        ] {
            assert_eq!(concept(&foreign), None);
        }
    }

    #[test]
    fn numbers() {
        for (value, shown) in [
            (5.0, "5"),
            (5.25, "5.25"),
            (0.123_456, "0.123"),
            (-0.0001, "0"),
            (100.0, "100"),
        ] {
            assert_eq!(number(value), shown);
        }
        assert_eq!(
            quantity(&json!({"value": 7.0, "unit": "%"})).as_deref(),
            Some("7 %")
        );
        assert_eq!(
            quantity(&json!({"value": 7.0, "comparator": "<", "code": "mg"})).as_deref(),
            Some("<7 mg")
        );
    }

    #[test]
    fn cutting_respects_characters() {
        assert_eq!(shortened("short", 10), "short");
        assert_eq!(shortened("one two three", 9), "one two…");
        assert_eq!(shortened("日本語日本語", 3), "日本語…");
    }
}
