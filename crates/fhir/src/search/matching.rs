//! Whether one resource answers a query, decided in memory.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::extract::{IndexData, IndexValue, extract_param};
use super::query::{Filter, Modifier, Operand, Query, SystemMatch};
use crate::date::{DateRange, Prefix};
use crate::person;

/// Whether a resource with these index values (of [`super::extract_in`], with the zone in which the
/// query was read) answers all of the query's filters.
#[must_use]
pub fn matches(query: &Query, values: &[IndexValue]) -> bool {
    query.filters.iter().all(|filter| holds(filter, values))
}

/// Whether a resource answers all of the query's filters: [`matches`] of the values that these ask
/// for and no others.
#[must_use]
pub fn answers(query: &Query, resource: &Value, zone: &TimeZone) -> bool {
    let mut values: Vec<IndexValue> = Vec::new();
    for (at, filter) in query.filters.iter().enumerate() {
        let param = filter.param;
        let known = |other: &Filter| other.param.code == param.code;
        if query.filters[..at].iter().any(known) {
            continue;
        }
        extract_param(resource, param, zone, &mut |value| {
            values.push(IndexValue {
                param: param.code,
                value,
            });
        });
    }
    matches(query, &values)
}

fn holds(filter: &Filter, values: &[IndexValue]) -> bool {
    let mut own = values
        .iter()
        .filter(|value| value.param == filter.param.code);
    match filter.modifier {
        Modifier::Missing(missing) => own.next().is_none() == missing,
        Modifier::Not => !own.any(|value| any(filter, &value.value)),
        _ => own.any(|value| any(filter, &value.value)),
    }
}

fn any(filter: &Filter, value: &IndexData) -> bool {
    filter
        .values
        .iter()
        .any(|operand| one(filter.modifier, operand, value))
}

fn one(modifier: Modifier, operand: &Operand, value: &IndexData) -> bool {
    match (operand, value) {
        (Operand::Text(asked), IndexData::Text(text)) => words(modifier, asked, text),
        (
            Operand::Token { system, code },
            IndexData::Token {
                system: of,
                code: is,
            },
        ) => {
            code.as_ref().is_none_or(|code| code == is)
                && match system {
                    SystemMatch::Any => true,
                    SystemMatch::None => of.is_none(),
                    SystemMatch::Is(system) => of.as_ref() == Some(system),
                }
        }
        (Operand::Date { prefix, range }, IndexData::Date { lo, hi }) => {
            DateRange { lo: *lo, hi: *hi }.satisfies(*prefix, range)
        }
        (
            Operand::Reference { types, id },
            IndexData::Reference {
                resource_type,
                id: to,
            },
        ) => id == to && types.contains(resource_type),
        (Operand::Uri(asked), IndexData::Uri(uri)) => asked == uri,
        (
            Operand::Quantity {
                prefix,
                value: asked,
                lo,
                hi,
                system,
                code,
            },
            IndexData::Quantity {
                value,
                system: of,
                code: is,
                unit,
            },
        ) => {
            system
                .as_ref()
                .is_none_or(|system| of.as_ref() == Some(system))
                && code.as_ref().is_none_or(|code| {
                    is.as_ref() == Some(code) || (system.is_none() && unit.as_ref() == Some(code))
                })
                && amount(*prefix, *asked, (*lo, *hi), *value)
        }
        _ => false,
    }
}

fn words(modifier: Modifier, asked: &str, text: &str) -> bool {
    if modifier == Modifier::Exact {
        return asked == text;
    }
    let (asked, text) = (person::normalise(asked), person::normalise(text));
    if modifier == Modifier::Contains {
        return text.contains(&asked);
    }
    text.starts_with(&asked) || text.split_whitespace().any(|word| word.starts_with(&asked))
}

fn amount(prefix: Prefix, asked: f64, (lo, hi): (f64, f64), value: f64) -> bool {
    let equal = lo <= value && value < hi;
    match prefix {
        Prefix::Eq => equal,
        Prefix::Ne => !equal,
        Prefix::Gt | Prefix::Sa => value > asked,
        Prefix::Lt | Prefix::Eb => value < asked,
        Prefix::Ge => value >= asked,
        Prefix::Le => value <= asked,
        // HL7 suggests a tenth.
        Prefix::Ap => (value - asked).abs() <= asked.abs() * 0.1,
    }
}
