//! Changes that come back from workstations: each entry on its own, each once.

use deadpool_postgres::{GenericClient, Transaction};
use fhir::outcome::{Issue, IssueType, operation_outcome};
use ledger::Action;
use ledger::event::{AccessEvent, Outcome};
use protocol::sync::SyncEntry;
use protocol::upload::{Fate, StoredVersion, UploadEntry, UploadFate, UploadReply, UploadRequest};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::access::sight::Sight;
use crate::app::App;
use crate::audit::append;
use crate::feed::upload_bundle::{self, BundleError};
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::read;
use crate::store::rows::Opened;
use crate::store::transaction::Retryable;
use crate::store::write::{
    self, Clash, Gate, Recording, Touched, WriteContext, WriteError, WriteOp,
};

/// Why one entry ends without having been stored.
enum Ending {
    /// The write path refused it.
    Write(WriteError),
    /// The key was used by somebody else.
    ForeignKey,
}

impl From<StoreError> for Ending {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

impl Retryable for Ending {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Write(error) => error.store(),
            Self::ForeignKey => None,
        }
    }
}

/// Takes all entries, in their order. One that is refused does not stop the others.
///
/// # Errors
/// When the database cannot be used. What was taken until then stays taken; sending the whole
/// again is harmless.
pub async fn take(
    app: &App,
    caller: &Caller,
    request: UploadRequest,
) -> Result<UploadReply, StoreError> {
    let sight = Sight::of(app, caller);
    let mut fates = Vec::with_capacity(request.entries.len());
    for entry in request.entries {
        let key = entry.key;
        let fate = take_one(app, caller, sight.as_ref(), entry).await?;
        fates.push(UploadFate { key, fate });
    }
    Ok(UploadReply { fates })
}

async fn take_one(
    app: &App,
    caller: &Caller,
    sight: Option<&Sight<'_>>,
    entry: UploadEntry,
) -> Result<Fate, StoreError> {
    let decided = upload_bundle::operations(&entry.bundle)
        .and_then(|ops| upload_bundle::decide(app, caller.role, &ops).map(|()| ops));
    let operations = match decided {
        Ok(operations) => operations,
        Err(BundleError::Invalid(issues)) => {
            return refuse(app, caller, "invalid", issues).await;
        }
        Err(BundleError::Forbidden(issues)) => {
            return refuse(app, caller, "forbidden", issues).await;
        }
    };
    let stored = write::commit(app, "upload", |tx, _| {
        let operations = operations.clone();
        let gate = sight.map(|sight| Gate {
            sight,
            chooses_ids: true,
        });
        Box::pin(async move { store(app, tx, caller, gate, entry.key, operations).await })
    })
    .await;
    match stored {
        Ok(versions) => Ok(Fate::Accepted { versions }),
        Err(Ending::ForeignKey) => {
            let issue = Issue::error(
                IssueType::Duplicate,
                "this key belongs to another user's change",
            );
            refuse(app, caller, "invalid", vec![issue]).await
        }
        Err(Ending::Write(error)) => settle(app, caller, error).await,
    }
}

async fn store(
    app: &App,
    tx: &Transaction<'_>,
    caller: &Caller,
    gate: Option<Gate<'_>>,
    key: Uuid,
    operations: Vec<WriteOp>,
) -> Result<Vec<StoredVersion>, Ending> {
    // The same key sent twice at once: the second waits here and then finds the first.
    let (high, low) = key.as_u64_pair();
    tx.execute(
        "SELECT pg_advisory_xact_lock($1)",
        &[&((high ^ low) as i64)],
    )
    .await
    .map_err(StoreError::from)?;
    if let Some(known) = known(app, tx, caller, key).await? {
        return Ok(known);
    }
    let event = |touched: &Touched| -> AccessEvent {
        let mut event = caller.event(app, Action::Uploaded);
        event.patients = touched.patients.clone();
        event.entities = touched.entities.clone();
        event
    };
    let context = WriteContext {
        app,
        author: caller.user_id,
        device: caller.device,
        now: app.now(),
        recording: Recording::Here(&event),
        gate,
    };
    let written = write::apply(tx, &context, operations)
        .await
        .map_err(Ending::Write)?;
    let versions: Vec<StoredVersion> = written.into_iter().map(|one| one.stored).collect();
    let kept = serde_json::to_value(&versions).map_err(|_| StoreError::Content {
        table: "idempotency.versions",
        row: key.to_string(),
    })?;
    tx.execute(
        "INSERT INTO idempotency (tenant, key, author, recorded_at, versions) \
         VALUES ($1, $2, $3, $4, $5)",
        &[&app.tenant.id, &key, &caller.user_id, &context.now, &kept],
    )
    .await
    .map_err(StoreError::from)?;
    Ok(versions)
}

async fn known(
    app: &App,
    tx: &Transaction<'_>,
    caller: &Caller,
    key: Uuid,
) -> Result<Option<Vec<StoredVersion>>, Ending> {
    let row = tx
        .query_opt(
            "SELECT author, versions FROM idempotency WHERE tenant = $1 AND key = $2",
            &[&app.tenant.id, &key],
        )
        .await
        .map_err(StoreError::from)?;
    let Some(row) = row else { return Ok(None) };
    if row.get::<_, Uuid>(0) != caller.user_id {
        return Err(Ending::ForeignKey);
    }
    let versions = serde_json::from_value(row.get(1)).map_err(|_| StoreError::Content {
        table: "idempotency.versions",
        row: key.to_string(),
    })?;
    Ok(Some(versions))
}

/// The fate of an entry that the write path did not take.
async fn settle(app: &App, caller: &Caller, error: WriteError) -> Result<Fate, StoreError> {
    match error.refusal {
        write::Refusal::Stale(clashes) => conflict(app, caller, clashes).await,
        write::Refusal::Store(cause) if is_outage(&cause) => Err(cause),
        write::Refusal::Denied(decision) => {
            let code = write::Refusal::Denied(decision.clone()).code();
            let issue = Issue::error(IssueType::Forbidden, decision.explanation.clone());
            refuse(app, caller, code, vec![issue]).await
        }
        // A failure that this entry meets every time must not hold up the others.
        _ => {
            let code = match error.refusal.code() {
                "unavailable" => "invalid",
                code => code,
            };
            refuse(app, caller, code, error.issues()).await
        }
    }
}

/// Whether the database cannot be used at all, as against refusing this one entry.
fn is_outage(error: &StoreError) -> bool {
    match error {
        StoreError::Pool(_) => true,
        StoreError::Database(_) => match error.sql_state() {
            // Data exceptions and broken constraints lie with the entry.
            Some(state) => !state.code().starts_with("22") && !state.code().starts_with("23"),
            None => true,
        },
        _ => false,
    }
}

async fn refuse(
    app: &App,
    caller: &Caller,
    code: &str,
    issues: Vec<Issue>,
) -> Result<Fate, StoreError> {
    let event = caller
        .event(app, Action::Uploaded)
        .ending(Outcome::Refused)
        .because(code, []);
    let client = app.pool.get().await?;
    append::append(app, &client, &event).await?;
    Ok(Fate::Refused {
        code: code.to_owned(),
        outcome: operation_outcome(&issues),
    })
}

async fn conflict(app: &App, caller: &Caller, clashes: Vec<Clash>) -> Result<Fate, StoreError> {
    // Where the write path knows of none, there is none, or none that this caller may see.
    let asked: Vec<(&str, &str)> = clashes
        .iter()
        .filter(|clash| clash.current.is_some())
        .map(|clash| (clash.resource_type.as_str(), clash.id.as_str()))
        .collect();
    let client = app.pool.get().await?;
    let mut current = Vec::with_capacity(clashes.len());
    let mut event = caller
        .event(app, Action::Uploaded)
        .ending(Outcome::Refused)
        .because("conflict", []);
    for found in read::many(app, &client, &asked).await? {
        let opened = found.map_err(|bad| StoreError::Content {
            table: "resource_version.body",
            row: format!("{}/{}", bad.resource_type, bad.id),
        })?;
        if let Some(patient) = &opened.patient {
            event = event.about(patient.clone());
        }
        event = event.touching(format!("{}/{}", opened.resource_type, opened.id));
        current.push(entry(opened)?);
    }
    for clash in &clashes {
        let there =
            |entry: &SyncEntry| entry.resource_type == clash.resource_type && entry.id == clash.id;
        if !current.iter().any(there) {
            current.push(SyncEntry {
                resource_type: clash.resource_type.clone(),
                id: clash.id.clone(),
                version: 0,
                last_updated: app.now(),
                patient: None,
                resource: None,
                author: None,
            });
        }
    }
    for entry in &mut current {
        entry.author = author(app, &client, entry).await?;
    }
    append::append(app, &client, &event).await?;
    Ok(Fate::Conflict { current })
}

/// Who made a version: a person will choose between it and another.
async fn author(
    app: &App,
    client: &impl GenericClient,
    entry: &SyncEntry,
) -> Result<Option<String>, StoreError> {
    let row = client
        .query_opt(
            "SELECT a.display_name FROM resource_version v \
             JOIN account a ON a.tenant = v.tenant AND a.id = v.author \
             WHERE v.tenant = $1 AND v.resource_type = $2 AND v.id = $3 AND v.version = $4",
            &[
                &app.tenant.id,
                &entry.resource_type,
                &entry.id,
                &i64::try_from(entry.version).unwrap_or(i64::MAX),
            ],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}

fn entry(opened: Opened) -> Result<SyncEntry, StoreError> {
    let unreadable = || StoreError::Content {
        table: "resource_version.body",
        row: format!("{}/{}", opened.resource_type, opened.id),
    };
    let resource = match &opened.json {
        Some(json) => {
            let text = std::str::from_utf8(json)
                .map_err(|_| unreadable())?
                .to_owned();
            Some(RawValue::from_string(text).map_err(|_| unreadable())?)
        }
        None => None,
    };
    Ok(SyncEntry {
        resource_type: opened.resource_type,
        id: opened.id,
        version: opened.version,
        last_updated: opened.last_updated,
        patient: opened.patient,
        resource,
        author: None,
    })
}
