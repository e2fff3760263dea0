//! Common problems with their codes, offered while somebody types.

use std::sync::OnceLock;

use fhir::person::{normalise, tokens};

use crate::view::chart::ProblemTerm;

/// Terms offered at once.
const MOST: usize = 12;

/// Text, SNOMED CT, ICD-10-CM, other words; a line each.
const TABLE: &str = include_str!("problems.tsv");

struct Term {
    text: &'static str,
    snomed: &'static str,
    icd10: &'static str,
    words: Vec<String>,
    start: String,
}

fn table() -> &'static [Term] {
    static TERMS: OnceLock<Vec<Term>> = OnceLock::new();
    TERMS.get_or_init(|| {
        TABLE
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .filter_map(|line| {
                let mut cells = line.split('\t');
                let (text, snomed, icd10) = (cells.next()?, cells.next()?, cells.next()?);
                let other = cells.next().unwrap_or_default();
                Some(Term {
                    text,
                    snomed,
                    icd10,
                    words: tokens(&format!("{text} {other}")),
                    start: normalise(text),
                })
            })
            .collect()
    })
}

/// Terms of which every typed word begins a word, or that have the typed code. Those that begin
/// with what was typed come first, short ones before long ones.
pub(super) fn find(query: &str) -> Vec<ProblemTerm> {
    let typed = normalise(query.trim());
    let words = tokens(query);
    if typed.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<&Term> = table()
        .iter()
        .filter(|term| {
            let by_code = term.snomed == typed || term.icd10.to_lowercase().starts_with(&typed);
            by_code
                || (!words.is_empty()
                    && words.iter().all(|typed| {
                        term.words
                            .iter()
                            .any(|word| word.starts_with(typed.as_str()))
                    }))
        })
        .collect();
    found.sort_by_key(|term| (!term.start.starts_with(&typed), term.text.len(), term.text));
    found
        .into_iter()
        .take(MOST)
        .map(|term| ProblemTerm {
            text: term.text.to_owned(),
            snomed: term.snomed.to_owned(),
            icd10: term.icd10.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert!(table().len() >= 180, "{}", table().len());
        let mut texts = HashSet::new();
        for term in table() {
            assert!(texts.insert(term.text), "{} twice", term.text);
            assert!(
                term.snomed.bytes().all(|b| b.is_ascii_digit()),
                "{}",
                term.text
            );
            assert!(
                verhoeff(term.snomed),
                "{}: {} has a wrong check digit",
                term.text,
                term.snomed
            );
            let (head, tail) = term.icd10.split_at(3);
            assert!(
                head.starts_with(|c: char| c.is_ascii_uppercase()),
                "{}",
                term.text
            );
            assert!(tail.is_empty() || tail.starts_with('.'), "{}", term.text);
        }
    }

    /// SNOMED CT identifiers end in a Verhoeff check digit: a slip of typing shows.
    fn verhoeff(number: &str) -> bool {
        const D: [[u8; 10]; 10] = [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
            [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
            [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
            [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
            [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
            [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
            [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
            [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
            [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
        ];
        const P: [[u8; 10]; 8] = [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
            [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
            [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
            [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
            [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
            [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
            [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
        ];
        let mut check = 0;
        for (place, digit) in number.bytes().rev().enumerate() {
            check = D[usize::from(check)][usize::from(P[place % 8][usize::from(digit - b'0')])];
        }
        check == 0
    }

    #[test]
    fn words_in_any_order_find_a_term() {
        let first = |query: &str| find(query).first().map(|term| term.text.clone());
        assert_eq!(
            first("type 2 diab").as_deref(),
            Some("Type 2 diabetes mellitus")
        );
        assert_eq!(
            first("diab type 2").as_deref(),
            Some("Type 2 diabetes mellitus")
        );
        assert!(find("hypert").iter().any(|term| term.icd10 == "I10"));
        assert!(find("I10").iter().any(|term| term.icd10 == "I10"));
        assert!(find("   ").is_empty());
        assert!(find("zzzz").is_empty());
    }
}
