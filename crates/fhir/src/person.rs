//! People's names and ages, for the eye and for the search.

use jiff::civil::Date;
use serde_json::Value;

/// The name to show for a Patient, Practitioner or RelatedPerson; empty when it has none.
#[must_use]
pub fn display_name(_person: &Value) -> String {
    String::new()
}

/// A text as searches compare it.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.to_lowercase()
}

/// The words of a text, normalised, for searching by the start of any of them.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    normalise(text)
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// An age as clinicians say it: `3 w`, `14 mo`, `7 y`.
#[must_use]
pub fn age(_birth: &str, _on: Date) -> String {
    String::new()
}
