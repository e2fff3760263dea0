//! From a query to conditions on the index. A condition may let too much through, never too
//! little; whether all of them are exact is told along.

use fhir::compartment;
use fhir::date::{DateRange, Prefix};
use fhir::resource;
use fhir::search::{Filter, Modifier, Operand, ParamKind, Query, SystemMatch};
use jiff::tz::TimeZone;

use crate::access::sight::Seen;
use crate::search::blind::{Blind, ParamTokens, Token, pieces_of_part, pieces_of_start, words};
use crate::search::{cover, index};

/// Pieces of one word that are looked for at most.
const PIECES: usize = 4;

/// One condition on the index.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Held under one of these tokens.
    Any(Vec<Token>),
    /// Held under none of these tokens.
    NoneOf(Vec<Token>),
    /// One of these logical ids.
    Ids(Vec<String>),
    /// `lastUpdated` compares like one of these.
    Updated(Vec<(Prefix, DateRange)>),
    /// A date under this parameter compares like one of these.
    Date(&'static str, Vec<(Prefix, DateRange)>),
    /// Of patients whose records the caller may see.
    Seen(Seen),
    /// Nothing can match.
    Nothing,
}

impl Condition {
    /// What a caller may see, as a condition; none where that is everything.
    pub fn of(seen: &Seen) -> Option<Self> {
        match seen {
            Seen::All => None,
            Seen::Of {
                loose: false,
                patients,
            } if patients.is_empty() => Some(Self::Nothing),
            seen => Some(Self::Seen(seen.clone())),
        }
    }
}

/// The only patients whose records a query asks for, where it says so.
pub fn patients(query: &Query) -> Option<Vec<String>> {
    let own = compartment::params(&query.resource_type).first();
    query
        .filters
        .iter()
        .filter(|filter| {
            let code = filter.param.code;
            filter.modifier == Modifier::Plain
                && (code == "patient" || own.is_some_and(|own| *own == code))
        })
        .find_map(|filter| {
            filter
                .values
                .iter()
                .map(|value| match value {
                    Operand::Reference { id, .. } => Some(id.clone()),
                    _ => None,
                })
                .collect()
        })
}

/// What a query comes to.
#[derive(Debug)]
pub struct Narrowed {
    /// All must hold; the most telling come last.
    pub conditions: Vec<Condition>,
    /// Whether what they let through matches for certain.
    pub exact: bool,
}

/// The conditions of a query.
pub fn narrow(blind: &Blind, query: &Query, zone: &TimeZone) -> Narrowed {
    let mut narrowed = Narrowed {
        conditions: Vec::new(),
        exact: true,
    };
    let mut filters: Vec<&Filter> = query.filters.iter().collect();
    filters.sort_by_key(|filter| telling(filter));
    for filter in filters {
        let exact = match filter.param.code {
            "_id" => by_id(filter, &mut narrowed.conditions),
            "_lastUpdated" => by_time(filter, &mut narrowed.conditions),
            code => {
                let tokens = Tokens {
                    own: blind.of(&query.resource_type, code),
                    wider: index::wider(&query.resource_type, code)
                        .map(|wider| blind.of(&query.resource_type, wider)),
                };
                let sealed_dates = index::dates_are_sealed(&query.resource_type);
                by_value(
                    filter,
                    &tokens,
                    sealed_dates,
                    zone,
                    &mut narrowed.conditions,
                )
            }
        };
        narrowed.exact &= exact;
    }
    narrowed
}

/// The tokens of a parameter, and those under which pieces of its words are kept.
struct Tokens {
    own: ParamTokens,
    wider: Option<ParamTokens>,
}

impl Tokens {
    fn piece(&self, piece: &str) -> Token {
        self.wider.as_ref().unwrap_or(&self.own).piece(piece)
    }
}

impl std::ops::Deref for Tokens {
    type Target = ParamTokens;

    fn deref(&self) -> &ParamTokens {
        &self.own
    }
}

/// How much a filter usually narrows.
fn telling(filter: &Filter) -> u8 {
    match (filter.param.code, filter.param.kind) {
        ("identifier", _) => 4,
        ("patient" | "subject", _) => 3,
        (_, ParamKind::Reference) => 2,
        (_, ParamKind::String) => 1,
        _ => 0,
    }
}

/// Adds the condition; returns whether it is exact.
fn by_id(filter: &Filter, conditions: &mut Vec<Condition>) -> bool {
    let ids: Vec<String> = filter
        .values
        .iter()
        .filter_map(|value| match value {
            Operand::Token {
                code: Some(code), ..
            } => Some(code.clone()),
            Operand::Reference { id, .. } => Some(id.clone()),
            Operand::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    match filter.modifier {
        Modifier::Plain if ids.len() == filter.values.len() => {
            // What cannot be an id is none; the database would not even take some of it.
            let ids: Vec<String> = ids
                .into_iter()
                .filter(|id| resource::valid_id(id))
                .collect();
            conditions.push(if ids.is_empty() {
                Condition::Nothing
            } else {
                Condition::Ids(ids)
            });
            true
        }
        // Every resource has an id.
        Modifier::Missing(true) => {
            conditions.push(Condition::Nothing);
            true
        }
        Modifier::Missing(false) => true,
        _ => false,
    }
}

fn by_time(filter: &Filter, conditions: &mut Vec<Condition>) -> bool {
    match filter.modifier {
        Modifier::Plain => {
            conditions.push(Condition::Updated(ranges(filter)));
            true
        }
        Modifier::Missing(true) => {
            conditions.push(Condition::Nothing);
            true
        }
        Modifier::Missing(false) => true,
        _ => false,
    }
}

fn by_value(
    filter: &Filter,
    tokens: &Tokens,
    sealed_dates: bool,
    zone: &TimeZone,
    conditions: &mut Vec<Condition>,
) -> bool {
    match filter.modifier {
        Modifier::Missing(true) => {
            conditions.push(Condition::NoneOf(vec![tokens.present()]));
            return true;
        }
        Modifier::Missing(false) => {
            conditions.push(Condition::Any(vec![tokens.present()]));
            return true;
        }
        // What is left out must match for certain, so only exact tokens may leave out.
        Modifier::Not => {
            let mut out = Vec::new();
            let mut exact = true;
            for value in &filter.values {
                exact &= value_tokens(filter.modifier, value, tokens, &mut out);
            }
            if exact {
                conditions.push(Condition::NoneOf(out));
            }
            return exact;
        }
        Modifier::Plain | Modifier::Exact | Modifier::Contains | Modifier::Identifier => {}
    }
    if filter.param.kind == ParamKind::Date {
        let ranges = ranges(filter);
        if !sealed_dates {
            conditions.push(Condition::Date(filter.param.code, ranges));
            return true;
        }
        let spans: Option<Vec<Vec<String>>> = ranges
            .into_iter()
            .map(|(prefix, range)| cover::cover(prefix, range, zone))
            .collect();
        conditions.push(Condition::Any(match spans {
            Some(spans) => spans
                .iter()
                .flatten()
                .map(|span| tokens.span(span))
                .collect(),
            None => vec![tokens.present()],
        }));
        return false;
    }
    match filter.values.as_slice() {
        [Operand::Text(text)] if filter.modifier != Modifier::Exact => {
            for token in text_tokens(filter.modifier, text, tokens) {
                conditions.push(Condition::Any(vec![token]));
            }
            false
        }
        values => {
            let mut exact = true;
            let mut any = Vec::new();
            for value in values {
                exact &= value_tokens(filter.modifier, value, tokens, &mut any);
            }
            any.sort_unstable();
            any.dedup();
            conditions.push(if any.is_empty() {
                Condition::Nothing
            } else {
                Condition::Any(any)
            });
            exact
        }
    }
}

/// Tokens of which every match has all.
fn text_tokens(modifier: Modifier, text: &str, tokens: &Tokens) -> Vec<Token> {
    let mut found: Vec<Token> = words(text)
        .iter()
        .flat_map(|word| match modifier {
            Modifier::Contains => pieces_of_part(word, PIECES),
            _ => pieces_of_start(word, PIECES),
        })
        .map(|piece| tokens.piece(&piece))
        .collect();
    found.sort_unstable();
    found.dedup();
    // The longest names come to a few pieces; a pasted page must not become hundreds of joins.
    found.truncate(2 * PIECES);
    if found.is_empty() {
        found.push(tokens.present());
    }
    found
}

/// Adds tokens of which every match of `value` has one; returns whether they are exact.
fn value_tokens(
    modifier: Modifier,
    value: &Operand,
    tokens: &Tokens,
    any: &mut Vec<Token>,
) -> bool {
    match value {
        Operand::Text(text) if modifier == Modifier::Exact => {
            any.push(tokens.exact(text));
            true
        }
        Operand::Text(text) => {
            // One of several alternatives: its most telling piece alone.
            let telling = words(text)
                .iter()
                .max_by_key(|word| word.chars().count())
                .and_then(|word| match modifier {
                    Modifier::Contains => pieces_of_part(word, 1).pop(),
                    _ => pieces_of_start(word, 2).pop(),
                });
            any.push(telling.map_or_else(|| tokens.present(), |piece| tokens.piece(&piece)));
            false
        }
        Operand::Token { system, code } => match (system, code) {
            (SystemMatch::Any, Some(code)) => {
                any.push(tokens.code(code));
                true
            }
            (SystemMatch::None, Some(code)) => {
                any.push(tokens.coded("", code));
                true
            }
            (SystemMatch::Is(system), Some(code)) => {
                any.push(tokens.coded(system, code));
                true
            }
            (SystemMatch::Is(system), None) => {
                any.push(tokens.system(system));
                true
            }
            (SystemMatch::Any | SystemMatch::None, None) => {
                any.push(tokens.present());
                false
            }
        },
        Operand::Reference { types, id } => {
            any.extend(
                types
                    .iter()
                    .map(|resource_type| tokens.reference(resource_type, id)),
            );
            true
        }
        Operand::Uri(uri) => {
            any.push(tokens.uri(uri));
            true
        }
        Operand::Date { .. } | Operand::Quantity { .. } => {
            any.push(tokens.present());
            false
        }
    }
}

fn ranges(filter: &Filter) -> Vec<(Prefix, DateRange)> {
    filter
        .values
        .iter()
        .filter_map(|value| match value {
            Operand::Date { prefix, range } => Some((*prefix, *range)),
            _ => None,
        })
        .collect()
}
