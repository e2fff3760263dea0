//! What of a resource goes into the index.

use fhir::search::{IndexData, extract_in};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::search::blind::{Blind, Token, pieces, words};
use crate::search::cover;

/// A resource's entries in the index.
#[derive(Debug, Default)]
pub struct Entries {
    /// Keyed hashes, sorted, each once.
    pub tokens: Vec<Token>,
    /// Dates as (parameter, lo, hi), each once. Never of a Patient.
    pub dates: Vec<(&'static str, Timestamp, Timestamp)>,
}

/// Whether dates under this type are a person's own and so must not be plain.
pub fn dates_are_sealed(resource_type: &str) -> bool {
    matches!(resource_type, "Patient" | "Practitioner")
}

/// The parameter under which the pieces of another one's words are kept as well: they are kept there
/// alone, and what is found by them is looked at before it is shown.
pub fn wider(resource_type: &str, param: &str) -> Option<&'static str> {
    match (resource_type, param) {
        ("Patient" | "Practitioner", "family" | "given") => Some("name"),
        (
            "Patient" | "Practitioner" | "Organization" | "Location",
            "address-city" | "address-country" | "address-postalcode" | "address-state",
        ) => Some("address"),
        _ => None,
    }
}

/// The moment, moved into the years 1 to 9999: an open end reaches further than PostgreSQL counts.
pub fn storable(moment: Timestamp) -> Timestamp {
    const FIRST: Timestamp = Timestamp::constant(-62_135_596_800, 0);
    const LAST: Timestamp = Timestamp::constant(253_370_764_800, 0);
    moment.clamp(FIRST, LAST)
}

/// The entries of a resource.
pub fn entries(blind: &Blind, resource_type: &str, resource: &Value, zone: &TimeZone) -> Entries {
    let mut entries = Entries::default();
    let mut params: Vec<(&'static str, _)> = Vec::new();
    for found in extract_in(resource, zone) {
        // These have columns of their own.
        if matches!(found.param, "_id" | "_lastUpdated") {
            continue;
        }
        let at = match params.iter().position(|(name, _)| *name == found.param) {
            Some(at) => at,
            None => {
                let tokens = blind.of(resource_type, found.param);
                entries.tokens.push(tokens.present());
                params.push((found.param, tokens));
                params.len() - 1
            }
        };
        let tokens = &params[at].1;
        match found.value {
            IndexData::Token { system, code } => {
                entries.tokens.push(tokens.code(&code));
                entries
                    .tokens
                    .push(tokens.coded(system.as_deref().unwrap_or(""), &code));
                if let Some(system) = &system {
                    entries.tokens.push(tokens.system(system));
                }
            }
            IndexData::Text(text) => {
                entries.tokens.push(tokens.exact(&text));
                if wider(resource_type, found.param).is_some() {
                    continue;
                }
                for word in words(&text) {
                    entries
                        .tokens
                        .extend(pieces(&word).iter().map(|piece| tokens.piece(piece)));
                }
            }
            IndexData::Date { lo, hi } if dates_are_sealed(resource_type) => {
                let spans = cover::spans_of(lo, hi, zone);
                entries
                    .tokens
                    .extend(spans.iter().map(|span| tokens.span(span)));
            }
            IndexData::Date { lo, hi } => {
                entries
                    .dates
                    .push((found.param, storable(lo), storable(hi)));
            }
            IndexData::Reference { resource_type, id } => {
                entries.tokens.push(tokens.reference(&resource_type, &id));
            }
            IndexData::Uri(uri) => entries.tokens.push(tokens.uri(&uri)),
            // An amount is found by its presence and then compared when opened: its value in the
            // clear would be clinical content.
            IndexData::Quantity { .. } => {}
        }
    }
    entries.tokens.sort_unstable();
    entries.tokens.dedup();
    entries.dates.sort_unstable();
    entries.dates.dedup();
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    /// Every word of a narrower parameter is a word of the wider one: else nobody would find it.
    #[test]
    fn v3_what_is_found_by_a_part_of_a_name_is_found_by_the_name() {
        let name = json!({
            "family": "Okafor", "given": ["Ngozi", "Ada"], "prefix": ["Dr"], "suffix": ["II"],
        });
        let address = json!({
            "line": ["1 High Street"], "city": "Springfield", "district": "Hampden",
            "state": "MA", "postalCode": "01101", "country": "US",
        });
        let mut seen = 0;
        for kind in ["Patient", "Practitioner", "Organization", "Location"] {
            let name = match kind {
                "Patient" | "Practitioner" => json!([name]),
                _ => json!("Harbour Street Clinic"),
            };
            let address = match kind {
                "Location" => address.clone(),
                _ => json!([address]),
            };
            let found = extract_in(
                &json!({ "resourceType": kind, "name": name, "address": address }),
                &TimeZone::UTC,
            );
            let words_of = |param: &str| -> HashSet<String> {
                found
                    .iter()
                    .filter(|value| value.param == param)
                    .flat_map(|value| match &value.value {
                        IndexData::Text(text) => words(text),
                        _ => Vec::new(),
                    })
                    .collect()
            };
            for param in fhir::search::params(kind) {
                if let Some(wide) = wider(kind, param.code) {
                    assert!(words_of(param.code).is_subset(&words_of(wide)));
                    assert!(!words_of(param.code).is_empty(), "{kind}.{}", param.code);
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 2 * 2 + 4 * 4);
    }
}
