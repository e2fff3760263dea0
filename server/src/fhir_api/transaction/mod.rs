//! Transactions: all entries or none, references between them resolved.

mod links;
mod plan;

use std::collections::HashMap;

use axum::http::StatusCode;
use deadpool_postgres::Transaction;
use fhir::outcome::{Issue, IssueType};
use fhir::reference;
use fhir::search::Query;
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::fhir_api::answer::Failure;
use crate::fhir_api::search;
use crate::store::write::{
    self, Expect, Gate, Recording, WriteContext, WriteError, WriteOp, Written,
};

pub use plan::{Kind, Plan, Planned, patch_of, plan};

/// What became of one writing entry.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It was written.
    Written(Written),
    /// A conditional create found this to exist.
    Exists {
        /// Type.
        resource_type: String,
        /// Logical id.
        id: String,
    },
}

/// Who stores a transaction, and how it is recorded.
#[derive(Clone, Copy)]
pub struct Author<'a> {
    /// User or integration client.
    pub id: Uuid,
    /// Workstation, if on one.
    pub device: Option<Uuid>,
    /// The audit event.
    pub recording: Recording<'a>,
    /// What policies say of each record; none for the operator, who imports.
    pub gate: Option<Gate<'a>>,
}

/// Stores the writing entries of a planned transaction in one transaction of the database.
/// The fates are in the order of [`Plan::writes`].
///
/// # Errors
/// When any entry is refused; nothing is stored then. Issues name the entry and the element.
pub async fn store(
    app: &App,
    name: &'static str,
    author: Author<'_>,
    plan: &Plan,
) -> Result<Vec<Fate>, Failure> {
    let now = app.now();
    write::commit(app, name, |tx, _| {
        Box::pin(async move {
            let context = WriteContext {
                app,
                author: author.id,
                device: author.device,
                now,
                recording: author.recording,
                gate: author.gate,
            };
            store_in(tx, &context, plan).await
        })
    })
    .await
}

async fn store_in(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    plan: &Plan,
) -> Result<Vec<Fate>, Failure> {
    let mut names = plan.names.clone();
    let existing = conditional_creates(tx, context, plan, &mut names).await?;
    let criteria = conditional_references(tx, context, plan).await?;

    let mut ops = Vec::with_capacity(plan.writes.len());
    let mut of_op = Vec::with_capacity(plan.writes.len());
    for (at, planned) in plan.writes.iter().enumerate() {
        if existing.contains_key(&at) || planned.same_as.is_some() {
            continue;
        }
        let mut op = planned.op();
        if let WriteOp::Create { resource, .. } | WriteOp::Put { resource, .. } = &mut op {
            links::resolve(resource, &names);
            reference::rewrite(resource, |text| criteria.get(text).cloned());
        }
        ops.push(op);
        of_op.push(at);
    }
    let written = write::apply(tx, context, ops)
        .await
        .map_err(|error| at_entry(error, &of_op, plan))?;
    let mut fates: HashMap<usize, Fate> = of_op
        .into_iter()
        .zip(written.into_iter().map(Fate::Written))
        .collect();
    for (at, id) in existing {
        if let Some(planned) = plan.writes.get(at) {
            let resource_type = planned.resource_type.clone();
            fates.insert(at, Fate::Exists { resource_type, id });
        }
    }
    (0..plan.writes.len())
        .map(|at| {
            let leader = plan
                .writes
                .get(at)
                .and_then(|planned| planned.same_as)
                .unwrap_or(at);
            match fates.get(&leader) {
                // The second of two equal conditional creates finds what the first made.
                Some(Fate::Written(written)) if leader != at => Some(Fate::Exists {
                    resource_type: written.stored.resource_type.clone(),
                    id: written.stored.id.clone(),
                }),
                fate => fate.cloned(),
            }
        })
        .collect::<Option<Vec<Fate>>>()
        // Each entry is written, exists, or follows one that is or does.
        .ok_or_else(|| Failure::bad(IssueType::Exception, "an entry was lost"))
}

/// Looks for what conditional creates would double; their names then mean what exists.
async fn conditional_creates(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    plan: &Plan,
    names: &mut HashMap<String, String>,
) -> Result<HashMap<usize, String>, Failure> {
    let (app, sight) = (context.app, context.gate.map(|gate| gate.sight));
    let mut existing = HashMap::new();
    let mut order: Vec<(usize, &str, &str)> = plan
        .writes
        .iter()
        .enumerate()
        .filter(|(_, planned)| planned.same_as.is_none())
        .filter_map(|(at, planned)| {
            Some((
                at,
                planned.resource_type.as_str(),
                planned.if_none_exist.as_deref()?,
            ))
        })
        .collect();
    // Locked in one order everywhere, so that two transactions cannot wait for each other.
    order.sort_by_key(|(_, resource_type, text)| (*resource_type, *text));
    for (at, resource_type, text) in order {
        let query: Query = search::criteria(app, resource_type, text)
            .map_err(|failure| plan.failure_at(at, failure, "request.ifNoneExist"))?;
        search::lock_criteria(tx, app, resource_type, text).await?;
        let found = search::only_match(app, tx, sight, &query)
            .await
            .map_err(|failure| plan.failure_at(at, failure, "request.ifNoneExist"))?;
        if let Some(id) = found {
            let target = format!("{resource_type}/{id}");
            for (member, planned) in plan.writes.iter().enumerate() {
                if member == at || planned.same_as == Some(at) {
                    for name in &planned.names {
                        names.insert(name.clone(), target.clone());
                    }
                }
            }
            existing.insert(at, id);
        }
    }
    Ok(existing)
}

/// Finds what references by criteria (`Patient?identifier=…`) mean.
async fn conditional_references(
    tx: &Transaction<'_>,
    context: &WriteContext<'_>,
    plan: &Plan,
) -> Result<HashMap<String, String>, Failure> {
    let (app, sight) = (context.app, context.gate.map(|gate| gate.sight));
    let mut found: HashMap<String, String> = HashMap::new();
    for (at, planned) in plan.writes.iter().enumerate() {
        let Some(resource) = &planned.resource else {
            continue;
        };
        let mut asked: Vec<(String, String)> = Vec::new();
        reference::each_reference(resource, |path, text| {
            if links::is_criteria(text) && !plan.names.contains_key(text) {
                asked.push((path.to_owned(), text.to_owned()));
            }
        });
        for (path, text) in asked {
            if found.contains_key(&text) {
                continue;
            }
            let element = element_of(&path);
            let (resource_type, criteria) = text.split_once('?').unwrap_or((text.as_str(), ""));
            let known = fhir::resource::is_known_type(resource_type);
            let query = if known {
                search::criteria(app, resource_type, criteria)
            } else {
                Err(Failure::bad(
                    IssueType::NotSupported,
                    "this resource type is not kept here",
                ))
            }
            .map_err(|failure| plan.failure_at(at, failure, &element))?;
            let only = search::only_match(app, tx, sight, &query)
                .await
                .map_err(|failure| plan.failure_at(at, failure, &element))?;
            let id = only.ok_or_else(|| {
                let issue = Issue::error(IssueType::NotFound, "the criteria match no resource");
                plan.failure_at(
                    at,
                    Failure::one(StatusCode::PRECONDITION_FAILED, issue),
                    &element,
                )
            })?;
            found.insert(text.clone(), format!("{resource_type}/{id}"));
        }
    }
    Ok(found)
}

/// `Condition.subject.reference` becomes `resource.subject.reference`.
fn element_of(path: &str) -> String {
    match path.split_once('.') {
        Some((_, rest)) => format!("resource.{rest}"),
        None => "resource".to_owned(),
    }
}

/// The refusal of an op, told as the refusal of its entry.
fn at_entry(error: WriteError, of_op: &[usize], plan: &Plan) -> Failure {
    let entry = error
        .op
        .and_then(|op| of_op.get(op))
        .and_then(|at| plan.writes.get(*at))
        .map(|planned| planned.index);
    let mut failure = Failure::from(error);
    if let Some(entry) = entry {
        for issue in &mut failure.issues {
            let element = issue
                .expression
                .as_deref()
                .map_or("resource".to_owned(), element_of);
            issue.expression = Some(format!("Bundle.entry[{entry}].{element}"));
        }
    }
    failure
}

impl Planned {
    /// The change to make.
    fn op(&self) -> WriteOp {
        let expect = match (self.if_match, self.if_none_match) {
            (Some(version), _) => Expect::Version(version),
            (None, true) => Expect::Absent,
            (None, false) => Expect::Anything,
        };
        let resource = || self.resource.clone().unwrap_or(Value::Null);
        match self.kind {
            Kind::Create => WriteOp::Create {
                id: self.id.clone(),
                resource: resource(),
            },
            Kind::Update => WriteOp::Put {
                resource: resource(),
                expect,
            },
            Kind::Patch => WriteOp::Patch {
                resource_type: self.resource_type.clone(),
                id: self.id.clone(),
                patch: resource(),
                expect,
            },
            Kind::Delete => WriteOp::Delete {
                resource_type: self.resource_type.clone(),
                id: self.id.clone(),
                expect,
            },
        }
    }
}
