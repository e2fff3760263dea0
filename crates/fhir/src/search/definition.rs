//! The search parameters of each type, as HL7 defines them (`data/search.txt`), with their
//! expressions turned into paths over JSON.
//!
//! HL7 writes the expressions in FHIRPath; for the types that Rounds keeps they need names, `as`,
//! `where(resolve() is T)`, `where(system='x')` and one `exists`. That much is read here; the tests
//! show that every expression is understood.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::validate::model::{Definition, Kind, choice_property, model};

/// What kind of values a parameter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// Words: names, addresses.
    String,
    /// Codes and identifiers.
    Token,
    /// Dates and times.
    Date,
    /// References to other resources.
    Reference,
    /// Amounts with units.
    Quantity,
    /// Addresses of definitions.
    Uri,
}

impl ParamKind {
    /// HL7's name of it, as a CapabilityStatement tells it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Token => "token",
            Self::Date => "date",
            Self::Reference => "reference",
            Self::Quantity => "quantity",
            Self::Uri => "uri",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "token" => Self::Token,
            "date" => Self::Date,
            "reference" => Self::Reference,
            "quantity" => Self::Quantity,
            "uri" => Self::Uri,
            _ => return None,
        })
    }
}

/// One search parameter of one type.
#[derive(Debug)]
pub struct SearchParam {
    /// Its name in queries (`birthdate`).
    pub code: &'static str,
    /// What kind of values it has.
    pub kind: ParamKind,
    /// HL7's expression, cut to this type.
    pub expression: &'static str,
    /// The types, of those kept here, that a reference may point to; empty for other kinds.
    pub targets: Vec<&'static str>,
    /// Whether its values never carry a system (elements of type `code`, `boolean`, `id`): a
    /// query's system is then passed over, for it is implied.
    pub system_free: bool,
    pub(super) paths: Vec<Path>,
}

/// A way from a resource to the values of a parameter.
#[derive(Debug)]
pub(super) struct Path {
    /// Each step: the JSON properties it may take, with their types. A choice has several.
    pub steps: Vec<Vec<(String, &'static str)>>,
    pub condition: Condition,
}

/// What must hold of a value at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// The reference points to this type.
    RefersTo(&'static str),
    /// The contact point is of this system.
    System(&'static str),
    /// The value is taken as whether it is there and not false.
    Exists,
}

/// The parameters of a type, sorted by name; none for types that Rounds does not keep.
#[must_use]
pub fn params(resource_type: &str) -> &'static [SearchParam] {
    table().get(resource_type).map_or(&[], Vec::as_slice)
}

/// One parameter of a type by name.
#[must_use]
pub fn param(resource_type: &str, code: &str) -> Option<&'static SearchParam> {
    let params = params(resource_type);
    params
        .binary_search_by(|param| param.code.cmp(code))
        .ok()
        .map(|index| &params[index])
}

type Table = HashMap<&'static str, Vec<SearchParam>>;

fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../data/search.txt")));
    &TABLE
}

fn read(text: &'static str) -> Table {
    let mut table = Table::new();
    let mut open = "";
    for line in text.lines() {
        match line.strip_prefix(' ') {
            None => open = line,
            // A line that is not understood would be missing from the CapabilityStatement, too;
            // the tests do not let it come to that.
            Some(line) => table
                .entry(open)
                .or_default()
                .extend(read_param(open, line)),
        }
    }
    for params in table.values_mut() {
        params.sort_by_key(|param| param.code);
    }
    table
}

fn read_param(resource_type: &str, line: &'static str) -> Option<SearchParam> {
    let (head, expression) = line.split_once(" = ")?;
    let mut words = head.split(' ');
    let code = words.next()?;
    let kind = ParamKind::of(words.next()?)?;
    let targets = match words.next()? {
        "-" => vec![],
        types => types.split('|').collect(),
    };
    let definition = model().resource(resource_type)?;
    let paths: Vec<Path> = expression
        .split(" | ")
        .map(|part| read_path(definition, part))
        .collect::<Option<_>>()?;
    let free = |name: &str| matches!(name, "code" | "boolean" | "id" | "string");
    let system_free = kind == ParamKind::Token
        && paths.iter().all(|path| {
            path.condition == Condition::Exists
                || path
                    .steps
                    .last()
                    .is_some_and(|kinds| kinds.iter().all(|(_, name)| free(name)))
        });
    Some(SearchParam {
        code,
        kind,
        expression,
        targets,
        system_free,
        paths,
    })
}

/// Splits at the dots that are not inside parentheses.
fn segments(text: &'static str) -> Vec<&'static str> {
    let mut depth = 0;
    text.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == '.' && depth == 0
    })
    .collect()
}

fn read_path(definition: &'static Definition, text: &'static str) -> Option<Path> {
    if let Some((path, _)) = text.split_once(".exists() and ") {
        let path = read_path(definition, path)?;
        return Some(Path {
            condition: Condition::Exists,
            ..path
        });
    }
    let mut walk = Walk {
        at: vec![definition],
        steps: vec![],
        condition: Condition::None,
    };
    let mut rest = segments(text).into_iter();
    let first = rest.next()?;
    if let Some(inner) = first
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
    {
        // (Observation.value as Quantity)
        let (path, kind) = inner.split_once(" as ")?;
        for name in path.split('.').skip(1) {
            walk.name(name)?;
        }
        walk.cast(kind);
    }
    for segment in rest {
        walk.segment(segment)?;
    }
    Some(Path {
        steps: walk.steps,
        condition: walk.condition,
    })
}

/// The reading of one expression.
struct Walk {
    /// The definitions whose elements may come next.
    at: Vec<&'static Definition>,
    steps: Vec<Vec<(String, &'static str)>>,
    condition: Condition,
}

impl Walk {
    fn segment(&mut self, segment: &'static str) -> Option<()> {
        if let Some(kind) = inside(segment, "as(", ")") {
            self.cast(kind);
        } else if let Some(kind) = inside(segment, "where(resolve() is ", ")") {
            self.condition = Condition::RefersTo(kind);
        } else if let Some(system) = inside(segment, "where(system='", "')") {
            self.condition = Condition::System(system);
        } else {
            self.name(segment)?;
        }
        Some(())
    }

    fn name(&mut self, name: &str) -> Option<()> {
        let element = self
            .at
            .iter()
            .find_map(|definition| definition.element(name))?;
        self.at = element
            .kinds
            .iter()
            .filter_map(|(_, kind)| match kind {
                Kind::Complex(index) => Some(model().get(*index)),
                _ => None,
            })
            .collect();
        let property = |kind: &'static str| {
            let name = if element.choice {
                choice_property(name, kind)
            } else {
                name.to_owned()
            };
            (name, kind)
        };
        self.steps.push(
            element
                .kinds
                .iter()
                .map(|(kind, _)| property(kind))
                .collect(),
        );
        Some(())
    }

    fn cast(&mut self, kind: &str) {
        if let Some(step) = self.steps.last_mut() {
            step.retain(|(_, name)| *name == kind);
        }
        self.at.retain(|definition| definition.name == kind);
    }
}

fn inside(text: &'static str, start: &str, end: &str) -> Option<&'static str> {
    text.strip_prefix(start)?.strip_suffix(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_is_understood() {
        let lines = include_str!("../../data/search.txt").lines();
        let told = lines.filter(|line| line.starts_with(' ')).count();
        assert_eq!(table().values().map(Vec::len).sum::<usize>(), told);
        for kind in crate::resource::TYPES {
            assert!(param(kind, "_id").is_some() && param(kind, "_lastUpdated").is_some());
            for param in params(kind) {
                for path in &param.paths {
                    assert!(!path.steps.is_empty(), "{kind}.{}", param.code);
                    assert!(
                        path.steps.iter().all(|step| !step.is_empty()),
                        "{kind}.{}: {}",
                        param.code,
                        param.expression
                    );
                }
                if param.kind == ParamKind::Reference && param.targets.is_empty() {
                    let foreign = [
                        "Endpoint",
                        "HealthcareService",
                        "ServiceRequest",
                        "Substance",
                    ];
                    eprintln!("{kind}.{} points to none kept here {foreign:?}", param.code);
                }
            }
        }
    }

    #[test]
    fn knows_what_a_clinic_asks_for() {
        for (kind, codes) in [
            (
                "Patient",
                "identifier name family given birthdate gender phone email telecom address",
            ),
            ("Practitioner", "identifier name family given active"),
            (
                "PractitionerRole",
                "practitioner organization location specialty",
            ),
            (
                "Appointment",
                "date status patient practitioner actor location identifier",
            ),
            ("Schedule", "actor date active"),
            ("Slot", "schedule start status"),
            (
                "Encounter",
                "patient subject date status class participant location type",
            ),
            (
                "Observation",
                "patient subject code combo-code category date status encounter performer value-quantity",
            ),
            (
                "Condition",
                "patient code category clinical-status onset-date recorded-date encounter",
            ),
            (
                "MedicationRequest",
                "patient status intent authoredon code encounter requester",
            ),
            (
                "AllergyIntolerance",
                "patient code clinical-status criticality",
            ),
            ("Immunization", "patient date vaccine-code status"),
            (
                "DocumentReference",
                "patient type category date author status encounter",
            ),
            (
                "DiagnosticReport",
                "patient code category date status result",
            ),
            (
                "AuditEvent",
                "date patient agent entity action type subtype outcome",
            ),
            ("Provenance", "target recorded agent patient"),
            ("Coverage", "beneficiary patient status"),
            ("Task", "patient status owner code"),
        ] {
            for code in codes.split(' ') {
                assert!(param(kind, code).is_some(), "{kind}.{code}");
            }
        }
        assert!(param("Patient", "gender").unwrap().system_free);
        assert!(param("Patient", "deceased").unwrap().system_free);
        assert!(!param("Patient", "identifier").unwrap().system_free);
        assert!(param("Questionnaire", "_id").is_none());
    }
}
