//! People's names and ages, for the eye and for the search.

use jiff::civil::Date;
use jiff::{Unit, civil};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::date;

/// The `HumanName` to use for a person: the official one, else the usual, else any that is still
/// in use.
#[must_use]
pub fn current_name(person: &Value) -> Option<&Value> {
    let rank = |name: &&Value| match name.get("use").and_then(Value::as_str) {
        Some("official") => 0,
        Some("usual") => 1,
        None | Some("temp" | "nickname" | "anonymous") => 2,
        // Old and maiden names are for finding, not for calling someone by.
        Some(_) => 3,
    };
    // Whoever has one name object has it in `name` itself (contacts).
    match person.get("name")? {
        Value::Array(names) => names
            .iter()
            .filter(|name| !write_name(name).is_empty())
            .min_by_key(rank),
        name @ Value::Object(_) => Some(name),
        _ => None,
    }
}

/// The name to show for a Patient, Practitioner or RelatedPerson, in its own script and order;
/// empty when it has none.
#[must_use]
pub fn display_name(person: &Value) -> String {
    current_name(person).map(write_name).unwrap_or_default()
}

/// The name for lists that are sorted by family name: `Family, Given`; in scripts that write the
/// family name first, as it is.
#[must_use]
pub fn list_name(person: &Value) -> String {
    let Some(name) = current_name(person) else {
        return String::new();
    };
    let (family, given) = (part(name, "family"), part(name, "given"));
    if family.is_empty() || given.is_empty() || family_first(&family) {
        return write_name(name);
    }
    format!("{family}, {given}")
}

/// A part of a name; several are joined by spaces.
fn part(name: &Value, part: &str) -> String {
    match name.get(part) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Array(texts)) => {
            let texts = texts.iter().filter_map(Value::as_str).map(str::trim);
            texts
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        }
        _ => String::new(),
    }
}

/// Writes a `HumanName`: as its `text` says, or from its parts.
#[must_use]
pub fn write_name(name: &Value) -> String {
    let text = part(name, "text");
    if !text.is_empty() {
        return text;
    }
    let (family, given) = (part(name, "family"), part(name, "given"));
    if family_first(&family) && (given.is_empty() || family_first(&given)) {
        return format!("{family}{given}");
    }
    let parts = [given, family, part(name, "suffix")];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a name is in a script that writes the family name first and without a space:
/// Han, Kana or Hangul.
fn family_first(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| {
            matches!(c,
                '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}'
                | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' | '々')
        })
}

/// A text as searches compare it: compatibility forms and case are levelled, accents and vowel
/// points taken off, spellings of one letter made one, blanks made single. Marks that are letters in
/// their own script (Devanagari, Thai, Kana) stay.
#[must_use]
pub fn normalise(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.nfkd().flat_map(char::to_lowercase).nfkd() {
        if is_accent(letter) || is_silent(letter) {
            continue;
        }
        if letter.is_whitespace() {
            if !plain.is_empty() && !plain.ends_with(' ') {
                plain.push(' ');
            }
            continue;
        }
        match letter {
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'þ' => plain.push_str("th"),
            'ø' => plain.push('o'),
            'đ' | 'ð' => plain.push('d'),
            'ł' => plain.push('l'),
            'ħ' => plain.push('h'),
            'ı' => plain.push('i'),
            'ς' => plain.push('σ'),
            // Arabic letters that stand for one another in names.
            'ى' => plain.push('ي'),
            'ة' => plain.push('ه'),
            'ٱ' => plain.push('ا'),
            'ک' => plain.push('ك'),
            'ی' => plain.push('ي'),
            // Katakana is read as Hiragana.
            '\u{30a1}'..='\u{30f6}' => {
                plain.extend(char::from_u32(letter as u32 - 0x60).or(Some(letter)));
            }
            _ => plain.push(letter),
        }
    }
    if plain.ends_with(' ') {
        plain.pop();
    }
    plain
}

/// Marks that decorate a letter and are left out by whoever types in a hurry.
fn is_accent(letter: char) -> bool {
    matches!(letter,
        '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        // Cyrillic, Hebrew and Arabic points.
        | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05bd}' | '\u{05bf}'..='\u{05c7}'
        | '\u{0610}'..='\u{061a}' | '\u{064b}'..='\u{065f}' | '\u{0670}' | '\u{06d6}'..='\u{06ed}')
}

/// Characters that say nothing: apostrophes within names, Arabic stretching, invisible controls.
fn is_silent(letter: char) -> bool {
    matches!(letter,
        '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | '`' | '´' | '\u{0640}' | '\u{00ad}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The words of a text, normalised, for searching by the start of any of them.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let text = normalise(text);
    text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The words of all names of a person, old ones too, each once.
#[must_use]
pub fn name_tokens(person: &Value) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let names = match person.get("name") {
        Some(Value::Array(names)) => names.as_slice(),
        Some(name @ Value::Object(_)) => std::slice::from_ref(name),
        _ => &[],
    };
    for name in names {
        for of in ["family", "given", "text", "suffix"] {
            for word in tokens(&part(name, of)) {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
    }
    words
}

/// The digits of a telephone number, for comparing; empty when there are none.
#[must_use]
pub fn phone_digits(text: &str) -> String {
    // Digits of any script arrive as ASCII ones by NFKD or by their value.
    text.nfkd()
        .filter_map(|c| c.to_digit(10).or_else(|| digit_value(c)))
        .map(|d| char::from(b'0' + d as u8))
        .collect()
}

/// The value of a decimal digit of the Arabic, Persian and Indic scripts.
fn digit_value(letter: char) -> Option<u32> {
    [0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50]
        .into_iter()
        .find_map(|zero| {
            (letter as u32)
                .checked_sub(zero)
                .filter(|value| *value < 10)
        })
}

/// An age as clinicians say it: `5 d`, `3 w`, `14 mo`, `7 y`. Of a birth date that is known by month
/// or year alone it is about right and says so (`~7 y`). Empty when the date is no date or lies
/// after `on`.
#[must_use]
pub fn age(birth: &str, on: Date) -> String {
    let Ok(birth) = date::date(birth) else {
        return String::new();
    };
    if birth.date > on {
        return String::new();
    }
    let whole = |unit: Unit| birth.date.until((unit, on)).ok();
    let years = whole(Unit::Year).map_or(0, |span| i64::from(span.get_years()));
    let months = whole(Unit::Month).map_or(0, |span| i64::from(span.get_months()));
    let days = whole(Unit::Day).map_or(0, |span| i64::from(span.get_days()));
    let about = if birth.precision == date::Precision::Day {
        ""
    } else {
        "~"
    };
    match birth.precision {
        date::Precision::Year => format!("{about}{} y", i64::from(on.year() - birth.date.year())),
        _ if years >= 2 => format!("{about}{years} y"),
        date::Precision::Month => format!("{about}{months} mo"),
        _ if months >= 3 => format!("{months} mo"),
        _ if days >= 14 => format!("{} w", days / 7),
        _ => format!("{days} d"),
    }
}

/// The age of a patient: on the day given, or, for one who has died, on the day of death.
#[must_use]
pub fn age_of(patient: &Value, on: civil::Date) -> String {
    let Some(birth) = patient.get("birthDate").and_then(Value::as_str) else {
        return String::new();
    };
    let died = patient.get("deceasedDateTime").and_then(Value::as_str);
    let died = died
        .and_then(|text| date::Written::parse(text).ok())
        .map(|written| written.date);
    age(birth, died.map_or(on, |died| died.min(on)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date as day;
    use serde_json::json;

    #[test]
    fn shows_names_as_they_are_written() {
        for (person, display, list) in [
            (
                json!({"name": [{"family": "O\u{2019}Brien", "given": ["Mary", "Ann"]}]}),
                "Mary Ann O’Brien",
                "O’Brien, Mary Ann",
            ),
            (
                json!({"name": [{"use": "maiden", "family": "Old"}, {"use": "usual", "family": "B"}, {"use": "official", "family": "A", "given": ["X"], "suffix": ["Jr."]}]}),
                "X A Jr.",
                "A, X",
            ),
            (
                json!({"name": [{"use": "old", "family": "Only"}]}),
                "Only",
                "Only",
            ),
            (
                json!({"name": [{"family": "王", "given": ["小明"]}]}),
                "王小明",
                "王小明",
            ),
            (
                json!({"name": [{"family": "김", "given": ["민준"]}]}),
                "김민준",
                "김민준",
            ),
            (
                json!({"name": [{"family": "الأحمد", "given": ["مريم"]}]}),
                "مريم الأحمد",
                "الأحمد, مريم",
            ),
            (
                json!({"name": [{"text": "Madonna", "family": "Ciccone"}]}),
                "Madonna",
                "Madonna",
            ),
            (
                json!({"name": [{"given": [null, "  "]}, {"family": "Z"}]}),
                "Z",
                "Z",
            ),
            (
                json!({"name": [{"family": "Wang", "given": ["小明"]}]}),
                "小明 Wang",
                "Wang, 小明",
            ),
            (json!({"name": []}), "", ""),
            (json!({"name": "x"}), "", ""),
            (json!({}), "", ""),
        ] {
            assert_eq!(display_name(&person), display, "{person}");
            assert_eq!(list_name(&person), list, "{person}");
        }
    }

    #[test]
    fn levels_what_people_type_differently() {
        for (one, other) in [
            ("José", "JOSE"),
            ("Müller", "muller"),
            ("Weiß", "WEISS"),
            ("Łukasz", "lukasz"),
            ("İpek", "ipek"),
            ("O’Brien", "o'brien"),
            ("Ｓｍｉｔｈ", "smith"),
            ("  Mary   Ann ", "mary ann"),
            ("أحمد", "احمد"),
            ("مُحَمَّد", "محمد"),
            ("فاطمة", "فاطمه"),
            ("שָׁלוֹם", "שלום"),
            ("Ёлкин", "елкин"),
            ("ΝΊΚΟΣ", "νικος"),
            ("ヤマダ", "やまだ"),
            ("Nguyễn", "nguyen"),
            ("김", "\u{1100}\u{1175}\u{11b7}"),
            ("Zoe\u{200b}", "zoë"),
        ] {
            assert_eq!(normalise(one), normalise(other), "{one} {other}");
        }
        assert_ne!(normalise("が"), normalise("か"));
        assert_ne!(normalise("कि"), normalise("क"));
        assert_eq!(normalise(""), "");
        assert_eq!(normalise(" \u{301} "), "");
    }

    #[test]
    fn words() {
        assert_eq!(
            tokens("Smith-Jones, Mary (Ann) O'Neil"),
            ["smith", "jones", "mary", "ann", "oneil"]
        );
        assert_eq!(tokens("  "), Vec::<String>::new());
        assert_eq!(tokens("สมศรี"), [normalise("สมศรี")]);
        let person = json!({"name": [{"family": "Lee", "given": ["Ann"]}, {"use": "maiden", "family": "Kim", "given": ["Ann"]}]});
        assert_eq!(name_tokens(&person), ["lee", "ann", "kim"]);
        assert_eq!(phone_digits("+1 (555) 010-٤٢"), "155501042");
    }

    #[test]
    fn ages() {
        let on = day(2024, 3, 1);
        for (birth, told) in [
            ("2024-03-01", "0 d"),
            ("2024-02-20", "10 d"),
            ("2024-02-09", "3 w"),
            ("2023-12-02", "12 w"),
            ("2023-11-30", "3 mo"),
            ("2022-12-15", "14 mo"),
            ("2022-03-02", "23 mo"),
            ("2022-03-01", "2 y"),
            ("2017-02-28", "7 y"),
            ("2016-02-29", "8 y"),
            ("1920-01-01", "104 y"),
            ("2017", "~7 y"),
            ("2017-02", "~7 y"),
            ("2023-12", "~3 mo"),
            ("2024", "~0 y"),
            ("2024-03-02", ""),
            ("x", ""),
            ("", ""),
        ] {
            assert_eq!(age(birth, on), told, "{birth}");
        }
        let dead = json!({"birthDate": "1950-06-01", "deceasedDateTime": "2010-01-01T00:00:00Z"});
        assert_eq!(age_of(&dead, on), "59 y");
        assert_eq!(age_of(&json!({}), on), "");
    }
}
