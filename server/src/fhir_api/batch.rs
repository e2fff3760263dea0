//! Bundles posted to the base: transaction (all or none) and batch (each on its own).

use access::Action as Asked;
use axum::http::{Method, StatusCode};
use fhir::bundle::{self, Entry};
use fhir::outcome::{Issue, IssueType, operation_outcome};
use fhir::resource;
use ledger::Action;
use serde_json::Value;

use crate::access::sight::Sight;
use crate::app::App;
use crate::fhir_api::answer::{Answer, Failure};
use crate::fhir_api::ask::{self, Ask, Prefer, Return};
use crate::fhir_api::dispatch::{self, base};
use crate::fhir_api::gate::{self, Granted, Interaction};
use crate::fhir_api::gathered::Gathered;
use crate::fhir_api::transaction::{self, Author, Fate, Kind, Plan};
use crate::identity::caller::Caller;
use crate::store::write::{Change, Gate, Recording, Touched};

/// Entries of one bundle at most.
const ENTRIES: usize = 5_000;

/// `POST` to the base.
///
/// # Errors
/// As the entries of a transaction do; 400 if it is no bundle.
pub async fn bundle(app: &App, caller: &Caller, mut ask: Ask) -> Result<Answer, Failure> {
    let body = ask
        .body
        .take()
        .ok_or_else(|| Failure::bad(IssueType::Required, "a Bundle is needed"))?;
    if resource::resource_type(&body) != Some("Bundle") {
        return Err(Failure::one(
            StatusCode::BAD_REQUEST,
            Issue::error(IssueType::Invalid, "the body must be a Bundle").at("resourceType"),
        ));
    }
    let entries = body
        .get("entry")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    if entries > ENTRIES {
        return Err(Failure::one(
            StatusCode::PAYLOAD_TOO_LARGE,
            Issue::error(
                IssueType::TooLong,
                format!("a Bundle may have {ENTRIES} entries"),
            )
            .at("Bundle.entry"),
        ));
    }
    match body.get("type").and_then(Value::as_str) {
        Some("transaction") => transact(app, caller, &ask, &body).await,
        Some("batch") => batch(app, caller, &ask, &body).await,
        _ => Err(Failure::one(
            StatusCode::BAD_REQUEST,
            Issue::error(
                IssueType::Value,
                "the Bundle's type must be transaction or batch",
            )
            .at("Bundle.type"),
        )),
    }
}

async fn transact(app: &App, caller: &Caller, ask: &Ask, body: &Value) -> Result<Answer, Failure> {
    let plan = transaction::plan(app, body)?;
    let sight = gate::sight(app, caller)?;
    let mut granted: Option<Granted> = None;
    for planned in &plan.writes {
        let asked = match planned.kind {
            Kind::Create => Asked::Create,
            Kind::Update | Kind::Patch => Asked::Update,
            Kind::Delete => Asked::Delete,
        };
        let interaction = Interaction {
            asked,
            ..whole(&planned.resource_type)
        };
        let pass = gate::pass(app, caller, &sight, &interaction);
        let at = |mut failure: Failure| {
            for issue in &mut failure.issues {
                issue.expression = Some(format!("Bundle.entry[{}]", planned.index));
            }
            failure
        };
        granted = Some(pass.await.map_err(at)?);
        if planned.if_none_exist.is_some() {
            // It tells what there is: it takes the right to search, too.
            let search = Interaction {
                asked: Asked::Search,
                ..interaction
            };
            gate::pass(app, caller, &sight, &search).await.map_err(at)?;
        }
    }
    let fates = match &granted {
        None => Vec::new(),
        Some(granted) => {
            let event = |touched: &Touched| {
                gate::event(app, caller, Action::FhirTransaction, granted, touched, None)
            };
            let author = Author {
                id: caller.user_id,
                device: caller.device,
                recording: Recording::Here(&event),
                gate: Some(Gate {
                    sight: &sight,
                    chooses_ids: false,
                }),
            };
            match transaction::store(app, "fhir-transaction", author, &plan).await {
                Ok(fates) => fates,
                Err(failure) => {
                    let interaction = whole("Bundle");
                    return Err(gate::unwritten(app, caller, &interaction, failure).await);
                }
            }
        }
    };
    let mut answers: Vec<Option<Vec<u8>>> = vec![None; plan.entries];
    for (planned, fate) in plan.writes.iter().zip(&fates) {
        if let Some(slot) = answers.get_mut(planned.index) {
            *slot = Some(told(app, ask.prefer, fate, &sight));
        }
    }
    // Reads see what was written: they come last, as the specification orders.
    read_entries(app, caller, ask.prefer, &plan, &mut answers).await;
    Ok(gathered("transaction-response", answers))
}

/// A transaction as it is recorded.
fn whole(resource_type: &str) -> Interaction<'_> {
    Interaction {
        asked: Asked::Update,
        action: Action::FhirTransaction,
        resource_type,
        id: None,
    }
}

async fn read_entries(
    app: &App,
    caller: &Caller,
    prefer: Prefer,
    plan: &Plan,
    answers: &mut [Option<Vec<u8>>],
) {
    for (index, url) in &plan.reads {
        let answer = one(app, caller, ask_of(Method::GET, url, prefer)).await;
        if let Some(slot) = answers.get_mut(*index) {
            *slot = Some(entry_of(answer));
        }
    }
}

async fn batch(app: &App, caller: &Caller, ask: &Ask, body: &Value) -> Result<Answer, Failure> {
    let list = body
        .get("entry")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut answers = Vec::with_capacity(list.len());
    for (index, raw) in list.iter().enumerate() {
        // Taken apart one by one: what is wrong with one entry is no matter of the others.
        let alone = serde_json::json!({"entry": [raw]});
        let answer = match bundle::entries(&alone) {
            Ok(entries) => match entries.first() {
                Some(entry) => {
                    let none_match = raw
                        .get("request")
                        .and_then(|request| request.get("ifNoneMatch")?.as_str())
                        .map(str::to_owned);
                    match ask_of_entry(entry, none_match, ask.prefer) {
                        Ok(ask) => one(app, caller, ask).await,
                        Err(failure) => Err(failure),
                    }
                }
                None => Err(Failure::bad(IssueType::Required, "the entry is empty")),
            },
            Err(issues) => Err(Failure {
                issues,
                ..Failure::bad(IssueType::Invalid, "")
            }),
        };
        let answer = answer.map_err(|mut failure| {
            for issue in &mut failure.issues {
                let place = issue.expression.take().unwrap_or_default();
                let place = place.replace("Bundle.entry[0]", "");
                issue.expression = Some(match place.trim_start_matches('.') {
                    "" => format!("Bundle.entry[{index}]"),
                    element => format!("Bundle.entry[{index}].{element}"),
                });
            }
            failure
        });
        answers.push(Some(entry_of(answer)));
    }
    Ok(gathered("batch-response", answers))
}

/// One entry, answered like a request. A bundle in a bundle is none.
async fn one(app: &App, caller: &Caller, ask: Result<Ask, Failure>) -> Result<Answer, Failure> {
    let ask = ask?;
    let path = ask.path.clone();
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    if segments.is_empty() {
        return Err(Failure::bad(
            IssueType::NotSupported,
            "a Bundle cannot hold a Bundle",
        ));
    }
    // Boxed: its future would hold itself otherwise.
    Box::pin(dispatch::alone(app, caller, ask, &segments)).await
}

fn ask_of(method: Method, url: &str, prefer: Prefer) -> Result<Ask, Failure> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    Ok(Ask {
        method,
        path: ask::segments(path)?,
        query: ask::pairs(query),
        if_match: None,
        if_none_match: None,
        if_none_exist: None,
        prefer,
        body: None,
        patch: false,
        ahead: None,
    })
}

fn ask_of_entry(
    entry: &Entry<'_>,
    if_none_match: Option<String>,
    prefer: Prefer,
) -> Result<Result<Ask, Failure>, Failure> {
    let method = match entry.method {
        bundle::Method::Get => Method::GET,
        bundle::Method::Post => Method::POST,
        bundle::Method::Put => Method::PUT,
        bundle::Method::Patch => Method::PATCH,
        bundle::Method::Delete => Method::DELETE,
    };
    let patch = method == Method::PATCH;
    let body = match entry.resource {
        Some(resource) if patch => Some(transaction::patch_of(resource).ok_or_else(|| {
            Failure::bad(
                IssueType::Structure,
                "a patch is a Binary with contentType application/json-patch+json",
            )
        })?),
        resource => resource.cloned(),
    };
    let if_match =
        match entry.if_match {
            None => None,
            Some(text) => Some(bundle::parse_etag(text).ok_or_else(|| {
                Failure::bad(IssueType::Value, "ifMatch must be an ETag: W/\"1\"")
            })?),
        };
    let prefer = Prefer {
        answer: prefer.answer.or(Some(Return::Minimal)),
        ..prefer
    };
    Ok(ask_of(method, entry.url, prefer).map(|ask| Ask {
        if_match,
        if_none_match,
        if_none_exist: entry.if_none_exist.map(str::to_owned),
        body,
        patch,
        ..ask
    }))
}

/// The entry that answers a write of a transaction.
fn told(app: &App, prefer: Prefer, fate: &Fate, sight: &Sight<'_>) -> Vec<u8> {
    let (status, location, version, time, body) = match fate {
        Fate::Written(written) => {
            let stored = &written.stored;
            let status = match written.change {
                Change::Created => "201 Created",
                Change::Updated => "200 OK",
                Change::Deleted | Change::Nothing => "204 No Content",
            };
            let location = (written.body.is_some()).then(|| {
                format!(
                    "{}/{}/{}/_history/{}",
                    base(app),
                    stored.resource_type,
                    stored.id,
                    stored.version
                )
            });
            let body = written
                .body
                .as_deref()
                .filter(|_| prefer.answer == Some(Return::Representation))
                .filter(|_| sight.in_scope(Asked::Read, &stored.resource_type));
            let version = (stored.version > 0).then_some(stored.version);
            // Of what never was there is no time to tell.
            let time = version.map(|_| stored.last_updated);
            (status, location, version, time, body)
        }
        Fate::Exists { resource_type, id } => (
            "200 OK",
            Some(format!("{}/{resource_type}/{id}", base(app))),
            None,
            None,
            None,
        ),
    };
    let outcome = (prefer.answer == Some(Return::Outcome))
        .then(|| operation_outcome(&[Issue::information("stored")]));
    with_resource(
        bundle::response(status, location, version, time, outcome),
        body,
    )
}

/// The entry that answers a request of its own.
fn entry_of(answer: Result<Answer, Failure>) -> Vec<u8> {
    match answer {
        Ok(answer) => {
            let response = bundle::response(
                &line(answer.status),
                answer.location,
                answer.version,
                answer.last_modified,
                None,
            );
            with_resource(response, answer.body.as_deref())
        }
        Err(failure) => {
            let outcome = operation_outcome(&failure.issues);
            with_resource(
                bundle::response(&line(failure.status), None, None, None, Some(outcome)),
                None,
            )
        }
    }
}

/// `404 Not Found`.
fn line(status: StatusCode) -> String {
    format!(
        "{} {}",
        status.as_str(),
        status.canonical_reason().unwrap_or("")
    )
    .trim_end()
    .to_owned()
}

/// An entry with the resource, which is JSON text, in front of its response.
fn with_resource(response: Value, resource: Option<&[u8]>) -> Vec<u8> {
    let text = response.to_string();
    match resource {
        None => text.into_bytes(),
        Some(resource) => {
            let mut entry = br#"{"resource":"#.to_vec();
            entry.extend_from_slice(resource);
            entry.push(b',');
            // The response is an object with one member: its brace is taken off.
            entry.extend_from_slice(text.trim_start_matches('{').as_bytes());
            entry
        }
    }
}

fn gathered(kind: &str, answers: Vec<Option<Vec<u8>>>) -> Answer {
    let mut bundle = Gathered::new(kind, None, &[]);
    for answer in answers.into_iter().flatten() {
        bundle.raw(&answer);
    }
    Answer {
        body: Some(bundle.finish()),
        ..Answer::bare(StatusCode::OK)
    }
}
