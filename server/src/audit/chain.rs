//! Taking in what a workstation recorded: its chain goes on where it stood, or not at all.

use std::collections::HashSet;

use deadpool_postgres::Transaction;
use ledger::chain::{self, ChainError, Head, Link};
use ledger::event::Outcome;
use ledger::glance::Glance;
use ledger::{AccessEvent, Action};
use protocol::audit::AuditReceipt;
use protocol::dpop;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append::{self, Entry};
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::transaction::{self, Retryable};

/// Why links are not taken.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The chain does not go on like this.
    #[error("the chain is broken: {0}")]
    Broken(#[from] ChainError),
    /// A link that was sent before came again with something else in it.
    #[error("link {number} was another one when it came first")]
    Rewritten {
        /// Which.
        number: u64,
    },
    /// A link carries an event that is not one of this device and its users.
    #[error("the event of link {number} is refused: {reason}")]
    Event {
        /// Which.
        number: u64,
        /// Why.
        reason: String,
    },
    /// The database or a seal.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl BatchError {
    /// Stable code, for the alert.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Broken(error) => error.code(),
            Self::Rewritten { .. } => "chain-rewritten",
            Self::Event { .. } => "chain-event-refused",
            Self::Store(error) => error.code(),
        }
    }
}

impl From<tokio_postgres::Error> for BatchError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Retryable for BatchError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Stores the links that are new. A broken chain raises an alert in the audit.
///
/// # Errors
/// [`BatchError`]; then nothing of the batch was stored.
pub async fn take(
    app: &App,
    caller: &Caller,
    device: Uuid,
    links: &[Link],
) -> Result<AuditReceipt, BatchError> {
    let taken = transaction::run(app, "audit-batch", |tx, _| {
        Box::pin(async move { store(app, tx, device, links).await })
    })
    .await;
    if let Err(error) = &taken
        && !matches!(error, BatchError::Store(_))
    {
        alert(app, caller, error).await?;
    }
    taken
}

async fn alert(app: &App, caller: &Caller, error: &BatchError) -> Result<(), StoreError> {
    tracing::warn!(device = ?caller.device, code = error.code(), "a workstation's audit chain is broken");
    let event: AccessEvent = caller
        .event(app, Action::ChainBroken)
        .ending(Outcome::Refused)
        .because(format!("{} ({error})", error.code()), []);
    let client = app.pool.get().await?;
    append::append(app, &client, &event).await
}

async fn store(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    links: &[Link],
) -> Result<AuditReceipt, BatchError> {
    // Held to the end: batches of one device come one after the other.
    let row = tx
        .query_one(
            "SELECT chain_number, chain_hash, public_key FROM device \
             WHERE tenant = $1 AND id = $2 FOR UPDATE",
            &[&app.tenant.id, &device],
        )
        .await?;
    let head = Head {
        number: row.get::<_, i64>(0).unsigned_abs(),
        hash: row.get(1),
    };
    let key = dpop::decode_key(row.get(2)).map_err(|_| StoreError::Content {
        table: "device.public_key",
        row: device.to_string(),
    })?;
    let known = links
        .iter()
        .take_while(|link| link.number <= head.number)
        .count();
    let (known, fresh) = links.split_at(known);
    same_as_before(app, tx, device, known).await?;
    let head = chain::verify(&head, fresh, &key)?;
    if fresh.is_empty() {
        return Ok(receipt(head));
    }

    let users = users(app, tx, device).await?;
    let mut entries = Vec::with_capacity(fresh.len());
    let mut ids = HashSet::with_capacity(fresh.len());
    for link in fresh {
        let entry = entry(app, device, &users, link)?;
        if !ids.insert(entry.id) {
            return Err(refused(link, "its id is another event's"));
        }
        entries.push(entry);
    }
    let list: Vec<Uuid> = ids.into_iter().collect();
    let taken = tx
        .query_opt(
            "SELECT id FROM audit_event WHERE tenant = $1 AND id = ANY($2) LIMIT 1",
            &[&app.tenant.id, &list],
        )
        .await?;
    if let Some(row) = taken {
        let id: Uuid = row.get(0);
        let link = fresh.iter().zip(&entries).find(|(_, entry)| entry.id == id);
        if let Some((link, _)) = link {
            return Err(refused(link, "its id is another event's"));
        }
    }
    append::entries(app, tx, &entries).await?;
    keep_links(app, tx, device, fresh, &entries).await?;
    tx.execute(
        "UPDATE device SET chain_number = $3, chain_hash = $4 WHERE tenant = $1 AND id = $2",
        &[&app.tenant.id, &device, &signed(head.number), &head.hash],
    )
    .await?;
    Ok(receipt(head))
}

/// Links that the server holds already must be the very ones it holds.
async fn same_as_before(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    known: &[Link],
) -> Result<(), BatchError> {
    if known.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = known.iter().map(|link| signed(link.number)).collect();
    let rows = tx
        .query(
            "SELECT number, hash FROM audit_link \
             WHERE tenant = $1 AND device = $2 AND number = ANY($3)",
            &[&app.tenant.id, &device, &numbers],
        )
        .await?;
    for link in known {
        let same = rows.iter().any(|row| {
            row.get::<_, i64>(0) == signed(link.number) && row.get::<_, &str>(1) == link.hash
        });
        if !same {
            return Err(BatchError::Rewritten {
                number: link.number,
            });
        }
    }
    Ok(())
}

/// Accounts that were ever enrolled on the device: events may have waited there for long.
async fn users(app: &App, tx: &Transaction<'_>, device: Uuid) -> Result<HashSet<Uuid>, BatchError> {
    let rows = tx
        .query(
            "SELECT account FROM enrolment WHERE tenant = $1 AND device = $2",
            &[&app.tenant.id, &device],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn entry<'a>(
    app: &App,
    device: Uuid,
    users: &HashSet<Uuid>,
    link: &Link,
) -> Result<Entry<'a>, BatchError> {
    if let Err(issues) = app.validator.validate(&link.event) {
        let first = issues.first().map(ToString::to_string).unwrap_or_default();
        return Err(refused(
            link,
            &format!("it is not a valid AuditEvent: {first}"),
        ));
    }
    let glance = Glance::of(&link.event)
        .ok_or_else(|| refused(link, "it is not an event that a workstation records"))?;
    if glance.recorded_by != Some(device) {
        return Err(refused(link, "it was recorded by another device"));
    }
    if glance.user.is_some_and(|user| !users.contains(&user)) {
        return Err(refused(link, "its user is not enrolled on this device"));
    }
    Ok(Entry {
        id: glance.id,
        recorded: glance.recorded,
        action: glance.action.code(),
        success: glance.success,
        account: glance.user,
        role: glance.role,
        device: Some(device),
        client: Some(device),
        patients: glance.patients,
        event: link.event.clone(),
    })
}

async fn keep_links(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    links: &[Link],
    entries: &[Entry<'_>],
) -> Result<(), BatchError> {
    let numbers: Vec<i64> = links.iter().map(|link| signed(link.number)).collect();
    let previous: Vec<&str> = links.iter().map(|link| link.previous.as_str()).collect();
    let hashes: Vec<&str> = links.iter().map(|link| link.hash.as_str()).collect();
    let signatures: Vec<&str> = links.iter().map(|link| link.signature.as_str()).collect();
    let events: Vec<Uuid> = entries.iter().map(|entry| entry.id).collect();
    tx.execute(
        "INSERT INTO audit_link (tenant, device, number, previous, hash, signature, event) \
         SELECT $1, $2, u.number, u.previous, u.hash, u.signature, u.event \
         FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::uuid[]) \
           AS u(number, previous, hash, signature, event)",
        &[
            &app.tenant.id,
            &device,
            &numbers,
            &previous,
            &hashes,
            &signatures,
            &events,
        ],
    )
    .await?;
    Ok(())
}

fn refused(link: &Link, reason: &str) -> BatchError {
    BatchError::Event {
        number: link.number,
        reason: reason.to_owned(),
    }
}

fn receipt(head: Head) -> AuditReceipt {
    AuditReceipt {
        through: head.number,
        head: head.hash,
        countersignature: String::new(),
    }
}

/// Numbers of links fit: a device would need 292 years at a thousand million a second.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
