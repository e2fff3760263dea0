//! Search: which parameters there are, what a resource is found by, and what a query asks.

mod definition;
mod extract;
mod matching;
mod operand;
mod parse;
mod query;

pub use definition::{ParamKind, SearchParam, param, params};
pub(crate) use extract::extract_param;
pub use extract::{IndexData, IndexValue, extract, extract_in};
pub use matching::{answers, matches};
pub use parse::{parse_query, parse_query_in};
pub use query::{Filter, Include, Modifier, Operand, Query, Sort, Summary, SystemMatch, Total};
