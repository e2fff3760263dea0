//! Running a query: pages of candidates, opened, verified, in order.

use std::cmp::Ordering;

use deadpool_postgres::GenericClient;
use fhir::outcome::{Issue, IssueType};
use fhir::person;
use fhir::search::{self, IndexData, IndexValue, ParamKind, Query, Sort, Total};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use tokio_postgres::types::ToSql;

use crate::access::sight::Seen;
use crate::app::App;
use crate::search::index;
use crate::search::narrow::{Condition, Narrowed, narrow};
use crate::search::select::{self, After, Order, Statement};
use crate::store::error::StoreError;
use crate::store::read;
use crate::store::rows::{self, BadRow, Opened};

/// Records opened for one page at most; a page that needs more ends early and links on.
const OPENED: usize = 10_000;

/// Records sorted when opened, at most.
const SORTED: usize = 5_000;

/// One page.
#[derive(Debug, Default)]
pub struct Page {
    /// What matches, in order.
    pub matches: Vec<Opened>,
    /// What would have been looked at, but does not open.
    pub bad: Vec<BadRow>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<After>,
    /// How many match in all, where that was asked or is known anyway.
    pub total: Option<u64>,
}

/// Why a search is not answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The query asks for too much.
    #[error("the search asks for too much")]
    TooCostly(Issue),
    /// The database or a seal.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<tokio_postgres::Error> for SearchError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The clinic's time zone.
pub fn zone(app: &App) -> TimeZone {
    TimeZone::get(&app.tenant.time_zone).unwrap_or(TimeZone::UTC)
}

/// A search that is being answered.
pub struct Search<'a, C> {
    app: &'a App,
    client: &'a C,
    query: &'a Query,
    narrowed: &'a Narrowed,
    opening: Opening,
}

/// Where records are read that the index found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Together with those of other requests.
    Together,
    /// On the connection of the search: within its transaction.
    Here,
}

/// Records of a page that are read together with others' at most: nobody should wait for a long one.
const SHORT: usize = 64;

/// The query's conditions and what the caller may see: totals, order and pages are made of that
/// alone.
pub fn narrowed(app: &App, query: &Query, seen: &Seen) -> Narrowed {
    let mut narrowed = narrow(&app.blind, query, &zone(app));
    if let Some(condition) = Condition::of(seen) {
        narrowed.conditions.insert(0, condition);
    }
    narrowed
}

/// Whether one plan is the best whatever the values: ids come out of the index of one token, in
/// their order, and all other conditions are single tokens.
pub fn is_plain(query: &Query, narrowed: &Narrowed) -> bool {
    matches!(order_of(query), Some(Order::Id { .. }))
        && !narrowed.conditions.is_empty()
        && narrowed
            .conditions
            .iter()
            .all(|condition| matches!(condition, Condition::Any(any) if any.len() == 1))
}

impl<'a, C: GenericClient> Search<'a, C> {
    /// Of a query that was narrowed.
    pub fn new(
        app: &'a App,
        client: &'a C,
        query: &'a Query,
        narrowed: &'a Narrowed,
        opening: Opening,
    ) -> Self {
        Self {
            app,
            client,
            query,
            narrowed,
            opening,
        }
    }

    /// One page of at most `count` matches that the caller may see, after `after`.
    ///
    /// # Errors
    /// When the query asks for too much or the store fails.
    pub async fn page(&self, after: Option<&After>, count: usize) -> Result<Page, SearchError> {
        let mut page = match order_of(self.query) {
            Some(order) => self.by_database(order, after, count).await?,
            None => self.by_opening(after, count).await?,
        };
        if page.total.is_none() {
            page.total = match self.query.total {
                Total::Accurate | Total::Estimate => Some(self.count().await?),
                Total::Unsaid if after.is_none() && page.next.is_none() => {
                    Some(page.matches.len() as u64)
                }
                Total::Unsaid | Total::None => None,
            };
        }
        Ok(page)
    }

    /// How many match that the caller may see.
    ///
    /// # Errors
    /// When too many would have to be opened, or the store fails.
    pub async fn count(&self) -> Result<u64, SearchError> {
        if self.narrowed.exact {
            let statement = select::count(
                self.app.tenant.id,
                &self.query.resource_type,
                &self.narrowed.conditions,
            );
            let rows = found(self.client, &self.narrowed.conditions, statement).await?;
            let counted = rows.first().map_or(0, |row| row.get::<_, i64>(0));
            return Ok(counted.unsigned_abs());
        }
        let mut counted = 0;
        let mut opened = 0;
        let mut after = None;
        loop {
            let order = Order::Id { descending: false };
            let step = self.step(order, after.as_ref(), 1_000).await?;
            opened += step.looked_at;
            counted += step.matches.len() as u64;
            match step.last {
                Some(last) if step.more => after = Some(last),
                _ => return Ok(counted),
            }
            if opened > OPENED {
                return Err(too_costly(
                    "too many records would have to be opened to count them",
                ));
            }
        }
    }

    async fn by_database(
        &self,
        order: Order,
        after: Option<&After>,
        count: usize,
    ) -> Result<Page, SearchError> {
        let mut page = Page::default();
        let mut after = after.cloned();
        let mut opened = 0;
        loop {
            let wanted = count - page.matches.len();
            // Of inexact candidates a few fall away; asking for some more saves a round, and each
            // that is not needed is opened for nothing.
            let limit = if self.narrowed.exact {
                wanted
            } else {
                (wanted + wanted / 4 + 4).min(1_000)
            };
            let step = self.step(order, after.as_ref(), limit).await?;
            opened += step.looked_at;
            page.bad.extend(step.bad);
            let fits = step.matches.len() <= wanted;
            let mut cut = None;
            for (row, place) in step.matches {
                if page.matches.len() < count {
                    page.matches.push(row);
                    cut = Some(place);
                }
            }
            if !fits {
                page.next = cut;
                return Ok(page);
            }
            if !step.more {
                return Ok(page);
            }
            after = step.last;
            if page.matches.len() == count || opened >= OPENED {
                page.next = after;
                return Ok(page);
            }
        }
    }

    /// One statement's candidates, opened and verified.
    async fn step(
        &self,
        order: Order,
        after: Option<&After>,
        limit: usize,
    ) -> Result<Step, SearchError> {
        let statement = select::page(
            self.app.tenant.id,
            &self.query.resource_type,
            &self.narrowed.conditions,
            order,
            after,
            limit as i64 + 1,
        );
        let found = found(self.client, &self.narrowed.conditions, statement).await?;
        let more = found.len() > limit;
        let places: Vec<(String, After)> = found
            .iter()
            .take(limit)
            .map(|row| {
                let id: String = row.get(0);
                let after = match row.get::<_, Option<Timestamp>>(1) {
                    Some(at) => After::Time(at, id.clone()),
                    None => After::Id(id.clone()),
                };
                (id, after)
            })
            .collect();
        let ids: Vec<&str> = places.iter().map(|(id, _)| id.as_str()).collect();
        let opened = self.open(&ids).await?;
        let mut step = Step {
            matches: Vec::with_capacity(opened.len()),
            bad: Vec::new(),
            looked_at: opened.len(),
            last: places.last().map(|(_, after)| after.clone()),
            more,
        };
        let zone = zone(self.app);
        let mut places = places.into_iter();
        for row in opened {
            let row = match row {
                Ok(row) => row,
                Err(bad) => {
                    step.bad.push(bad);
                    continue;
                }
            };
            // Rows come in the order of the places; one deleted since is passed over.
            let Some((_, place)) = places.find(|(id, _)| *id == row.id) else {
                continue;
            };
            match verified(self.query, self.narrowed.exact, &row, &zone) {
                Ok(true) => step.matches.push((row, place)),
                Ok(false) => {}
                Err(bad) => step.bad.push(bad),
            }
        }
        Ok(step)
    }

    async fn open(&self, ids: &[&str]) -> Result<Vec<Result<Opened, BadRow>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let kind = self.query.resource_type.as_str();
        if self.opening == Opening::Here || ids.len() > SHORT {
            let asked: Vec<(&str, &str)> = ids.iter().map(|id| (kind, *id)).collect();
            return read::many(self.app, self.client, &asked).await;
        }
        let names = ids.iter().map(|id| (kind.to_owned(), (*id).to_owned()));
        let found = self.app.reads.current(names.collect()).await?;
        rows::open_all(self.app, found.rows).await
    }

    /// All matches, opened, sorted, cut.
    async fn by_opening(&self, after: Option<&After>, count: usize) -> Result<Page, SearchError> {
        let order = Order::Id { descending: false };
        let all = self.step(order, None, SORTED).await?;
        if all.more {
            return Err(too_costly(
                "too many records would have to be opened to sort them",
            ));
        }
        let zone = zone(self.app);
        let mut keyed: Vec<(Vec<Option<SortKey>>, Opened)> = Vec::with_capacity(all.matches.len());
        let mut bad = all.bad;
        for (row, _) in all.matches {
            match row.value() {
                Ok(value) => keyed.push((keys(self.query, value.as_ref(), &zone), row)),
                Err(error) => bad.push(error),
            }
        }
        keyed.sort_by(|(a, left), (b, right)| {
            compare(&self.query.sort, a, b).then_with(|| left.id.cmp(&right.id))
        });
        let from = match after {
            Some(After::Count(count)) => *count,
            _ => 0,
        };
        let total = keyed.len();
        let matches: Vec<Opened> = keyed
            .into_iter()
            .skip(from)
            .take(count)
            .map(|(_, row)| row)
            .collect();
        let until = from + matches.len();
        Ok(Page {
            matches,
            bad,
            next: (until < total).then_some(After::Count(until)),
            total: (self.query.total != Total::None).then_some(total as u64),
        })
    }
}

fn too_costly(text: &str) -> SearchError {
    SearchError::TooCostly(Issue::error(
        IssueType::TooCostly,
        format!("{text}: narrow the search"),
    ))
}

/// The database's order for the query's sort; none if only opened records can be sorted so.
fn order_of(query: &Query) -> Option<Order> {
    match query.sort.as_slice() {
        [] => Some(Order::Id { descending: false }),
        [Sort { param, descending }] => {
            let descending = *descending;
            match param.code {
                "_id" => Some(Order::Id { descending }),
                "_lastUpdated" => Some(Order::Updated { descending }),
                code if param.kind == ParamKind::Date
                    && !index::dates_are_sealed(&query.resource_type) =>
                {
                    Some(Order::Date {
                        param: code,
                        descending,
                    })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// What one look at the index gave.
struct Step {
    matches: Vec<(Opened, After)>,
    bad: Vec<BadRow>,
    looked_at: usize,
    last: Option<After>,
    more: bool,
}

fn verified(query: &Query, exact: bool, row: &Opened, zone: &TimeZone) -> Result<bool, BadRow> {
    if row.json.is_none() {
        return Ok(false);
    }
    if exact {
        return Ok(true);
    }
    let Some(value) = row.value()? else {
        return Ok(false);
    };
    Ok(search::answers(query, &value, zone))
}

/// What a record is sorted by.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum SortKey {
    Moment(Timestamp),
    Number(f64),
    Text(String),
}

fn keys(query: &Query, value: Option<&Value>, zone: &TimeZone) -> Vec<Option<SortKey>> {
    let values = value.map_or_else(Vec::new, |value| search::extract_in(value, zone));
    query.sort.iter().map(|sort| key(sort, &values)).collect()
}

fn key(sort: &Sort, values: &[IndexValue]) -> Option<SortKey> {
    let keys = values
        .iter()
        .filter(|value| value.param == sort.param.code)
        .map(|value| match &value.value {
            IndexData::Token { code, .. } => SortKey::Text(code.clone()),
            IndexData::Text(text) => SortKey::Text(person::normalise(text)),
            IndexData::Date { lo, .. } => SortKey::Moment(*lo),
            IndexData::Reference { resource_type, id } => {
                SortKey::Text(format!("{resource_type}/{id}"))
            }
            IndexData::Quantity { value, .. } => SortKey::Number(*value),
            IndexData::Uri(uri) => SortKey::Text(uri.clone()),
        });
    let order = |a: &SortKey, b: &SortKey| a.partial_cmp(b).unwrap_or(Ordering::Equal);
    if sort.descending {
        keys.max_by(order)
    } else {
        keys.min_by(order)
    }
}

/// What has no value comes last, whichever way.
fn compare(sort: &[Sort], a: &[Option<SortKey>], b: &[Option<SortKey>]) -> Ordering {
    for (sort, (a, b)) in sort.iter().zip(a.iter().zip(b)) {
        let order = match (a, b) {
            (Some(a), Some(b)) => {
                let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
                if sort.descending {
                    order.reverse()
                } else {
                    order
                }
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Statements of few conditions are kept prepared. The shapes of long ones are too many, and
/// those with dates are planned anew each time: how much a range narrows hangs on its values.
async fn found(
    client: &impl GenericClient,
    conditions: &[Condition],
    statement: Statement,
) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
    let parameters: Vec<&(dyn ToSql + Sync)> = statement
        .parameters
        .iter()
        .map(|p| p.as_ref() as &(dyn ToSql + Sync))
        .collect();
    let dated = conditions
        .iter()
        .any(|condition| matches!(condition, Condition::Date(..) | Condition::Updated(_)));
    let prepared = if conditions.len() <= 4 && !dated {
        client.prepare_cached(&statement.sql).await?
    } else {
        client.prepare(&statement.sql).await?
    };
    client.query(&prepared, &parameters).await
}
