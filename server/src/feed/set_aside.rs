//! Work that workstations set aside: kept as it came, with a review for the security officer.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use ledger::Action;
use protocol::report::ReviewKind;
use protocol::set_aside::SetAsideRequest;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::identity::caller::Caller;
use crate::review::open::{self, Opening};
use crate::store::error::StoreError;
use crate::store::transaction;

/// Keeps it, records that and opens its review; once for each name. `false`: the name is another
/// user's.
///
/// # Errors
/// When the database refuses.
pub async fn keep(
    app: &App,
    caller: &Caller,
    device: Uuid,
    request: &SetAsideRequest,
    sealed: &[u8],
) -> Result<bool, StoreError> {
    let words = words(request);
    let mut event = caller
        .event(app, Action::WorkSetAside)
        .because(format!("set aside {}", request.id), []);
    if let Some(patient) = &request.patient {
        event = event.about(patient.clone());
    }
    transaction::run(app, "set-aside", |tx, _| {
        let (event, words) = (&event, &words);
        Box::pin(async move {
            let stored = tx
                .execute(
                    "INSERT INTO set_aside (tenant, id, account, device, patient, profile, made_at, \
                                            received_at, sealed) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
                    &[
                        &app.tenant.id,
                        &request.id,
                        &caller.user_id,
                        &device,
                        &request.patient,
                        &request.profile,
                        &request.made,
                        &app.now(),
                        &sealed,
                    ],
                )
                .await?;
            if stored == 1 {
                append::append(app, tx, event).await?;
                let opening = Opening::of(ReviewKind::WorkSetAside, event, words);
                open::open(app, tx, &opening).await?;
                return Ok(true);
            }
            let own = tx
                .query_opt(
                    "SELECT FROM set_aside WHERE tenant = $1 AND id = $2 AND account = $3",
                    &[&app.tenant.id, &request.id, &caller.user_id],
                )
                .await?;
            Ok::<_, StoreError>(own.is_some())
        })
    })
    .await
}

/// What the security officer reads.
fn words(request: &SetAsideRequest) -> String {
    let counted = [
        (request.changes, "change", "changes"),
        (request.drafts, "draft", "drafts"),
        (request.records, "record", "records"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
    .collect::<Vec<_>>()
    .join(", ");
    format!(
        "The chart left this user's scope with work that was not sent: {counted}. It is sealed to \
         the organisation. `rounds-server recovery open --set-aside {}` opens it.",
        request.id
    )
}

/// Work that was set aside, for whoever has the recovery secret.
#[derive(Debug)]
pub struct Sealed {
    /// The workstation it comes from.
    pub device: Uuid,
    /// Name of the profile's folder.
    pub profile: String,
    /// When it came.
    pub received_at: Timestamp,
    /// Sealed to the organisation.
    pub sealed: Vec<u8>,
}

/// Finds it by its name.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    app: &App,
    client: &impl GenericClient,
    id: Uuid,
) -> Result<Option<Sealed>, StoreError> {
    let row = client
        .query_opt(
            "SELECT device, profile, received_at, sealed FROM set_aside \
             WHERE tenant = $1 AND id = $2",
            &[&app.tenant.id, &id],
        )
        .await?;
    Ok(row.map(|row| Sealed {
        device: row.get(0),
        profile: row.get(1),
        received_at: row.get(2),
        sealed: row.get(3),
    }))
}
