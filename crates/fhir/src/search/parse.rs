//! Reads what a query asks.

use jiff::tz::TimeZone;

use super::definition::{ParamKind, SearchParam, param, params};
use super::operand;
use super::query::{Filter, Include, Modifier, Operand, Query, Sort, Summary, Total};
use crate::outcome::{Issue, IssueType};
use crate::resource;

/// How many values a query may ask for in all.
const MAX_VALUES: usize = 2_000;

/// Reads a query; dates without a zone are read as UTC. See [`parse_query_in`].
///
/// # Errors
/// As there.
pub fn parse_query(
    resource_type: &str,
    pairs: &[(String, String)],
    strict: bool,
) -> Result<Query, Issue> {
    parse_query_in(resource_type, pairs, strict, &TimeZone::UTC)
}

/// Reads a query: `pairs` are names (with modifier) and values, already percent-decoded; dates
/// without a zone are read in `zone` (the clinic's).
///
/// # Errors
/// A type that is not kept, a value or modifier that cannot be understood; under `strict` also a
/// parameter that is not known. Without `strict` that is collected in [`Query::unknown`].
pub fn parse_query_in(
    resource_type: &str,
    pairs: &[(String, String)],
    strict: bool,
    zone: &TimeZone,
) -> Result<Query, Issue> {
    if !resource::is_known_type(resource_type) {
        return Err(Issue::error(
            IssueType::NotSupported,
            "resources of this type are not kept here",
        ));
    }
    let mut reading = Reading {
        query: Query::all(resource_type),
        zone,
        values: 0,
    };
    for (name, value) in pairs {
        match reading.pair(name, value)? {
            Understood::Yes => {
                if name != "_cursor" {
                    reading.query.understood.push((name.clone(), value.clone()));
                }
            }
            Understood::PassedOver => {}
            Understood::No if strict => {
                return Err(Issue::error(
                    IssueType::NotSupported,
                    format!(
                        "{resource_type} cannot be searched, sorted or included by {}",
                        tame(name)
                    ),
                ));
            }
            Understood::No => reading.query.unknown.push(tame(name)),
        }
    }
    Ok(reading.query)
}

/// A parameter's name as it may be repeated in an answer or a log: short, and without a value
/// that went astray into it.
fn tame(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    if name.len() <= 64 && name.chars().all(plain) {
        name.to_owned()
    } else {
        "a parameter of this name".to_owned()
    }
}

enum Understood {
    Yes,
    /// Not a matter of the search (`_format`).
    PassedOver,
    No,
}

struct Reading<'a> {
    query: Query,
    zone: &'a TimeZone,
    values: usize,
}

impl Reading<'_> {
    fn pair(&mut self, name: &str, value: &str) -> Result<Understood, Issue> {
        let (code, modifier) = match name.split_once(':') {
            Some((code, modifier)) => (code, Some(modifier)),
            None => (name, None),
        };
        match code {
            "_format" | "_pretty" => return Ok(Understood::PassedOver),
            "_include" | "_revinclude" => return self.include(code, modifier, value),
            "_sort" | "_count" | "_total" | "_summary" | "_cursor" if modifier.is_some() => {
                return Err(bad_modifier(name));
            }
            "_sort" => return self.sort(value),
            "_count" => return self.count(value),
            "_total" => {
                self.query.total = match value {
                    "none" => Total::None,
                    "accurate" => Total::Accurate,
                    "estimate" => Total::Estimate,
                    _ => return Err(bad_value(name, "none, accurate or estimate")),
                };
                return Ok(Understood::Yes);
            }
            "_summary" => return self.summary(value),
            "_cursor" => {
                if value.is_empty() {
                    return Err(bad_value(name, "what an answer's next link carries"));
                }
                self.query.cursor = Some(value.to_owned());
                return Ok(Understood::Yes);
            }
            _ => {}
        }
        // `_has:…` and chains (`subject:Patient.name`, `patient.name`) are parameters of their own.
        if code == "_has" || name.contains('.') {
            return Ok(Understood::No);
        }
        let Some(param) = param(&self.query.resource_type, code) else {
            return Ok(Understood::No);
        };
        let filter = self.filter(name, param, modifier, value)?;
        self.query.filters.push(filter);
        Ok(Understood::Yes)
    }

    fn filter(
        &mut self,
        name: &str,
        param: &'static SearchParam,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Filter, Issue> {
        let mut to_type = None;
        let modifier = match (param.kind, modifier) {
            (_, None) => Modifier::Plain,
            (_, Some("missing")) => {
                let missing = match value {
                    "true" => true,
                    "false" => false,
                    _ => return Err(bad_value(name, "true or false")),
                };
                let modifier = Modifier::Missing(missing);
                return Ok(Filter {
                    param,
                    modifier,
                    values: vec![],
                });
            }
            (ParamKind::String, Some("exact")) => Modifier::Exact,
            (ParamKind::String, Some("contains")) => Modifier::Contains,
            (ParamKind::Token, Some("not")) => Modifier::Not,
            (ParamKind::Reference, Some("identifier")) => Modifier::Identifier,
            (ParamKind::Reference, Some(kind)) if resource::is_known_type(kind) => {
                to_type = Some(kind);
                Modifier::Plain
            }
            _ => return Err(bad_modifier(name)),
        };
        let mut values: Vec<Operand> = Vec::new();
        for part in operand::split(value, ',') {
            self.values += 1;
            if self.values > MAX_VALUES {
                return Err(Issue::error(
                    IssueType::TooCostly,
                    format!("a search may ask for {MAX_VALUES} values at most"),
                ));
            }
            let operand = operand::read(param, modifier, to_type, part, self.zone)
                .ok_or_else(|| bad_value(name, operand::expected(param.kind, modifier)))?;
            values.push(operand);
        }
        Ok(Filter {
            param,
            modifier,
            values,
        })
    }

    fn sort(&mut self, value: &str) -> Result<Understood, Issue> {
        for part in value.split(',') {
            let (descending, code) = part
                .strip_prefix('-')
                .map_or((false, part), |code| (true, code));
            if code.is_empty() {
                return Err(bad_value("_sort", "parameters, separated by commas"));
            }
            match param(&self.query.resource_type, code) {
                Some(param) => self.query.sort.push(Sort { param, descending }),
                None => {
                    self.query.sort.clear();
                    return Ok(Understood::No);
                }
            }
        }
        Ok(Understood::Yes)
    }

    fn count(&mut self, value: &str) -> Result<Understood, Issue> {
        match value.parse::<u32>() {
            // HL7: the same as _summary=count.
            Ok(0) => self.query.summary = Summary::Count,
            Ok(count) => self.query.count = Some(count),
            Err(_) => return Err(bad_value("_count", "a whole number")),
        }
        Ok(Understood::Yes)
    }

    fn summary(&mut self, value: &str) -> Result<Understood, Issue> {
        match value {
            "false" => self.query.summary = Summary::False,
            "count" => self.query.summary = Summary::Count,
            // Answering whole resources where a part was asked for is right, but is to be told.
            "true" | "text" | "data" => return Ok(Understood::No),
            _ => return Err(bad_value("_summary", "true, text, data, count or false")),
        }
        Ok(Understood::Yes)
    }

    fn include(
        &mut self,
        code: &str,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Understood, Issue> {
        let iterate = match modifier {
            None => false,
            Some("iterate" | "recurse") => true,
            Some(_) => return Err(bad_modifier(code)),
        };
        let mut parts = value.split(':');
        let (source, name, target) = (parts.next(), parts.next(), parts.next());
        let (Some(source), Some(name), None) = (source, name, parts.next()) else {
            return Err(bad_value(code, "Type:parameter or Type:parameter:Type"));
        };
        if target.is_some_and(|target| !resource::is_known_type(target)) {
            return Ok(Understood::No);
        }
        let follows = |param: &&'static SearchParam| {
            let points_there = |kind: &str| param.targets.contains(&kind);
            param.kind == ParamKind::Reference
                && (name == "*" || param.code == name)
                && target.is_none_or(points_there)
                && (code == "_include" || iterate || points_there(&self.query.resource_type))
        };
        let followed: Vec<_> = params(source).iter().filter(follows).collect();
        if followed.is_empty() {
            return Ok(Understood::No);
        }
        let include = Include {
            source: source.to_owned(),
            params: followed,
            target: target.map(str::to_owned),
            iterate,
        };
        if code == "_include" {
            self.query.includes.push(include);
        } else {
            self.query.revincludes.push(include);
        }
        Ok(Understood::Yes)
    }
}

fn bad_modifier(name: &str) -> Issue {
    Issue::error(
        IssueType::NotSupported,
        format!(
            "{}: this modifier is not supported for this parameter",
            tame(name)
        ),
    )
}

fn bad_value(name: &str, expected: &str) -> Issue {
    Issue::error(
        IssueType::Value,
        format!("{} must be {expected}", tame(name)),
    )
}
