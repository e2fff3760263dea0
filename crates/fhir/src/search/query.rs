//! A query, understood.

use super::definition::SearchParam;
use crate::date::{DateRange, Prefix};

/// A search, understood.
#[derive(Debug, Clone)]
pub struct Query {
    /// The type searched.
    pub resource_type: String,
    /// All of these must hold.
    pub filters: Vec<Filter>,
    /// `_include`
    pub includes: Vec<Include>,
    /// `_revinclude`
    pub revincludes: Vec<Include>,
    /// `_sort`, most important first.
    pub sort: Vec<Sort>,
    /// `_count`
    pub count: Option<u32>,
    /// `_total`
    pub total: Total,
    /// `_summary`
    pub summary: Summary,
    /// `_cursor`, the opaque place to go on from.
    pub cursor: Option<String>,
    /// Names of parameters that were passed over (never under strict handling).
    pub unknown: Vec<String>,
    /// The parameters that were understood, for the link `self`; without `_cursor`.
    pub understood: Vec<(String, String)>,
}

impl Query {
    /// The query for every resource of a type.
    #[must_use]
    pub fn all(resource_type: &str) -> Self {
        Self {
            resource_type: resource_type.to_owned(),
            filters: vec![],
            includes: vec![],
            revincludes: vec![],
            sort: vec![],
            count: None,
            total: Total::default(),
            summary: Summary::default(),
            cursor: None,
            unknown: vec![],
            understood: vec![],
        }
    }
}

/// One condition: any of `values` under `param`.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The parameter.
    pub param: &'static SearchParam,
    /// How it compares.
    pub modifier: Modifier,
    /// What it is compared with; one of them is enough. Empty for `:missing`.
    pub values: Vec<Operand>,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modifier {
    /// As its kind does: strings by the start of any part, the rest by equality or prefix.
    Plain,
    /// `:exact`: the same string, letter by letter.
    Exact,
    /// `:contains`: anywhere in the string.
    Contains,
    /// `:not`: no value under the parameter is one of these (also when there is none).
    Not,
    /// `:missing=true` or `=false`.
    Missing(bool),
    /// `:identifier`: the identifier of a logical reference.
    Identifier,
}

/// How a token's system compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemMatch {
    /// `code`: whatever the system.
    Any,
    /// `|code`: without a system.
    None,
    /// `system|code`
    Is(String),
}

/// A value asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// Words, as they were asked; compare after [`crate::person::normalise`] unless exact.
    Text(String),
    /// A token; without a code any code of the system.
    Token {
        /// Its system.
        system: SystemMatch,
        /// Its code.
        code: Option<String>,
    },
    /// A date.
    Date {
        /// How it compares.
        prefix: Prefix,
        /// The moments asked for.
        range: DateRange,
    },
    /// A reference. `types` holds every type it may mean (one, if the query says which).
    Reference {
        /// The types it may mean.
        types: Vec<String>,
        /// The logical id.
        id: String,
    },
    /// A reference that is an absolute URL, or a URI.
    Uri(String),
    /// An amount.
    Quantity {
        /// How it compares.
        prefix: Prefix,
        /// The number asked for.
        value: f64,
        /// The smallest number that rounds to it.
        lo: f64,
        /// The largest number that rounds to it.
        hi: f64,
        /// The unit's system, if asked.
        system: Option<String>,
        /// The unit's code, if asked.
        code: Option<String>,
    },
}

/// What `_include` or `_revinclude` asks for.
#[derive(Debug, Clone)]
pub struct Include {
    /// The type that holds the reference.
    pub source: String,
    /// Its reference parameters to follow.
    pub params: Vec<&'static SearchParam>,
    /// Only to this type, if it says so.
    pub target: Option<String>,
    /// Whether to follow what was included, too.
    pub iterate: bool,
}

/// What to sort by.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// The parameter.
    pub param: &'static SearchParam,
    /// Largest first.
    pub descending: bool,
}

/// Whether to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Total {
    /// As the server likes.
    #[default]
    Unsaid,
    /// No count.
    None,
    /// An exact count.
    Accurate,
    /// A rough count will do.
    Estimate,
}

/// How much of each resource to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summary {
    /// Everything.
    #[default]
    False,
    /// No resources, the count alone.
    Count,
}
