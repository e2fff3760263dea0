//! create, update, patch and delete.

use access::Action as Asked;
use axum::http::StatusCode;
use fhir::outcome::{Issue, IssueType, operation_outcome};
use fhir::resource;
use ledger::Action;
use serde_json::Value;

use crate::access::sight::Sight;
use crate::app::App;
use crate::fhir_api::answer::{Answer, Failure};
use crate::fhir_api::ask::{Ask, Return};
use crate::fhir_api::dispatch::base;
use crate::fhir_api::gate::{self, Granted, Interaction};
use crate::fhir_api::{read, search};
use crate::identity::caller::Caller;
use crate::store::write::{
    self, Change, Expect, Gate, Recording, Touched, WriteContext, WriteOp, Written,
};

/// `POST Type`.
///
/// # Errors
/// 400, 403, 409, 412, 422.
pub async fn create(
    app: &App,
    caller: &Caller,
    mut ask: Ask,
    resource_type: &str,
) -> Result<Answer, Failure> {
    let sight = gate::sight(app, caller)?;
    let interaction = Interaction {
        asked: Asked::Create,
        action: Action::FhirCreate,
        resource_type,
        id: None,
    };
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let resource = body_of_type(ask.body.take(), resource_type)?;
    if ask.if_none_exist.is_some() {
        // It tells what there is: it takes the right to search, too.
        let search = Interaction {
            asked: Asked::Search,
            ..interaction
        };
        gate::pass(app, caller, &sight, &search).await?;
        return create_if_none(app, caller, &ask, resource_type, resource, &granted, &sight).await;
    }
    let op = WriteOp::Create {
        id: app.new_id(),
        resource,
    };
    let written = one(
        app,
        caller,
        "fhir-create",
        &interaction,
        &sight,
        &granted,
        op,
    )
    .await?;
    Ok(answer(app, &ask, written, &sight))
}

/// Conditional create: the search and the creation are one transaction, and two with the same
/// criteria wait for each other.
async fn create_if_none(
    app: &App,
    caller: &Caller,
    ask: &Ask,
    resource_type: &str,
    resource: Value,
    granted: &Granted,
    sight: &Sight<'_>,
) -> Result<Answer, Failure> {
    let criteria = ask.if_none_exist.as_deref().unwrap_or_default();
    let query = search::criteria(app, resource_type, criteria)?;
    let now = app.now();
    let written = write::commit(app, "fhir-create-conditional", |tx, _| {
        let (query, resource) = (&query, resource.clone());
        Box::pin(async move {
            search::lock_criteria(tx, app, resource_type, criteria).await?;
            if let Some(id) = search::only_match(app, tx, Some(sight), query).await? {
                return Ok::<_, Failure>(Err(id));
            }
            let event = |touched: &Touched| {
                gate::event(app, caller, Action::FhirCreate, granted, touched, None)
            };
            let context = WriteContext {
                app,
                author: caller.user_id,
                device: caller.device,
                now,
                recording: Recording::Here(&event),
                gate: Some(gate_of(sight)),
            };
            let ops = vec![WriteOp::Create {
                id: app.new_id(),
                resource,
            }];
            let mut written = write::apply(tx, &context, ops).await?;
            Ok(Ok(written.remove(0)))
        })
    })
    .await;
    let written = match written {
        Ok(written) => written,
        Err(failure) => {
            let interaction = Interaction {
                asked: Asked::Create,
                action: Action::FhirCreate,
                resource_type,
                id: None,
            };
            return Err(gate::unwritten(app, caller, &interaction, failure).await);
        }
    };
    match written {
        Ok(written) => Ok(answer(app, ask, written, sight)),
        // It exists: answered like a read, and recorded as one.
        Err(id) => {
            let found = read::read(app, caller, ask, resource_type, &id, None).await?;
            let location = found
                .version
                .map(|version| format!("{}/{resource_type}/{id}/_history/{version}", base(app)));
            let body = found.body.filter(|_| {
                ask.prefer
                    .answer
                    .is_none_or(|answer| answer == Return::Representation)
            });
            Ok(Answer {
                location,
                body,
                ..found
            })
        }
    }
}

/// `PUT Type/id`.
///
/// # Errors
/// 400, 403, 409, 412, 422.
pub async fn update(
    app: &App,
    caller: &Caller,
    mut ask: Ask,
    resource_type: &str,
    id: &str,
) -> Result<Answer, Failure> {
    let sight = gate::sight(app, caller)?;
    let interaction = Interaction {
        asked: Asked::Update,
        action: Action::FhirUpdate,
        resource_type,
        id: Some(id),
    };
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let resource = body_of_type(ask.body.take(), resource_type)?;
    match resource::id(&resource) {
        Some(own) if own == id => {}
        Some(_) => {
            return Err(Failure::one(
                StatusCode::BAD_REQUEST,
                Issue::error(
                    IssueType::Invalid,
                    "the id in the body is not the id in the URL",
                )
                .at(format!("{resource_type}.id")),
            ));
        }
        None => {
            return Err(Failure::one(
                StatusCode::BAD_REQUEST,
                Issue::error(IssueType::Required, "the body needs the id of the URL")
                    .at(format!("{resource_type}.id")),
            ));
        }
    }
    let op = WriteOp::Put {
        resource,
        expect: expect(&ask),
    };
    let written = one(
        app,
        caller,
        "fhir-update",
        &interaction,
        &sight,
        &granted,
        op,
    )
    .await?;
    Ok(answer(app, &ask, written, &sight))
}

/// `PATCH Type/id`.
///
/// # Errors
/// 400, 403, 404, 409, 410, 412, 422.
pub async fn patch(
    app: &App,
    caller: &Caller,
    mut ask: Ask,
    resource_type: &str,
    id: &str,
) -> Result<Answer, Failure> {
    let sight = gate::sight(app, caller)?;
    let interaction = Interaction {
        asked: Asked::Update,
        action: Action::FhirPatch,
        resource_type,
        id: Some(id),
    };
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let patch = ask
        .body
        .take()
        .ok_or_else(|| Failure::bad(IssueType::Required, "a patch needs a body"))?;
    let op = WriteOp::Patch {
        resource_type: resource_type.to_owned(),
        id: id.to_owned(),
        patch,
        expect: expect(&ask),
    };
    let written = one(
        app,
        caller,
        "fhir-patch",
        &interaction,
        &sight,
        &granted,
        op,
    )
    .await?;
    Ok(answer(app, &ask, written, &sight))
}

/// `DELETE Type/id`.
///
/// # Errors
/// 403, 404, 412.
pub async fn delete(
    app: &App,
    caller: &Caller,
    ask: Ask,
    resource_type: &str,
    id: &str,
) -> Result<Answer, Failure> {
    let sight = gate::sight(app, caller)?;
    let interaction = Interaction {
        asked: Asked::Delete,
        action: Action::FhirDelete,
        resource_type,
        id: Some(id),
    };
    let granted = gate::pass(app, caller, &sight, &interaction).await?;
    let op = WriteOp::Delete {
        resource_type: resource_type.to_owned(),
        id: id.to_owned(),
        expect: ask.if_match.map_or(Expect::Anything, Expect::Version),
    };
    let written = one(
        app,
        caller,
        "fhir-delete",
        &interaction,
        &sight,
        &granted,
        op,
    )
    .await?;
    if written.change == Change::Nothing && written.stored.version == 0 {
        let failure = read::missing(resource_type, id);
        return Err(gate::unwritten(app, caller, &interaction, failure).await);
    }
    Ok(Answer {
        version: Some(written.stored.version),
        ..Answer::bare(StatusCode::NO_CONTENT)
    })
}

/// On line the server chooses ids, but for programs.
fn gate_of<'a>(sight: &'a Sight<'a>) -> Gate<'a> {
    Gate {
        sight,
        chooses_ids: false,
    }
}

/// One op in a transaction of its own, with its event.
async fn one(
    app: &App,
    caller: &Caller,
    name: &'static str,
    interaction: &Interaction<'_>,
    sight: &Sight<'_>,
    granted: &Granted,
    op: WriteOp,
) -> Result<Written, Failure> {
    let action = interaction.action;
    let now = app.now();
    let written = write::commit(app, name, |tx, _| {
        let op = op.clone();
        Box::pin(async move {
            let event =
                |touched: &Touched| gate::event(app, caller, action, granted, touched, None);
            let context = WriteContext {
                app,
                author: caller.user_id,
                device: caller.device,
                now,
                recording: Recording::Here(&event),
                gate: Some(gate_of(sight)),
            };
            write::apply(tx, &context, vec![op]).await
        })
    })
    .await;
    let written = match written {
        Ok(written) => written,
        Err(error) => return Err(gate::unwritten(app, caller, interaction, error.into()).await),
    };
    written
        .into_iter()
        .next()
        // One op has one answer; without it the store did not do its work.
        .ok_or_else(|| Failure::bad(IssueType::Exception, "nothing was written"))
}

/// The body, if it is a resource of this type.
///
/// # Errors
/// 400, 422.
pub fn body_of_type(body: Option<Value>, resource_type: &str) -> Result<Value, Failure> {
    let body = body.ok_or_else(|| Failure::bad(IssueType::Required, "a body is needed"))?;
    if !body.is_object() {
        return Err(Failure::bad(
            IssueType::Structure,
            "the body must be one resource",
        ));
    }
    match resource::resource_type(&body) {
        Some(own) if own == resource_type => Ok(body),
        Some(_) => Err(Failure::one(
            StatusCode::BAD_REQUEST,
            Issue::error(
                IssueType::Invalid,
                format!("the body must be a {resource_type}"),
            )
            .at("resourceType"),
        )),
        None => Err(Failure::one(
            StatusCode::BAD_REQUEST,
            Issue::error(IssueType::Required, "the body needs a resourceType").at("resourceType"),
        )),
    }
}

fn expect(ask: &Ask) -> Expect {
    match (ask.if_match, ask.if_none_match.as_deref()) {
        (Some(version), _) => Expect::Version(version),
        (None, Some("*")) => Expect::Absent,
        (None, _) => Expect::Anything,
    }
}

/// The answer to a change, as the caller prefers it. Who may change and not read is not shown what
/// there is beside the change.
fn answer(app: &App, ask: &Ask, written: Written, sight: &Sight<'_>) -> Answer {
    let stored = written.stored;
    let readable = sight.in_scope(Asked::Read, &stored.resource_type);
    let created = written.change == Change::Created;
    let body = match ask.prefer.answer.unwrap_or(Return::Representation) {
        Return::Minimal => None,
        Return::Representation if !readable => None,
        Return::Representation => written.body.map(|body| body.to_vec()),
        Return::Outcome => Some(
            operation_outcome(&[Issue::information("stored")])
                .to_string()
                .into_bytes(),
        ),
    };
    Answer {
        status: if created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        },
        version: Some(stored.version),
        last_modified: Some(stored.last_updated),
        location: created.then(|| {
            format!(
                "{}/{}/{}/_history/{}",
                base(app),
                stored.resource_type,
                stored.id,
                stored.version
            )
        }),
        body,
    }
}

impl crate::store::transaction::Retryable for Failure {
    fn store(&self) -> Option<&crate::store::error::StoreError> {
        self.store.as_deref()
    }
}
