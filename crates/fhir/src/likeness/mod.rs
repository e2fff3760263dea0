//! How likely it is that two Patients are one person.
//!
//! Fellegi and Sunter's weights: each element that both records have adds log2(m/u), where m is
//! how often two records of one person agree so, and u how often two records of different people
//! do. What one of the two lacks says nothing. The tables with their derivation are in
//! [`weights`]; decision 0020 says why they are what they are.
//!
//! Three things are not left to independence, which households break: what a family shares (name,
//! telephone, e-mail, address) counts up to a bound, however much of it agrees; of twins nothing
//! but the given name tells one from the other; and names in different scripts are not compared.

mod names;
mod person;
mod weights;

use std::cmp::Ordering;

pub use person::Person;
use weights::Odds;

/// An element that two records are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    /// Given names.
    Given,
    /// Family name.
    Family,
    /// Junior, senior, third.
    Generation,
    /// Birth date.
    BirthDate,
    /// Administrative gender.
    Sex,
    /// Telephone.
    Phone,
    /// E-mail.
    Email,
    /// Postal address.
    Address,
    /// Social security number.
    SocialSecurity,
    /// Medical record number.
    RecordNumber,
    /// Another identifier.
    Identifier,
}

/// How two records agree in an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Agreement {
    /// They say the same.
    Same,
    /// They say what one slip of the hand, a short form or a part would make of the other.
    Close,
    /// They say the same in each other's place: day and month, given and family name.
    Crossed,
    /// They say different things.
    Apart,
}

/// What one element said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The element.
    pub element: Element,
    /// How they agree in it.
    pub agreement: Agreement,
    /// What it adds, in bits.
    pub weight: f64,
}

impl Finding {
    fn new(element: Element, agreement: Agreement, odds: Odds) -> Self {
        Self {
            element,
            agreement,
            weight: odds.weight(),
        }
    }
}

/// How alike two records are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Likeness {
    /// The sum, in bits: log2 of how much more probable what was found is of one person.
    pub weight: f64,
    /// What was found, element by element.
    pub findings: Vec<Finding>,
}

/// What a likeness means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Not worth a person's time.
    Unlikely,
    /// Worth a glance by whoever is registering somebody.
    Possible,
    /// Worth asking somebody about.
    Likely,
}

impl Likeness {
    /// What it means.
    #[must_use]
    pub fn grade(&self) -> Grade {
        if self.weight >= weights::LIKELY {
            Grade::Likely
        } else if self.weight >= weights::POSSIBLE {
            Grade::Possible
        } else {
            Grade::Unlikely
        }
    }

    /// The more alike, the greater.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        self.weight.total_cmp(&other.weight)
    }
}

/// Compares two people. It does not matter which is which.
#[must_use]
pub fn compare(one: &Person, other: &Person) -> Likeness {
    let found = [
        (Element::BirthDate, person::birth(one, other)),
        (Element::Sex, person::sex(one, other)),
        (Element::Phone, person::phone(one, other)),
        (Element::Email, person::email(one, other)),
        (Element::Address, person::address(one, other)),
        (Element::SocialSecurity, person::social_security(one, other)),
        (Element::RecordNumber, person::record_number(one, other)),
        (Element::Identifier, person::identifier(one, other)),
    ];
    let mut rest = Likeness::default();
    rest.findings
        .extend(found.into_iter().filter_map(|(element, found)| {
            let (agreement, odds) = found?;
            Some(Finding::new(element, agreement, odds))
        }));
    rest.weight = weigh(&rest.findings, &[]);
    // Of several names the pair that agrees best.
    names::pairs(one, other)
        .map(|names| Likeness {
            weight: weigh(&names, &rest.findings),
            findings: names,
        })
        .max_by(Likeness::order)
        .map(|mut best| {
            best.findings.extend_from_slice(&rest.findings);
            best
        })
        .unwrap_or(rest)
}

fn weigh(names: &[Finding], rest: &[Finding]) -> f64 {
    let (mut own, mut shared) = (0.0, 0.0);
    for finding in names.iter().chain(rest) {
        if of_household(finding.element) {
            shared += finding.weight;
        } else {
            own += finding.weight;
        }
    }
    own + f64::min(shared, weights::HOUSEHOLD)
}

/// Whether people who live together share it.
fn of_household(element: Element) -> bool {
    matches!(
        element,
        Element::Family | Element::Phone | Element::Email | Element::Address
    )
}
