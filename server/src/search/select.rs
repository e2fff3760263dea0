//! SQL for conditions: one page of ids in order, or their count.

use fhir::date::{DateRange, Prefix};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::access::sight::Seen;
use crate::search::blind::Token;
use crate::search::index::storable;
use crate::search::narrow::Condition;

/// The order in which the database gives pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By logical id: flat cost however many match.
    Id {
        /// Largest first.
        descending: bool,
    },
    /// By `lastUpdated`, then id.
    Updated {
        /// Newest first.
        descending: bool,
    },
    /// By the earliest (descending: latest) start under a date parameter, then id; what has none
    /// comes last.
    Date {
        /// The parameter.
        param: &'static str,
        /// Newest first.
        descending: bool,
    },
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum After {
    /// After this id.
    Id(String),
    /// After this moment and id.
    Time(Timestamp, String),
    /// After so many of a list sorted when opened.
    Count(usize),
}

/// Parameters of a statement.
pub type Parameters = Vec<Box<dyn ToSql + Sync + Send>>;

/// A statement and its parameters.
pub struct Statement {
    /// The text; it holds no value of the query.
    pub sql: String,
    /// `$1`, `$2`, …
    pub parameters: Parameters,
}

/// Columns: id and, for the orders by time, the moment (else null).
pub fn page(
    tenant: Uuid,
    resource_type: &str,
    conditions: &[Condition],
    order: Order,
    after: Option<&After>,
    limit: i64,
) -> Statement {
    let mut build = Build::new(tenant, resource_type, conditions);
    let (column, sort) = match order {
        Order::Id { .. } => ("NULL::timestamptz".to_owned(), None),
        Order::Updated { descending } => ("r.last_updated".to_owned(), Some(descending)),
        Order::Date { param, descending } => {
            let (edge, last) = if descending {
                ("max", "0001-01-01 00:00:00+00")
            } else {
                ("min", "9999-01-01 00:00:00+00")
            };
            let param = build.bind(param);
            build.join.push_str(&format!(
                " CROSS JOIN LATERAL (SELECT coalesce({edge}(d.lo), '{last}'::timestamptz) AS at \
                 FROM search_date d WHERE d.tenant = $1 AND d.resource_type = $2 AND d.id = r.id \
                 AND d.param = {param}) k"
            ));
            ("k.at".to_owned(), Some(descending))
        }
    };
    let id = build.id;
    let order_by = match (sort, order) {
        (None, Order::Id { descending: false }) => {
            if let Some(After::Id(last)) = after {
                let last = build.bind(last.clone());
                build.conditions.push(format!("{id} > {last}"));
            }
            id.to_owned()
        }
        (None, _) => {
            if let Some(After::Id(last)) = after {
                let last = build.bind(last.clone());
                build.conditions.push(format!("{id} < {last}"));
            }
            format!("{id} DESC")
        }
        (Some(descending), _) => {
            if let Some(After::Time(at, last)) = after {
                let (at, last) = (build.bind(*at), build.bind(last.clone()));
                let comparison = if descending { "<" } else { ">" };
                build
                    .conditions
                    .push(format!("({column}, {id}) {comparison} ({at}, {last})"));
            }
            let direction = if descending { " DESC" } else { "" };
            format!("{column}{direction}, {id}{direction}")
        }
    };
    let limit = build.bind(limit);
    let tail = format!(" ORDER BY {order_by} LIMIT {limit}");
    build.finish(&format!("{id}, {column}"), &tail)
}

/// Column: how many.
pub fn count(tenant: Uuid, resource_type: &str, conditions: &[Condition]) -> Statement {
    Build::new(tenant, resource_type, conditions).finish("count(*)", "")
}

struct Build {
    parameters: Parameters,
    /// The table that leads; ids come from it in order.
    from: String,
    join: String,
    conditions: Vec<String>,
    id: &'static str,
}

impl Build {
    fn new(tenant: Uuid, resource_type: &str, conditions: &[Condition]) -> Self {
        let mut build = Self {
            parameters: vec![Box::new(tenant), Box::new(resource_type.to_owned())],
            from: "resource r".to_owned(),
            join: String::new(),
            conditions: Vec::new(),
            id: "r.id",
        };
        // Led by a single token, ids come sorted out of its index and the page ends early;
        // the planner does not find this plan through EXISTS. The last single token is the
        // most telling one: conditions come sorted so.
        let leader = conditions
            .iter()
            .rposition(|c| matches!(c, Condition::Any(any) if any.len() == 1));
        if let Some(Condition::Any(any)) = leader.and_then(|at| conditions.get(at)) {
            let token = build.bind(any.first().copied().unwrap_or_default());
            build.from = "search_token t JOIN resource r ON r.tenant = $1 AND r.resource_type = $2 AND r.id = t.id"
                .to_owned();
            build
                .conditions
                .push(format!("t.tenant = $1 AND t.token = {token}"));
            build.id = "t.id";
        } else {
            build
                .conditions
                .push("r.tenant = $1 AND r.resource_type = $2".to_owned());
        }
        build.conditions.push("NOT r.deleted".to_owned());
        for (at, condition) in conditions.iter().enumerate() {
            if Some(at) != leader {
                let text = build.condition(condition);
                build.conditions.push(text);
            }
        }
        build
    }

    fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("${}", self.parameters.len())
    }

    fn condition(&mut self, condition: &Condition) -> String {
        let id = self.id;
        match condition {
            Condition::Any(any) => format!("EXISTS ({})", self.tokens(any)),
            Condition::NoneOf(none) => format!("NOT EXISTS ({})", self.tokens(none)),
            Condition::Ids(ids) => {
                let ids = self.bind(ids.clone());
                format!("{id} = ANY({ids})")
            }
            Condition::Updated(ranges) => {
                // A stored instant is a range of a millisecond.
                let texts: Vec<String> = ranges
                    .iter()
                    .map(|(prefix, range)| {
                        self.compare(
                            *prefix,
                            *range,
                            "r.last_updated",
                            "(r.last_updated + interval '1 millisecond')",
                        )
                    })
                    .collect();
                any_of(&texts)
            }
            Condition::Date(param, ranges) => {
                let param = self.bind(*param);
                let texts: Vec<String> = ranges
                    .iter()
                    .map(|(prefix, range)| self.compare(*prefix, *range, "d.lo", "d.hi"))
                    .collect();
                format!(
                    "EXISTS (SELECT 1 FROM search_date d WHERE d.tenant = $1 AND d.resource_type = $2 \
                     AND d.id = {id} AND d.param = {param} AND {})",
                    any_of(&texts)
                )
            }
            Condition::Seen(seen) => seen_by(seen, &mut |list| self.bind(list)),
            Condition::Nothing => "false".to_owned(),
        }
    }

    /// Rows that hold a record under one of these tokens, which name type and parameter.
    fn tokens(&mut self, list: &[Token]) -> String {
        let id = self.id;
        // One value is planned once for all, a list is not.
        let among = match list {
            [one] => format!("= {}", self.bind(*one)),
            list => format!("= ANY({})", self.bind(list.to_vec())),
        };
        format!(
            "SELECT 1 FROM search_token s WHERE s.tenant = $1 AND s.id = {id} AND s.token {among}"
        )
    }

    /// As [`DateRange::satisfies`] says, in SQL.
    fn compare(&mut self, prefix: Prefix, range: DateRange, lo: &str, hi: &str) -> String {
        let day = SignedDuration::from_hours(24);
        let range = match prefix {
            Prefix::Ap => DateRange {
                lo: range.lo.checked_sub(day).unwrap_or(range.lo),
                hi: range.hi.checked_add(day).unwrap_or(range.hi),
            },
            _ => range,
        };
        let a = self.bind(storable(range.lo));
        let b = self.bind(storable(range.hi));
        let within = format!("({lo} >= {a} AND {hi} <= {b})");
        // What follows from a comparison anyway is said once more where it lets an index help.
        match prefix {
            Prefix::Eq => format!("({lo} <= {b} AND {within})"),
            Prefix::Ne => format!("NOT {within}"),
            // Bound to both parameters, so that each has a type.
            Prefix::Gt => format!("({hi} > {b} AND {a} <= {b})"),
            Prefix::Lt => format!("({lo} < {a} AND {a} <= {b})"),
            Prefix::Ge => format!("({hi} >= {a} AND ({hi} > {b} OR {within}))"),
            Prefix::Le => format!("({lo} <= {b} AND ({lo} < {a} OR {within}))"),
            Prefix::Sa => format!("({lo} >= {b} AND {a} <= {b})"),
            Prefix::Eb => format!("({hi} <= {a} AND {a} <= {b})"),
            Prefix::Ap => format!("({lo} < {b} AND {a} < {hi})"),
        }
    }

    fn finish(self, columns: &str, tail: &str) -> Statement {
        Statement {
            sql: format!(
                "SELECT {columns} FROM {}{} WHERE {}{tail}",
                self.from,
                self.join,
                self.conditions.join(" AND ")
            ),
            parameters: self.parameters,
        }
    }
}

/// What may be seen, in SQL over `r.patient`. As a subquery the list is hashed once, however long.
pub(super) fn seen_by(seen: &Seen, bind: &mut dyn FnMut(Vec<String>) -> String) -> String {
    let (patients, loose, not) = match seen {
        Seen::All => return "true".to_owned(),
        Seen::Of { loose, patients } => (patients, *loose, ""),
        Seen::Except { loose, patients } => (patients, *loose, "NOT "),
    };
    let list = bind(patients.clone());
    let listed = format!("r.patient {not}IN (SELECT unnest({list}::text[]))");
    if loose {
        format!("(r.patient IS NULL OR {listed})")
    } else {
        // Of what is null, neither is true.
        listed
    }
}

fn any_of(texts: &[String]) -> String {
    if texts.is_empty() {
        "false".to_owned()
    } else {
        format!("({})", texts.join(" OR "))
    }
}
