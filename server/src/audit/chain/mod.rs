//! Taking in what workstations recorded.
//!
//! A chain goes on where it stood. Links that come after a gap are answered, once, with how far the
//! chain is held here: a server that was restored from a backup has lost the end of it, and the
//! workstation sends that again. Links that do not fit otherwise, or come after the same gap again,
//! are refused the first time, with an alert and a review: a workstation that still has the right ones sends those. One that has no others
//! offers the same again; after [`INSISTENCE`] they are taken for what they are, evidence from
//! the holder of the device's key or session, and the chain goes on from there as a new life. What
//! cannot be believed (not signed by the device, not an event of this device and its users) is
//! set aside as it came, never dropped. So nothing holds up a workstation for ever, and nothing
//! passes unseen.

mod breaks;
mod keep;
mod weigh;

use deadpool_postgres::{GenericClient, Transaction};
use jiff::SignedDuration;
use ledger::chain::{ChainError, Head, Link};
use protocol::audit::AuditReceipt;
use protocol::dpop;
use uuid::Uuid;

use crate::app::App;
use crate::audit::chain::weigh::Rule;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::transaction::{self, Retryable};

/// Links that do not fit are taken when they are offered again this long after they first came.
pub const INSISTENCE: SignedDuration = SignedDuration::from_secs(60);

/// Why links are not taken.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The chain does not go on like this.
    #[error("the chain is broken: {0}")]
    Broken(#[from] ChainError),
    /// A link that was sent before came again with something else in it: the device was rolled
    /// back, or somebody else has its key.
    #[error("link {number} was another one when it came first")]
    Rewritten {
        /// Which.
        number: u64,
    },
    /// The device begins anew: it was wiped, or restored from nothing.
    #[error("the chain begins anew, and {known} links of it were sent before")]
    Reset {
        /// How many the server holds.
        known: u64,
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
            Self::Reset { .. } => "chain-reset",
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

/// How a batch ended.
enum Ended {
    /// Stored; the head that results.
    Stored(Head),
    /// Refused at a link.
    Refused(Refused),
}

/// A link that does not fit, and what it does not fit to.
struct Refused {
    error: BatchError,
    life: i32,
    /// Hash of the link as it came.
    offered: String,
    number: u64,
}

/// How many links of a device's chain are held. The device is told with every page: fewer than it
/// was told before say that this database was restored.
///
/// # Errors
/// [`StoreError`].
pub async fn held(app: &App, client: &impl GenericClient, device: Uuid) -> Result<u64, StoreError> {
    let row = client
        .query_one(
            "SELECT chain_number FROM device WHERE tenant = $1 AND id = $2",
            &[&app.tenant.id, &device],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// Stores the links that are new.
///
/// # Errors
/// [`BatchError`]; then nothing of the batch was stored. The first time a link does not fit,
/// an alert and a review are.
pub async fn take(
    app: &App,
    caller: &Caller,
    device: Uuid,
    links: &[Link],
) -> Result<AuditReceipt, BatchError> {
    let ended = transaction::run(app, "audit-batch", |tx, _| {
        Box::pin(async move { store(app, tx, caller, device, links).await })
    })
    .await?;
    match ended {
        Ended::Stored(head) => receipt(app, device, head),
        Ended::Refused(refused) => {
            breaks::report(app, caller, device, &refused).await?;
            Err(refused.error)
        }
    }
}

async fn store(
    app: &App,
    tx: &Transaction<'_>,
    caller: &Caller,
    device: Uuid,
    links: &[Link],
) -> Result<Ended, BatchError> {
    // Held to the end: batches of one device come one after the other.
    let row = tx
        .query_one(
            "SELECT chain_number, chain_hash, public_key, chain_life FROM device \
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
    let scale = weigh::Scale {
        app,
        device,
        key,
        users: keep::users(app, tx, device).await?,
        held: keep::held(app, tx, device, links).await?,
        taken: keep::taken(app, tx, links).await?,
        head,
        life: row.get(3),
    };
    let weighed = match scale.weigh(links, Rule::Strict) {
        Ok(weighed) => weighed,
        Err((index, error)) => {
            let refused = Refused {
                error,
                life: scale.life,
                offered: breaks::offered(links.get(index)),
                number: links.get(index).map_or(0, |link| link.number),
            };
            // Inside what was sent, a gap is the workstation's.
            let before = links.get(..index).unwrap_or_default();
            let missing = is_gap(&refused.error) && scale.holds(before);
            if missing && breaks::asked_for(app, tx, device, &refused).await? {
                return Ok(Ended::Stored(scale.head));
            }
            if !breaks::insisted(app, tx, device, &refused).await? {
                return Ok(Ended::Refused(refused));
            }
            let weighed = scale
                .weigh(links, Rule::Insisted)
                .map_err(|(_, error)| error)?;
            breaks::taken(app, tx, caller, &refused, &weighed).await?;
            weighed
        }
    };
    keep::store(app, tx, device, &weighed).await?;
    Ok(Ended::Stored(weighed.head))
}

/// Whether links are missing before the one that is refused.
fn is_gap(error: &BatchError) -> bool {
    matches!(error, BatchError::Broken(ChainError::Gap { .. }))
}

fn receipt(app: &App, device: Uuid, head: Head) -> Result<AuditReceipt, BatchError> {
    Ok(AuditReceipt {
        countersignature: app.ledger.countersign(device, &head)?,
        through: head.number,
        head: head.hash,
    })
}

/// Numbers of links fit: a device would need 292 years at a thousand million a second.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
