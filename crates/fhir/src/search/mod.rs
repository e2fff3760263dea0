//! Search: which parameters there are, what a resource is found by, and what a query asks.

mod definition;
mod extract;
mod matching;
mod parse;

pub use definition::{ParamKind, SearchParam, param, params};
pub use extract::{IndexData, IndexValue, extract, extract_in};
pub use matching::matches;
pub use parse::{
    Filter, Include, Modifier, Operand, Query, Sort, Summary, SystemMatch, Total, parse_query,
    parse_query_in,
};
