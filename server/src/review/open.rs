//! Opening a review.

use deadpool_postgres::GenericClient;
use ledger::AccessEvent;
use protocol::report::ReviewKind;
use uuid::Uuid;
use vault::Place;

use crate::app::App;
use crate::audit::append::{self, tenant_key};
use crate::store::error::StoreError;
use crate::store::transaction;

/// What there is to look at.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// What it is.
    pub kind: ReviewKind,
    /// The audit event behind it: of a kind there is one item for each event, however often it
    /// is opened.
    pub event: Option<Uuid>,
    /// The account concerned.
    pub user: Option<Uuid>,
    /// Logical id of the patient concerned.
    pub patient: Option<&'a str>,
    /// The workstation concerned.
    pub device: Option<Uuid>,
    /// What happened, in words for the screen; for an emergency the user's reason. Kept sealed.
    pub words: &'a str,
}

impl<'a> Opening<'a> {
    /// About `event`, with its user, its workstation and its first patient.
    pub fn of(kind: ReviewKind, event: &'a AccessEvent, words: &'a str) -> Self {
        Self {
            kind,
            event: Some(event.id),
            user: event.user.as_ref().map(|user| user.id),
            patient: event.patients.first().map(String::as_str),
            device: event.client.device,
            words,
        }
    }
}

/// Opens a review in the transaction of `tx`, which is the one of its event.
///
/// # Errors
/// When the database refuses.
pub async fn open(
    app: &App,
    tx: &impl GenericClient,
    opening: &Opening<'_>,
) -> Result<(), StoreError> {
    let id = Uuid::now_v7();
    let key = tenant_key(app, 1).await?;
    let row = id.to_string();
    let words = key.seal(&words_place(app.tenant.id, &row), opening.words.as_bytes())?;
    let statement = tx
        .prepare_cached(
            "INSERT INTO review_item (tenant, id, kind, opened_at, event, account, patient, \
                                      device, key_id, words) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (tenant, kind, event) DO NOTHING",
        )
        .await?;
    tx.execute(
        &statement,
        &[
            &app.tenant.id,
            &id,
            &code(opening.kind),
            &app.now(),
            &opening.event,
            &opening.user,
            &opening.patient,
            &opening.device,
            &key.id(),
            &words,
        ],
    )
    .await?;
    Ok(())
}

/// Records an alert and opens its review, both or neither.
///
/// # Errors
/// When the database refuses.
pub async fn raise(
    app: &App,
    event: &AccessEvent,
    kind: ReviewKind,
    words: &str,
) -> Result<(), StoreError> {
    transaction::run(app, "raise", |tx, _| {
        Box::pin(async move {
            append::append(app, tx, event).await?;
            open(app, tx, &Opening::of(kind, event, words)).await
        })
    })
    .await
}

/// Records an alert that may come often; its review is opened unless one like it, of the same
/// account and workstation, is open.
///
/// # Errors
/// When the database refuses.
pub async fn raise_unless_open(
    app: &App,
    event: &AccessEvent,
    kind: ReviewKind,
    words: &str,
) -> Result<(), StoreError> {
    transaction::run(app, "raise", |tx, _| {
        Box::pin(async move {
            append::append(app, tx, event).await?;
            let opening = Opening::of(kind, event, words);
            let like = tx
                .query_opt(
                    "SELECT FROM review_item i WHERE i.tenant = $1 AND i.kind = $2 \
                       AND i.account IS NOT DISTINCT FROM $3 AND i.device IS NOT DISTINCT FROM $4 \
                       AND NOT EXISTS (SELECT FROM review_closing c \
                                       WHERE c.tenant = i.tenant AND c.item = i.id) LIMIT 1",
                    &[&app.tenant.id, &code(kind), &opening.user, &opening.device],
                )
                .await?;
            match like {
                Some(_) => Ok(()),
                None => open(app, tx, &opening).await,
            }
        })
    })
    .await
}

/// The kind as it is stored: its name on the wire.
pub(crate) fn code(kind: ReviewKind) -> &'static str {
    match kind {
        ReviewKind::Emergency => "emergency",
        ReviewKind::ChainBroken => "chain-broken",
        ReviewKind::DeviceReset => "device-reset",
        ReviewKind::LedgerBroken => "ledger-broken",
        ReviewKind::ProofRefused => "proof-refused",
        ReviewKind::CallForged => "call-forged",
        ReviewKind::WorkSetAside => "work-set-aside",
    }
}

/// Where the words of an item live.
pub(crate) fn words_place(tenant: Uuid, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "review_item",
        row,
        column: "words",
        version: 0,
    }
}
