//! The table of cases: what each role may do with each class of records under each relationship.
//!
//! Written by hand from what each role is for, not from the policies. This crate, the server and
//! the workstation are tested against it, each on its own path.

use crate::class::ResourceClass;
use crate::decision::Verdict;
use crate::facts::Facts;
use crate::request::{Action, Request};
use crate::role::Role;

/// The table as text; its first lines say how it is read.
pub const TABLE: &str = include_str!("../policies/cases.csv");

/// One case: what must be answered to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Line of the table, from 1.
    pub line: usize,
    /// Role.
    pub role: Role,
    /// Class of records.
    pub class: ResourceClass,
    /// Relationship; none where no patient is known.
    pub facts: Option<Facts>,
    /// Action.
    pub action: Action,
    /// What must be decided.
    pub verdict: Verdict,
}

impl Case {
    /// The request of the case.
    pub fn request(&self) -> Request {
        let request = Request::new(self.role, self.action, self.class);
        match self.facts {
            Some(facts) => request.concerning(facts),
            None => request,
        }
    }
}

/// Why the table cannot be read: the line and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cases.csv, line {line}: {what}")]
pub struct TableError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// Every case of the table.
///
/// # Errors
/// [`TableError`], if the file was broken by an edit.
pub fn all() -> Result<Vec<Case>, TableError> {
    let mut cases = Vec::new();
    for (number, text) in TABLE.lines().enumerate() {
        let line = number + 1;
        if text.is_empty() || text.starts_with('#') || text.starts_with("role,") {
            continue;
        }
        let wrong = |what| TableError { line, what };
        let mut cells = text.split(',').map(str::trim);
        let mut next = || cells.next().ok_or(wrong("a cell is missing"));
        let role = Role::parse(next()?).ok_or(wrong("there is no such role"))?;
        let class = ResourceClass::parse(next()?).ok_or(wrong("there is no such class"))?;
        let relations = relations(next()?).ok_or(wrong("there is no such relationship"))?;
        for action in Action::ALL {
            let verdict = match next()? {
                "yes" => Verdict::Allow,
                "no" => Verdict::Deny,
                "why" => Verdict::NeedsJustification,
                "emergency" => Verdict::NeedsEmergency,
                _ => return Err(wrong("there is no such verdict")),
            };
            cases.extend(relations.iter().map(|facts| Case {
                line,
                role,
                class,
                facts: *facts,
                action,
                verdict,
            }));
        }
        if cells.next().is_some() {
            return Err(wrong("there is a cell too many"));
        }
    }
    Ok(cases)
}

/// `unknown`: no patient is known. `any`: that, none and each fact alone. Otherwise facts joined by
/// `+`, or `none`.
fn relations(text: &str) -> Option<Vec<Option<Facts>>> {
    match text {
        "unknown" => Some(vec![None]),
        "any" => Some(
            [None, Some(Facts::default())]
                .into_iter()
                .chain((0..Facts::COUNT).map(|place| Some(Facts::from_bits(1 << place))))
                .collect(),
        ),
        "none" => Some(vec![Some(Facts::default())]),
        joined => joined
            .split('+')
            .try_fold(Facts::default(), |facts, name| Some(facts.or(fact(name)?)))
            .map(|facts| vec![Some(facts)]),
    }
}

fn fact(name: &str) -> Option<Facts> {
    let mut facts = Facts::default();
    match name {
        "assigned" => facts.assigned = true,
        "care-team" => facts.care_team = true,
        "appointment" => facts.appointment = true,
        "visiting" => facts.visiting = true,
        "referral" => facts.referral = true,
        "permitted" => facts.consent_permits = true,
        "denied" => facts.consent_denies = true,
        "justified" => facts.justified = true,
        "emergency" => facts.emergency = true,
        _ => return None,
    }
    Some(facts)
}
