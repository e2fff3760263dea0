//! AuditEvents over FHIR: read and searched, never written.

use access::Action as Asked;
use axum::http::{Method, StatusCode};
use fhir::date::{DateRange, Prefix};
use fhir::outcome::{Issue, IssueType};
use jiff::Timestamp;
use ledger::Action;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::audit::find::{self, After, Filter, Found, Order};
use crate::fhir_api::answer::{self, Answer, Failure};
use crate::fhir_api::ask::Ask;
use crate::fhir_api::dispatch::base;
use crate::fhir_api::gate::{self, Interaction};
use crate::fhir_api::gathered::{Gathered, Mode};
use crate::fhir_api::read::{missing, not_ours};
use crate::identity::caller::Caller;
use crate::search::cursor::{self, Cursor};
use crate::search::run::zone;
use crate::store::error::StoreError;
use crate::store::rows::{BadRow, Opened};
use crate::store::write::Touched;

/// Events on a page, if the query does not say.
const PAGE: u32 = 50;

/// Events on a page at most.
const LARGEST_PAGE: u32 = 1_000;

/// Search parameters of AuditEvents and their kinds, for the CapabilityStatement.
pub const PARAMS: [(&str, &str); 5] = [
    ("_id", "token"),
    ("date", "date"),
    ("patient", "reference"),
    ("subtype", "token"),
    ("outcome", "token"),
];

/// Where a page of events ends.
#[derive(Serialize, Deserialize)]
struct Place {
    recorded: Timestamp,
    id: Uuid,
}

/// A request below `AuditEvent`.
///
/// # Errors
/// 400, 403, 404, 405.
pub async fn answer(
    app: &App,
    caller: &Caller,
    ask: Ask,
    segments: &[&str],
) -> Result<Answer, Failure> {
    match segments {
        [_] | [_, "_search"] if ask.method == Method::GET => search(app, caller, ask).await,
        [_, "_search"] if ask.method == Method::POST => search(app, caller, ask).await,
        [_, id] if ask.method == Method::GET => read(app, caller, id).await,
        _ => Err(Failure::method_not_allowed("GET")),
    }
}

async fn read(app: &App, caller: &Caller, id: &str) -> Result<Answer, Failure> {
    let entity = format!("AuditEvent/{id}");
    let interaction = Interaction {
        asked: Asked::Read,
        action: Action::AuditRead,
        resource_type: "AuditEvent",
        id: Some(id),
    };
    let granted = gate::pass(app, caller, &gate::sight(app, caller)?, &interaction).await?;
    let uuid = Uuid::parse_str(id).map_err(|_| missing("AuditEvent", id))?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let filter = Filter {
        id: Some(uuid),
        ..Filter::default()
    };
    let found = find::page(app, &client, &filter, Order::Ascending, None, 1)
        .await?
        .pop()
        .ok_or_else(|| missing("AuditEvent", id))?;
    let opened = opened(found)?;
    let touched = Touched {
        patients: Vec::new(),
        entities: vec![entity],
    };
    gate::record(app, caller, Action::AuditRead, &granted, &touched, None).await?;
    Ok(Answer {
        version: Some(1),
        last_modified: Some(opened.last_updated),
        body: opened.json.map(|json| json.to_vec()),
        ..Answer::bare(StatusCode::OK)
    })
}

async fn search(app: &App, caller: &Caller, ask: Ask) -> Result<Answer, Failure> {
    let interaction = Interaction {
        asked: Asked::Search,
        action: Action::AuditRead,
        resource_type: "AuditEvent",
        id: None,
    };
    let granted = gate::pass(app, caller, &gate::sight(app, caller)?, &interaction).await?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let (pairs, after) = match ask.query.iter().find(|(name, _)| name == "_cursor") {
        None => (ask.query, None),
        Some((_, text)) => {
            let cursor: Cursor<Place> = cursor::open(app, caller.user_id, "AuditEvent", text)
                .await?
                .ok_or_else(not_ours)?;
            (
                cursor.query,
                Some(After {
                    recorded: cursor.after.recorded,
                    id: cursor.after.id,
                }),
            )
        }
    };
    let wish = wish(app, &pairs, ask.prefer.strict)?;
    let total = if wish.total {
        Some(find::count(app, &client, &wish.filter).await?)
    } else {
        None
    };
    let mut found = if wish.count == 0 {
        Vec::new()
    } else {
        find::page(
            app,
            &client,
            &wish.filter,
            wish.order,
            after,
            wish.count + 1,
        )
        .await?
    };
    let more = found.len() > wish.count as usize;
    found.truncate(wish.count as usize);

    let base = base(app);
    let asked = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&pairs)
        .finish();
    let mut links = vec![("self", format!("{base}/AuditEvent?{asked}"))];
    if let Some(last) = found.last().filter(|_| more) {
        let cursor = Cursor {
            query: pairs.clone(),
            after: Place {
                recorded: last.recorded,
                id: last.id,
            },
        };
        let sealed = cursor::seal(app, caller.user_id, "AuditEvent", &cursor).await?;
        links.push(("next", format!("{base}/AuditEvent?_cursor={sealed}")));
    }
    let mut bundle = Gathered::new("searchset", total, &links);
    let mut issues = wish.issues;
    for event in found {
        match opened(event) {
            Ok(event) => bundle.found(&base, &event, Mode::Match),
            Err(bad) => issues.push(answer::bad_row(&bad)),
        }
    }
    bundle.told(&issues);
    let touched = Touched::default();
    gate::record(
        app,
        caller,
        Action::AuditRead,
        &granted,
        &touched,
        Some(&asked),
    )
    .await?;
    Ok(Answer {
        body: Some(bundle.finish()),
        ..Answer::bare(StatusCode::OK)
    })
}

fn opened(event: Found) -> Result<Opened, BadRow> {
    let (resource_type, id) = ("AuditEvent".to_owned(), event.id.to_string());
    match event.json {
        Ok(json) => Ok(Opened {
            resource_type,
            id,
            version: 1,
            last_updated: event.stored,
            patient: None,
            json: Some(json),
        }),
        Err(code) => Err(BadRow {
            resource_type,
            id,
            version: 1,
            code,
        }),
    }
}

struct Wish {
    filter: Filter,
    order: Order,
    count: u32,
    total: bool,
    issues: Vec<Issue>,
}

fn wish(app: &App, pairs: &[(String, String)], strict: bool) -> Result<Wish, Failure> {
    let mut wish = Wish {
        filter: Filter::default(),
        order: Order::Descending,
        count: PAGE,
        total: false,
        issues: Vec::new(),
    };
    let malformed = |name: &str| Failure::bad(IssueType::Value, format!("{name} cannot be read"));
    for (name, value) in pairs {
        match name.as_str() {
            "_id" => wish.filter.id = Some(Uuid::parse_str(value).map_err(|_| malformed("_id"))?),
            "patient" | "patient.reference" => {
                let id = value.strip_prefix("Patient/").unwrap_or(value);
                if !fhir::resource::valid_id(id) {
                    return Err(malformed("patient"));
                }
                wish.filter.patient = Some(id.to_owned());
            }
            "date" => {
                let (prefix, text) = Prefix::split(value);
                let range = DateRange::parse(text, &zone(app)).map_err(|_| malformed("date"))?;
                match prefix {
                    Prefix::Eq => {
                        wish.filter.from = Some(range.lo);
                        wish.filter.until = Some(range.hi);
                    }
                    Prefix::Ge => wish.filter.from = Some(range.lo),
                    Prefix::Gt | Prefix::Sa => wish.filter.from = Some(range.hi),
                    Prefix::Lt | Prefix::Eb => wish.filter.until = Some(range.lo),
                    Prefix::Le => wish.filter.until = Some(range.hi),
                    Prefix::Ne | Prefix::Ap => return Err(malformed("date")),
                }
            }
            "subtype" => {
                wish.filter.actions = value
                    .split(',')
                    .map(|code| code.rsplit('|').next().unwrap_or(code).to_owned())
                    .collect();
                // Our codes are plain words; the database takes no zero bytes.
                if wish.filter.actions.iter().any(|code| code.contains('\0')) {
                    return Err(malformed("subtype"));
                }
            }
            "outcome" => wish.filter.success = Some(value.rsplit('|').next() == Some("0")),
            "_sort" => {
                wish.order = match value.as_str() {
                    "date" => Order::Ascending,
                    "-date" => Order::Descending,
                    _ => return Err(malformed("_sort")),
                }
            }
            "_count" => {
                let count: u32 = value.parse().map_err(|_| malformed("_count"))?;
                wish.count = count.min(LARGEST_PAGE);
                wish.total |= count == 0;
            }
            "_total" => wish.total = value != "none",
            "_summary" if value == "count" => {
                wish.count = 0;
                wish.total = true;
            }
            _ if strict => {
                return Err(Failure::bad(
                    IssueType::NotSupported,
                    "a parameter is not known",
                ));
            }
            _ => wish.issues.push(Issue::warning(
                IssueType::NotSupported,
                "a parameter was passed over",
            )),
        }
    }
    Ok(wish)
}
